// SPDX-License-Identifier: Apache-2.0
// The lane of the matrix array: acc + a * b with a and b in E8M10 and acc in fp32, one rounding to
// nearest even, subnormals kept, canonical NaN; the bits of std::fma.
//
// E8M10 is fp32 with 10 fraction bits: an fp32 word whose low 13 bits are zero (round10). Operands are
// decoded once at the edge of the array (decode10) into a word with a normalised significand, so a lane
// has no path for subnormal operands:
//
//   operand   [31] sign  [30] NaN  [29] infinite  [28] zero  [27:16] exponent, signed; -600 for zero
//             [10:0] significand, leading one at bit 10
//
// fma10 is the whole lane; the same in three stages, with these words between them:
//
//   stage 1   fma10_major, fma10_minor, fma10_align_info   (a, b, acc)           multiply, align
//   stage 2   fma10_magnitude, fma10_sum_info              (major, minor, info)  add
//   stage 3   fma10_round                                  (magnitude, info)     normalise, round
//
//   major     the term of the larger exponent; product and addend both have the leading one at bit 29
//             (the product at 28 or 29)
//   minor     the other term shifted to the exponent of major; bit 0 is sticky
//   info      [31] sign  [30] subtract (stage 1 only)  [29] result is NaN  [28] result is infinite
//             [15:0] exponent of bit 29 of the terms, at least 1
//
// Lost bits do no harm: acc has 6 zero bits below its last place and the product 8, so bits are lost
// only from a term that is shifted by more, and then the sum keeps its leading one at bit 27 or higher,
// its rounding bit at bit 3 or higher, above the sticky bit.

