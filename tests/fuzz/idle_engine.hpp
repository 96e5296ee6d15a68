// SPDX-License-Identifier: Apache-2.0
// A device for fuzz targets that are about what surrounds packets, not about what they compute.
#pragma once

#include <cstdint>
#include <optional>

#include "tandem/driver/command_processor.hpp"

namespace tandem::fuzz {

/// Every packet that passed its checks is done at once, whatever its extents are, and writes
/// nothing.
class IdleEngine final : public driver::Engine {
 public:
  static constexpr std::uint64_t kChecksum = 0x5eed;

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    switch (static_cast<abi::Opcode>(opcode)) {
      case abi::Opcode::kMatmul:
        return abi::Engine::kMatrix;
      case abi::Opcode::kVector:
        return abi::Engine::kVector;
      case abi::Opcode::kCopy:
      case abi::Opcode::kFill:
      case abi::Opcode::kGather:
      case abi::Opcode::kScatterAdd:
        return abi::Engine::kDma;
      default:
        return std::nullopt;
    }
  }
  void execute(const abi::Packet&, const abi::OperandList&, const driver::ExecutionContext&,
               driver::ExecutionResult& result) override {
    result.checksum = kChecksum;
  }
};

}  // namespace tandem::fuzz
