// SPDX-License-Identifier: Apache-2.0
// Element types of operands in memory to 32-bit words and back. Widening is exact, NaN becomes
// canonical; narrowing rounds to nearest even, keeps subnormals and gives the target's canonical NaN.
// Elements stand in the low bits of a word; bits above an element are not looked at on the way in and
// are 0 on the way out.

`include "npu_fault.svh"

package npu_convert_pkg;

  import npu_num_pkg::*;

  // ---- widening

  function automatic logic [31:0] bf16_to_f32(input logic [31:0] x);
    logic [31:0] r;
    r = x << 16;
    bf16_to_f32 = ((r & AbsMask) > Inf) ? Nan : r;
  endfunction

  // A pattern with the layout of f16 to the fp32 word of the same number, where `rebias` is the
  // exponent bias of fp32 less that of x; no special values.
  function automatic logic [31:0] widen_finite(input logic [31:0] x, input logic [31:0] rebias);
    logic [31:0] e, m, n, r;
    e = (x >> 10) & 32'h1f;
    n = normalise11((x & 32'h3ff) | ((e != 32'd0) ? 32'h400 : 32'd0));
    m = n & 32'h7ff;
    e = ((e == 32'd0) ? 32'd1 : e) + rebias - (n >> 16);
    r = (e << 23) | ((m & 32'h3ff) << 13);
    r = (m == 32'd0) ? 32'd0 : r;
    widen_finite = r | ((x << 16) & SignBit);
  endfunction

  function automatic logic [31:0] f16_to_f32(input logic [31:0] x);
    logic [31:0] abs, r;
    abs = x & 32'h7fff;
    r = (abs == 32'h7c00) ? (Inf | ((x << 16) & SignBit)) : widen_finite(x, 32'd112);
    f16_to_f32 = (abs > 32'h7c00) ? Nan : r;
  endfunction

  function automatic logic [31:0] e5m2_to_f32(input logic [31:0] x);
    e5m2_to_f32 = f16_to_f32(x << 8);
  endfunction

  function automatic logic [31:0] e4m3_to_f32(input logic [31:0] x);
    logic [31:0] r;
    r = widen_finite(((x << 8) & 32'h8000) | ((x << 7) & 32'h3f80), 32'd120);
    e4m3_to_f32 = ((x & 32'h7f) == 32'h7f) ? Nan : r;
  endfunction

  function automatic logic [31:0] i8_to_i32(input logic [31:0] x);
    i8_to_i32 = ((x & 32'hff) ^ 32'h80) - 32'h80;
  endfunction

  // Integers of magnitude up to 1024 to fp32, exact.
  function automatic logic [31:0] small_int_to_f32(input logic [31:0] x);
    logic [31:0] n, r;
    n = normalise11(negated_if(x, x) & 32'h7ff);
    r = ((32'd137 - (n >> 16)) << 23) | ((n & 32'h3ff) << 13);
    r = ((n & 32'h7ff) == 32'd0) ? 32'd0 : r;
    small_int_to_f32 = r | (x & SignBit);
  endfunction

  // Any element type of a vector or float matrix operand. For I64 x is the low word.
  function automatic logic [31:0] widen(input logic [7:0] dtype, input logic [31:0] x);
    logic [31:0] half, rebias, abs, last, r;
    // The three small floats share one path, with the layout of f16.
    half = (dtype == npu_isa_pkg::DTYPE_E5M2) ? x << 8 : x;
    half = (dtype == npu_isa_pkg::DTYPE_E4M3) ? ((x << 8) & 32'h8000) | ((x << 7) & 32'h3f80) : half;
    rebias = (dtype == npu_isa_pkg::DTYPE_E4M3) ? 32'd120 : 32'd112;
    abs = half & 32'h7fff;
    // NaNs lie above infinity; e4m3 has no infinity and one NaN, its last pattern.
    last = (dtype == npu_isa_pkg::DTYPE_E4M3) ? 32'h3f00 : 32'h7c00;
    r = (abs == 32'h7c00) ? (Inf | ((half << 16) & SignBit)) : widen_finite(half, rebias);
    r = (abs > last) ? Nan : r;
    r = (dtype == npu_isa_pkg::DTYPE_BF16) ? bf16_to_f32(x) : r;
    r = (dtype == npu_isa_pkg::DTYPE_I8) ? i8_to_i32(x) : r;
    r = (dtype == npu_isa_pkg::DTYPE_U8) ? x & 32'hff : r;
    r = (dtype == npu_isa_pkg::DTYPE_U16) ? x & 32'hffff : r;
    widen = (dtype == npu_isa_pkg::DTYPE_F32 || dtype == npu_isa_pkg::DTYPE_I32
             || dtype == npu_isa_pkg::DTYPE_I64) ? x
        : `NPU_FAULT(num_f16_flush, r, (dtype == npu_isa_pkg::DTYPE_F16 && (x & 32'h7c00) == 32'd0) ? (x << 16) & SignBit : r);
  endfunction

  // ---- narrowing

  function automatic logic [31:0] f32_to_bf16(input logic [31:0] x);
    logic [31:0] r;
    r = (x + 32'h7fff + ((x >> 16) & 32'd1)) >> 16;
    f32_to_bf16 = ((x & AbsMask) > Inf) ? 32'h7fc0 : r;
  endfunction

  // Rounds the number |x| to a format with `fraction` fraction bits whose exponent bias is that of fp32
  // less `rebias`: its pattern without sign, which runs on past the largest finite one.
  function automatic logic [31:0] round_small(
      input logic [31:0] x, input logic [31:0] fraction, input logic [31:0] rebias);
    logic [31:0] e, places, m, base;
    // Exponent field of the result less 1, were it not limited at 0.
    e = exponent(x) - rebias - 32'd1;
    base = (e > MaxInt) ? 32'd0 : e << fraction[3:0];
    places = 32'd23 - fraction - ((e > MaxInt) ? e : 32'd0);
    // From 25 places on everything rounds to zero.
    places = (places > 32'd25) ? 32'd25 : places;
    m = significand(x);
    m = m + ((32'd1 << (places[4:0] - 5'd1)) - 32'd1) + ((m >> places[4:0]) & 32'd1);
    // The hidden bit counts up the exponent field, as a carry of the rounding does.
    round_small = base + (m >> places[4:0]);
  endfunction

  // Overflow, beyond `largest`, and infinity give `overflow`.
  function automatic logic [31:0] bounded(
      input logic [31:0] r, input logic [31:0] largest, input logic [31:0] overflow);
    bounded = (r > largest) ? overflow : r;
  endfunction

  function automatic logic [31:0] f32_to_f16(input logic [31:0] x);
    logic [31:0] r;
    r = bounded(round_small(x, 32'd10, 32'd112), 32'h7bff, 32'h7c00) | ((x >> 16) & 32'h8000);
    f32_to_f16 = ((x & AbsMask) > Inf) ? 32'h7e00 : r;
  endfunction

  // With saturate (not 0) overflow gives the largest finite number, else NaN.
  function automatic logic [31:0] f32_to_e4m3(input logic [31:0] x, input logic [31:0] saturate);
    logic [31:0] r;
    r = bounded(round_small(x, 32'd3, 32'd120), 32'h7e, (saturate != 32'd0) ? 32'h7e : 32'h7f);
    r = r | ((x >> 24) & 32'h80);
    f32_to_e4m3 = ((x & AbsMask) > Inf) ? 32'h7f : r;
  endfunction

  // With saturate (not 0) overflow gives the largest finite number, else infinity.
  function automatic logic [31:0] f32_to_e5m2(input logic [31:0] x, input logic [31:0] saturate);
    logic [31:0] r;
    r = bounded(round_small(x, 32'd2, 32'd112), 32'h7b, (saturate != 32'd0) ? 32'h7b : 32'h7c);
    r = r | ((x >> 24) & 32'h80);
    f32_to_e5m2 = ((x & AbsMask) > Inf) ? 32'h7e : r;
  endfunction

  // Any element type of a result. For I64 this is the low word; sign_word gives the high one.
  function automatic logic [31:0] narrow(
      input logic [7:0] dtype, input logic [31:0] saturate, input logic [31:0] x);
    logic [31:0] fraction, rebias, largest, overflow, nan, sign, r;
    // The three small floats share one path.
    fraction = 32'd10;
    fraction = (dtype == npu_isa_pkg::DTYPE_E4M3) ? 32'd3 : fraction;
    fraction = (dtype == npu_isa_pkg::DTYPE_E5M2) ? 32'd2 : fraction;
    rebias = (dtype == npu_isa_pkg::DTYPE_E4M3) ? 32'd120 : 32'd112;
    largest = 32'h7bff;
    largest = (dtype == npu_isa_pkg::DTYPE_E4M3) ? 32'h7e : largest;
    largest = (dtype == npu_isa_pkg::DTYPE_E5M2) ? 32'h7b : largest;
    // The pattern after the largest number is f16's and e5m2's infinity and e4m3's NaN.
    overflow = (saturate != 32'd0 && dtype != npu_isa_pkg::DTYPE_F16) ? largest : largest + 32'd1;
    nan = 32'h7e00;
    nan = (dtype == npu_isa_pkg::DTYPE_E4M3) ? 32'h7f : nan;
    nan = (dtype == npu_isa_pkg::DTYPE_E5M2) ? 32'h7e : nan;
    sign = (dtype == npu_isa_pkg::DTYPE_F16) ? (x >> 16) & 32'h8000 : (x >> 24) & 32'h80;
    r = bounded(round_small(x, fraction, rebias), largest,
                `NPU_FAULT(num_e4m3_overflow, overflow, (dtype == npu_isa_pkg::DTYPE_E4M3
                           && (x & AbsMask) <= Inf && round_small(x, fraction, rebias) > largest) ? largest : overflow)) | sign;
    r = ((x & AbsMask) > Inf) ? nan : r;
    r = (dtype == npu_isa_pkg::DTYPE_BF16) ? f32_to_bf16(x) : r;
    r = (dtype == npu_isa_pkg::DTYPE_I8 || dtype == npu_isa_pkg::DTYPE_U8) ? x & 32'hff : r;
    r = (dtype == npu_isa_pkg::DTYPE_U16) ? x & 32'hffff : r;
    narrow = (dtype == npu_isa_pkg::DTYPE_F32 || dtype == npu_isa_pkg::DTYPE_I32
              || dtype == npu_isa_pkg::DTYPE_I64) ? x
        : `NPU_FAULT(num_bf16_round, r, (dtype == npu_isa_pkg::DTYPE_BF16 && (x & AbsMask) <= Inf) ? x >> 16 : r);
  endfunction

  // High word of the 64-bit integer with low word x.
  function automatic logic [31:0] sign_word(input logic [31:0] x);
    sign_word = (x > MaxInt) ? True : 32'd0;
  endfunction

endpackage
