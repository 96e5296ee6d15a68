// SPDX-License-Identifier: Apache-2.0
// fp32 arithmetic of the vector engine: a * b + c with one rounding to nearest even, subnormals kept,
// canonical NaN (the bits of std::fma), and addition, subtraction and multiplication by choice of the
// operands.
//
// fma32 is the whole lane; the same in three stages, with these words between them:
//
//   stage 1   fma32_product, fma32_info        (a, b, c)         multiply, special cases
//   stage 2   fma32_sum, then fma32_magnitude and fma32_sum_info  align, add
//   stage 3   fma32_round                      (magnitude, info) normalise, round
//
//   product     48 bits; aligned in stage 2 so that its leading one is at bit 60 or 61, that of c at 60
//   info        [31] sign of the product  [30] result is NaN  [29] result is infinite  [28] its sign
//               [15:0] exponent of bit 60 of the aligned product, signed; -600 for zero
//   magnitude   of the sum, bit 0 sticky
//   sum info    [31] sign  [30] NaN  [29] infinite  [15:0] exponent of bit 62, at least 2
//
// c travels from stage 1 to stage 2 unchanged. Operands are not normalised first: a product with one
// subnormal factor still has its leading one at bit 37 or higher, above anything that the shift of the
// addend can lose. A zero product takes a low exponent, so that the addend is never shifted for it.

