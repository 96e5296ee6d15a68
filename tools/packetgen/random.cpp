// SPDX-License-Identifier: Apache-2.0
#include "packetgen/random.hpp"

#include <cstring>

#include "tandem/numerics/convert.hpp"

namespace tandem::packetgen {

std::uint32_t Random::float_pattern(bool specials) {
  if (specials && one_in(64)) {
    return pick<std::uint32_t>({0x7F800000, 0xFF800000, 0x7FC00000, 0x7FFFFFFF, 0xFF812345,
                                0x7F800001, 0x00000000, 0x80000000, 0x00000001, 0x807FFFFF,
                                0x7F7FFFFF, 0xFF7FFFFF, 0x7F7FF000, 0x00800000, 0x3F801000});
  }
  if (one_in(8)) return word() & 0xBF7FFFFFu;  // any exponent below 2
  // 2^-8 to 2^8
  return (word() & 0x807FFFFFu) | std::uint32_t((119 + below(17)) << 23);
}

void fill_random(Random& random, abi::Dtype type, bool specials, std::byte* dst,
                 std::uint64_t count) {
  using abi::Dtype;
  const auto put = [&](std::uint64_t i, auto value) {
    std::memcpy(dst + i * sizeof value, &value, sizeof value);
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t pattern = random.float_pattern(specials);
    switch (type) {
      case Dtype::kF32:
        put(i, pattern);
        break;
      case Dtype::kBF16:
        put(i, std::uint16_t(pattern >> 16));
        break;
      case Dtype::kF16:
        put(i, specials && random.one_in(32) ? std::uint16_t(random.word())
                                             : numerics::f32_to_f16(pattern));
        break;
      case Dtype::kE4M3:
      case Dtype::kE5M2: {
        std::uint8_t byte = std::uint8_t(random.word());
        if (!specials && (byte & 0x7C) == 0x7C) byte &= 0xBF;
        put(i, byte);
        break;
      }
      case Dtype::kI32:
        put(i, random.word());
        break;
      case Dtype::kI64:
        put(i, (std::uint64_t{random.word()} << 32) | random.word());
        break;
      case Dtype::kU16:
        put(i, std::uint16_t(random.word()));
        break;
      default:
        put(i, std::uint8_t(random.word()));
        break;
    }
  }
}

}  // namespace tandem::packetgen
