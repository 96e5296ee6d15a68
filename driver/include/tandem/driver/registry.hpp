// SPDX-License-Identifier: Apache-2.0
// Finds backend plug-ins and opens backends by URI.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/driver/backend.hpp"
#include "tandem/driver/backend_uri.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/plugin.hpp"

namespace tandem::driver {

/// A plug-in that was found.
struct BackendInfo {
  struct Option {
    std::string key;
    std::string values;
    std::string doc;
  };
  std::string name;
  std::string doc;
  UriBody body = UriBody::kConfig;
  std::vector<Option> options;
  std::filesystem::path path;
  std::string problem;  ///< Why it cannot be used (version, missing library); empty if it can.
};

/// Directories searched, in order: those of $TANDEM_PLUGIN_PATH (colon separated); tandem/backends
/// in the library directories next to the running program and next to the library that holds this
/// code; the install prefix.
std::vector<std::filesystem::path> plugin_search_path();

/// Every plug-in on the search path, by name; the first of equal names counts.
std::vector<BackendInfo> list_backends();

/// Description of one backend. Throws kNotFound (directories searched, plug-ins that exist) or
/// kMismatch (both versions or hashes).
BackendInfo find_backend(std::string_view name);

/// Opens the device that `uri` names. The plug-in stays loaded until the program ends. Throws
/// as find_backend, kInvalidArgument for a malformed URI or an option that the plug-in does not
/// know (naming those it knows), and whatever the plug-in throws, with the URI as context.
///
/// Thread-safety: all functions of this header may be called from any thread.
std::unique_ptr<Backend> open_backend(std::string_view uri, const DeviceConfig& config);
std::unique_ptr<Backend> open_backend(const BackendUri& uri, const DeviceConfig& config);

}  // namespace tandem::driver