`include "npu_fault.svh"

package npu_fp32_pkg;

  import npu_num_pkg::*;

  localparam logic [31:0] InfoNan = 32'h4000_0000;
  localparam logic [31:0] InfoInf = 32'h2000_0000;
  localparam logic [31:0] InfoExponent = 32'h0000_ffff;
  localparam logic [31:0] ZeroExponent = -32'd600;
  localparam logic [63:0] MaxInt64 = 64'h7fff_ffff_ffff_ffff;

  // Signed exponent of an info word.
  function automatic logic [31:0] info_exponent(input logic [31:0] info);
    info_exponent = ((info & InfoExponent) ^ 32'h8000) - 32'h8000;
  endfunction

  // ---- stage 1

  function automatic logic [63:0] fma32_product(input logic [31:0] a, input logic [31:0] b);
    fma32_product = {32'd0, significand(a)} * {32'd0, significand(b)};
  endfunction

  function automatic logic [31:0] fma32_info(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] c);
    logic [31:0] a_abs, b_abs, c_abs, larger, smaller, sign, e, special, invalid;
    a_abs = a & AbsMask;
    b_abs = b & AbsMask;
    c_abs = c & AbsMask;
    larger = (a_abs > b_abs) ? a_abs : b_abs;
    smaller = (a_abs > b_abs) ? b_abs : a_abs;
    sign = (a ^ b) & SignBit;
    e = exponent(a) + exponent(b) - 32'd127;
    e = (smaller == 32'd0) ? ZeroExponent : e;
    special = (c_abs == Inf) ? (InfoInf | ((c & SignBit) >> 3)) : 32'd0;
    // inf - inf and inf * 0
    invalid = (c_abs == Inf) ? ((sign ^ c) & SignBit) : 32'd0;
    invalid = (smaller == 32'd0) ? SignBit : invalid;
    special = (larger == Inf) ? (InfoInf | (sign >> 3) | (invalid >> 1)) : special;
    larger = (larger > c_abs) ? larger : c_abs;
    special = (larger > Inf) ? InfoNan : special;
    fma32_info = sign | special | (e & InfoExponent);
  endfunction

  // ---- stage 2

  // Signed sum of product and addend, the smaller exponent aligned to the larger one.
  function automatic logic [63:0] fma32_sum(
      input logic [63:0] product, input logic [31:0] c, input logic [31:0] info);
    logic [31:0] difference, places, opposed;
    logic [63:0] aligned_product, addend, major, minor, shifted;
    difference = info_exponent(info) - exponent(c);
    places = negated_if(difference, difference);
    places = (places > 32'd63) ? 32'd63 : places;
    aligned_product = product << 14;
    addend = {32'd0, significand(c)} << 37;
    major = (difference > MaxInt) ? addend : aligned_product;
    minor = (difference > MaxInt) ? aligned_product : addend;
    shifted = minor >> places[5:0];
    shifted = shifted | (((shifted << places[5:0]) != minor) ? 64'd1 : 64'd0);
    opposed = info ^ c;
    fma32_sum = (opposed > MaxInt) ? major - shifted : major + shifted;
  endfunction

  function automatic logic [63:0] fma32_magnitude(input logic [63:0] sum);
    fma32_magnitude = (sum > MaxInt64) ? -sum : sum;
  endfunction

  function automatic logic [31:0] fma32_sum_info(
      input logic [63:0] sum, input logic [31:0] c, input logic [31:0] info);
    logic [31:0] e, difference, sign;
    e = info_exponent(info);
    difference = e - exponent(c);
    e = (difference > MaxInt) ? exponent(c) : e;
    sign = (difference > MaxInt) ? c : info;
    // An exact zero of opposite terms is +0.
    sign = (sum == 64'd0) ? (sign & ~(info ^ c)) : (sign ^ sum[63:32]);
    sign = ((info & InfoInf) != 32'd0) ? (info << 3) : sign;
    fma32_sum_info =
        (sign & SignBit) | (info & (InfoNan | InfoInf)) | ((e + 32'd1) & InfoExponent);
  endfunction

  // ---- stage 3

  function automatic logic [31:0] fma32_round(input logic [63:0] magnitude, input logic [31:0] info);
    logic [31:0] high, low, places, e, r;
    logic [63:0] m;
    // Bits 62 to 31, and below them 30 to 0: bit 63 is never set.
    high = magnitude[62:31];
    low = {magnitude[30:0], 1'b0};
    places = leading_zeros((high == 32'd0) ? low : high) + ((high == 32'd0) ? 32'd32 : 32'd0);
    e = info & InfoExponent;
    // At most as far as the exponent allows: what then lacks a leading one is subnormal.
    places = (places > e) ? e : places;
    m = magnitude << places[5:0];
    low = m[31:0];
    r = m[63:32] | ((low != 32'd0) ? 32'd1 : 32'd0);
    // Bit 62 is the hidden bit; it and a carry of the rounding count up the exponent by themselves.
    r = ((e - places) << 23) + `NPU_FAULT(num_fp32_round, (r + 32'd63 + ((r >> 7) & 32'd1)) >> 7, (r + 32'd64) >> 7);
    r = (r > Inf) ? Inf : r;
    low = magnitude[31:0] | high;
    r = (low == 32'd0) ? 32'd0 : r;
    r = ((info & InfoInf) != 32'd0) ? Inf : r;
    r = r | (info & SignBit);
    fma32_round = `NPU_FAULT(num_fp32_nan, ((info & InfoNan) != 32'd0) ? Nan : r, ((info & InfoNan) != 32'd0) ? Inf : r);
  endfunction

  // ---- whole operations

  // a * b + c
  function automatic logic [31:0] fma32(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] c);
    logic [31:0] info;
    logic [63:0] sum;
    info = fma32_info(a, b, c);
    sum = fma32_sum(fma32_product(a, b), c, info);
    fma32 = fma32_round(fma32_magnitude(sum), fma32_sum_info(sum, c, info));
  endfunction

  // c - a * b
  function automatic logic [31:0] fnma32(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] c);
    fnma32 = fma32(a ^ SignBit, b, c);
  endfunction

  function automatic logic [31:0] add32(input logic [31:0] a, input logic [31:0] b);
    add32 = fma32(a, One, b);
  endfunction

  function automatic logic [31:0] sub32(input logic [31:0] a, input logic [31:0] b);
    sub32 = fma32(a, One, b ^ SignBit);
  endfunction

  // Adding -0 changes nothing, not even the sign of a zero.
  function automatic logic [31:0] mul32(input logic [31:0] a, input logic [31:0] b);
    mul32 = fma32(a, b, SignBit);
  endfunction

  // ---- one multiply-add for all of them: what its operands are for a micro-operation of the class
  //      UOP_FMA to UOP_FMUL with sources a, b, c. The operation is the same for all lanes.

  function automatic logic [31:0] fma32_operand_a(input logic [7:0] op, input logic [31:0] a);
    fma32_operand_a = a ^ ((op == npu_isa_pkg::UOP_FNMA) ? SignBit : 32'd0);
  endfunction

  function automatic logic [31:0] fma32_operand_b(input logic [7:0] op, input logic [31:0] b);
    fma32_operand_b = (op == npu_isa_pkg::UOP_FADD || op == npu_isa_pkg::UOP_FSUB) ? One : b;
  endfunction

  function automatic logic [31:0] fma32_operand_c(
      input logic [7:0] op, input logic [31:0] b, input logic [31:0] c);
    logic [31:0] r;
    r = (op == npu_isa_pkg::UOP_FADD) ? b : c;
    r = (op == npu_isa_pkg::UOP_FSUB) ? b ^ SignBit : r;
    fma32_operand_c = (op == npu_isa_pkg::UOP_FMUL) ? SignBit : r;
  endfunction

endpackage
