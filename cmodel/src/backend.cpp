// SPDX-License-Identifier: Apache-2.0
// The cmodel plug-in: options of the URI and the adapter to driver::Backend.
#include <memory>
#include <string>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/cmodel/engine.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"

namespace tandem::cmodel {
namespace {

using driver::BackendUri;
using driver::DeviceConfig;

SimdPath parse_simd(const BackendUri& uri) {
  const std::string_view text = uri.get("simd", "auto");
  if (text == "auto") return SimdPath::kAuto;
  if (text == "avx512") return SimdPath::kAvx512;
  if (text == "avx2") return SimdPath::kAvx2;
  if (text == "portable") return SimdPath::kPortable;
  throw Error(
      ErrorCode::kInvalidArgument,
      "cmodel: option simd is auto, avx512, avx2 or portable, found '" + std::string(text) + "'");
}

std::unique_ptr<driver::Backend> create(const BackendUri& uri, const DeviceConfig& config) {
  const Options options{.threads = int(uri.get_uint("threads", 0, 256)), .simd = parse_simd(uri)};
  return std::make_unique<driver::InProcessBackend>("cmodel:" + config.name, config,
                                                    std::make_unique<NpuEngine>(options));
}

constexpr driver::PluginOption kOptions[] = {
    {"threads", "0..256", "threads that execute a packet; 0: all cores; results never change"},
    {"simd", "auto|avx512|avx2|portable", "instructions to use; results never change"},
};

}  // namespace
}  // namespace tandem::cmodel

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "cmodel",
      .doc = "bit-exact C++ model of the device",
      .body = tandem::driver::UriBody::kConfig,
      .options = tandem::cmodel::kOptions,
      .create = tandem::cmodel::create,
  };
  return &plugin;
}
