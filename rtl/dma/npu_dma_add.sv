// SPDX-License-Identifier: Apache-2.0
// SCATTER_ADD's adder: lines of addends onto lines of the destination, word by word, in three stages.
// fp32 (nearest even, canonical NaN) or integers modulo 2^32. One line a cycle; all stages stop while the
// output waits.

`include "npu_fault.svh"

module npu_dma_add
  import npu_fp32_pkg::*;
#(
    parameter int unsigned DataBits = 512,
    localparam int unsigned LineBits = $clog2(DataBits / 8),
    localparam int unsigned Lanes = DataBits / 32
) (
    input logic clk_i,
    input logic rst_ni,

    input logic float_i,  // stable while lines are inside

    // old contents and addends, taken together
    input logic old_valid_i,
    output logic old_ready_o,
    input logic [DataBits-1:0] old_data_i,
    input logic [LineBits:0] old_bytes_i,
    input logic addend_valid_i,
    output logic addend_ready_o,
    input logic [DataBits-1:0] addend_data_i,

    output logic line_valid_o,
    input logic line_ready_i,
    output logic [DataBits-1:0] line_data_o,
    output logic [LineBits:0] line_bytes_o
);

  logic move, take, product_valid_q, sum_valid_q;
  assign move = !line_valid_o || line_ready_i;
  assign take = move && old_valid_i && addend_valid_i;
  assign old_ready_o = take;
  assign addend_ready_o = take;

  // Between stages, each word of the line: see npu_fp32_pkg. Integers are added at once and travel in
  // the place of the addend.
  logic [DataBits-1:0] product_high_q, product_low_q, product_info_q, word_q;
  logic [DataBits-1:0] sum_high_q, sum_low_q, sum_info_q, sum_word_q;
  logic [LineBits:0] product_bytes_q, sum_bytes_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      product_valid_q <= 1'b0;
      sum_valid_q <= 1'b0;
      line_valid_o <= 1'b0;
    end else if (move && (take || product_valid_q || sum_valid_q || line_valid_o)) begin
      product_valid_q <= take;
      sum_valid_q <= product_valid_q;
      line_valid_o <= sum_valid_q;
    end
  end

  always_ff @(posedge clk_i) begin
    logic [DataBits-1:0] high, low, info, word;
    logic [63:0] product;
    logic [31:0] old, addend;
    int unsigned i;
    high = '0;
    low = '0;
    info = '0;
    word = '0;
    i = 0;
    if (take) begin
      for (i = 0; i < Lanes; i++) begin
        old = old_data_i[i*32+:32];
        addend = addend_data_i[i*32+:32];
        product = fma32_product(addend, npu_num_pkg::One);
        high[i*32+:32] = product[63:32];
        low[i*32+:32] = product[31:0];
        info[i*32+:32] = fma32_info(addend, npu_num_pkg::One, old);
        word[i*32+:32] = float_i ? old : `NPU_FAULT(dma_add_carry, old + addend, float_i || i * 4 >= 32'(old_bytes_i) ? old + addend : {old[31:16] + addend[31:16], old[15:0] + addend[15:0]});
      end
      product_high_q <= high;
      product_low_q <= low;
      product_info_q <= info;
      word_q <= word;
      product_bytes_q <= old_bytes_i;
    end
  end

  always_ff @(posedge clk_i) begin
    logic [DataBits-1:0] high, low, info;
    logic [63:0] sum, magnitude;
    int unsigned i;
    high = '0;
    low = '0;
    info = '0;
    i = 0;
    if (move && product_valid_q) begin
      for (i = 0; i < Lanes; i++) begin
        sum = fma32_sum({product_high_q[i*32+:32], product_low_q[i*32+:32]}, word_q[i*32+:32],
                        product_info_q[i*32+:32]);
        magnitude = fma32_magnitude(sum);
        high[i*32+:32] = magnitude[63:32];
        low[i*32+:32] = magnitude[31:0];
        info[i*32+:32] = fma32_sum_info(sum, word_q[i*32+:32], product_info_q[i*32+:32]);
      end
      sum_high_q <= high;
      sum_low_q <= low;
      sum_info_q <= info;
      sum_word_q <= word_q;
      sum_bytes_q <= product_bytes_q;
    end
  end

  always_ff @(posedge clk_i) begin
    logic [DataBits-1:0] line;
    logic [31:0] rounded;
    int unsigned i;
    line = '0;
    i = 0;
    if (move && sum_valid_q) begin
      for (i = 0; i < Lanes; i++) begin
        rounded = fma32_round({sum_high_q[i*32+:32], sum_low_q[i*32+:32]}, sum_info_q[i*32+:32]);
        line[i*32+:32] = float_i ? rounded : sum_word_q[i*32+:32];
      end
      line_data_o <= line;
      line_bytes_o <= sum_bytes_q;
    end
  end

endmodule
