// SPDX-License-Identifier: Apache-2.0
// Address side of the copy engine: walks, indices and the order of SCATTER_ADD become segments for the three
// streams, up to one a cycle each.

module npu_dma_issue
  import npu_dma_pkg::*;
#(
    parameter int unsigned DataBits = 512,
    parameter int unsigned IndexSegs = 64  // segments of the index client without their last line
) (
    input logic clk_i,
    input logic rst_ni,

    // A packet: load_i for one cycle, then run_i until it ends.
    input logic load_i,
    input logic run_i,
    input mode_t mode_i,
    input walk_t source_walk_i,
    input walk_t target_walk_i,
    input walk_t index_walk_i,
    input logic [31:0] limit_i,
    input npu_pkg::addr_t index_stride_i,

    // to the source stream
    output logic source_valid_o,
    input logic source_ready_i,
    output segment_t source_o,

    // to the index stream, and what its lines are
    output logic index_valid_o,
    input logic index_ready_i,
    output segment_t index_o,
    output logic tag_valid_o,
    output logic tag_index_o,  // indices, else the destination of SCATTER_ADD
    input logic tag_pop_i,     // with the last line of a segment
    input logic index_line_valid_i,
    input logic [DataBits-1:0] index_line_i,

    // to the write stream; taken when offered
    input logic target_free_i,
    output logic target_push_o,
    output segment_t target_o,

    input logic drained_i,  // everything pushed to the write stream is in memory
    output logic bad_o,
    output npu_pkg::addr_t bad_addr_o,
    output logic bad_settled_o,  // all segments before the bad index are issued
    output logic issued_o  // nothing more comes
);

  localparam int unsigned LineBits = $clog2(DataBits / 8);
  localparam int unsigned SegDepth = 4;  // segments on their way to a read stream

  logic fill, gather, scatter;
  assign fill = mode_i.fill;
  assign gather = mode_i.gather;
  assign scatter = mode_i.scatter;

  // ---- walks

  logic source_valid, source_ready, source_busy, source_run_last, unused_source_plane;
  segment_t source;
  npu_dma_walk u_source_walk (
      .clk_i,
      .rst_ni,
      .load_i,
      .enable_i(!fill),
      .walk_i(source_walk_i),
      .valid_o(source_valid),
      .ready_i(source_ready),
      .addr_o(source.addr),
      .bytes_o(source.bytes),
      .run_last_o(source_run_last),
      .plane_o(unused_source_plane),
      .busy_o(source_busy)
  );

  logic target_valid, target_ready, target_busy, target_run_last, target_plane;
  segment_t target;
  npu_dma_walk u_target_walk (
      .clk_i,
      .rst_ni,
      .load_i,
      .enable_i(1'b1),
      .walk_i(target_walk_i),
      .valid_o(target_valid),
      .ready_i(target_ready),
      .addr_o(target.addr),
      .bytes_o(target.bytes),
      .run_last_o(target_run_last),
      .plane_o(target_plane),
      .busy_o(target_busy)
  );

  // ---- indices

  logic index_seg_valid, index_seg_ready, offset_valid, offset_ready;
  npu_pkg::addr_t index_seg_addr, offset;
  logic [LineBits:0] index_seg_bytes;
  npu_dma_index #(
      .DataBits(DataBits)
  ) u_index (
      .clk_i,
      .rst_ni,
      .load_i,
      .enable_i(gather || scatter),
      .run_i(run_i && (gather || scatter)),
      .walk_i(index_walk_i),
      .wide_i(mode_i.index_wide),
      .limit_i(limit_i),
      .stride_i(index_stride_i),
      .seg_valid_o(index_seg_valid),
      .seg_ready_i(index_seg_ready),
      .seg_addr_o(index_seg_addr),
      .seg_bytes_o(index_seg_bytes),
      .line_valid_i(index_line_valid_i),
      .line_data_i(index_line_i),
      .offset_valid_o(offset_valid),
      .offset_ready_i(offset_ready),
      .offset_o(offset),
      .bad_o,
      .bad_addr_o
  );

  // ---- SCATTER_ADD: which segment of the destination is next

  logic unit_valid, unit_ready, unit_base_ready, unit_offset_ready, unit_busy;
  segment_t unit;
  npu_dma_scatter u_scatter (
      .clk_i,
      .rst_ni,
      .load_i,
      .serial_i(mode_i.serial),
      .planes_i(mode_i.planes),
      .offset_valid_i(offset_valid && scatter),
      .offset_ready_o(unit_offset_ready),
      .offset_i(offset),
      .base_valid_i(target_valid),
      .base_ready_o(unit_base_ready),
      .base_i(target),
      .base_run_last_i(target_run_last),
      .base_plane_i(target_plane),
      .unit_valid_o(unit_valid),
      .unit_ready_i(unit_ready),
      .unit_o(unit),
      .drained_i,
      .busy_o(unit_busy)
  );

  // ---- segments to the streams

  logic source_free, source_load, source_segs_ready, source_segs_empty;
  logic index_free, index_load, index_segs_ready, index_segs_empty, tag_ready;
  logic gather_fire;
  segment_t source_push_seg, index_push_seg;

  // Nothing moves outside RUN: a packet with a bad index leaves walks unfinished until the next load.
  always_comb begin
    source_free = 1'b0;
    index_free = 1'b0;
    gather_fire = 1'b0;
    source_load = 1'b0;
    index_load = 1'b0;
    unit_ready = 1'b0;
    if (run_i) begin
      source_free = source_segs_ready;
      index_free = index_segs_ready && tag_ready;
      // GATHER: source and destination walk in step, because both have the same runs.
      gather_fire = gather && offset_valid && source_valid && target_valid && source_free &&
          target_free_i;
      source_load = gather ? gather_fire : source_valid && source_free && !bad_settled_o;
      // Indices before the destination of SCATTER_ADD: there is room for them in any case.
      unit_ready = index_free && !index_seg_valid && target_free_i;
      index_load = index_free && (index_seg_valid || (unit_valid && target_free_i));
    end
  end
  assign index_seg_ready = index_free;
  assign source_ready = source_load;

  always_comb begin
    target_push_o = 1'b0;
    target_o = target;
    target_ready = 1'b0;
    offset_ready = 1'b0;
    if (run_i) begin
      if (scatter) begin
        target_push_o = unit_valid && unit_ready;
        target_o = unit;
        target_ready = unit_base_ready;
        offset_ready = unit_offset_ready;
      end else begin
        target_push_o = gather ? gather_fire : target_valid && target_free_i;
        target_ready = target_push_o;
        offset_ready = gather_fire && source_run_last;
      end
    end
  end

  always_comb begin
    source_push_seg = '0;
    index_push_seg = '0;
    if (source_load) begin
      source_push_seg = {gather ? source.addr + offset : source.addr, source.bytes};
    end
    if (index_load) begin
      index_push_seg = index_seg_valid ? {index_seg_addr, seg_bytes_t'(index_seg_bytes)} : unit;
    end
  end

  // These keep the handshakes of the memory port out of the logic above.
  npu_fifo #(
      .Width($bits(segment_t)),
      .Depth(SegDepth)
  ) u_source_segs (
      .clk_i,
      .rst_ni,
      .push_valid_i(source_load),
      .push_ready_o(source_segs_ready),
      .push_data_i(source_push_seg),
      .pop_valid_o(source_valid_o),
      .pop_ready_i(source_ready_i),
      .pop_data_o(source_o),
      .empty_o(source_segs_empty)
  );
  npu_fifo #(
      .Width($bits(segment_t)),
      .Depth(SegDepth)
  ) u_index_segs (
      .clk_i,
      .rst_ni,
      .push_valid_i(index_load),
      .push_ready_o(index_segs_ready),
      .push_data_i(index_push_seg),
      .pop_valid_o(index_valid_o),
      .pop_ready_i(index_ready_i),
      .pop_data_o(index_o),
      .empty_o(index_segs_empty)
  );

  // Which lines of the index client are indices.
  logic unused_tags_empty;
  npu_fifo #(
      .Width(1),
      .Depth(IndexSegs)
  ) u_tags (
      .clk_i,
      .rst_ni,
      .push_valid_i(index_load),
      .push_ready_o(tag_ready),
      .push_data_i(index_seg_valid),
      .pop_valid_o(tag_valid_o),
      .pop_ready_i(tag_pop_i),
      .pop_data_o(tag_index_o),
      .empty_o(unused_tags_empty)
  );
  // ---- end of the packet

  always_comb begin
    bad_settled_o = 1'b0;
    issued_o = 1'b0;
    if (run_i) begin
      bad_settled_o = bad_o && !offset_valid && !unit_busy;
      issued_o = (bad_settled_o || (!source_busy && !target_busy)) && source_segs_empty &&
          index_segs_empty;
    end
  end

endmodule
