// SPDX-License-Identifier: Apache-2.0
// A row of lanes for every arithmetic function of rtl/num, in the loop form that the engines use, so
// that what tandem-rtl-sweep proves is the vector code that runs in the models.
//
// One unit works at a time. y_o is the result of the operands of the same clock edge, in the staged units
// of the operands two edges earlier.

module npu_num_lanes #(
    parameter int unsigned Lanes = 16
) (
    input logic clk_i,
    input logic [7:0] unit_i,  // unit_e
    input logic [7:0] op_i,  // micro-operation, element type or form, by unit
    input logic [31:0] option_i,  // narrow: saturate
    input logic [Lanes*32-1:0] a_i,
    input logic [Lanes*32-1:0] b_i,
    input logic [Lanes*32-1:0] c_i,
    output logic [Lanes*32-1:0] y_o
);

  import npu_num_pkg::*;
  import npu_fma10_pkg::*;
  import npu_fp32_pkg::*;
  import npu_alu_pkg::*;
  import npu_convert_pkg::*;

  // As tandem::rtl_sweep::Unit.
  typedef enum logic [7:0] {
    UNIT_FMA10 = 8'd0,
    UNIT_FMA10_STAGED = 8'd1,
    UNIT_FMA32 = 8'd2,
    UNIT_FMA32_STAGED = 8'd3,
    UNIT_COMPARE = 8'd4,
    UNIT_LOGIC = 8'd5,
    UNIT_MULTIPLY = 8'd6,
    UNIT_CONVERT = 8'd7,
    UNIT_REDUCE = 8'd8,
    UNIT_WIDEN = 8'd9,
    UNIT_NARROW = 8'd10,
    UNIT_SINGLE = 8'd11
  } unit_e;

  // Functions of their own, beside the choice by type: op_i of UNIT_SINGLE, as rtl_sweep::Single.
  typedef enum logic [7:0] {
    SINGLE_ROUND10 = 8'd0,
    SINGLE_BF16_TO_F32 = 8'd1,
    SINGLE_F16_TO_F32 = 8'd2,
    SINGLE_E4M3_TO_F32 = 8'd3,
    SINGLE_E5M2_TO_F32 = 8'd4,
    SINGLE_I8_TO_F32 = 8'd5,
    SINGLE_F32_TO_BF16 = 8'd6,
    SINGLE_F32_TO_F16 = 8'd7,
    SINGLE_F32_TO_E4M3 = 8'd8,
    SINGLE_F32_TO_E5M2 = 8'd9,
    SINGLE_FNMA = 8'd10,
    SINGLE_ADD = 8'd11,
    SINGLE_SUB = 8'd12,
    SINGLE_MUL = 8'd13,
    SINGLE_SIGN_WORD = 8'd14
  } single_e;

  typedef logic [Lanes*32-1:0] row_t;

  row_t fma10_fused_y, fma10_staged_y, fma32_fused_y, fma32_staged_y, other_y, single_y;

  always_comb begin
    case (unit_i)
      UNIT_FMA10: y_o = fma10_fused_y;
      UNIT_FMA10_STAGED: y_o = fma10_staged_y;
      UNIT_FMA32: y_o = fma32_fused_y;
      UNIT_FMA32_STAGED: y_o = fma32_staged_y;
      UNIT_SINGLE: y_o = single_y;
      default: y_o = other_y;
    endcase
  end

  // ---- the matrix lane
  row_t major, minor, align_info, magnitude10, info10;

  always_ff @(posedge clk_i) begin : fma10_fused
    row_t y;
    logic [31:0] j;
    y = '0;
    j = 0;
    if (unit_i == UNIT_FMA10) begin
      for (j = 0; j < Lanes; j++) begin
        y[j*32+:32] = fma10(decode10(a_i[j*32+:32]), decode10(b_i[j*32+:32]), c_i[j*32+:32]);
      end
      fma10_fused_y <= y;
    end
  end

  // Stages in reverse order in one block, their registers private to it and therefore blocking.
  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin : fma10_staged
    row_t y, n0, n1, n2;
    logic [31:0] j, a, b;
    y = '0;
    n0 = '0;
    n1 = '0;
    n2 = '0;
    j = 0;
    a = 0;
    b = 0;
    if (unit_i == UNIT_FMA10_STAGED) begin
      for (j = 0; j < Lanes; j++) begin
        y[j*32+:32] = fma10_round(magnitude10[j*32+:32], info10[j*32+:32]);
      end
      for (j = 0; j < Lanes; j++) begin
        n0[j*32+:32] =
            fma10_magnitude(major[j*32+:32], minor[j*32+:32], align_info[j*32+:32]);
        n1[j*32+:32] = fma10_sum_info(major[j*32+:32], minor[j*32+:32], align_info[j*32+:32]);
      end
      magnitude10 = n0;
      info10 = n1;
      for (j = 0; j < Lanes; j++) begin
        a = decode10(a_i[j*32+:32]);
        b = decode10(b_i[j*32+:32]);
        n0[j*32+:32] = fma10_major(a, b, c_i[j*32+:32]);
        n1[j*32+:32] = fma10_minor(a, b, c_i[j*32+:32]);
        n2[j*32+:32] = fma10_align_info(a, b, c_i[j*32+:32]);
      end
      major = n0;
      minor = n1;
      align_info = n2;
      fma10_staged_y <= y;
    end
  end
  // verilator lint_on BLKSEQ

  // ---- fp32 multiply-add and what is made of it
  row_t product_high, product_low, info32, addend, sum_high, sum_low, sum_info;

  always_ff @(posedge clk_i) begin : fma32_fused
    row_t y;
    logic [31:0] j;
    y = '0;
    j = 0;
    if (unit_i == UNIT_FMA32) begin
      for (j = 0; j < Lanes; j++) begin
        y[j*32+:32] = fma32(fma32_operand_a(op_i, a_i[j*32+:32]),
                            fma32_operand_b(op_i, b_i[j*32+:32]),
                            fma32_operand_c(op_i, b_i[j*32+:32], c_i[j*32+:32]));
      end
      fma32_fused_y <= y;
    end
  end

  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin : fma32_staged
    row_t y, n0, n1, n2, n3;
    logic [31:0] j, a, b, c;
    logic [63:0] t;
    y = '0;
    n0 = '0;
    n1 = '0;
    n2 = '0;
    n3 = '0;
    j = 0;
    a = 0;
    b = 0;
    c = 0;
    t = 0;
    if (unit_i == UNIT_FMA32_STAGED) begin
      for (j = 0; j < Lanes; j++) begin
        y[j*32+:32] = fma32_round({sum_high[j*32+:32], sum_low[j*32+:32]}, sum_info[j*32+:32]);
      end
      for (j = 0; j < Lanes; j++) begin
        t = fma32_sum({product_high[j*32+:32], product_low[j*32+:32]}, addend[j*32+:32],
                      info32[j*32+:32]);
        n2[j*32+:32] = fma32_sum_info(t, addend[j*32+:32], info32[j*32+:32]);
        t = fma32_magnitude(t);
        n0[j*32+:32] = t[31:0];
        n1[j*32+:32] = t[63:32];
      end
      sum_low = n0;
      sum_high = n1;
      sum_info = n2;
      for (j = 0; j < Lanes; j++) begin
        a = fma32_operand_a(op_i, a_i[j*32+:32]);
        b = fma32_operand_b(op_i, b_i[j*32+:32]);
        c = fma32_operand_c(op_i, b_i[j*32+:32], c_i[j*32+:32]);
        t = fma32_product(a, b);
        n0[j*32+:32] = t[31:0];
        n1[j*32+:32] = t[63:32];
        n2[j*32+:32] = c;
        n3[j*32+:32] = fma32_info(a, b, c);
      end
      product_low = n0;
      product_high = n1;
      addend = n2;
      info32 = n3;
      fma32_staged_y <= y;
    end
  end
  // verilator lint_on BLKSEQ

  // ---- the other micro-operations, and element types
  always_ff @(posedge clk_i) begin : other
    row_t y;
    logic [31:0] j;
    y = '0;
    j = 0;
    if (unit_i >= UNIT_COMPARE && unit_i <= UNIT_NARROW) begin
      case (unit_i)
        UNIT_COMPARE:
        for (j = 0; j < Lanes; j++) begin
          y[j*32+:32] = alu_compare(op_i, a_i[j*32+:32], b_i[j*32+:32]);
        end
        UNIT_LOGIC:
        for (j = 0; j < Lanes; j++) begin
          y[j*32+:32] = alu_logic(op_i, a_i[j*32+:32], b_i[j*32+:32], c_i[j*32+:32]);
        end
        UNIT_MULTIPLY:
        for (j = 0; j < Lanes; j++) begin
          y[j*32+:32] = alu_multiply(op_i, a_i[j*32+:32], b_i[j*32+:32]);
        end
        UNIT_CONVERT:
        for (j = 0; j < Lanes; j++) y[j*32+:32] = alu_convert(op_i, a_i[j*32+:32]);
        UNIT_REDUCE:
        for (j = 0; j < Lanes; j++) begin
          y[j*32+:32] = alu_reduce(op_i, a_i[j*32+:32], b_i[j*32+:32]);
        end
        UNIT_WIDEN:
        for (j = 0; j < Lanes; j++) y[j*32+:32] = widen(op_i, a_i[j*32+:32]);
        default:
        for (j = 0; j < Lanes; j++) y[j*32+:32] = narrow(op_i, option_i, a_i[j*32+:32]);
      endcase
      other_y <= y;
    end
  end

  always_ff @(posedge clk_i) begin : single
    row_t y;
    logic [31:0] j, a, b, c;
    y = '0;
    j = 0;
    a = 0;
    b = 0;
    c = 0;
    if (unit_i == UNIT_SINGLE) begin
      for (j = 0; j < Lanes; j++) begin
        a = a_i[j*32+:32];
        b = b_i[j*32+:32];
        c = c_i[j*32+:32];
        case (op_i)
          SINGLE_ROUND10: a = round10(a);
          SINGLE_BF16_TO_F32: a = bf16_to_f32(a);
          SINGLE_F16_TO_F32: a = f16_to_f32(a);
          SINGLE_E4M3_TO_F32: a = e4m3_to_f32(a);
          SINGLE_E5M2_TO_F32: a = e5m2_to_f32(a);
          SINGLE_I8_TO_F32: a = small_int_to_f32(i8_to_i32(a));
          SINGLE_F32_TO_BF16: a = f32_to_bf16(a);
          SINGLE_F32_TO_F16: a = f32_to_f16(a);
          SINGLE_F32_TO_E4M3: a = f32_to_e4m3(a, option_i);
          SINGLE_F32_TO_E5M2: a = f32_to_e5m2(a, option_i);
          SINGLE_FNMA: a = fnma32(a, b, c);
          SINGLE_ADD: a = add32(a, b);
          SINGLE_SUB: a = sub32(a, b);
          SINGLE_MUL: a = mul32(a, b);
          default: a = sign_word(a);
        endcase
        y[j*32+:32] = a;
      end
      single_y <= y;
    end
  end

endmodule
