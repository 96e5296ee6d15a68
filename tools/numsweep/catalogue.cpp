// SPDX-License-Identifier: Apache-2.0
// The catalogue's bounds and the references in double arithmetic.
#include "catalogue.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "evaluate.hpp"
#include "tandem/numerics/bits.hpp"

namespace tandem::numsweep {

namespace {

// The reference data gives gelu 2^-22 times the largest |x| of a case; here it is each |x|.
constexpr std::array kCatalogue = {
    Function{FunctionId::kExp, "exp", 2, 0, 0, false, false},
    Function{FunctionId::kExpNonpositive, "exp-nonpositive", 2, 0, 0, false, true},
    Function{FunctionId::kExp2, "exp2", 2, 0, 0, false, false},
    Function{FunctionId::kLog, "log", 2, 0, 0, false, false},
    Function{FunctionId::kLog2, "log2", 2, 0, 0, false, false},
    Function{FunctionId::kRecip, "recip", 2, 0, 0, false, false},
    Function{FunctionId::kDivOne, "div-one", 2, 0, 0, false, false},
    Function{FunctionId::kSqrt, "sqrt", 2, 0, 0, false, false},
    Function{FunctionId::kRsqrt, "rsqrt", 2, 0, 0, false, false},
    Function{FunctionId::kSin, "sin", 2, 0, 0, false, false},
    Function{FunctionId::kCos, "cos", 2, 0, 0, false, false},
    Function{FunctionId::kTanh, "tanh", 2, 0, 0, false, false},
    Function{FunctionId::kErf, "erf", 2, 0, 0, false, false},
    Function{FunctionId::kSigmoid, "sigmoid", 4, 0, 0, false, false},
    Function{FunctionId::kSilu, "silu", 4, 0, 0, false, false},
    Function{FunctionId::kGelu, "gelu", 4, 0, 0x1p-22, false, false},
    Function{FunctionId::kGeluTanh, "gelu-tanh", 4, 0, 0x1p-22, false, false},
    Function{FunctionId::kElu, "elu", 4, 0x1p-24, 0, false, false},
    Function{FunctionId::kRelu, "relu", 0, 0, 0, false, false},
    Function{FunctionId::kSqr, "sqr", 0.5, 0, 0, false, false},
    Function{FunctionId::kToBf16, "to-bf16", 0, 0, 0, true, false},
    Function{FunctionId::kToF16, "to-f16", 0, 0, 0, true, false},
    Function{FunctionId::kToE4m3Saturate, "to-e4m3-saturate", 0, 0, 0, true, false},
    Function{FunctionId::kToE4m3NonSaturate, "to-e4m3-nonsaturate", 0, 0, 0, true, false},
    Function{FunctionId::kToE5m2Saturate, "to-e5m2-saturate", 0, 0, 0, true, false},
    Function{FunctionId::kToE5m2NonSaturate, "to-e5m2-nonsaturate", 0, 0, 0, true, false},
    Function{FunctionId::kToE8m10, "to-e8m10", 0, 0, 0, true, false},
    Function{FunctionId::kToI32Nearest, "to-i32-nearest", 0, 0, 0, true, false},
    Function{FunctionId::kToI32Truncate, "to-i32-truncate", 0, 0, 0, true, false},
    Function{FunctionId::kToI8Nearest, "to-i8-nearest", 0, 0, 0, true, false},
    Function{FunctionId::kToI8Truncate, "to-i8-truncate", 0, 0, 0, true, false},
    Function{FunctionId::kToU8Nearest, "to-u8-nearest", 0, 0, 0, true, false},
    Function{FunctionId::kToU8Truncate, "to-u8-truncate", 0, 0, 0, true, false},
    Function{FunctionId::kToI64Truncate, "to-i64-truncate", 0, 0, 0, true, false},
    Function{FunctionId::kFromI32, "from-i32", 0, 0, 0, true, false},
};
static_assert(kCatalogue.size() == static_cast<std::size_t>(FunctionId::kFromI32) + 1);

/// |x| rounded to nearest even at `fraction` bits below the leading one, with subnormals below
/// 2^min_exponent: scaling by powers of two is exact in double, nearbyint rounds ties to even.
double round_to(double x, int fraction, int min_exponent) {
  if (x == 0) return 0;
  const int exponent = std::max(std::ilogb(x), min_exponent);
  return std::ldexp(std::nearbyint(std::ldexp(x, fraction - exponent)), exponent - fraction);
}

/// The pattern without sign of a value that the format holds exactly.
std::uint32_t encode(double x, int fraction, int min_exponent) {
  if (x == 0) return 0;
  const int exponent = std::max(std::ilogb(x), min_exponent);
  const auto significand = static_cast<std::uint32_t>(std::ldexp(x, fraction - exponent));
  // A subnormal has no implicit one: its field is 0, which the addition of field 1 minus one gives.
  return (static_cast<std::uint32_t>(exponent - min_exponent) << fraction) + significand;
}

struct SmallFormat {
  int fraction;
  int min_exponent;
  double largest;
  std::uint32_t sign;
  std::uint32_t nan;
  std::uint32_t past;  ///< What overflow and infinity become, without sign.
};

std::uint32_t narrow(std::uint32_t bits, const SmallFormat& format) {
  const float x = numerics::float_of(bits);
  if (std::isnan(x)) return format.nan;
  const std::uint32_t sign = std::signbit(x) ? format.sign : 0;
  if (std::isinf(x)) return sign | format.past;
  const double rounded = round_to(std::fabs(x), format.fraction, format.min_exponent);
  if (rounded > format.largest) return sign | format.past;
  return sign | encode(rounded, format.fraction, format.min_exponent);
}

std::int64_t to_integer(std::uint32_t bits, bool nearest, double low, double high) {
  const double x = numerics::float_of(bits);
  if (std::isnan(x)) return 0;
  const double whole = nearest ? std::nearbyint(x) : std::trunc(x);
  if (whole <= low) return static_cast<std::int64_t>(low);
  if (whole >= high) return high >= 0x1p63 ? INT64_MAX : static_cast<std::int64_t>(high);
  return static_cast<std::int64_t>(whole);
}

std::uint32_t fold(std::int64_t value) {
  const auto wide = static_cast<std::uint64_t>(value);
  return static_cast<std::uint32_t>(wide) ^ std::rotl(static_cast<std::uint32_t>(wide >> 32), 7);
}

}  // namespace

std::span<const Function> catalogue() { return kCatalogue; }

const Function* find_function(std::string_view name) {
  for (const Function& function : kCatalogue) {
    if (function.name == name) return &function;
  }
  return nullptr;
}

double double_reference(FunctionId id, float value) {
  const double x = value;
  if (std::isinf(x) && x < 0 &&
      (id == FunctionId::kSilu || id == FunctionId::kGelu || id == FunctionId::kGeluTanh)) {
    return -0.0;  // the limit
  }
  switch (id) {
    case FunctionId::kExp:
    case FunctionId::kExpNonpositive:
      return std::exp(x);
    case FunctionId::kExp2:
      return std::exp2(x);
    case FunctionId::kLog:
      return std::log(x);
    case FunctionId::kLog2:
      return std::log2(x);
    case FunctionId::kRecip:
    case FunctionId::kDivOne:
      return 1 / x;
    case FunctionId::kSqrt:
      return std::sqrt(x);
    case FunctionId::kRsqrt:
      return 1 / std::sqrt(x);
    case FunctionId::kSin:
      return std::sin(x);
    case FunctionId::kCos:
      return std::cos(x);
    case FunctionId::kTanh:
      return std::tanh(x);
    case FunctionId::kErf:
      return std::erf(x);
    case FunctionId::kSigmoid:
      return 1 / (1 + std::exp(-x));
    case FunctionId::kSilu:
      return x / (1 + std::exp(-x));
    case FunctionId::kGelu:
      return x * (0.5 * std::erfc(x * -0.70710678118654752440));
    case FunctionId::kGeluTanh:
      return x / (1 + std::exp(-1.5957691216057307118 * (x + 0.044715 * x * x * x)));
    case FunctionId::kElu:
      return x >= 0 ? x : std::expm1(x);
    case FunctionId::kRelu:
      return x > 0 ? x : (x <= 0 ? 0.0 : x);
    case FunctionId::kSqr:
      return x * x;
    default:
      return std::numeric_limits<double>::quiet_NaN();
  }
}

std::uint32_t convert_reference(FunctionId id, std::uint32_t x) {
  switch (id) {
    case FunctionId::kToBf16:
      return narrow(x, {7, -126, 0x1.FEp127, 0x8000, 0x7FC0, 0x7F80});
    case FunctionId::kToF16:
      return narrow(x, {10, -14, 65504, 0x8000, 0x7E00, 0x7C00});
    case FunctionId::kToE4m3Saturate:
      return narrow(x, {3, -6, 448, 0x80, 0x7F, 0x7E});
    case FunctionId::kToE4m3NonSaturate:
      return narrow(x, {3, -6, 448, 0x80, 0x7F, 0x7F});
    case FunctionId::kToE5m2Saturate:
      return narrow(x, {2, -14, 57344, 0x80, 0x7E, 0x7B});
    case FunctionId::kToE5m2NonSaturate:
      return narrow(x, {2, -14, 57344, 0x80, 0x7E, 0x7C});
    case FunctionId::kToE8m10: {
      const std::uint32_t small =
          narrow(x, {10, -126, 0x1.FFCp127, 0x80000000u, 0x7FC00000u, 0x7F800000u});
      // narrow() gives a pattern with ten fraction bits; sign, NaN and infinity stand already.
      const std::uint32_t abs = small & 0x7FFFFFFFu;
      return abs >= 0x7F800000u ? small : ((small & 0x80000000u) | (abs << 13));
    }
    case FunctionId::kToI32Nearest:
      return static_cast<std::uint32_t>(to_integer(x, true, -0x1p31, 0x1p31 - 1));
    case FunctionId::kToI32Truncate:
      return static_cast<std::uint32_t>(to_integer(x, false, -0x1p31, 0x1p31 - 1));
    case FunctionId::kToI8Nearest:
      return static_cast<std::uint8_t>(to_integer(x, true, -128, 127));
    case FunctionId::kToI8Truncate:
      return static_cast<std::uint8_t>(to_integer(x, false, -128, 127));
    case FunctionId::kToU8Nearest:
      return static_cast<std::uint8_t>(to_integer(x, true, 0, 255));
    case FunctionId::kToU8Truncate:
      return static_cast<std::uint8_t>(to_integer(x, false, 0, 255));
    case FunctionId::kToI64Truncate:
      return fold(to_integer(x, false, -0x1p63, 0x1p63));
    case FunctionId::kFromI32:
      // Exact in double, so the narrowing to fp32 is the only rounding.
      return numerics::bits_of(
          static_cast<float>(static_cast<double>(static_cast<std::int32_t>(x))));
    default:
      return 0;
  }
}

Isa pick_isa() {
#if defined(TANDEM_NUMSWEEP_X86)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512cd") &&
      __builtin_cpu_supports("avx512dq")) {
    return Isa::kAvx512;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::kAvx2;
#endif
  return Isa::kPortable;
}

std::string_view to_string(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return "AVX-512";
    case Isa::kAvx2:
      return "AVX2";
    default:
      return "portable";
  }
}

void evaluate(Isa isa, FunctionId id, std::span<const std::uint32_t> x,
              std::span<std::uint32_t> y) {
  const std::size_t count = std::min(x.size(), y.size());
#if defined(TANDEM_NUMSWEEP_X86)
  if (isa == Isa::kAvx512) return evaluate_avx512(id, x.data(), y.data(), count);
  if (isa == Isa::kAvx2) return evaluate_avx2(id, x.data(), y.data(), count);
#endif
  evaluate_portable(id, x.data(), y.data(), count);
}

}  // namespace tandem::numsweep
