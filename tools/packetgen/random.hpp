// SPDX-License-Identifier: Apache-2.0
// Random numbers, and random contents of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

#include "tandem/abi/isa.hpp"

namespace tandem::packetgen {

/// Seeded random numbers with the shapes that tests need.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }
  std::uint32_t word() { return std::uint32_t(engine_()); }
  /// An fp32 pattern: mostly ordinary numbers, some of any exponent, and with `specials` a few NaN
  /// with payloads, infinities, subnormals, zeros of both signs and largest numbers.
  std::uint32_t float_pattern(bool specials);

 private:
  std::mt19937_64 engine_;
};

/// Writes `count` random elements of a type.
void fill_random(Random& random, abi::Dtype type, bool specials, std::byte* dst,
                 std::uint64_t count);

}  // namespace tandem::packetgen
