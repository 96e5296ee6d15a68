// SPDX-License-Identifier: Apache-2.0
// Finds backend plug-ins and opens backends by URI.
#pragma once

#include <filesystem>
#include <map>
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

/// The URI as its plug-in means it: where that takes URIs of backends, everything behind the first
/// ':' is the body, options too. Throws as find_backend for a plug-in that exists, and as
/// BackendUri::parse.
BackendUri parse_uri(std::string_view text);

/// Options of a plug-in that takes URIs of backends: "[key=value&...]" in front of those. Throws as
/// BackendUri::parse.
struct OwnOptions {
  std::map<std::string, std::string, std::less<>> options;
  std::size_t end = 0;  ///< Of the body: the backends begin here.
};
OwnOptions own_options_of(const BackendUri& uri);

/// The backends that a URI from `parse_uri` stands for: the URI itself, or, where the plug-in takes
/// URIs of backends, those. A comma ends a URI where the name of a backend follows it. Throws as
/// parse_uri.
std::vector<BackendUri> backends_of(const BackendUri& uri);

/// Configuration that the URI, or one of the backends that it stands for, names; empty if none
/// does. Throws as parse_uri, and kInvalidArgument if two are named.
std::string named_config(const BackendUri& uri);

/// Opens the device that `uri` names. The plug-in stays loaded until the program ends. Throws
/// as find_backend, kInvalidArgument for a malformed URI or an option that the plug-in does not
/// know (naming those it knows), and whatever the plug-in throws, with the URI as context.
///
/// Thread-safety: all functions of this header may be called from any thread.
std::unique_ptr<Backend> open_backend(std::string_view uri, const DeviceConfig& config);
std::unique_ptr<Backend> open_backend(const BackendUri& uri, const DeviceConfig& config);

}  // namespace tandem::driver
