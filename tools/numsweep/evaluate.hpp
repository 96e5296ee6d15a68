// SPDX-License-Identifier: Apache-2.0
// The sweep's inner loops, instantiated once per instruction set by evaluate_*.cpp.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "catalogue.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/numerics/simd.hpp"

namespace tandem::numsweep {

void evaluate_portable(FunctionId id, const std::uint32_t* x, std::uint32_t* y, std::size_t count);
void evaluate_avx2(FunctionId id, const std::uint32_t* x, std::uint32_t* y, std::size_t count);
void evaluate_avx512(FunctionId id, const std::uint32_t* x, std::uint32_t* y, std::size_t count);

/// One function of the catalogue on a value of type V.
template <class V>
TANDEM_HD_INLINE V apply(FunctionId id, V x) {
  switch (id) {
    case FunctionId::kExp:
      return numerics::exp(x);
    case FunctionId::kExpNonpositive:
      return numerics::exp_nonpositive(x);
    case FunctionId::kExp2:
      return numerics::exp2(x);
    case FunctionId::kLog:
      return numerics::log(x);
    case FunctionId::kLog2:
      return numerics::log2(x);
    case FunctionId::kRecip:
      return numerics::recip(x);
    case FunctionId::kDivOne:
      return numerics::div(numerics::immf<V>(1.0f), x);
    case FunctionId::kSqrt:
      return numerics::sqrt(x);
    case FunctionId::kRsqrt:
      return numerics::rsqrt(x);
    case FunctionId::kSin:
      return numerics::sin(x);
    case FunctionId::kCos:
      return numerics::cos(x);
    case FunctionId::kTanh:
      return numerics::tanh(x);
    case FunctionId::kErf:
      return numerics::erf(x);
    case FunctionId::kSigmoid:
      return numerics::sigmoid(x);
    case FunctionId::kSilu:
      return numerics::silu(x);
    case FunctionId::kGelu:
      return numerics::gelu(x);
    case FunctionId::kGeluTanh:
      return numerics::gelu_tanh(x);
    case FunctionId::kElu:
      return numerics::elu(x, numerics::immf<V>(1.0f));
    case FunctionId::kRelu:
      return numerics::relu(x);
    case FunctionId::kSqr:
      return numerics::sqr(x);
    case FunctionId::kToI32Nearest:
      return f2i(x);
    case FunctionId::kToI32Truncate:
      return f2t(x);
    case FunctionId::kFromI32:
      return i2f(x);
    default:
      return x;
  }
}

/// The conversions that are no micro-operations, on one pattern. The result is zero-extended.
TANDEM_HD_INLINE std::uint32_t convert(FunctionId id, std::uint32_t x) {
  using numerics::Fp8Overflow;
  switch (id) {
    case FunctionId::kToBf16:
      return numerics::f32_to_bf16(x);
    case FunctionId::kToF16:
      return numerics::f32_to_f16(x);
    case FunctionId::kToE4m3Saturate:
      return numerics::f32_to_e4m3(x, Fp8Overflow::kSaturate);
    case FunctionId::kToE4m3NonSaturate:
      return numerics::f32_to_e4m3(x, Fp8Overflow::kNonSaturate);
    case FunctionId::kToE5m2Saturate:
      return numerics::f32_to_e5m2(x, Fp8Overflow::kSaturate);
    case FunctionId::kToE5m2NonSaturate:
      return numerics::f32_to_e5m2(x, Fp8Overflow::kNonSaturate);
    case FunctionId::kToE8m10:
      return numerics::to_e8m10_bits(x);
    case FunctionId::kToI8Nearest:
      return static_cast<std::uint8_t>(numerics::f32_to_i8_nearest(x));
    case FunctionId::kToI8Truncate:
      return static_cast<std::uint8_t>(numerics::f32_to_i8_truncate(x));
    case FunctionId::kToU8Nearest:
      return numerics::f32_to_u8_nearest(x);
    case FunctionId::kToU8Truncate:
      return numerics::f32_to_u8_truncate(x);
    case FunctionId::kToI64Truncate: {
      // The two halves folded into one word, so that an error in either shows.
      const auto wide = static_cast<std::uint64_t>(numerics::f32_to_i64_truncate(x));
      return static_cast<std::uint32_t>(wide) ^
             std::rotl(static_cast<std::uint32_t>(wide >> 32), 7);
    }
    default:
      return x;
  }
}

/// True for the entries that convert() computes.
constexpr bool is_scalar_conversion(FunctionId id) {
  return id >= FunctionId::kToBf16 && id != FunctionId::kToI32Nearest &&
         id != FunctionId::kToI32Truncate && id != FunctionId::kFromI32;
}

/// y[i] = f(x[i]) with kId known at compile time, so that the switches above fold away. Always
/// instantiated with the value type of one instruction set, which keeps the copies apart.
template <class V, FunctionId kId>
void loop(const std::uint32_t* x, std::uint32_t* y, std::size_t count) {
  std::size_t i = 0;
  if constexpr (is_scalar_conversion(kId)) {
    for (; i < count; ++i) y[i] = convert(kId, x[i]);
  } else if constexpr (std::is_same_v<V, numerics::Bits32>) {
    for (; i < count; ++i) y[i] = apply(kId, V{x[i]}).bits;
  } else {
    for (; i + V::kLanes <= count; i += V::kLanes) apply(kId, V::load(x + i)).store(y + i);
    if (i == count) return;
    std::uint32_t rest[V::kLanes] = {};
    for (std::size_t j = i; j < count; ++j) rest[j - i] = x[j];
    apply(kId, V::load(rest)).store(rest);
    for (std::size_t j = i; j < count; ++j) y[j] = rest[j - i];
  }
}

using Loop = void (*)(const std::uint32_t*, std::uint32_t*, std::size_t);

/// loop<V, id> for every id, by index.
template <class V, std::size_t... kIndex>
Loop loop_of(FunctionId id, std::index_sequence<kIndex...>) {
  static constexpr Loop kLoops[] = {&loop<V, static_cast<FunctionId>(kIndex)>...};
  return kLoops[static_cast<std::size_t>(id)];
}
template <class V>
Loop loop_of(FunctionId id) {
  return loop_of<V>(id,
                    std::make_index_sequence<static_cast<std::size_t>(FunctionId::kFromI32) + 1>());
}

}  // namespace tandem::numsweep
