// SPDX-License-Identifier: Apache-2.0
// Operand vectors by class: each class aims at one thing that goes wrong in floating-point
// hardware.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "operations.hpp"

namespace tandem::rtl_sweep {

enum class VectorClass : std::uint8_t {
  kCorners,         ///< Cross product of corner values in every operand.
  kRaw,             ///< Random bits.
  kCloseExponents,  ///< Addend within 32 binades of the product.
  kCancellation,    ///< Addend the negated product, but for a few units in the last place.
  kSubnormal,       ///< Results about the smallest normal number; subnormal factors.
  kOverflow,        ///< Results about the largest finite number.
  kSpecials,        ///< Zeros, infinities, NaNs and limits among random words.
  kNear,            ///< b is a, or its opposite, or a few units or binades beside it.
  kTies,            ///< One operand halfway between two results, or just beside.
  kEvery            ///< Patterns of one operand, each once, in scattered order.
};

std::string_view to_string(VectorClass vector_class);

/// The classes that make sense for an operation.
std::span<const VectorClass> classes_of(Operands operands);

/// How many different vectors a class has; 2^64 - 1 where it is random.
std::uint64_t population(VectorClass vector_class, Operands operands);

/// A stream of operands. The same seed gives the same stream.
class VectorSource {
 public:
  VectorSource(VectorClass vector_class, Operands operands, std::uint64_t seed)
      : class_(vector_class), operands_(operands), state_(seed) {}

  /// The next vectors of the stream; sizes are equal.
  void fill(std::span<std::uint32_t> a, std::span<std::uint32_t> b, std::span<std::uint32_t> c);

 private:
  std::uint64_t random();
  std::uint32_t fraction();
  std::uint32_t word(std::uint32_t exponent);
  std::uint32_t special_or_raw();
  void corners(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c);
  void around(int low, int high, std::uint32_t& a, std::uint32_t& b, std::uint32_t& c);
  void subnormal_factor(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c);
  std::uint32_t near(std::uint32_t x);

  VectorClass class_;
  Operands operands_;
  std::uint64_t state_;
  std::uint64_t index_ = 0;
};

}  // namespace tandem::rtl_sweep
