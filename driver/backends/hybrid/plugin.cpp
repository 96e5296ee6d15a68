// SPDX-License-Identifier: Apache-2.0
// The hybrid plug-in: opens the two devices that the URI names on one memory.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "hybrid_backend.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/plugin.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::hybrid {
namespace {

using driver::SparseRam;

constexpr std::uint64_t kWindowBytes = 2 * kLinkBytes;

/// Where no region is: the rings of the two devices lie there.
std::uint64_t find_window(const driver::DeviceConfig& config) {
  std::uint64_t window = std::uint64_t{0x7e00} << 32;
  for (const driver::RegionConfig& region : config.regions) {
    const std::uint64_t end = region.base.value + region.size;
    if (region.base.value < window + kWindowBytes && end > window) window = end;
  }
  for (const driver::RegionConfig& region : config.regions) {
    if (region.base.value < window + kWindowBytes && region.base.value + region.size > window) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("hybrid: no {} bytes are free behind {:#x} for the rings of the two "
                              "devices; move region '{}' of the configuration",
                              kWindowBytes, window, region.name));
    }
  }
  return window;
}

std::shared_ptr<SparseRam> make_memory(const driver::DeviceConfig& config, std::uint64_t window) {
  std::vector<SparseRam::Bank> banks;
  for (const driver::RegionConfig& region : config.regions) {
    banks.push_back({region.base.value, region.size});
  }
  banks.push_back({window, kWindowBytes});
  return std::make_shared<SparseRam>(std::move(banks));
}

std::unique_ptr<driver::Backend> open_part(const driver::BackendUri& part,
                                           const driver::DeviceConfig& config) {
  if (part.get_bool("check", false)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("hybrid: {}: check mode needs a device that runs every packet; run it "
                            "alone",
                            part.to_string()));
  }
  std::unique_ptr<driver::Backend> device = driver::open_backend(part, config);
  if (device->ram() != config.ram) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("hybrid: {} has memory of its own; expected two devices of this "
                            "process that can share it, such as cmodel: and rtl:",
                            part.to_string()));
  }
  return device;
}

std::unique_ptr<driver::Backend> create(const driver::BackendUri& uri,
                                        const driver::DeviceConfig& config) {
  const std::vector<driver::BackendUri> parts = driver::backends_of(uri);
  if (parts.size() != 2) {
    std::vector<std::string> found;
    for (const driver::BackendUri& part : parts) found.push_back(part.to_string());
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("hybrid: expected the URIs of two backends, found {} ({}); for example "
                            "hybrid:[layers=17]cmodel:edge,rtl:edge",
                            found.size(), fmt::join(found, " and ")));
  }
  Selection selection(driver::own_options_of(uri).options);
  const std::uint64_t window = find_window(config);
  driver::DeviceConfig shared = config;
  shared.ram = make_memory(config, window);
  const auto link = [&](const driver::BackendUri& part, std::uint64_t rings) {
    return std::make_unique<DeviceLink>(open_part(part, shared), *shared.ram,
                                        Window{window, kWindowBytes}, rings);
  };
  auto a = link(parts[0], window);
  auto b = link(parts[1], window + kLinkBytes);
  return std::make_unique<HybridBackend>(
      shared, std::make_unique<HybridEngine>(std::move(a), std::move(b), std::move(selection)));
}

constexpr driver::PluginOption kOptions[] = {
    {"packets", "A-B,...", "sequence numbers of packets that the second device runs"},
    {"layers", "N,A-B,NAME,...", "layers whose packets it runs: 17 is layer.17"},
    {"ops", "GLOB,...", "ops whose packets it runs, e.g. */linear"},
    {"every", "N", "it runs every Nth packet"},
};

}  // namespace
}  // namespace tandem::hybrid

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "hybrid",
      .doc = "two backends on one memory; [options] choose the packets that the second one runs",
      .body = tandem::driver::UriBody::kBackends,
      .options = tandem::hybrid::kOptions,
      .create = tandem::hybrid::create,
  };
  return &plugin;
}
