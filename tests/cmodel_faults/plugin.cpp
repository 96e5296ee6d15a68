// SPDX-License-Identifier: Apache-2.0
// cmodel_faults: the cmodel with one of the faults of faults.yml, which all its devices in this
// process have.
#include <memory>
#include <string>

#include "fault.hpp"
#include "tandem/base/error.hpp"
#include "tandem/cmodel/engine.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::cmodel {
namespace {

std::unique_ptr<driver::Backend> create(const driver::BackendUri& uri,
                                        const driver::DeviceConfig& config) {
  const std::string name(uri.get("fault", "none"));
  selected_fault = ~0u;
  std::string names = "none";
  for (const rtlmodel::Fault& fault : rtlmodel::faults()) {
    if (name == fault.name) selected_fault = unsigned(&fault - rtlmodel::faults().data());
    names += std::string(", ") + fault.name;
  }
  if (selected_fault == ~0u && name != "none") {
    throw Error(ErrorCode::kNotFound, "cmodel_faults: no fault " + name + "; there are " + names);
  }
  return std::make_unique<driver::InProcessBackend>("cmodel_faults:" + config.name, config,
                                                    std::make_unique<NpuEngine>(Options{}));
}

constexpr driver::PluginOption kOptions[] = {
    {"fault", "NAME|none", "tests/cmodel_faults/faults.yml"}};

}  // namespace
}  // namespace tandem::cmodel

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "cmodel_faults",
      .doc = "the cmodel with a fault on purpose, for tests",
      .body = tandem::driver::UriBody::kConfig,
      .options = tandem::cmodel::kOptions,
      .create = tandem::cmodel::create,
  };
  return &plugin;
}
