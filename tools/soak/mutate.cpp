// SPDX-License-Identifier: Apache-2.0
#include "soak/mutate.hpp"

#include <cstring>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/regs.hpp"

namespace tandem::soak {
namespace {

std::uint64_t interesting(std::mt19937_64& random, unsigned bits) {
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bits);
  switch (random() % 6) {
    case 0:
      return 0;
    case 1:
      return mask - random() % 3;
    case 2:
      return random() % 16 & mask;
    case 3:
      return (std::uint64_t{1} << random() % bits) & mask;
    case 4:
      return ((std::uint64_t{1} << abi::kAddressBits) - random() % 64) & mask;
    default:
      return random() & mask;
  }
}

}  // namespace

void mutate(std::mt19937_64& random, abi::Packet& packet) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(&packet);
  const auto chance = [&](unsigned percent) { return random() % 100 < percent; };
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  if (info == nullptr || chance(10)) {
    bytes[random() % abi::kPacketBytes] = static_cast<std::uint8_t>(interesting(random, 8));
    return;
  }
  const abi::FieldInfo& field = info->fields[random() % info->fields.size()];
  std::uint64_t value = interesting(random, field.width);
  if (!field.allowed.empty() && chance(70)) value = field.allowed[random() % field.allowed.size()];
  if (chance(30)) {  // A little off.
    std::memcpy(&value, bytes + field.at, field.width / 8u);
    value += random() % 9 - 4;
  }
  std::memcpy(bytes + field.at, &value, field.width / 8u);
}

}  // namespace tandem::soak
