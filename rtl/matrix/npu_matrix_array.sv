// SPDX-License-Identifier: Apache-2.0
// Output-stationary array of multiply-accumulate elements, each with several accumulators.
//
// A step multiplies one word of A for each row with one block of B words for each quarter of the rows and adds the
// products to accumulator `step_slot_i` of all elements in the rows of `step_rows_i`. The float path has three stages
// (multiply and align, add, normalise and round): a slot may be stepped again four cycles later at the earliest.
// A swap copies a slot of all rows into the result registers and clears it; the drain port reads those.

`include "npu_fault.svh"

module npu_matrix_array
  import npu_fma10_pkg::*;
#(
    parameter int unsigned Rows = 16,
    parameter int unsigned Cols = 16,
    // Accumulators of an element.
    parameter int unsigned Slots = 8,
    // Blocks of `Cols` words in a superline.
    parameter int unsigned Blocks = 4,
    localparam int unsigned SlotBits = $clog2(Slots),
    localparam int unsigned BlockBits = $clog2(Blocks),
    localparam int unsigned RowBits = $clog2(Rows),
    localparam int unsigned W = Cols * 32
) (
    input logic clk_i,
    input logic rst_ni,

    input logic                      step_valid_i,
    input logic                      step_int_i,    // int8 products and int32 sums
    input logic [SlotBits-1:0]       step_slot_i,
    input logic [Rows-1:0]           step_rows_i,
    input logic [3:0][BlockBits-1:0] step_block_i,  // block of B for each quarter of the rows
    input logic                      step_second_i, // which group of rows of A
    input logic [Rows*32-1:0]        a_first_i,     // decoded operands (npu_fma10_pkg), or int32 words
    input logic [Rows*32-1:0]        a_second_i,
    input logic [Blocks*W-1:0]       b_i,

    input logic                swap_valid_i,
    input logic [SlotBits-1:0] swap_slot_i,

    input logic                init_valid_i,  // writes accumulators
    input logic [SlotBits-1:0] init_slot_i,
    input logic [Rows-1:0]     init_rows_i,
    input logic [W-1:0]        init_data_i,

    input  logic                drain_en_i,
    input  logic [RowBits-1:0]  drain_row_i,
    input  logic [SlotBits-1:0] drain_slot_i,
    output logic [W-1:0]        drain_data_o,  // in the cycle after drain_en_i

    output logic busy_o  // steps are in the pipeline
);

  // ---- control that travels with a step
  logic v1, v2, v3, int1;
  logic [SlotBits-1:0] slot1, slot2, slot3;
  logic [Rows-1:0] rows1, rows2, rows3;
  assign busy_o = v1 | v2 | v3;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      v1 <= 1'b0;
      v2 <= 1'b0;
      v3 <= 1'b0;
      rows1 <= '0;
      rows2 <= '0;
      rows3 <= '0;
    end else if (step_valid_i | v1 | v2 | v3) begin
      v1 <= step_valid_i;
      v2 <= v1 & ~int1;
      v3 <= v2;
      rows1 <= step_valid_i ? step_rows_i : '0;
      rows2 <= int1 ? '0 : rows1;
      rows3 <= rows2;
      slot1 <= step_slot_i;
      slot2 <= slot1;
      slot3 <= slot2;
      int1 <= step_int_i;
    end
  end

  // Rows with something to do: one look for those that have nothing.
  logic [Rows-1:0] row_work;
  assign row_work = rows1 | rows2 | rows3 | (step_valid_i ? step_rows_i : '0) | (init_valid_i ? init_rows_i : '0)
      | {Rows{swap_valid_i}};

  logic [W-1:0] result[Rows][Slots];

  for (genvar r = 0; r < Rows; r++) begin : gen_row
    // Registers of this block only, hence blocking assignments: the stages run in reverse order, and each reads what
    // the stage before it wrote in the cycle before.
    // verilator lint_off BLKSEQ
    logic [31:0] acc[Slots*Cols];
    logic [31:0] major1[Cols], minor1[Cols], info1[Cols];  // stage 1 to 2
    logic [31:0] sum2[Cols], info2[Cols];                  // stage 2 to 3
    logic [W-1:0] b_word, swapped;
    logic [31:0] a_word;

    always_ff @(posedge clk_i) begin : lanes
      logic [31:0] j, a, at;
      j = 0;
      a = 0;
      at = 0;
      if (row_work[r]) begin
        if (rows3[r]) begin
          at = 32'(slot3) * Cols;
          for (j = 0; j < Cols; j++) acc[at+j] = fma10_round(sum2[j], info2[j]);
        end
        if (rows2[r]) begin
          for (j = 0; j < Cols; j++) begin
            sum2[j] = fma10_magnitude(major1[j], minor1[j], info1[j]);
            info2[j] = fma10_sum_info(major1[j], minor1[j], info1[j]);
          end
        end
        if (rows1[r]) begin
          at = 32'(slot1) * Cols;
          a = a_word;
          if (int1) begin
            for (j = 0; j < Cols; j++) acc[at+j] = acc[at+j] + `NPU_FAULT(matrix_int_bit, a * b_word[j*32+:32], (a * b_word[j*32+:32]) & ~32'd1);
          end else begin
            for (j = 0; j < Cols; j++) begin
              major1[j] = fma10_major(a, b_word[j*32+:32], acc[at+j]);
              minor1[j] = fma10_minor(a, b_word[j*32+:32], acc[at+j]);
              info1[j] = fma10_align_info(a, b_word[j*32+:32], acc[at+j]);
            end
          end
        end
        if (step_valid_i & step_rows_i[r]) begin
          a_word = step_second_i ? a_second_i[r*32+:32] : a_first_i[r*32+:32];
          // Constant parts of the operand register, of which a copy in blocks would be made in every cycle.
          for (j = 0; j < Blocks; j++) begin
            if (32'(step_block_i[r*4/Rows]) == j) b_word = b_i[j*W+:W];
          end
        end
        if (init_valid_i & init_rows_i[r]) begin
          at = 32'(init_slot_i) * Cols;
          for (j = 0; j < Cols; j++) acc[at+j] = init_data_i[j*32+:32];
        end
        if (swap_valid_i) begin
          at = 32'(swap_slot_i) * Cols;
          for (j = 0; j < Cols; j++) begin
            swapped[j*32+:32] = acc[at+j];
            acc[at+j] = `NPU_FAULT(matrix_stale_sum, 32'd0, r == 0 && swap_slot_i == '0 && npu_matrix_core.u_sequencer.state != '0 ? acc[at+j] : 32'd0);
          end
          result[r][swap_slot_i] <= swapped;
        end
      end
    end
    // verilator lint_on BLKSEQ
  end

  always_ff @(posedge clk_i) begin
    if (drain_en_i) drain_data_o <= result[drain_row_i][drain_slot_i];
  end

endmodule
