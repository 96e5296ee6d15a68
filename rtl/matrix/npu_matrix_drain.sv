// SPDX-License-Identifier: Apache-2.0
// Writes a finished tile: result registers -> scales (ROW_COL) -> element type of C -> lines of the write stream.
//
// Row by row; each row of the tile is one segment. The stages move together and stop while a line waits.

`include "npu_fault.svh"

module npu_matrix_drain
  import npu_pkg::*;
  import npu_isa_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter int unsigned Rows = 16,
    parameter int unsigned Cols = 16,
    parameter int unsigned Blocks = 4,
    parameter int unsigned AxiDataBits = 512,
    localparam int unsigned SlotBits = $clog2(2 * Blocks),
    localparam int unsigned BlockBits = $clog2(Blocks),
    localparam int unsigned RowBits = $clog2(Rows),
    localparam int unsigned W = Cols * 32,
    localparam int unsigned Lines = Blocks * W / LineBits
) (
    input logic  clk_i,
    input logic  rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input mode_t mode_i,  // each unit uses some of the fields
    // verilator lint_on UNUSEDSIGNAL
    input addr_t row_stride_i,

    input  logic       tile_valid_i,
    output logic       tile_ready_o,
    input  tile_t      tile_i,
    input  logic [1:0] tile_operands_i,  // by parity
    output logic       tile_freed_o,

    output logic                drain_en_o,
    output logic [RowBits-1:0]  drain_row_o,
    output logic [SlotBits-1:0] drain_slot_o,
    input  logic [W-1:0]        drain_data_i,

    // Column scales, pair `read_group_o` of the buffer, from the next cycle on in scale_words_i; row scales at once.
    output logic                 read_scale_o,
    output logic                 read_parity_o,
    output logic [1:0]           read_group_o,
    input  logic [LineBits-1:0]  scale_words_i[Lines],
    output logic [RowBits:0]     row_scale_at_o,
    input  logic [LineBits-1:0]  row_scale_i,  // the line of 16 that holds it

    output logic                   seg_valid_o,
    input  logic                   seg_ready_i,
    output addr_t                  seg_addr_o,
    output logic [31:0]            seg_bytes_o,
    output logic                   line_valid_o,
    input  logic                   line_ready_i,
    output logic [AxiDataBits-1:0] line_data_o,

    output logic idle_o
);

  // C leaves in units: a block of 16-bit elements, or a line if that is smaller.
  localparam int unsigned UnitBits = (Cols * 16 < AxiDataBits) ? Cols * 16 : AxiDataBits;
  localparam int unsigned LineUnits = AxiDataBits / UnitBits;
  localparam int unsigned BlockUnits = W / UnitBits;  // of 32-bit elements
  localparam int unsigned LineUnitBits = (LineUnits > 1) ? $clog2(LineUnits) : 1;
  localparam int unsigned BlockUnitBits = $clog2(BlockUnits) + 1;

  typedef enum logic [2:0] {
    IDLE,
    WAIT_SCALES,
    SEGMENT,
    READ_SCALE,
    BLOCK,
    LAST_BLOCK
  } state_e;
  state_e state;

  // verilator lint_off UNUSEDSIGNAL
  tile_t tile;  // the address is used when it is taken
  // verilator lint_on UNUSEDSIGNAL
  logic parity;
  logic [7:0] row;
  logic [1:0] group;
  logic [BlockBits-1:0] block;
  logic [10:0] cols_left;
  addr_t row_addr;

  logic pipe_empty;
  logic is_wide;  // 32-bit elements
  assign is_wide = (mode_i.c_type == DTYPE_F32) | (mode_i.c_type == DTYPE_I32);

  assign tile_ready_o = state == IDLE;
  assign idle_o = state == IDLE;
  assign seg_valid_o = state == SEGMENT;
  assign seg_addr_o = row_addr;
  assign seg_bytes_o = is_wide ? {19'd0, tile.cols, 2'd0} : {20'd0, tile.cols, 1'd0};

  logic advance, issue, last_block;
  assign issue = (state == BLOCK) & advance;
  assign last_block = cols_left <= 11'(Cols);
  assign drain_en_o = issue;
  assign read_scale_o = (state == READ_SCALE) & pipe_empty;
  assign read_parity_o = parity;
  // Superlines share the buffer evenly, as in the other buffers.
  assign read_group_o = (tile.split == SPLIT_2) ? {group[0], 1'b0} : group;
  assign row_scale_at_o = row[RowBits:0];

  always_comb begin
    case (tile.split)
      SPLIT_1: begin
        drain_row_o = row[RowBits-1:0];
        drain_slot_o = {row[RowBits], block};
      end
      SPLIT_2: begin
        drain_row_o = RowBits'(32'(row) + (32'(block) & 32'd1) * (Rows / 2));
        drain_slot_o = SlotBits'(32'(group) * (Blocks / 2) + (32'(block) >> 1));
      end
      default: begin
        drain_row_o = RowBits'(32'(row) + (32'(block) & 32'd3) * (Rows / 4));
        drain_slot_o = SlotBits'(32'(group) * (Blocks / 4) + (32'(block) >> 2));
      end
    endcase
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state <= IDLE;
      parity <= 1'b0;
      tile_freed_o <= 1'b0;
    end else if ((state != IDLE) | tile_valid_i | tile_freed_o) begin
      tile_freed_o <= 1'b0;
      case (state)
        IDLE:
        if (tile_valid_i) begin
          tile <= tile_i;
          row <= '0;
          row_addr <= tile_i.addr;
          state <= mode_i.row_col ? WAIT_SCALES : SEGMENT;
        end
        WAIT_SCALES: if (tile_operands_i[parity]) state <= SEGMENT;
        SEGMENT:
        if (seg_ready_i) begin
          group <= '0;
          block <= '0;
          cols_left <= tile.cols;
          row_addr <= row_addr + row_stride_i;
          state <= mode_i.row_col ? READ_SCALE : BLOCK;
        end
        READ_SCALE: if (pipe_empty) state <= BLOCK;
        BLOCK:
        if (advance) begin
          block <= block + 1'b1;
          cols_left <= cols_left - 11'(Cols);
          if (&block) begin
            group <= group + 2'd1;
            if (mode_i.row_col) state <= READ_SCALE;
          end
          if (last_block) begin
            row <= row + 8'd1;
            state <= (row + 8'd1 == tile.rows) ? LAST_BLOCK : SEGMENT;
          end
        end
        LAST_BLOCK:
        // The result registers have been read when their last block is in the pipeline.
        if (pipe_empty) begin
          parity <= ~parity;
          tile_freed_o <= 1'b1;
          state <= IDLE;
        end
        default: state <= IDLE;
      endcase
    end
  end

  // ---- what travels with a block
  typedef struct packed {
    logic valid;
    logic last;                   // of the row
    logic [BlockBits-1:0] block;
    logic [10:0] cols;            // left in the row, this block included
    logic [31:0] row_scale;
  } tag_t;

  // The scaled path: int to fp32, row scale, column scale; then the element type of C.
  // verilator lint_off UNUSEDSIGNAL
  tag_t tag1, tag2, tag3, tag4, tag5;  // fields are used at different stages
  // verilator lint_on UNUSEDSIGNAL
  logic [W-1:0] scaled1, scaled2, scaled3, narrowed;
  assign pipe_empty = ~(tag1.valid | tag2.valid | tag3.valid | tag4.valid | tag5.valid);

  logic pack_busy;
  assign advance = ~pack_busy;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tag1 <= '0;
      tag2 <= '0;
      tag3 <= '0;
      tag4 <= '0;
      tag5 <= '0;
    end else if (advance & ((state != IDLE) | ~pipe_empty)) begin
      tag1 <= '{valid: issue, last: last_block, block: block, cols: cols_left,
                row_scale: `NPU_FAULT(matrix_row_scale, row_scale_i[{row[3:0], 5'd0}+:32],
                                      row_scale_i[{issue & mode_i.row_col ? row[3:0] & 4'd13 : row[3:0], 5'd0}+:32])};
      if (mode_i.row_col) begin
        tag2 <= tag1;
        tag3 <= tag2;
        tag4 <= tag3;
        tag5 <= tag4;
      end else begin
        tag5 <= tag1;
      end
    end
  end

  // Registers of this block only, hence blocking assignments.
  // verilator lint_off BLKSEQ
  logic [W-1:0] nx, column;
  always_ff @(posedge clk_i) begin : scale
    logic [31:0] j, k;
    j = 0;
    k = 0;
    if (advance & ~pipe_empty) begin
      if (mode_i.row_col ? tag4.valid : tag1.valid) begin
        case (mode_i.c_type)
          DTYPE_BF16:
          for (j = 0; j < Cols; j++)
            nx[j*32+:32] = npu_convert_pkg::f32_to_bf16(mode_i.row_col ? scaled3[j*32+:32] : drain_data_i[j*32+:32]);
          DTYPE_F16:
          for (j = 0; j < Cols; j++)
            nx[j*32+:32] = npu_convert_pkg::f32_to_f16(mode_i.row_col ? scaled3[j*32+:32] : drain_data_i[j*32+:32]);
          default: nx = mode_i.row_col ? scaled3 : drain_data_i;
        endcase
        narrowed <= nx;
      end
      if (tag3.valid) begin
        for (j = 0; j < Cols; j++) begin
          k = 32'(tag3.block) * Cols + j;
          column[j*32+:32] = scale_words_i[k/16][{k[3:0], 5'd0}+:32];
        end
        for (j = 0; j < Cols; j++) nx[j*32+:32] = npu_fp32_pkg::mul32(scaled2[j*32+:32], column[j*32+:32]);
        scaled3 = nx;
      end
      if (tag2.valid) begin
        k = tag2.row_scale;
        for (j = 0; j < Cols; j++) nx[j*32+:32] = npu_fp32_pkg::mul32(scaled1[j*32+:32], k);
        scaled2 = nx;
      end
      if (mode_i.row_col & tag1.valid) begin
        for (j = 0; j < Cols; j++) nx[j*32+:32] = npu_alu_pkg::i2f32(drain_data_i[j*32+:32]);
        scaled1 = nx;
      end
    end
  end

  // ---- packing: units of the block in turn, into lines
  logic [BlockUnitBits-1:0] unit, units, units_needed;
  logic [LineUnitBits-1:0] at;
  logic [W-1:0] packed16;
  logic last_unit, line_full;
  logic [13:0] row_bits_left;

  // Units of a block that hold columns of the row.
  assign units = is_wide ? BlockUnitBits'(BlockUnits) : BlockUnitBits'(BlockUnits / 2);
  assign row_bits_left = is_wide ? 14'(tag5.cols) << 5 : 14'(tag5.cols) << 4;
  assign units_needed = tag5.last ? BlockUnitBits'((32'(row_bits_left) + UnitBits - 1) / UnitBits) : units;

  assign last_unit = unit + 1'b1 == units_needed;
  assign line_full = (32'(at) == LineUnits - 1) | (last_unit & tag5.last);
  logic unit_taken;
  assign unit_taken = tag5.valid & (~line_valid_o | line_ready_i);
  // The pipeline moves when the block in its last stage is through.
  assign pack_busy = tag5.valid & ~(unit_taken & last_unit);

  always_ff @(posedge clk_i) begin : pack
    logic [31:0] j;
    j = 0;
    if (!rst_ni) begin
      line_valid_o <= 1'b0;
      unit <= '0;
      at <= '0;
    end else if (tag5.valid | line_valid_o) begin
      if (line_ready_i) line_valid_o <= 1'b0;
      if (unit_taken) begin
        if (is_wide) packed16 = narrowed;
        else for (j = 0; j < Cols / 2; j++)
          packed16[j*32+:32] = `NPU_FAULT(matrix_pack_order, (narrowed[j*64+:32] & 32'hffff) | (narrowed[j*64+32+:32] << 16),
                                          (narrowed[j*64+32+:32] & 32'hffff) | (narrowed[j*64+:32] << 16));
        line_data_o[32'(at)*UnitBits+:UnitBits] <= packed16[32'(unit)*UnitBits+:UnitBits];
        unit <= last_unit ? '0 : unit + 1'b1;
        at <= line_full ? '0 : at + 1'b1;
        line_valid_o <= line_full;
      end
    end
  end
  // verilator lint_on BLKSEQ

endmodule
