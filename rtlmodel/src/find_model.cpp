// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <string>

#include "tandem/base/error.hpp"
#include "tandem/rtlmodel/device_model.hpp"

namespace tandem::rtlmodel {
namespace {

/// What a user types to get `name` into this build.
std::string build_command(const std::string& name) {
  std::string names;
  for (const BuiltModel& model : built_models()) {
    if (model.parameters.name != name) names += std::string(model.parameters.name) + ';';
  }
  return fmt::format(
      "cmake -S {0} -B {1} -DTANDEM_RTL_CONFIGS='{2}{3}' && cmake --build {1} --target "
      "tandem_backend_rtl",
      TANDEM_RTL_SOURCE_DIR, TANDEM_RTL_BUILD_DIR, names, name);
}

}  // namespace

const BuiltModel& find_model(const driver::DeviceConfig& config) {
  for (const BuiltModel& model : built_models()) {
    const ModelParameters& built = model.parameters;
    if (built.name != config.name) continue;
    struct Value {
      const char* key;
      std::uint32_t built, wanted;
    };
    const std::array<Value, 6> values = {{
        {"array.rows", built.array_rows, config.array_rows},
        {"array.cols", built.array_cols, config.array_cols},
        {"vector.lanes", built.vector_lanes, config.vector_lanes},
        {"vector.length", built.vector_length, config.vector_length},
        {"ucode_words", built.ucode_words, config.ucode_words},
        {"axi_data_bits", built.axi_data_bits, config.axi_data_bits},
    }};
    for (const Value& value : values) {
      if (value.built == value.wanted) continue;
      throw Error(
          ErrorCode::kMismatch,
          fmt::format("rtl:{}: the model was built with {} = {}, the configuration says {}; "
                      "build it again: {}",
                      config.name, value.key, value.built, value.wanted,
                      build_command(config.name)));
    }
    return model;
  }
  std::string names;
  for (const BuiltModel& model : built_models()) names += std::string(" ") + model.parameters.name;
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("rtl:{}: this build has no model of the configuration, only{}; build it: {}",
                  config.name, names, build_command(config.name)));
}

}  // namespace tandem::rtlmodel
