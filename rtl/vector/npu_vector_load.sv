// SPDX-License-Identifier: Apache-2.0
// Load unit: requests in, beats of `Lanes` widened elements out, in order and ahead of need.
//
// Up to 8 requests wait for their segments and 8 more for their data; what the read stream holds and a whole vector
// register of beats are buffered. One beat a cycle from dense memory, one element a cycle from strided memory.

`include "npu_fault.svh"

module npu_vector_load
  import npu_vector_pkg::*;
#(
  parameter int unsigned VectorLanes  = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned AxiDataBits  = 512
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic request_push_i,
  input  request_t request_i,
  output logic request_full_o,
  output logic seg_valid_o,
  input  logic seg_ready_i,
  output npu_pkg::addr_t seg_addr_o,
  output logic [31:0] seg_bytes_o,
  input  logic line_valid_i,
  output logic line_ready_o,
  input  logic [AxiDataBits-1:0] line_data_i,
  output logic beat_valid_o,
  input  logic beat_ready_i,
  output logic [VectorLanes*32-1:0] beat_o,
  output logic idle_o
);

  localparam int unsigned LineBytes = AxiDataBits / 8;
  localparam int unsigned RequestDepth = 8;
  localparam int unsigned BeatDepth = 1 << $clog2(VectorLength / VectorLanes > 4 ? VectorLength / VectorLanes : 4);
  // A line, or the largest elements of a beat.
  localparam int unsigned RawBits = AxiDataBits > VectorLanes * 64 ? AxiDataBits : VectorLanes * 64;
  localparam int unsigned HaveBits = $clog2(RawBits / 8 + 1);
  typedef logic [HaveBits-1:0] have_t;

  // ---- requests

  logic request_ready, request_valid, request_pop, request_empty;
  request_t request;
  npu_fifo #(.Width($bits(request_t)), .Depth(RequestDepth)) u_requests (
    .clk_i, .rst_ni,
    .push_valid_i(request_push_i), .push_ready_o(request_ready), .push_data_i(request_i),
    .pop_valid_o(request_valid), .pop_ready_i(request_pop), .pop_data_o(request), .empty_o(request_empty)
  );
  assign request_full_o = !request_ready;

  logic elements_push, elements_ready, elements_valid, elements_pop, elements_empty, segments_idle;
  // verilator lint_off UNUSEDSIGNAL
  elements_t elements_in, elements;  // of a load; `saturate` is for stores
  // verilator lint_on UNUSEDSIGNAL
  npu_vector_segments u_segments (
    .clk_i, .rst_ni,
    .request_valid_i(request_valid), .request_ready_o(request_pop), .request_i(request),
    .elements_valid_o(elements_push), .elements_ready_i(elements_ready), .elements_o(elements_in),
    .seg_valid_o, .seg_ready_i, .seg_addr_o, .seg_bytes_o, .idle_o(segments_idle)
  );

  npu_fifo #(.Width($bits(elements_t)), .Depth(RequestDepth)) u_elements (
    .clk_i, .rst_ni,
    .push_valid_i(elements_push), .push_ready_o(elements_ready), .push_data_i(elements_in),
    .pop_valid_o(elements_valid), .pop_ready_i(elements_pop), .pop_data_o(elements), .empty_o(elements_empty)
  );

  // ---- lines to elements

  logic active_q;
  npu_isa_pkg::dtype_e dtype_q;
  access_e access_q;
  logic [1:0] size_q;       // log2 of the bytes of an element
  logic several_q;          // a beat is put together from several lines
  count_t fetch_q, left_q;  // elements not yet in raw_q; not yet in a beat
  have_t have_q;            // elements in raw_q
  logic [RawBits-1:0] raw_q;
  logic beat_valid_q;
  logic [VectorLanes*32-1:0] beat_q;

  logic beat_accept, emit, take, last_beat, one_element;
  have_t need, position, brought;

  assign one_element = access_q != ACCESS_DENSE;
  assign last_beat = left_q <= count_t'(VectorLanes);
  assign need = access_q == ACCESS_SPLAT ? have_t'(1) : last_beat ? have_t'(left_q) : have_t'(VectorLanes);
  assign emit = active_q && have_q >= need && (!beat_valid_q || beat_accept);
  assign position = emit ? '0 : have_q;
  // A line is taken where it fits: behind the elements of an unfinished beat, or into an empty register.
  assign line_ready_o = active_q && fetch_q != '0 &&
                        ((several_q && !emit && have_q < need) || have_q == '0 || (emit && have_q <= need));
  assign take = line_valid_i && line_ready_o;
  assign elements_pop = !active_q || (emit && last_beat);

  always_comb begin
    brought = have_t'(LineBytes) >> size_q;
    if (one_element) brought = have_t'(1);
    else if (fetch_q < count_t'(brought)) brought = have_t'(fetch_q);
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      have_q <= '0;
      beat_valid_q <= 1'b0;
    end else if (active_q || elements_valid || beat_valid_q) begin
      beat_valid_q <= emit || (beat_valid_q && !beat_accept);
      if (elements_pop) begin
        active_q <= elements_valid;
        have_q <= '0;
        fetch_q <= elements.access == ACCESS_SPLAT ? count_t'(1) : elements.count;
        left_q <= elements.count;
        dtype_q <= elements.dtype;
        access_q <= elements.access;
        size_q <= log2_bytes(elements.dtype);
        several_q <= elements.access == ACCESS_STRIDED ||
                     VectorLanes << log2_bytes(elements.dtype) > LineBytes;
      end else begin
        if (emit) left_q <= left_q - count_t'(VectorLanes);
        if (take) fetch_q <= fetch_q - count_t'(brought);
        if (take) have_q <= position + brought;
        else if (emit && access_q != ACCESS_SPLAT) have_q <= have_q - need;
      end
    end
  end

  // Elements in the low bits of words, then widened.
  always_ff @(posedge clk_i) begin : unpack
    logic [VectorLanes*32-1:0] words, wide;
    logic [31:0] j, word, first;
    words = '0;
    wide = '0;
    j = 0;
    word = 0;
    first = 0;
    if (emit) begin
      unique case (size_q)
        2'd0:
        for (j = 0; j < VectorLanes / 4; j++) begin
          word = raw_q[j*32+:32];
          words[j*128+:32] = word & 32'hff;
          words[j*128+32+:32] = (word >> 8) & 32'hff;
          words[j*128+64+:32] = (word >> 16) & 32'hff;
          words[j*128+96+:32] = word >> 24;
        end
        2'd1:
        for (j = 0; j < VectorLanes / 2; j++) begin
          word = raw_q[j*32+:32];
          words[j*64+:32] = word & 32'hffff;
          words[j*64+32+:32] = `NPU_FAULT(vector_load_bit, word >> 16, (word >> 16) & ~32'h10);
        end
        2'd2: words = raw_q[VectorLanes*32-1:0];
        default: for (j = 0; j < VectorLanes; j++) words[j*32+:32] = raw_q[j*64+:32];
      endcase
      if (access_q == ACCESS_SPLAT) begin
        first = words[31:0];
        words = {VectorLanes{first}};
      end
      if (dtype_q == npu_isa_pkg::DTYPE_F32 || dtype_q == npu_isa_pkg::DTYPE_I32 || dtype_q == npu_isa_pkg::DTYPE_I64) begin
        beat_q <= words;
      end else begin
        for (j = 0; j < VectorLanes; j++) wide[j*32+:32] = npu_convert_pkg::widen(dtype_q, words[j*32+:32]);
        beat_q <= wide;
      end
    end
    // Behind a beat the rest of a line moves down.
    if (take) begin
      if (access_q == ACCESS_STRIDED) begin
        unique case (size_q)
          2'd0: raw_q[32'(position)*8+:8] <= line_data_i[7:0];
          2'd1: raw_q[32'(position)*16+:16] <= line_data_i[15:0];
          2'd2: raw_q[32'(position)*32+:32] <= line_data_i[31:0];
          default: raw_q[32'(position)*64+:64] <= line_data_i[63:0];
        endcase
      end else begin
        raw_q[(32'(position)<<(size_q+3))+:AxiDataBits] <= line_data_i;
      end
    end else if (emit && access_q != ACCESS_SPLAT) begin
      unique case (size_q)
        2'd0: raw_q <= raw_q >> VectorLanes * 8;
        2'd1: raw_q <= raw_q >> VectorLanes * 16;
        2'd2: raw_q <= raw_q >> VectorLanes * 32;
        default: raw_q <= raw_q >> VectorLanes * 64;
      endcase
    end
  end

  // ---- beats

  logic beats_empty;
  npu_fifo #(.Width(VectorLanes * 32), .Depth(BeatDepth)) u_beats (
    .clk_i, .rst_ni,
    .push_valid_i(beat_valid_q), .push_ready_o(beat_accept), .push_data_i(beat_q),
    .pop_valid_o(beat_valid_o), .pop_ready_i(beat_ready_i), .pop_data_o(beat_o), .empty_o(beats_empty)
  );

  assign idle_o = request_empty && segments_idle && elements_empty && !active_q && !beat_valid_q && beats_empty;

endmodule
