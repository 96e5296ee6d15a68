// SPDX-License-Identifier: Apache-2.0
// Index stream of GATHER and SCATTER_ADD: reads indices in order, checks them against the limit and
// multiplies each by the stride of the indexed operand. One index a cycle.
//
// Reads come as segments of at most a line that lie in one beat; at most Lines of them are on the way
// or buffered here, so lines are always taken. The first bad index stops the stream behind the offsets of
// the good ones before it: bad_o stays until the next load.

`include "npu_fault.svh"

module npu_dma_index
  import npu_dma_pkg::*;
#(
    parameter int unsigned DataBits = 512,
    parameter int unsigned Lines = 16,  // power of two
    localparam int unsigned LineBits = $clog2(DataBits / 8)
) (
    input logic clk_i,
    input logic rst_ni,

    input logic load_i,
    input logic enable_i,  // the packet has indices
    input logic run_i,  // and executes: nothing moves else
    input walk_t walk_i,  // these stay as they are until the next load
    input logic wide_i,
    input logic [31:0] limit_i,
    input npu_pkg::addr_t stride_i,

    output logic seg_valid_o,
    input logic seg_ready_i,
    output npu_pkg::addr_t seg_addr_o,
    output logic [LineBits:0] seg_bytes_o,

    input logic line_valid_i,
    input logic [DataBits-1:0] line_data_i,

    output logic offset_valid_o,
    input logic offset_ready_i,
    output npu_pkg::addr_t offset_o,

    output logic bad_o,
    output npu_pkg::addr_t bad_addr_o
);

  localparam int unsigned PointerBits = $clog2(Lines);
  localparam int unsigned WordBits = LineBits - 2;
  localparam int unsigned MetaBits = npu_pkg::AddrBits + LineBits + 1;

  // ---- requests

  logic walk_valid, seg_fire, unused_run_last, unused_plane, unused_busy;
  logic [PointerBits:0] open_q;  // segments requested and not yet in the current line
  assign seg_valid_o = walk_valid && !open_q[PointerBits] && run_i;
  assign seg_fire = seg_valid_o && seg_ready_i;

  npu_dma_walk #(
      .CapBits(LineBits),
      .AlignCut(1'b1)
  ) u_walk (
      .clk_i,
      .rst_ni,
      .load_i,
      .enable_i,
      .walk_i,
      .valid_o(walk_valid),
      .ready_i(seg_fire),
      .addr_o(seg_addr_o),
      .bytes_o(seg_bytes_o),
      .run_last_o(unused_run_last),
      .plane_o(unused_plane),
      .busy_o(unused_busy)
  );

  // ---- lines and, written earlier, where they come from

  logic [DataBits-1:0] lines[Lines];
  logic [MetaBits-1:0] metas[Lines];
  logic [PointerBits:0] requested_q, arrived_q, taken_q;

  logic line_valid_q, line_take, index_fire, line_done;
  logic [DataBits-1:0] line_q;
  npu_pkg::addr_t addr_q;  // of the next index
  logic [LineBits:0] left_q;  // bytes of the line that are left
  logic [WordBits-1:0] word_q;
  logic [3:0] index_bytes;
  assign index_bytes = wide_i ? 4'd8 : 4'd4;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || load_i) begin
      requested_q <= '0;
      arrived_q <= '0;
      taken_q <= '0;
      open_q <= '0;
      line_valid_q <= 1'b0;
    end else if (run_i) begin
      if (seg_fire) requested_q <= requested_q + 1'b1;
      if (line_valid_i) arrived_q <= arrived_q + 1'b1;
      if (line_take) taken_q <= taken_q + 1'b1;
      if (seg_fire != line_take) open_q <= seg_fire ? open_q + 1'b1 : `NPU_FAULT(dma_index_credit, open_q - 1'b1, open_q > (PointerBits + 1)'(1) ? open_q : open_q - 1'b1);
      if (line_take || (index_fire && line_done)) line_valid_q <= line_take;
    end
  end

  always_ff @(posedge clk_i) begin
    if (seg_fire) metas[requested_q[PointerBits-1:0]] <= {seg_addr_o, seg_bytes_o};
    if (line_valid_i) lines[arrived_q[PointerBits-1:0]] <= line_data_i;
    if (line_take) begin
      line_q <= lines[taken_q[PointerBits-1:0]];
      {addr_q, left_q} <= metas[taken_q[PointerBits-1:0]];
      word_q <= '0;
    end else if (index_fire) begin
      addr_q <= addr_q + npu_pkg::addr_t'(index_bytes);
      left_q <= left_q - (LineBits + 1)'(index_bytes);
      word_q <= word_q + WordBits'(index_bytes >> 2);
    end
  end

  // ---- check, then multiply

  logic index_valid_q, index_bad_q, index_move;
  logic [31:0] index_q;
  npu_pkg::addr_t index_addr_q;
  always_comb begin
    index_move = 1'b0;
    index_fire = 1'b0;
    line_done = 1'b0;
    line_take = 1'b0;
    if (run_i) begin
      index_move = index_valid_q && !index_bad_q && (!offset_valid_o || offset_ready_i);
      index_fire = line_valid_q && (!index_valid_q || index_move);
      line_done = left_q == (LineBits + 1)'(index_bytes);
      line_take = arrived_q != taken_q && (!line_valid_q || (index_fire && line_done));
    end
  end
  assign bad_o = index_valid_q && index_bad_q;
  assign bad_addr_o = index_addr_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || load_i) begin
      index_valid_q <= 1'b0;
      offset_valid_o <= 1'b0;
    end else if (run_i) begin
      if (index_fire || index_move) index_valid_q <= index_fire;
      if (index_move || offset_ready_i) offset_valid_o <= index_move;
    end
  end

  always_ff @(posedge clk_i) begin
    logic [31:0] low, high;
    if (index_fire) begin
      low = line_q[{word_q, 5'd0}+:32];
      high = line_q[{word_q[WordBits-1:1], 6'd32}+:32];
      index_q <= low;
      index_bad_q <= `NPU_FAULT(dma_index_limit, low >= limit_i, low > limit_i) || `NPU_FAULT(dma_index_high, wide_i ? high != '0 : low[31], !wide_i && low[31]);
      index_addr_q <= `NPU_FAULT(dma_index_fault, addr_q, low >= limit_i ? addr_q + npu_pkg::addr_t'(index_bytes) : addr_q);
    end
    if (index_move) offset_o <= `NPU_FAULT(dma_index_offset, npu_pkg::addr_t'(index_q) * stride_i, (npu_pkg::addr_t'(index_q) * stride_i) & 48'h0fff);
  end

`ifndef SYNTHESIS
  assert property (@(posedge clk_i) disable iff (!rst_ni || load_i)
      line_valid_i |-> arrived_q != requested_q);
  assert property (@(posedge clk_i) disable iff (!rst_ni || load_i)
      offset_valid_o && !offset_ready_i |=> load_i || (offset_valid_o && $stable(offset_o)));
`endif

endmodule
