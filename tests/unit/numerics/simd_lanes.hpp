// SPDX-License-Identifier: Apache-2.0
// Every micro-operation run over arrays by one SIMD value type; one instance per instruction set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tandem/numerics/micro_ops.hpp"

namespace tandem::test {

/// The micro-operations in the order in which run_lanes() writes their results.
inline constexpr std::array<const char*, 28> kMicroOpNames = {
    "fma", "fnma", "add",  "sub",  "mul", "fmin", "fmax", "fclt", "fcle", "fceq",
    "sel", "and_", "or_",  "xor_", "shl", "shr",  "sar",  "iadd", "isub", "ilt",
    "ult", "ieq",  "mull", "mulh", "clz", "i2f",  "f2i",  "f2t"};

/// Operand and result arrays: a, b, c of `count` patterns; result[op] likewise.
using Results = std::array<std::uint32_t*, kMicroOpNames.size()>;
using RunLanes = void (*)(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
                          std::size_t count, const Results& result);

void run_lanes_avx512(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
                      std::size_t count, const Results& result);
void run_lanes_avx2(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
                    std::size_t count, const Results& result);

/// All operations on one triple of values.
template <class V>
TANDEM_HD_INLINE std::array<V, kMicroOpNames.size()> all_micro_ops(V a, V b, V c) {
  return {fma(a, b, c), fnma(a, b, c), add(a, b),  sub(a, b),    mul(a, b),  fmin(a, b), fmax(a, b),
          fclt(a, b),   fcle(a, b),    fceq(a, b), sel(a, b, c), and_(a, b), or_(a, b),  xor_(a, b),
          shl(a, b),    shr(a, b),     sar(a, b),  iadd(a, b),   isub(a, b), ilt(a, b),  ult(a, b),
          ieq(a, b),    mull(a, b),    mulh(a, b), clz(a),       i2f(a),     f2i(a),     f2t(a)};
}

/// `count` is a multiple of V::kLanes.
template <class V>
void run_lanes(const std::uint32_t* a, const std::uint32_t* b, const std::uint32_t* c,
               std::size_t count, const Results& result) {
  for (std::size_t i = 0; i < count; i += V::kLanes) {
    const auto values = all_micro_ops(V::load(a + i), V::load(b + i), V::load(c + i));
    for (std::size_t op = 0; op < values.size(); ++op) values[op].store(result[op] + i);
  }
}

}  // namespace tandem::test
