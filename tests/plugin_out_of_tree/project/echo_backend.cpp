// SPDX-License-Identifier: Apache-2.0
// A clone of the null backend, built outside the tree.
#include <memory>
#include <optional>

#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"

namespace echo_backend {
namespace {

namespace abi = tandem::abi;
namespace driver = tandem::driver;

/// Takes no opcode: every packet but NOP, FENCE, SIGNAL and WAIT ends with UNKNOWN_OPCODE.
class EchoEngine final : public driver::Engine {
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
  return std::make_unique<driver::InProcessBackend>("echo:" + config.name, config,
                                                    std::make_unique<EchoEngine>());
}

}  // namespace
}  // namespace echo_backend

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "echo",
      .doc = "a clone of the null backend",
      .body = tandem::driver::UriBody::kConfig,
      .options = {},
      .create = echo_backend::create,
  };
  return &plugin;
}
