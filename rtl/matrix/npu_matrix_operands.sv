// SPDX-License-Identifier: Apache-2.0
// Operand buffers of the matrix engine: banks of panels, and what makes words of the array of their rows.

module npu_matrix_operands
  import npu_isa_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter int unsigned Rows = 16,
    parameter int unsigned Cols = 16,
    parameter int unsigned Blocks = 4,
    localparam int unsigned W = Cols * 32,
    localparam int unsigned BlockBits = $clog2(Blocks),
    localparam int unsigned RowBits = $clog2(Rows),
    localparam int unsigned BPanels = Blocks * Cols / PanelCols
) (
    input logic  clk_i,
    input logic  side_clk_i,  // runs for packets with initial values or scales
    input logic  rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input mode_t mode_i,  // each unit uses some of the fields
    // verilator lint_on UNUSEDSIGNAL
    input split_e split_i,

    // Lines from memory and from the transposer.
    input place_t              direct_i,
    input logic [LineBits-1:0] direct_data_i,
    input place_t              turned_i,
    input logic [LineBits-1:0] turned_data_i,

    // Words of A for each row of the array, of the first and the second group of rows: three cycles after the read.
    input  logic                     read_a_i,
    input  logic [ChunkSlotBits-1:0] read_a_slot_i,
    input  logic [6:0]               read_a_row_i,
    output logic [Rows*32-1:0]       a_first_o,
    output logic [Rows*32-1:0]       a_second_o,

    // Words of B, a superline: in the cycle after the load.
    input  logic                     read_b_i,
    input  logic [ChunkSlotBits-1:0] read_b_slot_i,
    input  logic [6:0]               read_b_row_i,
    input  logic [1:0]               read_b_group_i,
    input  logic                     load_b_i,
    output logic [BPanels*PanelCols*32-1:0] b_o,

    // Initial values of a row: block `init_block_i`, from the second cycle after the read on under init_en_i.
    input  logic                 read_init_i,
    input  logic                 read_init_parity_i,
    input  logic [7:0]           read_init_row_i,
    input  logic [1:0]           read_init_group_i,
    input  logic                 init_en_i,
    input  logic [BlockBits-1:0] init_block_i,
    output logic [W-1:0]         init_data_o,

    // Column scales, from the cycle after the read on; the line of 16 row scales that holds row `row_scale_at_i`.
    input  logic                read_scale_i,
    input  logic                scale_parity_i,
    input  logic [1:0]          scale_group_i,
    output logic [LineBits-1:0] scale_words_o[2*BPanels],
    input  logic [RowBits:0]    row_scale_at_i,
    output logic [LineBits-1:0] row_scale_o
);

  localparam int unsigned RowTile = 2 * Rows;
  localparam int unsigned APanels = (RowTile > PanelCols) ? RowTile / PanelCols : 1;
  localparam int unsigned InitPairs = RowTile;
  localparam int unsigned ChunkPairBits = $clog2(ChunkPairs);
  localparam int unsigned InitPairBits = $clog2(InitPairs);

  // ---- A: rows k of APanels panels, then one word for each row of the array
  logic a_widen;
  logic [2:0] a_row_low;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) a_widen <= 1'b0;
    else if (read_a_i | a_widen) begin
      a_widen <= read_a_i;
      a_row_low <= read_a_row_i[2:0];
    end
  end

  // A small array uses a part of its panel.
  // verilator lint_off UNUSEDSIGNAL
  logic [APanels*PanelCols*32-1:0] a_words;
  // verilator lint_on UNUSEDSIGNAL
  for (genvar i = 0; i < APanels; i++) begin : gen_a
    logic [LineBits-1:0] even, odd;
    npu_matrix_bank #(
        .Pairs(ChunkSlots * ChunkPairs),
        .Dest(DEST_A),
        .Bank(2'(i)),
        .SlotLineBits(ChunkPairBits + 1)
    ) u_bank (
        .clk_i,
        .direct_i,
        .turned_i,
        .direct_data_i,
        .turned_data_i,
        .read_i(read_a_i),
        .read_slot_i(read_a_slot_i),
        .read_row_i({1'b0, read_a_row_i}),
        .read_group_i(2'd0),
        .split_i(SPLIT_1),
        .dtype_i(mode_i.a_type),
        .even_o(even),
        .odd_o(odd)
    );
    npu_matrix_widen u_widen (
        .clk_i,
        .valid_i(a_widen),
        .dtype_i(mode_i.a_type),
        .raw_i(1'b0),
        .row_i(a_row_low),
        .even_i(even),
        .odd_i(odd),
        .words_o(a_words[i*PanelCols*32+:PanelCols*32])
    );
  end

  // The words in the order of the array's rows, for both groups of rows.
  logic a_map;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) a_map <= 1'b0;
    else if (a_widen | a_map) a_map <= a_widen;
  end
  always_ff @(posedge clk_i) begin
    if (a_map) begin
      a_second_o <= a_words[Rows*32+:Rows*32];
      case (split_i)
        SPLIT_1: a_first_o <= a_words[Rows*32-1:0];
        SPLIT_2: a_first_o <= {2{a_words[Rows*16-1:0]}};
        default: a_first_o <= {4{a_words[Rows*8-1:0]}};
      endcase
    end
  end

  // ---- B, initial values, column scales: superlines of BPanels panels
  // A bias is words of 32 bits whatever the type of C.
  dtype_e init_type;
  assign init_type = (mode_i.init_mode == INIT_MODE_BIAS) ? DTYPE_I32 : mode_i.c_type;

  logic init_widen;
  logic [2:0] init_row_low;
  always_ff @(posedge side_clk_i) begin
    if (!rst_ni) begin
      init_widen <= 1'b0;
    end else if (read_init_i | init_widen) begin
      init_widen <= read_init_i;
      init_row_low <= read_init_row_i[2:0];
    end
  end

  logic [PanelCols*32-1:0] init_words[BPanels];
  for (genvar i = 0; i < BPanels; i++) begin : gen_b
    npu_matrix_panel #(
        .Bank(2'(i))
    ) u_panel (
        .clk_i,
        .side_clk_i,
        .rst_ni,
        .mode_i,
        .direct_i,
        .turned_i,
        .split_i,
        .direct_data_i,
        .turned_data_i,
        .read_i(read_b_i),
        .read_slot_i(read_b_slot_i),
        .read_row_i(read_b_row_i),
        .read_group_i(read_b_group_i),
        .load_i(load_b_i),
        .words_o(b_o[i*PanelCols*32+:PanelCols*32])
    );

    logic [LineBits-1:0] init_even, init_odd;
    npu_matrix_bank #(
        .Pairs(2 * InitPairs),
        .Dest(DEST_INIT),
        .Bank(2'(i)),
        .SlotLineBits(InitPairBits + 1)
    ) u_init_bank (
        .clk_i(side_clk_i),
        .direct_i,
        .turned_i,
        .direct_data_i,
        .turned_data_i,
        .read_i(read_init_i),
        .read_slot_i({1'b0, read_init_parity_i}),
        .read_row_i(read_init_row_i),
        .read_group_i(read_init_group_i),
        .split_i,
        .dtype_i(init_type),
        .even_o(init_even),
        .odd_o(init_odd)
    );
    npu_matrix_widen #(
        .Decode(1'b0)
    ) u_init_widen (
        .clk_i(side_clk_i),
        .valid_i(init_widen),
        .dtype_i(init_type),
        .raw_i(1'b0),
        .row_i(init_row_low),
        .even_i(init_even),
        .odd_i(init_odd),
        .words_o(init_words[i])
    );

    // Column scales: one pair, 32 words, for each superline of a tile.
    npu_matrix_bank #(
        .Pairs(8),
        .Dest(DEST_COL_SCALE),
        .Bank(2'(i)),
        .SlotLineBits(3)
    ) u_col_scale_bank (
        .clk_i(side_clk_i),
        .direct_i,
        .turned_i,
        .direct_data_i,
        .turned_data_i,
        .read_i(read_scale_i),
        .read_slot_i({1'b0, scale_parity_i}),
        .read_row_i({6'd0, scale_group_i}),  // one pair for each superline
        .read_group_i(2'd0),
        .split_i(SPLIT_1),
        .dtype_i(DTYPE_F32),
        .even_o(scale_words_o[2*i]),
        .odd_o(scale_words_o[2*i+1])
    );
  end

  always_ff @(posedge side_clk_i) begin
    if (init_en_i)
      init_data_o <= init_words[32'(init_block_i)*Cols/PanelCols][32'(init_block_i)*W%(PanelCols*32)+:W];
  end

  // One word for each row of the tile, lines of 16.
  localparam int unsigned RowLines = (RowTile > 16) ? RowTile / 16 : 1;
  logic [LineBits-1:0] row_scale[2*RowLines];
  always_ff @(posedge side_clk_i) begin
    if (direct_i.valid & (direct_i.dest == DEST_ROW_SCALE))
      row_scale[direct_i.slot[0]*RowLines+32'(direct_i.line)] <= direct_data_i;
  end
  assign row_scale_o = row_scale[32'(scale_parity_i)*RowLines+32'(row_scale_at_i)/16];

endmodule
