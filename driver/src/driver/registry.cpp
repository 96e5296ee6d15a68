// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/registry.hpp"

#include <dlfcn.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <system_error>

#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"

namespace tandem::driver {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFilePrefix = "libtandem_backend_";
constexpr std::string_view kFileSuffix = ".so";

/// Directory of the file that holds this code: libtandem or the program.
fs::path module_directory() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&module_directory), &info) == 0 ||
      info.dli_fname == nullptr) {
    return {};
  }
  std::error_code ignored;
  const fs::path path = fs::canonical(info.dli_fname, ignored);
  return path.parent_path();
}

fs::path program_directory() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path();
}

void add_unique(std::vector<fs::path>& list, const fs::path& path) {
  if (path.empty()) return;
  const fs::path normal = path.lexically_normal();
  if (std::find(list.begin(), list.end(), normal) == list.end()) list.push_back(normal);
}

std::string file_name(std::string_view name) {
  return fmt::format("{}{}{}", kFilePrefix, name, kFileSuffix);
}

/// Plug-ins are never unloaded: their threads and thread-local data may outlive the last backend.
const Plugin& load(const fs::path& path) {
  static std::mutex mutex;
  static std::map<fs::path, const Plugin*> loaded;
  const std::lock_guard<std::mutex> lock(mutex);
  if (const auto found = loaded.find(path); found != loaded.end()) return *found->second;
  void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("cannot load backend plug-in {}: {}", path.string(), ::dlerror()));
  }
  const auto entry = reinterpret_cast<const Plugin* (*)()>(::dlsym(handle, kPluginSymbol));
  const Plugin* plugin = entry != nullptr ? entry() : nullptr;
  if (plugin == nullptr) {
    ::dlclose(handle);
    throw Error(ErrorCode::kMismatch,
                fmt::format("{} is not a backend plug-in: it has no function {} that returns a "
                            "description",
                            path.string(), kPluginSymbol));
  }
  loaded.emplace(path, plugin);
  return *plugin;
}

/// Refuses plug-ins that were built for another Tandem. Nothing behind a wrong version is read.
void check(const Plugin& plugin, const fs::path& path, std::string_view name) {
  if (plugin.api_version != kPluginApiVersion) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("backend plug-in {} was built for plug-in API version {}, this program "
                            "has version {}; build it again with this Tandem",
                            path.string(), plugin.api_version, kPluginApiVersion));
  }
  if (plugin.abi_hash != abi::kAbiHash) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("backend plug-in {} was built for ABI hash {:016x}, this program has "
                            "{:016x}; build it again with this Tandem",
                            path.string(), plugin.abi_hash, abi::kAbiHash));
  }
  if (plugin.name != name) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("backend plug-in {} calls itself \"{}\"; its file should be {}",
                            path.string(), plugin.name, file_name(plugin.name)));
  }
  if (plugin.create == nullptr) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("backend plug-in {} has no create function", path.string()));
  }
}

BackendInfo describe(const fs::path& path, std::string_view name) {
  const Plugin& plugin = load(path);
  check(plugin, path, name);
  BackendInfo info;
  info.name = name;
  info.doc = plugin.doc;
  info.body = plugin.body;
  info.path = path;
  for (const PluginOption& option : plugin.options) {
    info.options.push_back({option.key, option.values, option.doc});
  }
  return info;
}

/// Plug-in files on the search path; the first directory that has a name wins.
std::map<std::string, fs::path, std::less<>> plugin_files() {
  std::map<std::string, fs::path, std::less<>> files;
  for (const fs::path& directory : plugin_search_path()) {
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end;
         it.increment(error)) {
      const std::string file = it->path().filename().string();
      if (file.starts_with(kFilePrefix) && file.ends_with(kFileSuffix)) {
        files.emplace(
            file.substr(kFilePrefix.size(), file.size() - kFilePrefix.size() - kFileSuffix.size()),
            it->path());
      }
    }
  }
  return files;
}

fs::path find_file(std::string_view name) {
  const auto files = plugin_files();
  if (const auto found = files.find(name); found != files.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, path] : files) names.push_back(known);
  std::vector<std::string> directories;
  for (const fs::path& directory : plugin_search_path()) {
    std::error_code ignored;
    directories.push_back(directory.string() +
                          (fs::is_directory(directory, ignored) ? "" : " (does not exist)"));
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("no backend plug-in \"{}\" (file {}); found are: {}; searched: {}; set "
                          "TANDEM_PLUGIN_PATH to the directory that holds it",
                          name, file_name(name),
                          names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
                          fmt::join(directories, ", ")));
}

void check_options(const BackendUri& uri, const Plugin& plugin) {
  if (plugin.body == UriBody::kNone && !uri.body.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("backend URI \"{}\": backend {} takes nothing after ':', found \"{}\"",
                            uri.to_string(), uri.name, uri.body));
  }
  auto options = uri.options;
  if (plugin.body == UriBody::kBackends) options.merge(own_options_of(uri).options);
  for (const auto& [key, value] : options) {
    const auto is_key = [&key = key](const PluginOption& option) { return key == option.key; };
    if (std::any_of(plugin.options.begin(), plugin.options.end(), is_key)) continue;
    std::vector<std::string> known;
    for (const PluginOption& option : plugin.options) {
      known.push_back(fmt::format("{} ({})", option.key, option.values));
    }
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("backend URI \"{}\": backend {} has no option \"{}\"; known are: {}",
                            uri.to_string(), uri.name, key,
                            known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", "))));
  }
}

}  // namespace

