// SPDX-License-Identifier: Apache-2.0
// A cmodel with one fault in one packet, for tests of what finds faults.
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "tandem/cmodel/engine.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"
#include "tandem/numerics/checksum.hpp"

namespace faulty {
namespace {

namespace abi = tandem::abi;
namespace driver = tandem::driver;
using tandem::cmodel::NpuEngine;

struct Fault {
  std::uint64_t seq = 0;       ///< Packet; 0: none.
  std::uint64_t bit = 0;       ///< Bit of the hull of its first written operand that is flipped.
  bool refuse = false;         ///< The packet ends with BUS_ERROR instead.
  bool only_checksum = false;  ///< Memory is right, the checksum is not.
  bool stray = false;          ///< The byte in front of that operand is changed instead.
  bool hang = false;           ///< The packet does not end until a reset.
};

class FaultyEngine final : public driver::Engine {
 public:
  explicit FaultyEngine(Fault fault) : engine_({.threads = 1}), fault_(fault) {}

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    return engine_.engine_for(opcode);
  }
  void execute(const abi::Packet& packet, const abi::OperandList& operands,
               const driver::ExecutionContext& context, driver::ExecutionResult& result) override {
    engine_.execute(packet, operands, context, result);
    if (packet.seq != fault_.seq) return;
    while (fault_.hang && !context.cancelled) std::this_thread::yield();
    if (fault_.refuse) {
      result.error = abi::Fault::kBusError;
    } else if (fault_.only_checksum) {
      ++result.checksum;
    } else if (fault_.stray) {
      stray(operands, context);
    } else {
      flip(operands, context, result);
    }
  }
  void reset() override { engine_.reset(); }

 private:
  void flip(const abi::OperandList& operands, const driver::ExecutionContext& context,
            driver::ExecutionResult& result) const {
    for (const abi::Operand& operand : operands.view()) {
      if (operand.role == abi::Role::kRead) continue;
      const std::uint64_t addr = operand.base + fault_.bit / 8;
      std::uint8_t byte = 0;
      context.ram.read(addr, std::as_writable_bytes(std::span(&byte, 1)));
      result.checksum -= tandem::numerics::checksum_bytes(addr, &byte, 1);
      byte = static_cast<std::uint8_t>(byte ^ 1u << fault_.bit % 8);
      result.checksum += tandem::numerics::checksum_bytes(addr, &byte, 1);
      context.ram.write(addr, std::as_bytes(std::span(&byte, 1)));
      return;
    }
  }

  static void stray(const abi::OperandList& operands, const driver::ExecutionContext& context) {
    for (const abi::Operand& operand : operands.view()) {
      if (operand.role == abi::Role::kRead) continue;
      std::byte byte{};
      context.ram.read(operand.base - 1, std::span(&byte, 1));
      byte = ~byte;
      context.ram.write(operand.base - 1, std::span(&byte, 1));
      return;
    }
  }

  NpuEngine engine_;
  Fault fault_;
};

std::unique_ptr<driver::Backend> create(const driver::BackendUri& uri,
                                        const driver::DeviceConfig& config) {
  constexpr std::uint64_t kAny = ~std::uint64_t{0};
  const Fault fault{.seq = uri.get_uint("seq", 0, kAny),
                    .bit = uri.get_uint("bit", 0, kAny),
                    .refuse = uri.get_bool("refuse", false),
                    .only_checksum = uri.get_bool("only_checksum", false),
                    .stray = uri.get_bool("stray", false),
                    .hang = uri.get_bool("hang", false)};
  return std::make_unique<driver::InProcessBackend>("faulty:" + config.name, config,
                                                    std::make_unique<FaultyEngine>(fault));
}

constexpr driver::PluginOption kOptions[] = {
    {"seq", "SEQ", "packet with the fault"},
    {"bit", "N", "bit of the hull of its first written operand that is flipped"},
    {"refuse", "0|1", "the packet ends with BUS_ERROR"},
    {"only_checksum", "0|1", "the checksum is wrong, memory is not"},
    {"stray", "0|1", "the byte in front of that operand is changed instead"},
    {"hang", "0|1", "the packet does not end"},
};

}  // namespace
}  // namespace faulty

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "faulty",
      .doc = "a cmodel with one fault, for tests",
      .body = tandem::driver::UriBody::kConfig,
      .options = faulty::kOptions,
      .create = faulty::create,
  };
  return &plugin;
}
