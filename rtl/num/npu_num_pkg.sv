// SPDX-License-Identifier: Apache-2.0
// What the arithmetic packages share: fp32 constants, counting and normalising.
//
// Rules of all functions in rtl/num: combinational, without branches, temporaries of 32 bits, so that
// a loop over lanes that calls them becomes vector code. A word is negative where it is above MaxInt:
// the compare stays a mask in a vector register, a single sign bit would not.

package npu_num_pkg;

  // verilator lint_off UNUSEDPARAM
  parameter logic [31:0] SignBit = 32'h8000_0000;
  parameter logic [31:0] MaxInt = 32'h7fff_ffff;
  parameter logic [31:0] AbsMask = 32'h7fff_ffff;
  parameter logic [31:0] Inf = 32'h7f80_0000;
  parameter logic [31:0] Nan = 32'h7fc0_0000;
  parameter logic [31:0] One = 32'h3f80_0000;
  parameter logic [31:0] FractionMask = 32'h007f_ffff;
  parameter logic [31:0] HiddenBit = 32'h0080_0000;
  parameter logic [31:0] True = 32'hffff_ffff;
  // verilator lint_on UNUSEDPARAM

  // Leading zeros of a word; 31 for 0, because most callers know that it is not 0.
  function automatic logic [31:0] leading_zeros(input logic [31:0] word);
    logic [31:0] x, count, k;
    k = (word < 32'h0001_0000) ? 32'd16 : 32'd0;
    x = word << k[4:0];
    count = k;
    k = (x < 32'h0100_0000) ? 32'd8 : 32'd0;
    x = x << k[4:0];
    count = count + k;
    k = (x < 32'h1000_0000) ? 32'd4 : 32'd0;
    x = x << k[4:0];
    count = count + k;
    k = (x < 32'h4000_0000) ? 32'd2 : 32'd0;
    x = x << k[4:0];
    count = count + k;
    leading_zeros = count + ((x > MaxInt) ? 32'd0 : 32'd1);
  endfunction

  // An 11-bit significand shifted until its leading one is at bit 10: [10:0] significand, [19:16]
  // places shifted. Zero stays zero (15 places).
  function automatic logic [31:0] normalise11(input logic [31:0] word);
    logic [31:0] m, places, k;
    m = word;
    k = (m < 32'h8) ? 32'd8 : 32'd0;
    m = m << k[4:0];
    places = k;
    k = (m < 32'h80) ? 32'd4 : 32'd0;
    m = m << k[4:0];
    places = places + k;
    k = (m < 32'h200) ? 32'd2 : 32'd0;
    m = m << k[4:0];
    places = places + k;
    k = (m < 32'h400) ? 32'd1 : 32'd0;
    m = m << k[4:0];
    places = places + k;
    normalise11 = (places << 16) | m;
  endfunction

  // Significand of an fp32 word with its hidden bit at 23.
  function automatic logic [31:0] significand(input logic [31:0] x);
    significand = (x & FractionMask) | (((x & Inf) != 32'd0) ? HiddenBit : 32'd0);
  endfunction

  // Biased exponent of an fp32 word; that of subnormals is 1, as their significand has no hidden bit.
  function automatic logic [31:0] exponent(input logic [31:0] x);
    logic [31:0] e;
    e = (x >> 23) & 32'hff;
    exponent = (e == 32'd0) ? 32'd1 : e;
  endfunction

  function automatic logic [31:0] negated_if(input logic [31:0] x, input logic [31:0] condition);
    negated_if = (condition > MaxInt) ? -x : x;
  endfunction

endpackage
