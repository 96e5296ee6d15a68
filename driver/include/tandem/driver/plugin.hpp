// SPDX-License-Identifier: Apache-2.0
// What a backend plug-in exports: libtandem_backend_<name>.so with one C function.
//
//   extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
//     static const tandem::driver::Plugin plugin = {.name = "mine", .doc = "...", .create =
//     create}; return &plugin;
//   }
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "tandem/abi/isa.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/backend_uri.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::driver {

/// Version of Plugin, Backend, BackendUri, DeviceConfig and log::Target; any change of their layout
/// raises it.
inline constexpr std::uint32_t kPluginApiVersion = 3;

/// An option that `?key=value` may set.
struct PluginOption {
  const char* key = "";
  const char* values = "";  ///< E.g. "0..64" or "auto|on|off".
  const char* doc = "";
};

/// What the body of the URI means.
enum class UriBody : std::uint32_t {
  kNone,      ///< Must be empty.
  kConfig,    ///< Name of a device configuration, e.g. "edge"; empty means the caller's.
  kOther,     ///< Up to the backend: a device file, an address.
  kBackends,  ///< URIs of other backends, separated by commas, each with its own options.
};

/// The description that `tandem_backend_plugin` returns; it and everything in it live as long as
/// the program.
struct Plugin {
  std::uint32_t api_version = kPluginApiVersion;  ///< The first field in every version.
  std::uint32_t reserved = 0;
  std::uint64_t abi_hash =
      abi::kAbiHash;      ///< Of the packets and registers that the backend was built for.
  const char* name = "";  ///< As in the URI.
  const char* doc = "";   ///< One line.
  UriBody body = UriBody::kConfig;
  std::span<const PluginOption> options;
  /// Opens a device. Options have been checked against `options`, not their values. Throws
  /// tandem::Error.
  std::unique_ptr<Backend> (*create)(const BackendUri& uri, const DeviceConfig& config) = nullptr;
  /// Called with the program's logger before `create`, so that its level and sink hold for the
  /// plug-in too.
  void (*attach_log)(const log::Target& target) = log::attach;
};

inline constexpr char kPluginSymbol[] = "tandem_backend_plugin";

}  // namespace tandem::driver

/// Every plug-in defines it.
extern "C" __attribute__((visibility("default"))) const tandem::driver::Plugin*
tandem_backend_plugin();
