// SPDX-License-Identifier: Apache-2.0
// One panel of each superline of B: its banks, with those of the group scales, and its operand register.

module npu_matrix_panel
  import npu_isa_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter logic [1:0] Bank = 2'd0  // of its lines
) (
    input logic   clk_i,
    input logic   side_clk_i,  // runs for group-quantised packets, at least
    input logic   rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input mode_t  mode_i,    // each unit uses some of the fields
    // verilator lint_on UNUSEDSIGNAL
    input place_t direct_i,  // lines from memory
    input place_t turned_i,  // and from the transposer, always whole
    input split_e split_i,

    input logic [LineBits-1:0] direct_data_i,
    input logic [LineBits-1:0] turned_data_i,

    input logic                     read_i,
    input logic [ChunkSlotBits-1:0] read_slot_i,
    input logic [6:0]               read_row_i,
    input logic [1:0]               read_group_i,

    // Two cycles after the read, group-quantised six.
    input  logic                    load_i,
    output logic [PanelCols*32-1:0] words_o
);

  localparam int unsigned ChunkPairBits = $clog2(ChunkPairs);
  localparam int unsigned ScalePairBits = $clog2(ScalePairs);

  logic b_widen, b_dequant;
  logic [2:0] b_row_low, scale_row_low;
  // Row of the scales that the row of B belongs to.
  logic [7:0] group_row;
  assign group_row = {1'b0, read_row_i} >> mode_i.log2_group;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      b_widen <= 1'b0;
      b_dequant <= 1'b0;
    end else if (read_i | b_widen | b_dequant) begin
      b_widen <= read_i;
      b_dequant <= b_widen & mode_i.group;
      b_row_low <= read_row_i[2:0];
      scale_row_low <= group_row[2:0];
    end
  end

  logic [LineBits-1:0] even, odd;
  logic [PanelCols*32-1:0] plain, scale, minimum, scaled;
  npu_matrix_bank #(
      .Pairs(ChunkSlots * ChunkPairs),
      .Dest(DEST_B),
      .Bank(Bank),
      .SlotLineBits(ChunkPairBits + 1)
  ) u_bank (
      .clk_i,
      .direct_i,
      .turned_i,
      .direct_data_i,
      .turned_data_i,
      .read_i(read_i),
      .read_slot_i,
      .read_row_i({1'b0, read_row_i}),
      .read_group_i,
      .split_i,
      .dtype_i(mode_i.b_type),
      .even_o(even),
      .odd_o(odd)
  );
  npu_matrix_widen u_widen (
      .clk_i,
      .valid_i(b_widen),
      .dtype_i(mode_i.b_type),
      .raw_i(mode_i.group),
      .row_i(b_row_low),
      .even_i(even),
      .odd_i(odd),
      .words_o(plain)
  );

  logic [LineBits-1:0] scale_even, scale_odd, min_even, min_odd;
  npu_matrix_bank #(
      .Pairs(ChunkSlots * ScalePairs),
      .Dest(DEST_SCALE),
      .Bank(Bank),
      .SlotLineBits(ScalePairBits + 1)
  ) u_scale_bank (
      .clk_i(side_clk_i),
      .direct_i,
      .turned_i,
      .direct_data_i,
      .turned_data_i,
      .read_i(read_i & mode_i.group),
      .read_slot_i,
      .read_row_i(group_row),
      .read_group_i,
      .split_i,
      .dtype_i(mode_i.scale_type),
      .even_o(scale_even),
      .odd_o(scale_odd)
  );
  npu_matrix_bank #(
      .Pairs(ChunkSlots * ScalePairs),
      .Dest(DEST_MIN),
      .Bank(Bank),
      .SlotLineBits(ScalePairBits + 1)
  ) u_min_bank (
      .clk_i(side_clk_i),
      .direct_i,
      .turned_i,
      .direct_data_i,
      .turned_data_i,
      .read_i(read_i & mode_i.group),
      .read_slot_i,
      .read_row_i(group_row),
      .read_group_i,
      .split_i,
      .dtype_i(mode_i.scale_type),
      .even_o(min_even),
      .odd_o(min_odd)
  );
  npu_matrix_widen #(
      .Decode(1'b0)
  ) u_scale_widen (
      .clk_i(side_clk_i),
      .valid_i(b_widen & mode_i.group),
      .dtype_i(mode_i.scale_type),
      .raw_i(1'b0),
      .row_i(scale_row_low),
      .even_i(scale_even),
      .odd_i(scale_odd),
      .words_o(scale)
  );
  npu_matrix_widen #(
      .Decode(1'b0)
  ) u_min_widen (
      .clk_i(side_clk_i),
      .valid_i(b_widen & mode_i.group),
      .dtype_i(mode_i.scale_type),
      .raw_i(1'b0),
      .row_i(scale_row_low),
      .even_i(min_even),
      .odd_i(min_odd),
      .words_o(minimum)
  );
  npu_matrix_dequant u_dequant (
      .clk_i(side_clk_i),
      .rst_ni,
      .valid_i(b_dequant),
      .q_i(plain),
      .scale_i(scale),
      .min_i(minimum),
      .words_o(scaled)
  );

  always_ff @(posedge clk_i) begin
    if (load_i) begin
      if (mode_i.group) words_o <= scaled;
      else words_o <= plain;
    end
  end

endmodule
