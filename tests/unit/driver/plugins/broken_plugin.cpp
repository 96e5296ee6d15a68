// SPDX-License-Identifier: Apache-2.0
// Plug-ins that the registry must refuse, one wrong thing each, chosen by macro.
#include <stdexcept>

#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/plugin.hpp"

using tandem::driver::Plugin;

#ifndef NO_ENTRY
namespace {

std::unique_ptr<tandem::driver::Backend> create(const tandem::driver::BackendUri& uri,
                                                const tandem::driver::DeviceConfig&) {
  if (uri.get_bool("throw", false)) throw std::runtime_error("no such card");
  if (uri.get_bool("error", false)) {
    throw tandem::Error(tandem::ErrorCode::kUnavailable, "the card is busy");
  }
  tandem::log::debug("the plug-in finds no device");
  return nullptr;
}

constexpr tandem::driver::PluginOption kOptions[] = {{"throw", "0|1", "throw a standard exception"},
                                                     {"error", "0|1", "throw an Error"}};

}  // namespace

extern "C" const Plugin* tandem_backend_plugin() {
  static const Plugin plugin = [] {
    Plugin p;
    p.name = PLUGIN_NAME;
    p.doc = "a broken plug-in";
    p.body = tandem::driver::UriBody::kNone;
    p.options = kOptions;
    p.create = create;
#ifdef OTHER_API
    p.api_version = 99;
#endif
#ifdef OTHER_ABI
    p.abi_hash = 0x0123456789abcdef;
#endif
#ifdef NO_CREATE
    p.create = nullptr;
#endif
    return p;
  }();
  return &plugin;
}
#endif
