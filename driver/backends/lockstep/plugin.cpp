// SPDX-License-Identifier: Apache-2.0
// The lockstep plug-in: opens the two devices that the URI names.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <vector>

#include "lockstep_backend.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/plugin.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::lockstep {
namespace {

std::unique_ptr<driver::Backend> create(const driver::BackendUri& uri,
                                        const driver::DeviceConfig& config) {
  const std::vector<driver::BackendUri> parts = driver::backends_of(uri);
  if (parts.size() != 2) {
    std::vector<std::string> found;
    for (const driver::BackendUri& part : parts) found.push_back(part.to_string());
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("lockstep: expected the URIs of two backends, found {} ({}); for "
                            "example lockstep:cmodel:edge,rtl:edge?stalls=1",
                            found.size(), fmt::join(found, " and ")));
  }
  return std::make_unique<LockstepBackend>(driver::open_backend(parts[0], config),
                                           driver::open_backend(parts[1], config));
}

}  // namespace
}  // namespace tandem::lockstep

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "lockstep",
      .doc = "two backends side by side, compared after every packet",
      .body = tandem::driver::UriBody::kBackends,
      .options = {},
      .create = tandem::lockstep::create,
  };
  return &plugin;
}
