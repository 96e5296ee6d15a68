// SPDX-License-Identifier: Apache-2.0
// Every numerics header and every function in it, for compilers that only compile (clang++, nvcc).
#include <cstdint>

#include "tandem/numerics/checksum.hpp"
#include "tandem/numerics/fp_env.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/numerics/quant.hpp"
#include "tandem/numerics/reduce.hpp"

namespace tandem::numerics {

/// Touches every function on one operand, so that all are compiled for this side.
TANDEM_HD inline std::uint32_t touch_all(std::uint32_t x, std::uint32_t y) {
  const Bits32 a{x};
  const Bits32 b{y};
  std::uint32_t sum = exp(a).bits + exp_nonpositive(a).bits + exp2(a).bits + log(a).bits +
                      log2(a).bits + recip(a).bits + div(a, b).bits + sqrt(a).bits + rsqrt(a).bits +
                      sin(a).bits + cos(a).bits + sin_cos(a).sin.bits + tanh(a).bits + erf(a).bits +
                      sigmoid(a).bits + silu(a).bits + gelu(a).bits + gelu_tanh(a).bits +
                      elu(a, b).bits + relu(a).bits + sqr(a).bits + abs(a).bits + neg(a).bits;
  sum += f2i(a).bits + f2t(a).bits + i2f(a).bits + clz(a).bits + mulh(a, b).bits;
  sum += soft_fma32(x, y, sum) + bits_of(chain_step(to_e8m10(float_of(x)), float_of(y), 1.0f));
  sum += f32_to_bf16(x) + f32_to_f16(x) + f32_to_e4m3(x, Fp8Overflow::kSaturate) +
         f32_to_e5m2(x, Fp8Overflow::kNonSaturate);
  sum += bf16_to_f32(static_cast<std::uint16_t>(x)) + f16_to_f32(static_cast<std::uint16_t>(x)) +
         e4m3_to_f32(static_cast<std::uint8_t>(x)) + e5m2_to_f32(static_cast<std::uint8_t>(x));
  sum += static_cast<std::uint32_t>(f32_to_i8_nearest(x) + f32_to_u8_truncate(x)) +
         i64_to_f32(f32_to_i64_truncate(x));
  const std::uint32_t row[3] = {x, y, sum};
  sum += reduce<SumF32>(row, 3) + reduce<MaxF32>(row, 3) + reduce<MinI32>(row, 3);
  sum += argmax_of({x, 0}, {y, 1}).index + argmin_of({x, 0}, {y, 1}).index;
  sum += bits_of(dequantize(float_of(x), 3, float_of(y)));
  const std::uint8_t bytes[4] = {1, 2, 3, 4};
  sum += int4_at(bytes, 1) + static_cast<std::uint32_t>(checksum_span(x, bytes, 4));
  return sum + static_cast<std::uint32_t>(int8_step(1, 2, 3));
}

std::uint32_t touch_all_on_host(std::uint32_t x, std::uint32_t y) { return touch_all(x, y); }

#if defined(__CUDACC__)
__global__ void touch_all_on_device(std::uint32_t* x) { *x = touch_all(x[0], x[1]); }
#endif

}  // namespace tandem::numerics
