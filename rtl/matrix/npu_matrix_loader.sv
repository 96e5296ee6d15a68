// SPDX-License-Identifier: Apache-2.0
// Brings operands from memory into the buffers of the matrix engine.
//
// Each load becomes a list of segments for the read stream; a tag for each segment waits in a queue until its lines
// arrive and says where they go. Lines of LOAD_LANES pass through the transposer.

`include "npu_fault.svh"

module npu_matrix_loader
  import npu_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter int unsigned AxiDataBits = 512,
    // Panels of a superline, and log2 of the lines of a tile in a bank of the initial values.
    parameter int unsigned BPanels = 2,
    parameter int unsigned InitLineBits = 6,
    // Beats that may be in flight or wait for their place.
    parameter int unsigned FifoBeats = 256
) (
    input logic clk_i,
    input logic rst_ni,

    input  logic  load_valid_i,
    output logic  load_ready_o,
    input  load_t load_i,

    // Lines for the buffers: straight from memory, and from the transposer. Never both for one destination.
    output place_t              direct_o,
    output logic [LineBits-1:0] direct_data_o,
    output place_t              turned_o,
    output logic [LineBits-1:0] turned_data_o,

    output logic chunk_filled_o,  // all operands of the oldest chunk not yet reported are in the buffers
    output logic tile_filled_o,   // all operands of the tile of parity direct_o.slot[0]

    output logic                   ar_valid_o,
    input  logic                   ar_ready_i,
    output addr_t                  ar_addr_o,
    output logic [7:0]             ar_len_o,
    input  logic                   r_valid_i,
    input  logic [AxiDataBits-1:0] r_data_i,
    input  logic                   r_last_i,
    input  logic                   r_err_i,

    output logic  err_valid_o,
    output addr_t err_addr_o,
    input  logic  err_clear_i,
    output logic  idle_o,
    output logic  waiting_o  // lines are on their way and none is here
);

  typedef struct packed {
    dest_e dest;
    load_layout_e layout;
    logic [ChunkSlotBits-1:0] slot;
    split_e split;
    logic [2:0] log2_bits;
    logic [10:0] index;    // row, column or panel
    logic [7:0] rows;
    logic [10:0] cols;
    logic end_panel;       // the last column of a panel (LOAD_LANES)
    logic final_segment;   // of the chunk or of the operands of the tile
  } tag_t;

  // ---- segments
  // verilator lint_off UNUSEDSIGNAL
  load_t load;  // address and layout become the segments
  // verilator lint_on UNUSEDSIGNAL
  logic busy;
  logic [10:0] index, count;
  addr_t seg_addr;
  logic [31:0] seg_bytes;
  logic seg_valid, seg_ready, tag_valid, tag_ready, seg_taken, last_segment;
  tag_t tag_in, tag;

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [10:0] segments(input load_t l);
    case (l.layout)
      LOAD_ROWS: segments = {3'd0, l.rows};
      LOAD_LANES: segments = l.cols;
      default: segments = (l.cols + 11'd31) >> 5;
    endcase
  endfunction

  function automatic logic [31:0] segment_bytes(input load_t l);
    logic [31:0] elements;
    case (l.layout)
      LOAD_ROWS: elements = {21'd0, l.cols};
      LOAD_LANES: elements = {24'd0, l.rows};
      default: elements = {19'd0, l.rows, 5'd0};
    endcase
    segment_bytes = ((elements << l.log2_bits) + 32'd7) >> 3;
  endfunction

  // verilator lint_on UNUSEDSIGNAL

  assign last_segment = index + 11'd1 == count;
  assign load_ready_o = ~busy | (seg_taken & last_segment);
  assign seg_taken = busy & seg_ready & tag_ready;
  assign seg_valid = busy & tag_ready;
  assign tag_valid = busy & seg_ready;
  assign tag_in = '{
      dest: load.dest,
      layout: load.layout,
      slot: load.slot,
      split: load.split,
      log2_bits: load.log2_bits,
      index: index,
      rows: load.rows,
      cols: load.cols,
      end_panel: (&index[4:0]) | last_segment,
      final_segment: load.final_load & last_segment
  };

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy <= 1'b0;
    end else begin
      if (load_valid_i & load_ready_o) begin
        busy <= 1'b1;
        load <= load_i;
        index <= '0;
        count <= segments(load_i);
        seg_addr <= load_i.addr;
        seg_bytes <= segment_bytes(load_i);
      end else if (seg_taken) begin
        index <= index + 11'd1;
        seg_addr <= seg_addr + `NPU_FAULT(matrix_a_stride, load.stride, load.stride + addr_t'(load.dest == DEST_A && !last_segment ? 2 : 0));
        if (last_segment) busy <= 1'b0;
      end
    end
  end

  logic tag_here, tag_done, tags_empty;
  npu_fifo #(
      .Width($bits(tag_t)),
      .Depth(128)
  ) u_tags (
      .clk_i,
      .rst_ni,
      .push_valid_i(tag_valid),
      .push_ready_o(tag_ready),
      .push_data_i(tag_in),
      .pop_valid_o(tag_here),
      .pop_ready_i(tag_done),
      .pop_data_o(tag),
      .empty_o(tags_empty)
  );

  // ---- lines of the memory port, gathered to 64 bytes
  logic line_valid, line_ready, line_last, stream_idle;
  logic [LineBits-1:0] line;
  logic beat_valid, beat_ready, beat_last;
  logic [AxiDataBits-1:0] beat;
  // Lines are used whole: bytes behind the end of a segment land where nothing reads.
  // verilator lint_off UNUSEDSIGNAL
  logic [$clog2(AxiDataBits/8):0] beat_bytes;
  // verilator lint_on UNUSEDSIGNAL

  npu_rd_stream #(
      .DataBits(AxiDataBits),
      .FifoBeats(FifoBeats)
  ) u_stream (
      .clk_i,
      .rst_ni,
      .seg_valid_i(seg_valid),
      .seg_ready_o(seg_ready),
      .seg_addr_i(seg_addr),
      .seg_bytes_i(seg_bytes),
      .line_valid_o(beat_valid),
      .line_ready_i(beat_ready),
      .line_data_o(beat),
      .line_bytes_o(beat_bytes),
      .line_last_o(beat_last),
      .ar_valid_o,
      .ar_ready_i,
      .ar_addr_o,
      .ar_len_o,
      .r_valid_i,
      .r_data_i,
      .r_last_i,
      .r_err_i,
      .err_valid_o,
      .err_addr_o,
      .err_clear_i,
      .idle_o(stream_idle)
  );

  if (AxiDataBits == LineBits) begin : gen_direct
    assign line_valid = beat_valid;
    assign line = beat;
    assign line_last = beat_last;
    assign beat_ready = line_ready;
  end else begin : gen_gather
    localparam int unsigned Beats = LineBits / AxiDataBits;
    logic [$clog2(Beats)-1:0] part;
    logic full, full_last;
    logic [LineBits-1:0] gathered;
    assign line_valid = full;
    assign line = gathered;
    assign line_last = full_last;
    assign beat_ready = ~full | line_ready;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        part <= '0;
        full <= 1'b0;
      end else begin
        if (line_ready) full <= 1'b0;
        if (beat_valid & beat_ready) begin
          gathered[part*AxiDataBits+:AxiDataBits] <= beat;
          part <= beat_last ? '0 : part + 1'b1;
          full <= beat_last | (&part);
          full_last <= beat_last;
        end
      end
    end
  end

  // ---- placement
  logic [7:0] line_index;
  logic second_half;
  logic direct, two_panels, place, line_done;
  logic turn_ready, turn_valid;
  logic turned_final;
  logic turner_idle;

  assign direct = tag.layout != LOAD_LANES;
  // A line of bytes in LOAD_ROWS is a row of two panels: they are written one after the other.
  assign two_panels = (tag.layout == LOAD_ROWS) & (tag.log2_bits == 3'd3) & ({line_index[5:0], 6'd32} < {1'b0, tag.cols});
  // What follows a final load waits for the transposer, so that chunks are reported in order.
  logic final_line;
  assign final_line = tag.final_segment & line_last & direct;
  assign place = line_valid & tag_here & direct & ~(turned_o.valid & (turned_o.dest == tag.dest))
      & ~(final_line & ~turner_idle);
  assign turn_valid = line_valid & tag_here & ~direct;
  assign line_done = (place & (~two_panels | second_half)) | (turn_valid & turn_ready);
  assign line_ready = line_done;
  assign tag_done = line_done & line_last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      line_index <= '0;
      second_half <= 1'b0;
    end else if (line_done | place) begin
      second_half <= place & two_panels & ~second_half;
      if (line_done) line_index <= line_last ? '0 : line_index + 8'd1;
    end
  end

  logic direct_chunk, direct_tile, turned_chunk;
  assign direct_chunk = place & line_done & final_line & (tag.dest inside {DEST_A, DEST_B, DEST_SCALE, DEST_MIN});
  assign direct_tile = place & line_done & final_line & ~(tag.dest inside {DEST_A, DEST_B, DEST_SCALE, DEST_MIN});
  assign turned_chunk = turned_o.valid & turned_final;

  always_ff @(posedge clk_i) begin : direct_port
    // Panel, line of the panel and halves of the line that the line from memory goes to.
    logic [5:0] panel;
    logic [7:0] panel_line, row;
    logic [1:0] half;
    panel = '0;
    panel_line = '0;
    row = '0;
    half = '0;
    if (!rst_ni) begin
      direct_o.valid <= 1'b0;
      chunk_filled_o <= 1'b0;
      tile_filled_o <= 1'b0;
    end else if (place | direct_o.valid | turned_chunk | chunk_filled_o) begin
      direct_o.valid <= place;
      chunk_filled_o <= direct_chunk | turned_chunk;
      tile_filled_o <= direct_tile;
    end
    if (place) begin
      panel = tag.index[5:0];
      panel_line = line_index;
      row = tag.index[7:0];
      half = 2'b11;
      if (tag.layout == LOAD_ROWS && tag.dest != DEST_ROW_SCALE) begin
        case (tag.log2_bits)
          3'd5: begin
            panel = {1'b0, line_index[5:1]};
            panel_line = {row[6:0], line_index[0]};
          end
          3'd4: begin
            panel = line_index[5:0];
            panel_line = row;
          end
          default: begin
            panel = {line_index[4:0], second_half};
            panel_line = {1'b0, row[7:1]};
            half = row[0] ? 2'b10 : 2'b01;
          end
        endcase
      end
      direct_o.dest <= tag.dest;
      direct_o.slot <= tag.slot;
      direct_o.half <= half;
      direct_o.bank <= (tag.dest == DEST_A) ? panel[1:0] : 2'(panel % 6'(BPanels));
      direct_o.line <= (tag.dest inside {DEST_A, DEST_ROW_SCALE}) ? panel_line
          : slot_line(panel_line, panel / 6'(BPanels), tag.split, slot_line_bits(tag.dest, 4'(InitLineBits)));
      direct_data_o <= line;
      if (half == 2'b01) direct_data_o[LineBits/2-1:0] <= second_half ? line[LineBits-1:LineBits/2] : line[LineBits/2-1:0];
      if (half == 2'b10) direct_data_o[LineBits-1:LineBits/2] <= second_half ? line[LineBits-1:LineBits/2] : line[LineBits/2-1:0];
    end
  end

  npu_matrix_transposer #(
      .BPanels(BPanels),
      .InitLineBits(InitLineBits)
  ) u_transposer (
      .clk_i,
      .rst_ni,
      .line_valid_i(turn_valid),
      .line_ready_o(turn_ready),
      .line_i(line),
      .lane_i(tag.index[4:0]),
      .lane_line_i(line_index[1:0]),
      .end_i(tag.end_panel & line_last),
      .dest_i(tag.dest),
      .slot_i(tag.slot),
      .split_i(tag.split),
      .panel_i(tag.index[10:5]),
      .log2_bits_i(tag.log2_bits),
      .rows_i(tag.rows),
      .final_i(tag.final_segment),
      .place_o(turned_o),
      .data_o(turned_data_o),
      .final_o(turned_final),
      .idle_o(turner_idle)
  );

  assign idle_o = ~busy & tags_empty & stream_idle & turner_idle & ~direct_o.valid;
  assign waiting_o = tag_here & ~line_valid;

endmodule
