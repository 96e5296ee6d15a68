// SPDX-License-Identifier: Apache-2.0
// Memory for panels: pairs of 64-byte lines, written by lines or halves of lines, read by pairs. Two sources write, never
// in the same cycle, and none writes the pair that is read.

module npu_matrix_bank
  import npu_matrix_pkg::*;
#(
    parameter int unsigned Pairs = 256,
    // Lines whose `dest` and `bank` are these are for this memory.
    parameter dest_e Dest = DEST_B,
    parameter logic [1:0] Bank = 2'd0,
    // Line bits of a slot; the rest of the line number are low bits of the slot.
    parameter int unsigned SlotLineBits = 7,
    localparam int unsigned PairBits = $clog2(Pairs),
    localparam int unsigned SlotPairBits = SlotLineBits - 1
) (
    input logic clk_i,

    // verilator lint_off UNUSEDSIGNAL
    input place_t              direct_i,  // a small memory needs not all bits of line and slot
    input place_t              turned_i,  // always whole lines
    // verilator lint_on UNUSEDSIGNAL
    input logic [LineBits-1:0] direct_data_i,
    input logic [LineBits-1:0] turned_data_i,

    // The pair that holds a row of elements.
    input  logic                     read_i,
    input  logic [ChunkSlotBits-1:0] read_slot_i,
    input  logic [7:0]               read_row_i,
    input  logic [1:0]               read_group_i,  // superline
    input  split_e                   split_i,
    input  npu_isa_pkg::dtype_e      dtype_i,
    output logic [LineBits-1:0]      even_o,        // in the cycle after read_i
    output logic [LineBits-1:0]      odd_o
);

  localparam int unsigned HalfBits = LineBits / 2;

  logic [HalfBits-1:0] even_lo[Pairs];
  logic [HalfBits-1:0] even_hi[Pairs];
  logic [HalfBits-1:0] odd_lo[Pairs];
  logic [HalfBits-1:0] odd_hi[Pairs];

  function automatic logic [PairBits:0] line_of(input logic [ChunkSlotBits-1:0] slot, input logic [SlotLineBits-1:0] in_slot);
    line_of = (PairBits + 1)'({slot, in_slot});
  endfunction

  // The variables are of this block only, hence blocking assignments.
  // verilator lint_off BLKSEQ
  logic [LineBits-1:0] word;
  logic [PairBits-1:0] pair;
  logic [PairBits:0] line;
  logic [1:0] half;
  always_ff @(posedge clk_i) begin
    if (read_i) begin
      pair = PairBits'({read_slot_i, SlotPairBits'(slot_line(pair_of(read_row_i, log2_bits(dtype_i)), {4'd0, read_group_i},
                                                           split_i, 4'(SlotPairBits)))});
      even_o <= {even_hi[pair], even_lo[pair]};
      odd_o <= {odd_hi[pair], odd_lo[pair]};
    end
    if ((direct_i.valid & (direct_i.dest == Dest) & (direct_i.bank == Bank))
        | (turned_i.valid & (turned_i.dest == Dest) & (turned_i.bank == Bank))) begin
      if (direct_i.valid & (direct_i.dest == Dest) & (direct_i.bank == Bank)) begin
        line = line_of(direct_i.slot, direct_i.line[SlotLineBits-1:0]);
        half = direct_i.half;
        word = direct_data_i;
      end else begin
        line = line_of(turned_i.slot, turned_i.line[SlotLineBits-1:0]);
        half = 2'b11;
        word = turned_data_i;
      end
      if (~line[0] & half[0]) even_lo[line[PairBits:1]] <= word[HalfBits-1:0];
      if (~line[0] & half[1]) even_hi[line[PairBits:1]] <= word[LineBits-1:HalfBits];
      if (line[0] & half[0]) odd_lo[line[PairBits:1]] <= word[HalfBits-1:0];
      if (line[0] & half[1]) odd_hi[line[PairBits:1]] <= word[LineBits-1:HalfBits];
    end
  end
  // verilator lint_on BLKSEQ

endmodule
