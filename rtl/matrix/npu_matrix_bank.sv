// SPDX-License-Identifier: Apache-2.0
// Memory for panels: pairs of 64-byte lines, written by lines or halves of lines, read by pairs. Two sources write, never
// in the same cycle.

module npu_matrix_bank
  import npu_matrix_pkg::*;
#(
    parameter int unsigned Pairs = 256,
    localparam int unsigned PairBits = $clog2(Pairs)
) (
    input logic clk_i,

    input logic                direct_i,
    input logic [PairBits:0]   direct_line_i,
    input logic [1:0]          direct_half_i,
    input logic [LineBits-1:0] direct_data_i,
    input logic                turned_i,
    input logic [PairBits:0]   turned_line_i,
    input logic [LineBits-1:0] turned_data_i,

    input  logic                read_i,
    input  logic [PairBits-1:0] read_pair_i,
    output logic [LineBits-1:0] even_o,       // in the cycle after read_i
    output logic [LineBits-1:0] odd_o
);

  localparam int unsigned Half = LineBits / 2;

  logic [LineBits-1:0] even[Pairs];
  logic [LineBits-1:0] odd[Pairs];

  always_ff @(posedge clk_i) begin
    if (direct_i & ~direct_line_i[0]) begin
      if (direct_half_i[0]) even[direct_line_i[PairBits:1]][Half-1:0] <= direct_data_i[Half-1:0];
      if (direct_half_i[1]) even[direct_line_i[PairBits:1]][LineBits-1:Half] <= direct_data_i[LineBits-1:Half];
    end else if (turned_i & ~turned_line_i[0]) begin
      even[turned_line_i[PairBits:1]] <= turned_data_i;
    end
    if (read_i) even_o <= even[read_pair_i];
  end

  always_ff @(posedge clk_i) begin
    if (direct_i & direct_line_i[0]) begin
      if (direct_half_i[0]) odd[direct_line_i[PairBits:1]][Half-1:0] <= direct_data_i[Half-1:0];
      if (direct_half_i[1]) odd[direct_line_i[PairBits:1]][LineBits-1:Half] <= direct_data_i[LineBits-1:Half];
    end else if (turned_i & turned_line_i[0]) begin
      odd[turned_line_i[PairBits:1]] <= turned_data_i;
    end
    if (read_i) odd_o <= odd[read_pair_i];
  end

endmodule
