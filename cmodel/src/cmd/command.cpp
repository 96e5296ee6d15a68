// SPDX-License-Identifier: Apache-2.0
// Operands of a packet as host memory.
#include "cmd/command.hpp"

namespace tandem::cmodel {

std::byte* CommandContext::pointer(std::string_view operand) const {
  for (const abi::Operand& item : operands.view()) {
    if (item.name == operand) return device.ram.pointer(item.base, item.hull_end() - item.base);
  }
  return nullptr;
}

}  // namespace tandem::cmodel
