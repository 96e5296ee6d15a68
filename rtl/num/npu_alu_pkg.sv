// SPDX-License-Identifier: Apache-2.0
// The vector engine's micro-operations that are not multiply-adds: compares, logic, integers and
// conversions between fp32 and integers. Opcode constants are those of npu_isa_pkg.
//
// Each operation is a function; alu_compare, alu_logic, alu_multiply and alu_convert choose one within
// a class. A loop over lanes calls the function of one class, with an operation that is the same for all
// lanes. A mask is FFFFFFFF or 0. NaN results are 7FC00000.

`include "npu_fault.svh"

package npu_alu_pkg;

  import npu_num_pkg::*;

  // ---- floating-point order (IEEE 754-2019 9.6 and 5.11)

  // Unsigned key in the order of the numbers, -0 just below +0.
  function automatic logic [31:0] order_key(input logic [31:0] x);
    order_key = (x > MaxInt) ? ~x : (x | SignBit);
  endfunction

  // -0 becomes +0.
  function automatic logic [31:0] one_zero(input logic [31:0] x);
    one_zero = ((x & AbsMask) == 32'd0) ? 32'd0 : x;
  endfunction

  // The larger magnitude: above Inf if a or b is NaN.
  function automatic logic [31:0] larger_abs(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] x, y;
    x = a & AbsMask;
    y = b & AbsMask;
    larger_abs = (x > y) ? x : y;
  endfunction

  function automatic logic [31:0] fmin32(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = (order_key(a) < order_key(b)) ? a : b;
    fmin32 = (larger_abs(a, b) > Inf) ? Nan : r;
  endfunction

  function automatic logic [31:0] fmax32(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = (order_key(a) < order_key(b)) ? b : a;
    fmax32 = (larger_abs(a, b) > Inf) ? Nan : r;
  endfunction

  function automatic logic [31:0] fclt32(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = (order_key(one_zero(a)) < order_key(one_zero(b))) ? True : 32'd0;
    fclt32 = (larger_abs(a, b) > Inf) ? 32'd0 : r;
  endfunction

  function automatic logic [31:0] fcle32(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = (order_key(one_zero(a)) > order_key(one_zero(b))) ? 32'd0 : True;
    fcle32 = (larger_abs(a, b) > Inf) ? 32'd0 : r;
  endfunction

  function automatic logic [31:0] fceq32(input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = (one_zero(a) == one_zero(b)) ? True : 32'd0;
    fceq32 = (larger_abs(a, b) > Inf) ? 32'd0 : r;
  endfunction

  // ---- bits and integers

  // By `places`, sign shifted in.
  function automatic logic [31:0] sar32(input logic [31:0] a, input logic [4:0] places);
    logic [31:0] sign;
    sign = (a > MaxInt) ? True : 32'd0;
    sar32 = ((a ^ sign) >> places) ^ sign;
  endfunction

  function automatic logic [31:0] ilt32(input logic [31:0] a, input logic [31:0] b);
    ilt32 = ((a ^ SignBit) < (b ^ SignBit)) ? True : 32'd0;
  endfunction

  function automatic logic [31:0] imin32(input logic [31:0] a, input logic [31:0] b);
    imin32 = ((a ^ SignBit) < (b ^ SignBit)) ? a : b;
  endfunction

  function automatic logic [31:0] imax32(input logic [31:0] a, input logic [31:0] b);
    imax32 = ((a ^ SignBit) < (b ^ SignBit)) ? b : a;
  endfunction

  // High word of the unsigned product.
  function automatic logic [31:0] mulh32(input logic [31:0] a, input logic [31:0] b);
    logic [63:0] product;
    product = {32'd0, a} * {32'd0, b};
    product = product >> 32;
    mulh32 = product[31:0];
  endfunction

  // Leading zeros, 32 for 0.
  function automatic logic [31:0] clz32(input logic [31:0] a);
    clz32 = leading_zeros(a) + ((a == 32'd0) ? 32'd1 : 32'd0);
  endfunction

  // ---- conversions

  // Signed integer to fp32, nearest even.
  function automatic logic [31:0] i2f32(input logic [31:0] a);
    logic [31:0] magnitude, places, m, up, r;
    magnitude = negated_if(a, a);
    places = leading_zeros(magnitude);
    m = magnitude << places[4:0];
    up = ((m & 32'hff) + 32'd127 + ((m >> 8) & 32'd1)) >> 8;
    // Bit 31 of m is the hidden bit and counts up the exponent, as a carry of the rounding does.
    r = ((32'd157 - places) << 23) + (m >> 8) + up;
    i2f32 = (magnitude == 32'd0) ? 32'd0 : (r | (a & SignBit));
  endfunction

  // fp32 to signed integer: nearest even (nearest not 0) or towards zero; saturates, NaN gives 0.
  function automatic logic [31:0] f2i32(input logic [31:0] a, input logic [31:0] nearest);
    logic [31:0] e, m, places, left, quarters, r, limit;
    e = exponent(a);
    m = significand(a);
    // Exponent 150 is that of an integer significand. Left shifts beyond 7 places saturate below.
    left = e - 32'd150;
    left = m << left[2:0];
    // To the right with two more places, the last of them sticky.
    places = 32'd150 - e;
    places = (places > 32'd27) ? 32'd27 : places;
    m = m << 2;
    quarters = m >> places[4:0];
    quarters = quarters | (((quarters << places[4:0]) != m) ? 32'd1 : 32'd0);
    r = (nearest != 32'd0) ? (quarters + 32'd1 + ((quarters >> 2) & 32'd1)) : quarters;
    r = (e > 32'd149) ? left : (r >> 2);
    r = negated_if(r, a);
    limit = (a > MaxInt) ? SignBit : MaxInt;
    r = (e > 32'd157) ? limit : r;
    f2i32 = ((a & AbsMask) > Inf) ? 32'd0 : r;
  endfunction

  // ---- classes

  // UOP_FMIN to UOP_FCEQ
  function automatic logic [31:0] alu_compare(
      input logic [7:0] op, input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = fmin32(a, b);
    r = (op == npu_isa_pkg::UOP_FMAX) ? fmax32(a, b) : r;
    r = (op == npu_isa_pkg::UOP_FCLT) ? fclt32(a, b) : r;
    r = (op == npu_isa_pkg::UOP_FCLE) ? fcle32(a, b) : r;
    alu_compare = (op == npu_isa_pkg::UOP_FCEQ) ? fceq32(a, b)
        : `NPU_FAULT(num_min_zero, r, (op == npu_isa_pkg::UOP_FMIN && ((a | b) & AbsMask) == 32'd0) ? a : r);
  endfunction

  // UOP_SEL to UOP_IEQ
  function automatic logic [31:0] alu_logic(
      input logic [7:0] op, input logic [31:0] a, input logic [31:0] b, input logic [31:0] c);
    logic [31:0] r, equal, below;
    equal = (a == b) ? True : 32'd0;
    below = (a < b) ? True : 32'd0;
    r = (a != 32'd0) ? b : c;
    r = (op == npu_isa_pkg::UOP_AND) ? a & b : r;
    r = (op == npu_isa_pkg::UOP_OR) ? a | b : r;
    r = (op == npu_isa_pkg::UOP_XOR) ? a ^ b : r;
    r = (op == npu_isa_pkg::UOP_SHL) ? a << b[4:0] : r;
    r = (op == npu_isa_pkg::UOP_SHR) ? a >> b[4:0] : r;
    r = (op == npu_isa_pkg::UOP_SAR) ? `NPU_FAULT(num_sar_sign, sar32(a, b[4:0]), (op == npu_isa_pkg::UOP_SAR) ? a >> b[4:0] : sar32(a, b[4:0])) : r;
    r = (op == npu_isa_pkg::UOP_IADD) ? a + b : r;
    r = (op == npu_isa_pkg::UOP_ISUB) ? a - b : r;
    r = (op == npu_isa_pkg::UOP_ILT) ? ilt32(a, b) : r;
    r = (op == npu_isa_pkg::UOP_ULT) ? below : r;
    alu_logic = (op == npu_isa_pkg::UOP_IEQ) ? equal : r;
  endfunction

  // UOP_MULL, UOP_MULH
  function automatic logic [31:0] alu_multiply(
      input logic [7:0] op, input logic [31:0] a, input logic [31:0] b);
    logic [63:0] product;
    product = {32'd0, a} * {32'd0, b};
    alu_multiply = (op == npu_isa_pkg::UOP_MULH) ? product[63:32] : product[31:0];
  endfunction

  // UOP_CLZ to UOP_F2T
  function automatic logic [31:0] alu_convert(input logic [7:0] op, input logic [31:0] a);
    logic [31:0] r;
    r = (op == npu_isa_pkg::UOP_CLZ) ? clz32(a) : i2f32(a);
    r = (op == npu_isa_pkg::UOP_F2I) ? `NPU_FAULT(num_f2i_nan, f2i32(a, 32'd1), (op == npu_isa_pkg::UOP_F2I && (a & AbsMask) > Inf) ? MaxInt : f2i32(a, 32'd1)) : r;
    alu_convert = (op == npu_isa_pkg::UOP_F2T) ? f2i32(a, 32'd0) : r;
  endfunction

  // The step of a reduction other than rsum: UOP_RMIN to UOP_RIMAX.
  function automatic logic [31:0] alu_reduce(
      input logic [7:0] op, input logic [31:0] a, input logic [31:0] b);
    logic [31:0] r;
    r = fmin32(a, b);
    r = (op == npu_isa_pkg::UOP_RMAX) ? fmax32(a, b) : r;
    r = (op == npu_isa_pkg::UOP_RISUM) ? a + b : r;
    r = (op == npu_isa_pkg::UOP_RIMIN) ? imin32(a, b) : r;
    alu_reduce = (op == npu_isa_pkg::UOP_RIMAX) ? imax32(a, b) : r;
  endfunction

endpackage
