// SPDX-License-Identifier: Apache-2.0
// One word of a micro-program, decoded.
#pragma once

#include <cstdint>

#include "tandem/abi/isa.hpp"

namespace tandem::abi {

/// Fields of a 64-bit micro-program word. Together they cover all bits, so encode(decode(w)) == w
/// for every w.
struct MicroWord {
  MicroOp op = MicroOp::kPhase;
  std::uint8_t dst =
      0;  ///< Register selector, or output number of st and sts. 6 bits, as a, b and c.
  std::uint8_t a = 0;     ///< Selector, or input number of ld.
  std::uint8_t b = 0;     ///< Selector, or table number of tab.
  std::uint8_t c = 0;     ///< Selector.
  std::uint32_t imm = 0;  ///< Value of a source that selects kSelectImm.

  friend bool operator==(const MicroWord&, const MicroWord&) = default;
};

constexpr MicroWord decode(std::uint64_t word) {
  const auto bits = [word](unsigned lsb, unsigned width) {
    return (word >> lsb) & ((std::uint64_t{1} << width) - 1);
  };
  return {static_cast<MicroOp>(bits(kUcodeOpLsb, kUcodeOpWidth)),
          static_cast<std::uint8_t>(bits(kUcodeDstLsb, kUcodeDstWidth)),
          static_cast<std::uint8_t>(bits(kUcodeALsb, kUcodeAWidth)),
          static_cast<std::uint8_t>(bits(kUcodeBLsb, kUcodeBWidth)),
          static_cast<std::uint8_t>(bits(kUcodeCLsb, kUcodeCWidth)),
          static_cast<std::uint32_t>(bits(kUcodeImmLsb, kUcodeImmWidth))};
}

/// `dst`, `a`, `b` and `c` must be below 64.
constexpr std::uint64_t encode(const MicroWord& word) {
  return std::uint64_t{static_cast<std::uint8_t>(word.op)} << kUcodeOpLsb |
         std::uint64_t{word.dst} << kUcodeDstLsb | std::uint64_t{word.a} << kUcodeALsb |
         std::uint64_t{word.b} << kUcodeBLsb | std::uint64_t{word.c} << kUcodeCLsb |
         std::uint64_t{word.imm} << kUcodeImmLsb;
}

constexpr bool is_v(unsigned selector) { return selector < kSelectV + kVectorRegisters; }
constexpr bool is_s(unsigned selector) {
  return selector >= kSelectS && selector < kSelectS + kScalarRegisters;
}
constexpr bool is_p(unsigned selector) {
  return selector >= kSelectP && selector < kSelectP + kUcodeParams;
}
/// One value a row: S, P, immediate, ROW0, ROW1.
constexpr bool is_scalar(unsigned selector) {
  return is_s(selector) || is_p(selector) || selector == kSelectImm || selector == kSelectRow0 ||
         selector == kSelectRow1;
}
/// One value an element: V, COL.
constexpr bool is_vector(unsigned selector) { return is_v(selector) || selector == kSelectCol; }

}  // namespace tandem::abi
