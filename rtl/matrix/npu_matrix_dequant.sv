// SPDX-License-Identifier: Apache-2.0
// Group-quantised weights of one panel row: fma(scale, q, min) in fp32, rounded to E8M10 and decoded. Four stages.

`include "npu_fault.svh"

module npu_matrix_dequant
  import npu_fp32_pkg::*;
  import npu_fma10_pkg::*;
  import npu_matrix_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,

    input logic                    valid_i,
    input logic [PanelCols*32-1:0] q_i,      // fp32 numbers, all three
    input logic [PanelCols*32-1:0] scale_i,
    input logic [PanelCols*32-1:0] min_i,

    output logic [PanelCols*32-1:0] words_o  // four cycles later
);

  logic v2, v3, v4;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      v2 <= 1'b0;
      v3 <= 1'b0;
      v4 <= 1'b0;
    end else if (valid_i | v2 | v3 | v4) begin
      v2 <= valid_i;
      v3 <= v2;
      v4 <= v3;
    end
  end

  // Stages in reverse order on registers of this block only, hence blocking assignments. 64-bit values are two words.
  // verilator lint_off BLKSEQ
  logic [31:0] product_lo[PanelCols], product_hi[PanelCols], info1[PanelCols], addend[PanelCols];
  logic [31:0] sum_lo[PanelCols], sum_hi[PanelCols], info2[PanelCols];
  logic [31:0] rounded[PanelCols];
  logic [PanelCols*32-1:0] words;

  always_ff @(posedge clk_i) begin : stages
    logic [31:0] j;
    logic [63:0] wide;
    j = 0;
    wide = 0;
    if (valid_i | v2 | v3 | v4) begin
      if (v4) begin
        for (j = 0; j < PanelCols; j++) words[j*32+:32] = decode10(round10(rounded[j]));
        words_o <= words;
      end
      if (v3) begin
        for (j = 0; j < PanelCols; j++) rounded[j] = fma32_round({sum_hi[j], sum_lo[j]}, info2[j]);
      end
      if (v2) begin
        for (j = 0; j < PanelCols; j++) begin
          wide = fma32_sum({product_hi[j], product_lo[j]}, addend[j], info1[j]);
          info2[j] = fma32_sum_info(wide, addend[j], info1[j]);
          wide = fma32_magnitude(wide);
          sum_lo[j] = wide[31:0];
          sum_hi[j] = wide[63:32];
        end
      end
      if (valid_i) begin
        for (j = 0; j < PanelCols; j++) begin
          wide = fma32_product(scale_i[j*32+:32], q_i[j*32+:32]);
          product_lo[j] = wide[31:0];
          product_hi[j] = wide[63:32];
          info1[j] = fma32_info(scale_i[j*32+:32], q_i[j*32+:32], min_i[j*32+:32]);
          addend[j] = `NPU_FAULT(matrix_group_min, min_i[j*32+:32], j == 32'd5 ? 32'd0 : min_i[j*32+:32]);
        end
      end
    end
  end
  // verilator lint_on BLKSEQ

endmodule
