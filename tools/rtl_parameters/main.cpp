// SPDX-License-Identifier: Apache-2.0
// tandem_rtl_parameters CONFIG OUT: writes OUT.f, the parameters of npu_top for Verilator, and
// OUT.hpp, the same for the backend, from a sim_configs file. A step of the build.
#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <string>

#include "tandem/base/error.hpp"
#include "tandem/runtime/config.hpp"

namespace {

/// ASCII with the first character in the low byte, as CONFIG_NAME0 to CONFIG_NAME3 show it.
std::string name_bits(const std::string& name) {
  std::string hex = "128'h";
  for (auto at = name.rbegin(); at != name.rend(); ++at) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(*at));
  }
  return hex;
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream out(path);
  if (!(out << text).flush()) {
    throw tandem::Error(tandem::ErrorCode::kInvalidArgument, path + " cannot be written");
  }
}

void run(const std::string& config_name, const std::string& out) {
  const tandem::driver::DeviceConfig c = tandem::runtime::load_config(config_name);
  write_file(out + ".f",
             fmt::format("-GArrayRows={}\n-GArrayCols={}\n-GVectorLanes={}\n-GVectorLength={}\n"
                         "-GUcodeWords={}\n-GAxiDataBits={}\n-GConfigName={}\n",
                         c.array_rows, c.array_cols, c.vector_lanes, c.vector_length, c.ucode_words,
                         c.axi_data_bits, name_bits(c.name)));
  write_file(
      out + ".hpp",
      fmt::format(
          "// Made by tandem_rtl_parameters.\n#include \"tandem/rtlmodel/device_model.hpp\"\n"
          "static constexpr tandem::rtlmodel::ModelParameters kModelParameters = {{\n"
          "    \"{}\", {}, {}, {}, {}, {}, {}}};\n",
          c.name, c.array_rows, c.array_cols, c.vector_lanes, c.vector_length, c.ucode_words,
          c.axi_data_bits));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: tandem_rtl_parameters CONFIG OUT\n", stderr);
    return 2;
  }
  try {
    run(argv[1], argv[2]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tandem_rtl_parameters: %s\n", error.what());
    return 1;
  }
}
