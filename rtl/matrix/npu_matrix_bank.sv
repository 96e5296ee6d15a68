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

  localparam int unsigned HalfBits = LineBits / 2;

  logic [HalfBits-1:0] even_lo[Pairs];
  logic [HalfBits-1:0] even_hi[Pairs];
  logic [HalfBits-1:0] odd_lo[Pairs];
  logic [HalfBits-1:0] odd_hi[Pairs];

  // One write port for both sources. The word is a register of this block only, hence blocking.
  // verilator lint_off BLKSEQ
  logic [LineBits-1:0] word;
  always_ff @(posedge clk_i) begin : write
    logic [PairBits:0] line;
    logic [1:0] half;
    line = '0;
    half = '0;
    if (direct_i | turned_i) begin
      line = direct_i ? direct_line_i : turned_line_i;
      half = direct_i ? direct_half_i : 2'b11;
      if (direct_i) word = direct_data_i;
      else word = turned_data_i;
      if (~line[0] & half[0]) even_lo[line[PairBits:1]] <= word[HalfBits-1:0];
      if (~line[0] & half[1]) even_hi[line[PairBits:1]] <= word[LineBits-1:HalfBits];
      if (line[0] & half[0]) odd_lo[line[PairBits:1]] <= word[HalfBits-1:0];
      if (line[0] & half[1]) odd_hi[line[PairBits:1]] <= word[LineBits-1:HalfBits];
    end
  end
  // verilator lint_on BLKSEQ

  always_ff @(posedge clk_i) begin
    if (read_i) begin
      even_o <= {even_hi[read_pair_i], even_lo[read_pair_i]};
      odd_o <= {odd_hi[read_pair_i], odd_lo[read_pair_i]};
    end
  end

endmodule
