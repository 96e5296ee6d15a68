// SPDX-License-Identifier: Apache-2.0
// The null backend: registers, rings and control packets of a device without engines. The skeleton
// to clone.
#include <memory>
#include <optional>

#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"

namespace null_backend {
namespace {

namespace abi = tandem::abi;
namespace driver = tandem::driver;

/// Takes no opcode: every packet but NOP, FENCE, SIGNAL and WAIT ends with UNKNOWN_OPCODE.
class NullEngine final : public driver::Engine {
 public:
  std::optional<abi::Engine> engine_for(std::uint8_t /*opcode*/) const override {
    return std::nullopt;
  }

  void execute(const abi::Packet& /*packet*/, const abi::OperandList& /*operands*/,
               const driver::ExecutionContext& /*context*/,
               driver::ExecutionResult& /*result*/) override {}
};

std::unique_ptr<driver::Backend> create(const driver::BackendUri& /*uri*/,
                                        const driver::DeviceConfig& config) {
  return std::make_unique<driver::InProcessBackend>("null:" + config.name, config,
                                                    std::make_unique<NullEngine>());
}

}  // namespace
}  // namespace null_backend

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "null",
      .doc = "registers and rings without engines, the skeleton of a backend",
      .body = tandem::driver::UriBody::kConfig,
      .options = {},
      .create = null_backend::create,
  };
  return &plugin;
}
