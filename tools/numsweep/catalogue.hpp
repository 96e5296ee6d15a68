// SPDX-License-Identifier: Apache-2.0
// The one-operand functions and conversions that can be swept: names, bounds and references.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::numsweep {

/// Every entry of the catalogue; the order is that of catalogue().
enum class FunctionId : std::uint8_t {
  kExp,
  kExpNonpositive,
  kExp2,
  kLog,
  kLog2,
  kRecip,
  kDivOne,
  kSqrt,
  kRsqrt,
  kSin,
  kCos,
  kTanh,
  kErf,
  kSigmoid,
  kSilu,
  kGelu,
  kGeluTanh,
  kElu,
  kRelu,
  kSqr,
  // Conversions: the result is an integer pattern and must be equal to the reference.
  kToBf16,
  kToF16,
  kToE4m3Saturate,
  kToE4m3NonSaturate,
  kToE5m2Saturate,
  kToE5m2NonSaturate,
  kToE8m10,
  kToI32Nearest,
  kToI32Truncate,
  kToI8Nearest,
  kToI8Truncate,
  kToU8Nearest,
  kToU8Truncate,
  kToI64Truncate,
  kFromI32,
};

/// One entry. A result y passes for input x and exact value r if
/// |y - r| <= ulp * ulp_fp32(r) + absolute + relative_to_x * |x|, and special values are right.
struct Function {
  FunctionId id;
  std::string_view name;
  double ulp;            ///< Bound in units of the last place of r.
  double absolute;       ///< Added to the bound.
  double relative_to_x;  ///< Times |x|, added to the bound for |x| <= 20.
  bool conversion;       ///< Bits must be equal to convert_reference().
  bool nonpositive;      ///< Defined for x <= 0 and NaN only.
};

/// All entries, in the order of FunctionId.
std::span<const Function> catalogue();

/// The entry called `name`, or null.
const Function* find_function(std::string_view name);

/// The exact value in double arithmetic, to about 1e-15 relative; NaN and infinities as the
/// function defines them. Not for conversions.
double double_reference(FunctionId id, float x);

/// The conversion of pattern `x`, computed by double arithmetic and comparisons alone.
std::uint32_t convert_reference(FunctionId id, std::uint32_t x);

/// Fills y[i] = f(x[i]) with the fastest path of this processor; `isa` as in pick_isa().
enum class Isa : std::uint8_t { kPortable, kAvx2, kAvx512 };
void evaluate(Isa isa, FunctionId id, std::span<const std::uint32_t> x, std::span<std::uint32_t> y);

/// The best instruction set that this processor has.
Isa pick_isa();
std::string_view to_string(Isa isa);

}  // namespace tandem::numsweep
