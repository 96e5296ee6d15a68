// SPDX-License-Identifier: Apache-2.0
// The copy engine: COPY, FILL, GATHER and SCATTER_ADD, one packet at a time.
//
//   COPY         source walk ----------------> source stream --> repack --> write stream
//                target walk ------------------------------------------------^
//   FILL         target walk, pattern -----------------------> repack --> write stream
//   GATHER       index stream --> offset + source walk --> source stream --> repack --> write stream
//   SCATTER_ADD  index stream --> offset + target walk --> index client reads old --+
//                source walk ---------------> source stream ------------------> add --> write stream
//
// Throughput is a line (DataBits) a cycle where runs are contiguous, else a run a cycle. A packet costs about
// 12 cycles and the latency of memory. Reset and every new packet start from an empty engine.

`include "npu_fault.svh"

module npu_dma
  import npu_dma_pkg::*;
#(
    parameter int unsigned DataBits = 512,
    parameter int unsigned SourceBeats = 128,  // beats on the way or buffered
    parameter int unsigned IndexBeats = 64
) (
    input logic clk_i,
    input logic rst_ni,

    // packets
    input logic start_valid_i,
    output logic start_ready_o,
    input logic [2047:0] packet_i,
    output logic done_valid_o,
    output logic [15:0] done_error_o,
    output logic [63:0] done_fault_o,
    output logic busy_o,
    output logic stall_o,

    // read client: source
    output logic src_ar_valid_o,
    input logic src_ar_ready_i,
    output npu_pkg::addr_t src_ar_addr_o,
    output logic [7:0] src_ar_len_o,
    input logic src_r_valid_i,
    input logic [DataBits-1:0] src_r_data_i,
    input logic src_r_last_i,
    input logic src_r_err_i,

    // read client: indices, and SCATTER_ADD's destination
    output logic idx_ar_valid_o,
    input logic idx_ar_ready_i,
    output npu_pkg::addr_t idx_ar_addr_o,
    output logic [7:0] idx_ar_len_o,
    input logic idx_r_valid_i,
    input logic [DataBits-1:0] idx_r_data_i,
    input logic idx_r_last_i,
    input logic idx_r_err_i,

    // write client
    output logic aw_valid_o,
    input logic aw_ready_i,
    output npu_pkg::addr_t aw_addr_o,
    output logic [7:0] aw_len_o,
    output logic w_valid_o,
    input logic w_ready_i,
    output logic [DataBits-1:0] w_data_o,
    output logic [DataBits/8-1:0] w_strb_o,
    output logic w_last_o,
    input logic b_valid_i,
    input logic b_err_i
);

  localparam int unsigned LineBits = $clog2(DataBits / 8);
  // Segments of the destination whose lines have not been made yet.
  localparam int unsigned TargetDepth = 32;

  // ---- control

  typedef enum logic [1:0] {
    IDLE,
    LOAD,
    RUN
  } state_e;

  state_e state_q;
  mode_t mode;
  walk_t source_walk, target_walk, index_walk;
  logic [31:0] limit;
  npu_pkg::addr_t index_stride;
  logic [63:0] pattern;
  logic load, run, finished, fill, scatter, in_float;
  logic source_err, index_err, write_err;
  npu_pkg::addr_t source_err_addr, index_err_addr, write_err_addr;
  logic bad, bad_settled;
  npu_pkg::addr_t bad_addr;

  assign start_ready_o = state_q == IDLE;
  assign busy_o = state_q != IDLE;
  assign load = state_q == LOAD;
  assign run = state_q == RUN;
  assign fill = mode.fill;
  assign scatter = mode.scatter;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
      done_valid_o <= 1'b0;
    end else if (start_valid_i || state_q != IDLE || done_valid_o) begin
      done_valid_o <= 1'b0;
      unique case (state_q)
        IDLE: if (start_valid_i) state_q <= LOAD;
        LOAD: state_q <= RUN;
        default: begin
          if (finished) begin
            state_q <= IDLE;
            done_valid_o <= 1'b1;
          end
        end
      endcase
    end
  end

  // What a fault returns may look like a bad index, so the fault comes first.
  always_ff @(posedge clk_i) begin
    if (finished) begin
      done_error_o <= npu_isa_pkg::ERR_NONE;
      done_fault_o <= '0;
      if (source_err || index_err || write_err) begin
        done_error_o <= npu_isa_pkg::ERR_BUS_ERROR;
        if (source_err) done_fault_o <= 64'(source_err_addr);
        else if (index_err) done_fault_o <= 64'(index_err_addr);
        else done_fault_o <= 64'(write_err_addr);
      end else if (bad) begin
        done_error_o <= npu_isa_pkg::ERR_BAD_INDEX;
        done_fault_o <= `NPU_FAULT(dma_fault_width, 64'(bad_addr), 64'(bad_addr[31:0]));
      end
    end
  end

  npu_dma_decode u_decode (
      .clk_i,
      .take_i(start_valid_i && start_ready_o),
      .packet_i,
      .mode_o(mode),
      .source_o(source_walk),
      .target_o(target_walk),
      .index_o(index_walk),
      .limit_o(limit),
      .index_stride_o(index_stride),
      .pattern_o(pattern),
      .float_o(in_float)
  );

  // ---- segments

  logic source_seg_valid, source_seg_ready, index_seg_valid, index_seg_ready;
  logic tag_valid, tag_index, tag_pop, index_line_valid, target_push, target_free, drained, issued;
  segment_t source_seg, index_seg, target_seg;
  logic [DataBits-1:0] index_line;
  npu_dma_issue #(
      .DataBits(DataBits),
      .IndexSegs(IndexBeats)
  ) u_issue (
      .clk_i,
      .rst_ni,
      .load_i(load),
      .run_i(run),
      .mode_i(mode),
      .source_walk_i(source_walk),
      .target_walk_i(target_walk),
      .index_walk_i(index_walk),
      .limit_i(limit),
      .index_stride_i(index_stride),
      .source_valid_o(source_seg_valid),
      .source_ready_i(source_seg_ready),
      .source_o(source_seg),
      .index_valid_o(index_seg_valid),
      .index_ready_i(index_seg_ready),
      .index_o(index_seg),
      .tag_valid_o(tag_valid),
      .tag_index_o(tag_index),
      .tag_pop_i(tag_pop),
      .index_line_valid_i(index_line_valid),
      .index_line_i(index_line),
      .target_free_i(target_free),
      .target_push_o(target_push),
      .target_o(target_seg),
      .drained_i(drained),
      .bad_o(bad),
      .bad_addr_o(bad_addr),
      .bad_settled_o(bad_settled),
      .issued_o(issued)
  );

  // ---- streams

  logic source_line_valid, source_line_ready, source_stream_idle, unused_source_last;
  logic [DataBits-1:0] source_line;
  logic [LineBits:0] source_line_bytes;
  npu_rd_stream #(
      .DataBits(DataBits),
      .FifoBeats(SourceBeats)
  ) u_source_stream (
      .clk_i,
      .rst_ni,
      .seg_valid_i(source_seg_valid),
      .seg_ready_o(source_seg_ready),
      .seg_addr_i(source_seg.addr),
      .seg_bytes_i(32'(source_seg.bytes)),
      .line_valid_o(source_line_valid),
      .line_ready_i(source_line_ready),
      .line_data_o(source_line),
      .line_bytes_o(source_line_bytes),
      .line_last_o(unused_source_last),
      .ar_valid_o(src_ar_valid_o),
      .ar_ready_i(src_ar_ready_i),
      .ar_addr_o(src_ar_addr_o),
      .ar_len_o(src_ar_len_o),
      .r_valid_i(src_r_valid_i),
      .r_data_i(src_r_data_i),
      .r_last_i(src_r_last_i),
      .r_err_i(src_r_err_i),
      .err_valid_o(source_err),
      .err_addr_o(source_err_addr),
      .err_clear_i(load),
      .idle_o(source_stream_idle)
  );

  logic old_valid, old_ready, index_line_there, index_line_last, index_stream_idle;
  logic [LineBits:0] index_line_bytes;
  npu_rd_stream #(
      .DataBits(DataBits),
      .FifoBeats(IndexBeats),
      .Coalesce(1'b0)  // a beat read before a write must not serve for after it
  ) u_index_stream (
      .clk_i,
      .rst_ni,
      .seg_valid_i(index_seg_valid),
      .seg_ready_o(index_seg_ready),
      .seg_addr_i(index_seg.addr),
      .seg_bytes_i(32'(index_seg.bytes)),
      .line_valid_o(index_line_there),
      .line_ready_i(old_ready || index_line_valid),
      .line_data_o(index_line),
      .line_bytes_o(index_line_bytes),
      .line_last_o(index_line_last),
      .ar_valid_o(idx_ar_valid_o),
      .ar_ready_i(idx_ar_ready_i),
      .ar_addr_o(idx_ar_addr_o),
      .ar_len_o(idx_ar_len_o),
      .r_valid_i(idx_r_valid_i),
      .r_data_i(idx_r_data_i),
      .r_last_i(idx_r_last_i),
      .r_err_i(idx_r_err_i),
      .err_valid_o(index_err),
      .err_addr_o(index_err_addr),
      .err_clear_i(load),
      .idle_o(index_stream_idle)
  );

  assign index_line_valid = index_line_there && tag_valid && tag_index;
  assign tag_pop = (old_ready || index_line_valid) && index_line_last;
  assign old_valid = index_line_there && tag_valid && !tag_index;

  // ---- lines

  logic sum_valid, sum_ready, addend_ready, discard, repack_ready, moves;
  logic [DataBits-1:0] sum_line;
  logic [LineBits:0] sum_bytes;
  npu_dma_add #(
      .DataBits(DataBits)
  ) u_add (
      .clk_i,
      .rst_ni,
      .float_i(in_float),
      .old_valid_i(old_valid),
      .old_ready_o(old_ready),
      .old_data_i(index_line),
      .old_bytes_i(index_line_bytes),
      .addend_valid_i(source_line_valid && scatter),
      .addend_ready_o(addend_ready),
      .addend_data_i(source_line),
      .line_valid_o(sum_valid),
      .line_ready_i(sum_ready),
      .line_data_o(sum_line),
      .line_bytes_o(sum_bytes)
  );
  assign source_line_ready = scatter ? addend_ready || discard : repack_ready;
  assign sum_ready = repack_ready && scatter;

  // The write stream and the maker of its lines learn of a segment at the same time.
  logic run_valid, run_ready, runs_ready, runs_empty, write_seg_ready, line_valid, line_ready;
  assign target_free = runs_ready && write_seg_ready;
  seg_bytes_t run_bytes;
  logic [DataBits-1:0] line_data;
  npu_fifo #(
      .Width(SegmentBits + 1),
      .Depth(TargetDepth)
  ) u_runs (
      .clk_i,
      .rst_ni,
      .push_valid_i(target_push),
      .push_ready_o(runs_ready),
      .push_data_i(target_seg.bytes),
      .pop_valid_o(run_valid),
      .pop_ready_i(run_ready),
      .pop_data_o(run_bytes),
      .empty_o(runs_empty)
  );

  npu_dma_repack #(
      .DataBits(DataBits)
  ) u_repack (
      .clk_i,
      .rst_ni,
      .load_i(load),
      .fill_i(fill),
      .pattern_i(pattern),
      .sum_i(scatter),
      .run_valid_i(run_valid),
      .run_ready_o(run_ready),
      .run_bytes_i(run_bytes),
      .line_valid_i(scatter ? sum_valid : source_line_valid),
      .line_ready_o(repack_ready),
      .line_data_i(source_line),
      .sum_data_i(sum_line),
      .line_bytes_i(scatter ? sum_bytes : source_line_bytes),
      .line_valid_o(line_valid),
      .line_ready_i(line_ready),
      .line_data_o(line_data),
      .moves_o(moves)
  );

  logic write_idle;
  npu_wr_stream #(
      .DataBits(DataBits),
      .SegDepth(TargetDepth)
  ) u_write_stream (
      .clk_i,
      .rst_ni,
      .seg_valid_i(target_push),
      .seg_ready_o(write_seg_ready),
      .seg_addr_i(target_seg.addr),
      .seg_bytes_i(32'(target_seg.bytes)),
      .line_valid_i(line_valid),
      .line_ready_o(line_ready),
      .line_data_i(line_data),
      .aw_valid_o,
      .aw_ready_i,
      .aw_addr_o,
      .aw_len_o,
      .w_valid_o,
      .w_ready_i,
      .w_data_o,
      .w_strb_o,
      .w_last_o,
      .b_valid_i,
      .b_err_i,
      .err_valid_o(write_err),
      .err_addr_o(write_err_addr),
      .err_clear_i(load),
      .idle_o(write_idle)
  );

  // ---- end of the packet

  always_comb begin
    drained = 1'b0;
    discard = 1'b0;
    finished = 1'b0;
    if (run) begin
      drained = runs_empty && !line_valid && `NPU_FAULT(dma_early_done, write_idle, runs_empty && !line_valid && issued && source_stream_idle && index_stream_idle ? 1'b1 : write_idle);
      // Addends behind a bad index.
      discard = bad_settled && drained;
      finished = drained && issued && source_stream_idle && index_stream_idle;
    end
  end

  assign stall_o = run && !moves;

endmodule
