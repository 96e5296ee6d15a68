// SPDX-License-Identifier: Apache-2.0
// Turns 32 contiguous columns (lanes) into lines of a panel. Two halves: one fills while the other is read.
//
// Line o of the panel needs from every lane the same word of 32 bits: the words of two output lines are those of one
// word column, whatever the element size (4 to 32 bits).

module npu_matrix_transposer
  import npu_matrix_pkg::*;
#(
    // Panels of a superline, and log2 of the lines of a tile in a bank of the initial values.
    parameter int unsigned BPanels = 2,
    parameter int unsigned InitLineBits = 6
) (
    input logic clk_i,
    input logic rst_ni,

    input  logic                     line_valid_i,
    output logic                     line_ready_o,
    input  logic [LineBits-1:0]      line_i,
    input  logic [4:0]               lane_i,
    input  logic [1:0]               lane_line_i,  // which line of the lane
    input  logic                     end_i,        // the last line of the panel
    input  dest_e                    dest_i,
    input  logic [ChunkSlotBits-1:0] slot_i,
    input  split_e                   split_i,
    input  logic [5:0]               panel_i,
    input  logic [2:0]               log2_bits_i,
    input  logic [7:0]               rows_i,
    input  logic                     final_i,

    output place_t                   place_o,  // a line of the panel; always taken
    output logic [LineBits-1:0]      data_o,
    output logic                     final_o,  // the last line of the final load
    output logic                     idle_o
);

  typedef struct packed {
    dest_e dest;
    logic [ChunkSlotBits-1:0] slot;
    split_e split;
    logic [5:0] panel;
    logic [2:0] log2_bits;
    logic [7:0] lines;  // of the panel, less one
    logic last;
  } panel_t;

  panel_t panel[2];
  logic [1:0] full;
  logic fill_half, read_half;
  logic [7:0] out_line;
  logic running, end_of_panel;
  panel_t current;

  assign line_ready_o = ~full[fill_half];
  assign running = full[read_half];
  assign current = panel[read_half];
  assign end_of_panel = out_line == current.lines;
  assign idle_o = (full == 2'b00) & ~place_o.valid;

  // A line holds 512 bits: rows * 32 columns of 2^log2_bits bits.
  function automatic logic [7:0] lines_of(input logic [7:0] rows, input logic [2:0] log2_size);
    lines_of = 8'((({5'd0, rows} << log2_size) + 13'd15) >> 4) - 8'd1;
  endfunction

  logic [LineBits-1:0] lanes[2*LaneLines*PanelCols];
  logic take;
  assign take = line_valid_i & line_ready_o;

  always_ff @(posedge clk_i) begin
    if (take) lanes[{fill_half, lane_line_i, lane_i}] <= line_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      full <= 2'b00;
      fill_half <= 1'b0;
      read_half <= 1'b0;
      out_line <= '0;
      place_o.valid <= 1'b0;
      final_o <= 1'b0;
    end else if (take | running | place_o.valid) begin
      if (take & end_i) begin
        panel[fill_half] <= '{dest_i, slot_i, split_i, panel_i, log2_bits_i, lines_of(rows_i, log2_bits_i), final_i};
        full[fill_half] <= 1'b1;
        fill_half <= ~fill_half;
      end
      place_o.valid <= running;
      final_o <= running & end_of_panel & current.last;
      if (running) begin
        place_o.dest <= current.dest;
        place_o.slot <= current.slot;
        place_o.bank <= (current.dest == DEST_A) ? current.panel[1:0] : 2'(current.panel % 6'(BPanels));
        place_o.line <= (current.dest == DEST_A) ? out_line
            : slot_line(out_line, current.panel / 6'(BPanels), current.split, slot_line_bits(current.dest, 4'(InitLineBits)));
        place_o.half <= 2'b11;
        out_line <= end_of_panel ? '0 : out_line + 8'd1;
        if (end_of_panel) begin
          full[read_half] <= 1'b0;
          read_half <= ~read_half;
        end
      end
    end
  end

  // Registers of this block only, hence blocking assignments.
  // verilator lint_off BLKSEQ
  logic [31:0] column[PanelCols];
  logic [31:0] word[LineBits/32];
  logic [LineBits-1:0] turned;
  always_ff @(posedge clk_i) begin : turn
    logic [31:0] j, at, shift;
    j = 0;
    at = 0;
    shift = 0;
    if (running) begin
      at = 32'({read_half, out_line[6:5], 5'd0});
      if (!out_line[0]) begin
        for (j = 0; j < PanelCols; j++) column[j] = lanes[8'(at+j)][{out_line[4:1], 5'd0}+:32];
      end
      case (current.log2_bits)
        3'd5: for (j = 0; j < 16; j++) word[j] = column[{out_line[0], j[3:0]}];
        3'd4: begin
          shift = {27'd0, out_line[0], 4'd0};
          for (j = 0; j < 16; j++)
            word[j] = ((column[2*j] >> shift) & 32'hffff) | (((column[2*j+1] >> shift) & 32'hffff) << 16);
        end
        3'd3: begin
          shift = {27'd0, out_line[0], 4'd0};
          for (j = 0; j < 8; j++) begin
            word[j] = ((column[4*j] >> shift) & 32'hff) | (((column[4*j+1] >> shift) & 32'hff) << 8)
                | (((column[4*j+2] >> shift) & 32'hff) << 16) | (((column[4*j+3] >> shift) & 32'hff) << 24);
            word[8+j] = ((column[4*j] >> (shift + 8)) & 32'hff) | (((column[4*j+1] >> (shift + 8)) & 32'hff) << 8)
                | (((column[4*j+2] >> (shift + 8)) & 32'hff) << 16) | (((column[4*j+3] >> (shift + 8)) & 32'hff) << 24);
          end
        end
        default: begin
          // Four rows of 32 nibbles: word 4 r + i holds columns 8 i to 8 i + 7 of row r.
          for (j = 0; j < 16; j++) begin
            shift = {27'd0, out_line[0], 4'd0} + ((j >> 2) << 2);
            at = (j & 32'd3) << 3;
            word[j] = ((column[5'(at)] >> shift) & 32'hf) | (((column[5'(at+1)] >> shift) & 32'hf) << 4)
                | (((column[5'(at+2)] >> shift) & 32'hf) << 8) | (((column[5'(at+3)] >> shift) & 32'hf) << 12)
                | (((column[5'(at+4)] >> shift) & 32'hf) << 16) | (((column[5'(at+5)] >> shift) & 32'hf) << 20)
                | (((column[5'(at+6)] >> shift) & 32'hf) << 24) | (((column[5'(at+7)] >> shift) & 32'hf) << 28);
          end
        end
      endcase
      for (j = 0; j < 16; j++) turned[j*32+:32] = word[j];
      data_o <= turned;
    end
  end
  // verilator lint_on BLKSEQ

endmodule
