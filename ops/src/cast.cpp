// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/cast.hpp"

#include "checks.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/ops/move.hpp"
#include "vector_call.hpp"

namespace tandem::ops {
namespace {

constexpr std::uint32_t kAllOnes = 0xFFFFFFFFu;

/// A 64-bit integer as two words.
struct Wide {
  Expr low, high;
};

Wide negate(Wide x) {
  const Expr low = isub(Expr::imm(0), x.low);
  const Expr borrow = ieq(x.low, Expr::imm(0));  // all ones where nothing is borrowed
  return {low, isub(xor_(x.high, Expr::imm(kAllOnes)), borrow)};
}

Wide select(Expr mask, Wide a, Wide b) {
  return {sel(mask, a.low, b.low), sel(mask, a.high, b.high)};
}

/// |x| truncated to 63 bits, for |x| < 2^63: the significand shifted left or right by its exponent.
Wide magnitude(Expr bits) {
  const Expr exponent = and_(shr(bits, Expr::imm(23)), Expr::imm(0xFF));
  const Expr significand = or_(and_(bits, Expr::imm(0x7FFFFF)), Expr::imm(0x800000));
  // Right of the point (exponents below 150); from 24 places on nothing is left, and shifts count
  // modulo 32.
  const Expr places = isub(Expr::imm(150), exponent);
  const Expr whole = sel(ilt(places, Expr::imm(24)), shr(significand, places), Expr::imm(0));
  const Expr left = isub(exponent, Expr::imm(150));
  const Expr far = isub(left, Expr::imm(32));
  const Expr near_high =
      sel(ieq(left, Expr::imm(0)), Expr::imm(0), shr(significand, isub(Expr::imm(32), left)));
  const Expr is_far = ilt(Expr::imm(31), left);
  const Wide shifted = {sel(is_far, Expr::imm(0), shl(significand, left)),
                        sel(is_far, shl(significand, far), near_high)};
  return select(ilt(left, Expr::imm(0)), {whole, Expr::imm(0)}, shifted);
}

/// fp32 to i64: truncating, saturating, NaN gives 0.
Wide float_to_i64(Expr bits) {
  const Expr abs = and_(bits, Expr::imm(numerics::kF32AbsMask));
  const Expr negative = ilt(bits, Expr::imm(0));
  const Wide exact = magnitude(abs);
  const Wide value = select(negative, negate(exact), exact);
  // From 2^63 on.
  const Expr too_large = ilt(Expr::imm(0x5EFFFFFFu), abs);
  const Wide limit = {xor_(negative, Expr::imm(kAllOnes)), xor_(Expr::imm(0x7FFFFFFFu), negative)};
  const Wide bounded = select(too_large, limit, value);
  const Expr is_nan = ilt(Expr::imm(numerics::kF32Inf), abs);
  return select(is_nan, {Expr::imm(0), Expr::imm(0)}, bounded);
}

/// i64 to fp32, nearest even: the leading one moves to bit 63, bits below the first 32 count as one
/// sticky bit.
Expr i64_to_float(Wide x) {
  const Expr negative = ilt(x.high, Expr::imm(0));
  const Wide abs = select(negative, negate(x), x);
  const Expr high_empty = ieq(abs.high, Expr::imm(0));
  const Expr top = sel(high_empty, abs.low, abs.high);
  const Expr rest = sel(high_empty, Expr::imm(0), abs.low);
  const Expr zeros = clz(top);
  // rest >> (32 - zeros) without a shift by 32.
  const Expr carried = shr(shr(rest, Expr::imm(1)), isub(Expr::imm(31), zeros));
  const Expr head = or_(shl(top, zeros), carried);
  const Expr sticky =
      and_(xor_(ieq(shl(rest, zeros), Expr::imm(0)), Expr::imm(kAllOnes)), Expr::imm(1));
  const Expr jammed = or_(head, sticky);
  const Expr kept = shr(jammed, Expr::imm(8));
  const Expr half_up =
      iadd(iadd(and_(jammed, Expr::imm(0xFF)), Expr::imm(0x7F)), and_(kept, Expr::imm(1)));
  // Leading one at bit 63 of the value: exponent 127 + 63 - zeros (- 32 where the high word is
  // empty).
  const Expr exponent = isub(sel(high_empty, Expr::imm(158), Expr::imm(190)), zeros);
  const Expr value = iadd(iadd(shl(exponent, Expr::imm(23)), isub(kept, Expr::imm(0x800000))),
                          shr(half_up, Expr::imm(8)));
  const Expr signed_value = or_(value, and_(negative, Expr::imm(numerics::kF32SignBit)));
  return sel(ieq(top, Expr::imm(0)), Expr::imm(0), signed_value);
}

Expr clamp(Expr x, float low, float high) { return fmax(fmin(x, Expr(high)), Expr(low)); }

/// The conversion between types other than i64 and float to or from i64.
Expr convert(Dtype from, Dtype to, Expr x) {
  if (is_float(from) && is_integer(to)) {
    if (to == Dtype::kI8) return f2t(clamp(x, -128.0f, 127.0f));
    if (to == Dtype::kU8) return f2t(clamp(x, 0.0f, 255.0f));
    return f2t(x);
  }
  return is_integer(from) && is_float(to) ? i2f(x) : x;
}

/// What the program depends on: conversions of one kind share it.
std::uint64_t variant_of(Dtype from, Dtype to) {
  const bool clamped = is_float(from) && (to == Dtype::kI8 || to == Dtype::kU8);
  return static_cast<std::uint64_t>(is_float(from)) |
         static_cast<std::uint64_t>(is_float(to)) << 1 |
         (clamped ? static_cast<std::uint64_t>(to) << 2 : 0);
}

const char kCastKey = 0;
const char kFromI64Key = 0;
const char kToI64Key = 0;

/// The low and high words of an i64 tensor.
Tensor words_of(const Tensor& x, std::uint64_t at) {
  Tensor part = x;
  part.dtype = Dtype::kI32;
  part.addr = x.addr + at;
  return part;
}

void cast_to_i64(Context& ctx, const Tensor& x, const Tensor& y) {
  const Program& program = ctx.program(&kToI64Key, 0, [] {
    Graph graph;
    const Wide value = float_to_i64(graph.input(0));
    const ProgramOutput outputs[] = {{value.low}, {value.high}};
    return compile(graph, outputs, "cast");
  });
  const Tensor low = words_of(y, 0), high = words_of(y, 4);
  VectorCall(ctx, "cast", program)
      .input(0, "x", x)
      .output(0, "y", low)
      .output(1, "y", high)
      .run_elementwise();
}

void set_rule(VectorCall& call, const Tensor& y, Fp8Rule rule) {
  if (y.dtype != Dtype::kE4M3 && y.dtype != Dtype::kE5M2) return;
  if (rule != Fp8Rule::kTorch) call.saturate(0, rule == Fp8Rule::kSaturating);
}

void cast_from_i64(Context& ctx, const Tensor& x, const Tensor& y, Fp8Rule rule) {
  const Program& program = ctx.program(&kFromI64Key, 0, [] {
    return build_one("cast", [](Graph& graph) {
      return i64_to_float({graph.input(0), graph.input(1)});
    });
  });
  const Tensor low = words_of(x, 0), high = words_of(x, 4);
  VectorCall call(ctx, "cast", program);
  call.input(0, "x", low).input(1, "x", high).output(0, "y", y);
  set_rule(call, y, rule);
  call.run_elementwise();
}

void check_type(std::string_view argument, const Tensor& x) {
  if (!is_float(x.dtype) && !is_integer(x.dtype)) {
    fail_argument("cast", argument, "a float or integer type", x.describe());
  }
}

}  // namespace

void cast(Context& ctx, const Tensor& x, const Tensor& y, Fp8Rule rule) {
  OpGuard guard(ctx, "cast", {&x, &y});
  check_type("x", x);
  check_type("y", y);
  const Tensor wide = check_broadcast("cast", "x", x, shape_of(y));
  // Only saturation changes a value of the same type: the infinities of e5m2.
  const bool saturates = x.dtype == Dtype::kE5M2 && rule == Fp8Rule::kSaturating;
  if (x.dtype == y.dtype && !saturates) return copy(ctx, wide, y);
  if (x.dtype == Dtype::kI64 && is_float(y.dtype)) return cast_from_i64(ctx, wide, y, rule);
  if (y.dtype == Dtype::kI64 && is_float(x.dtype)) return cast_to_i64(ctx, wide, y);
  const Program& program = ctx.program(&kCastKey, variant_of(x.dtype, y.dtype), [&] {
    return build_one("cast",
                     [&](Graph& graph) { return convert(x.dtype, y.dtype, graph.input(0)); });
  });
  VectorCall call(ctx, "cast", program);
  call.input(0, "x", wide).output(0, "y", y);
  set_rule(call, y, rule);
  call.run_elementwise();
}

}  // namespace tandem::ops