`include "npu_fault.svh"

package npu_fma10_pkg;

  import npu_num_pkg::*;

  // verilator lint_off UNUSEDPARAM
  parameter logic [31:0] OperandNan = 32'h4000_0000;
  parameter logic [31:0] OperandInf = 32'h2000_0000;
  parameter logic [31:0] OperandZero = 32'h1000_0000;
  // The operand word of +0, for lanes without data.
  parameter logic [31:0] OperandPlusZero = 32'h1da8_0000;
  // verilator lint_on UNUSEDPARAM

  localparam logic [31:0] InfoSubtract = 32'h4000_0000;
  localparam logic [31:0] InfoNan = 32'h2000_0000;
  localparam logic [31:0] InfoInf = 32'h1000_0000;
  localparam logic [31:0] InfoExponent = 32'h0000_ffff;
  // Below every exponent of acc, also after the addition of the other operand's exponent.
  localparam logic [31:0] ZeroExponent = -32'd600;

  // fp32 word to E8M10, nearest even; NaN canonical.
  function automatic logic [31:0] round10(input logic [31:0] x);
    logic [31:0] r;
    r = `NPU_FAULT(num_round10, (x + 32'h0fff + ((x >> 13) & 32'd1)) & 32'hffff_e000, (x + 32'h1000) & 32'hffff_e000);
    round10 = ((x & AbsMask) > Inf) ? Nan : r;
  endfunction

  // E8M10 word (the low 13 bits are not looked at) to operand word.
  function automatic logic [31:0] decode10(input logic [31:0] x);
    logic [31:0] e, f, m, n, flags;
    e = (x >> 23) & 32'hff;
    f = (x >> 13) & 32'h3ff;
    n = normalise11(f | ((e != 32'd0) ? 32'h400 : 32'd0));
    m = n & 32'h7ff;
    flags = (e != 32'd255) ? 32'd0 : (f != 32'd0) ? OperandNan : OperandInf;
    flags = flags | ((m == 32'd0) ? OperandZero : 32'd0);
    e = ((e == 32'd0) ? 32'd1 : e) - (n >> 16);
    e = (m == 32'd0) ? ZeroExponent : e;
    decode10 = (x & SignBit) | flags | ((e & 32'hfff) << 16) | m;
  endfunction

  // A pattern with the layout of f16 to operand word; `rebias` is the exponent bias of fp32 less that of x, patterns above
  // `last` (without sign) are NaN, and the exponent 31 is infinite only if `last` is 7c00.
  function automatic logic [31:0] decode_half(
      input logic [31:0] x, input logic [31:0] rebias, input logic [31:0] last);
    logic [31:0] e, m, n, flags;
    e = (x >> 10) & 32'h1f;
    n = normalise11((x & 32'h3ff) | ((e != 32'd0) ? 32'h400 : 32'd0));
    m = n & 32'h7ff;
    flags = ((x & 32'h7fff) > last) ? OperandNan : ((x & 32'h7fff) == 32'h7c00) ? OperandInf : 32'd0;
    flags = (m != 32'd0) ? flags : OperandZero;
    e = ((e == 32'd0) ? 32'd1 : e) + rebias - (n >> 16);
    e = (m != 32'd0) ? e : ZeroExponent;
    decode_half = ((x << 16) & SignBit) | flags | ((e & 32'hfff) << 16) | m;
  endfunction

  // Narrow floats to operand words: decode10 of the fp32 number.
  function automatic logic [31:0] decode_bf16(input logic [31:0] x);
    decode_bf16 = decode10(x << 16);
  endfunction

  function automatic logic [31:0] decode_f16(input logic [31:0] x);
    decode_f16 = decode_half(x, 32'd112, 32'h7c00);
  endfunction

  function automatic logic [31:0] decode_e5m2(input logic [31:0] x);
    decode_e5m2 = decode_half(x << 8, 32'd112, 32'h7c00);
  endfunction

  // Has no infinity: 7c00 and what lies above are numbers, but for the last pattern.
  function automatic logic [31:0] decode_e4m3(input logic [31:0] x);
    decode_e4m3 = decode_half(((x << 8) & 32'h8000) | ((x << 7) & 32'h3f80), 32'd120,
                              `NPU_FAULT(num_e4m3_nan, 32'h3f00, ((x & 32'h7f) == 32'h7f) ? 32'h3f80 : 32'h3f00));
  endfunction

  // Exponent of an operand word.
  function automatic logic [31:0] operand_exponent(input logic [31:0] operand);
    logic [31:0] e;
    e = (operand >> 16) & 32'hfff;
    operand_exponent = (e ^ 32'h800) - 32'h800;
  endfunction

  // Exponent of bit 29 of the product, less that of acc.
  function automatic logic [31:0] exponent_difference(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] acc);
    exponent_difference = operand_exponent(a) + operand_exponent(b) - 32'd126 - exponent(acc);
  endfunction

  function automatic logic [31:0] product10(input logic [31:0] a, input logic [31:0] b);
    product10 = ((a & 32'h7ff) * (b & 32'h7ff)) << 8;
  endfunction

  function automatic logic [31:0] addend10(input logic [31:0] acc);
    addend10 = significand(acc) << 6;
  endfunction

  function automatic logic [31:0] fma10_major(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] acc);
    fma10_major = (exponent_difference(a, b, acc) > MaxInt) ? addend10(acc) : product10(a, b);
  endfunction

  function automatic logic [31:0] fma10_minor(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] acc);
    logic [31:0] difference, places, term, shifted;
    difference = exponent_difference(a, b, acc);
    term = (difference > MaxInt) ? product10(a, b) : addend10(acc);
    places = negated_if(difference, difference);
    places = (places > 32'd31) ? 32'd31 : places;
    shifted = term >> places[4:0];
    fma10_minor = shifted | (((shifted << places[4:0]) != term) ? 32'd1 : 32'd0);
  endfunction

  function automatic logic [31:0] fma10_align_info(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] acc);
    logic [31:0] either, sign, product_sign, opposed, nan, inf, acc_inf, acc_abs, e, difference;
    either = a | b;
    product_sign = a ^ b;
    opposed = product_sign ^ acc;
    acc_abs = acc & AbsMask;
    // An infinite factor makes the result infinite, or NaN with a zero factor or an infinite acc of
    // the other sign.
    inf = either & OperandInf;
    acc_inf = (acc_abs == Inf) ? InfoInf : 32'd0;
    nan = (either & OperandNan) >> 1;
    nan = nan | (inf & (either << 1));
    nan = nan | (inf & (acc_inf << 1) & (opposed >> 2));
    nan = nan | ((acc_abs > Inf) ? InfoNan : 32'd0);
    difference = exponent_difference(a, b, acc);
    e = exponent(acc);
    e = (difference > MaxInt) ? e : e + difference;
    sign = (difference > MaxInt) ? acc : product_sign;
    sign = (acc_inf != 32'd0) ? acc : sign;
    sign = (inf != 32'd0) ? product_sign : sign;
    inf = (inf >> 1) | acc_inf;
    opposed = (inf != 32'd0) ? 32'd0 : ((opposed >> 1) & InfoSubtract);
    fma10_align_info = (sign & SignBit) | opposed | nan | inf | (e & InfoExponent);
  endfunction

  // Signed sum of the terms.
  function automatic logic [31:0] sum10(
      input logic [31:0] major, input logic [31:0] minor, input logic [31:0] info);
    sum10 = ((info & InfoSubtract) != 32'd0) ? major - minor : major + minor;
  endfunction

  function automatic logic [31:0] fma10_magnitude(
      input logic [31:0] major, input logic [31:0] minor, input logic [31:0] info);
    logic [31:0] sum;
    sum = sum10(major, minor, info);
    fma10_magnitude = negated_if(sum, sum);
  endfunction

  // The sign turns where the sum is negative; an exact zero of opposite terms is +0.
  function automatic logic [31:0] fma10_sum_info(
      input logic [31:0] major, input logic [31:0] minor, input logic [31:0] info);
    logic [31:0] sum, sign;
    sum = sum10(major, minor, info);
    sign = (sum == 32'd0) ? info & ~(info << 1) : info ^ sum;
    fma10_sum_info = (sign & SignBit) | (info & (AbsMask & ~InfoSubtract));
  endfunction

  function automatic logic [31:0] fma10_round(input logic [31:0] magnitude, input logic [31:0] info);
    logic [31:0] e, places, m, r;
    e = info & InfoExponent;
    // At most as far as the exponent allows: what then lacks a leading one is subnormal.
    places = leading_zeros(magnitude) - 32'd1;
    places = (places > e) ? e : places;
    m = magnitude << places[4:0];
    // Bit 30 is the hidden bit; it and a carry of the rounding count up the exponent by themselves.
    r = ((e - places) << 23) + `NPU_FAULT(num_fma10_round, (m + 32'd63 + ((m >> 7) & 32'd1)) >> 7, (m + 32'd64) >> 7);
    r = `NPU_FAULT(num_fma10_overflow, (r > Inf) ? Inf : r,
                   (r >= Inf && magnitude != 32'd0 && (info & (InfoNan | InfoInf)) == 32'd0) ? Inf - 32'd1 : (Inf < r) ? Inf : r);
    r = (magnitude == 32'd0) ? 32'd0 : r;
    r = ((info & InfoInf) != 32'd0) ? Inf : r;
    r = r | (info & SignBit);
    fma10_round = ((info & InfoNan) != 32'd0) ? `NPU_FAULT(num_fma10_nan, Nan, ((info & InfoNan) != 32'd0) ? Inf : Nan) : r;
  endfunction

  // acc + a * b: the three stages in one.
  function automatic logic [31:0] fma10(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] acc);
    logic [31:0] major, minor, info;
    major = fma10_major(a, b, acc);
    minor = fma10_minor(a, b, acc);
    info = fma10_align_info(a, b, acc);
    fma10 = fma10_round(fma10_magnitude(major, minor, info), fma10_sum_info(major, minor, info));
  endfunction

endpackage
