// SPDX-License-Identifier: Apache-2.0
// What the source of a compiled micro-program is made of: streams whose types are constants.
#pragma once

#if !defined(__CUDACC__)
#include <cmath>
#endif

#include "kernels/vector.hpp"
#include "tandem/numerics/micro_ops.hpp"

namespace tandem::gpu {

using numerics::Bits32;

template <abi::Dtype kType>
TANDEM_GPU_FN std::uint32_t program_load(const VectorArgs& a, unsigned stream,
                                         const VectorThread& thread, std::uint64_t column) {
  const StreamArgs& s = a.stream[stream];
  return load_element(kType, s.place.at + stream_offset(s, thread, column));
}

template <abi::Dtype kType, int kSaturate>
TANDEM_GPU_FN void program_store(const VectorArgs& a, unsigned stream, VectorThread& thread,
                                 std::uint64_t column, std::uint32_t word) {
  StreamArgs s = a.stream[stream];
  s.type = kType;
  s.saturate = kSaturate;
  thread.sum += store_element(s, stream_offset(s, thread, column), word);
}

template <abi::Dtype kType, int kSaturate>
TANDEM_GPU_FN void program_store_scalar(const VectorArgs& a, unsigned stream, VectorThread& thread,
                                        std::uint32_t word) {
  if (thread.lane == 0 && thread.first_part) {
    program_store<kType, kSaturate>(a, stream, thread, 0, word);
  }
}

/// The programs of native mode work on floats; a mask or an index is a pattern as ever.
TANDEM_GPU_FN float as_float(std::uint32_t bits) { return numerics::float_of(bits); }
TANDEM_GPU_FN std::uint32_t as_bits(float value) { return numerics::bits_of(value); }

#define TANDEM_NATIVE_FUNCTION(name, expression)                  \
  TANDEM_GPU_FN std::uint32_t native_##name(std::uint32_t bits) { \
    const float x = as_float(bits);                               \
    return as_bits(expression);                                   \
  }
TANDEM_NATIVE_FUNCTION(exp, ::expf(x))
TANDEM_NATIVE_FUNCTION(exp2, ::exp2f(x))
TANDEM_NATIVE_FUNCTION(log, ::logf(x))
TANDEM_NATIVE_FUNCTION(log2, ::log2f(x))
TANDEM_NATIVE_FUNCTION(sin, ::sinf(x))
TANDEM_NATIVE_FUNCTION(cos, ::cosf(x))
TANDEM_NATIVE_FUNCTION(tanh, ::tanhf(x))
TANDEM_NATIVE_FUNCTION(erf, ::erff(x))
TANDEM_NATIVE_FUNCTION(recip, 1.0f / x)
TANDEM_NATIVE_FUNCTION(sqrt, ::sqrtf(x))
#if defined(__CUDACC__)
TANDEM_NATIVE_FUNCTION(rsqrt, ::rsqrtf(x))
#else
TANDEM_NATIVE_FUNCTION(rsqrt, 1.0f / ::sqrtf(x))
#endif
TANDEM_NATIVE_FUNCTION(sigmoid, 1.0f / (1.0f + ::expf(-x)))
TANDEM_NATIVE_FUNCTION(silu, x / (1.0f + ::expf(-x)))
TANDEM_NATIVE_FUNCTION(gelu, 0.5f * x * ::erfcf(-0.70710678f * x))
TANDEM_NATIVE_FUNCTION(gelu_tanh,
                       0.5f * x * (1.0f + ::tanhf(0.79788456f * (x + 0.044715f * x * x * x))))
#undef TANDEM_NATIVE_FUNCTION
TANDEM_GPU_FN std::uint32_t native_div(std::uint32_t a, std::uint32_t b) {
  return as_bits(as_float(a) / as_float(b));
}

}  // namespace tandem::gpu