std::vector<fs::path> plugin_search_path() {
  std::vector<fs::path> path;
  if (const char* variable = std::getenv("TANDEM_PLUGIN_PATH")) {
    const std::string_view list(variable);
    for (std::size_t begin = 0; begin <= list.size();) {
      const std::size_t end = std::min(list.find(':', begin), list.size());
      add_unique(path, fs::path(list.substr(begin, end - begin)));
      begin = end + 1;
    }
  }
  for (const fs::path& directory : {module_directory(), program_directory()}) {
    if (directory.empty()) continue;
    // Beside a plug-in that opens other backends.
    if (directory.generic_string().ends_with("/" TANDEM_PLUGIN_SUBDIR)) add_unique(path, directory);
    // Beside a library; beside a program in bin; beside a test program in bin/tests.
    add_unique(path, directory / TANDEM_PLUGIN_SUBDIR);
    for (const char* up : {"..", "../.."}) {
      add_unique(path, directory / up / "lib" / TANDEM_PLUGIN_SUBDIR);
      add_unique(path, directory / up / TANDEM_INSTALL_LIBDIR / TANDEM_PLUGIN_SUBDIR);
    }
  }
  add_unique(path, fs::path(TANDEM_INSTALL_FULL_LIBDIR) / TANDEM_PLUGIN_SUBDIR);
  return path;
}

std::vector<BackendInfo> list_backends() {
  std::vector<BackendInfo> found;
  for (const auto& [name, path] : plugin_files()) {
    try {
      found.push_back(describe(path, name));
    } catch (const Error& error) {
      BackendInfo& info = found.emplace_back();
      info.name = name;
      info.path = path;
      info.problem = error.message();
    }
  }
  return found;
}

BackendInfo find_backend(std::string_view name) { return describe(find_file(name), name); }

BackendUri parse_uri(std::string_view text) {
  const std::size_t colon = text.find_first_of(":?");
  const std::string_view name = text.substr(0, colon);
  const bool has_body = colon != std::string_view::npos && text[colon] == ':';
  // A name without plug-in is reported when it is opened.
  if (!has_body || !plugin_files().contains(name)) return BackendUri::parse(text);
  if (find_backend(name).body != UriBody::kBackends) return BackendUri::parse(text);
  BackendUri uri = BackendUri::parse(name);
  uri.body = text.substr(colon + 1);
  return uri;
}

OwnOptions own_options_of(const BackendUri& uri) {
  OwnOptions found;
  if (!uri.body.starts_with('[')) return found;
  const std::size_t close = uri.body.find(']');
  if (close == std::string::npos) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("backend URI \"{}\": expected ']' behind the options that '[' begins",
                            uri.to_string()));
  }
  found.options = BackendUri::parse(uri.name + '?' + uri.body.substr(1, close - 1)).options;
  found.end = close + 1;
  return found;
}

std::vector<BackendUri> backends_of(const BackendUri& uri) {
  if (find_backend(uri.name).body != UriBody::kBackends) return {uri};
  const auto files = plugin_files();
  const std::string_view body = std::string_view(uri.body).substr(own_options_of(uri).end);
  std::vector<BackendUri> parts;
  std::size_t begin = 0;
  for (std::size_t comma = body.find(','); comma != std::string_view::npos;
       comma = body.find(',', comma + 1)) {
    const std::string_view rest = body.substr(comma + 1);
    if (!files.contains(rest.substr(0, rest.find_first_of(":?,")))) continue;
    parts.push_back(parse_uri(body.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  parts.push_back(parse_uri(body.substr(begin)));
  return parts;
}

std::string named_config(const BackendUri& uri) {
  const UriBody body = find_backend(uri.name).body;
  if (body == UriBody::kConfig) return uri.body;
  std::string name;
  if (body != UriBody::kBackends) return name;
  for (const BackendUri& part : backends_of(uri)) {
    const std::string found = named_config(part);
    if (!name.empty() && !found.empty() && found != name) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("backend URI \"{}\" names configurations {} and {}; a device has one",
                              uri.to_string(), name, found));
    }
    if (name.empty()) name = found;
  }
  return name;
}

std::unique_ptr<Backend> open_backend(std::string_view uri, const DeviceConfig& config) {
  return open_backend(parse_uri(uri), config);
}

std::unique_ptr<Backend> open_backend(const BackendUri& uri, const DeviceConfig& config) {
  const fs::path path = find_file(uri.name);
  const Plugin& plugin = load(path);
  check(plugin, path, uri.name);
  check_options(uri, plugin);
  if (plugin.attach_log != nullptr) plugin.attach_log(log::target());
  log::debug("opening backend {} from {}", uri.to_string(), path.string());
  const std::string context = fmt::format("while opening backend {}", uri.to_string());
  try {
    std::unique_ptr<Backend> backend = plugin.create(uri, config);
    if (backend) return backend;
  } catch (const Error& error) {
    throw error.with_context(context);
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kInternal, error.what(), context);
  }
  throw Error(ErrorCode::kInternal, fmt::format("plug-in {} returned no device", path.string()),
              context);
}

}  // namespace tandem::driver
