// SPDX-License-Identifier: Apache-2.0
// Store unit: beats of `Lanes` words in, narrowed and packed into the lines of the write stream.
//
// The lanes never wait for a beat that they have read: they ask for room (room_o) before.

`include "npu_fault.svh"

module npu_vector_store
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
  output logic room_o,       // for a beat that is read in this cycle (reserve_i)
  input  logic reserve_i,
  input  logic beat_push_i,  // a reserved beat
  input  logic [VectorLanes*32-1:0] beat_i,
  output logic seg_valid_o,
  input  logic seg_ready_i,
  output npu_pkg::addr_t seg_addr_o,
  output logic [31:0] seg_bytes_o,
  output logic line_valid_o,
  input  logic line_ready_i,
  output logic [AxiDataBits-1:0] line_data_o,
  output logic idle_o
);

  localparam int unsigned LineBytes = AxiDataBits / 8;
  localparam int unsigned RequestDepth = 8;
  localparam int unsigned BeatDepth = 1 << $clog2(VectorLength / VectorLanes > 4 ? VectorLength / VectorLanes : 4);
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
  elements_t elements_in, elements;
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

  // ---- beats

  logic beat_valid, beat_pop, beats_empty;
  // verilator lint_off UNUSEDSIGNAL
  logic beat_push_ready;  // by an assertion only
  // verilator lint_on UNUSEDSIGNAL
  logic [VectorLanes*32-1:0] beat;
  npu_fifo #(.Width(VectorLanes * 32), .Depth(BeatDepth)) u_beats (
    .clk_i, .rst_ni,
    .push_valid_i(beat_push_i), .push_ready_o(beat_push_ready), .push_data_i(beat_i),
    .pop_valid_o(beat_valid), .pop_ready_i(beat_pop), .pop_data_o(beat), .empty_o(beats_empty)
  );

  logic [$clog2(BeatDepth):0] reserved_q;  // beats in the queue or on their way
  assign room_o = `NPU_FAULT(vector_store_room, reserved_q != ($clog2(BeatDepth) + 1)'(BeatDepth), 1'b1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) reserved_q <= '0;
    else if (reserve_i && !beat_pop) reserved_q <= reserved_q + 1'b1;
    else if (beat_pop && !reserve_i) reserved_q <= `NPU_FAULT(vector_store_credit, reserved_q - 1'b1, reserved_q == ($clog2(BeatDepth) + 1)'(BeatDepth) ? reserved_q : reserved_q - 1'b1);
  end

  // ---- elements to lines

  logic active_q;
  npu_isa_pkg::dtype_e dtype_q;
  logic saturate_q;
  access_e access_q;
  logic [1:0] size_q;  // log2 of the bytes of an element
  logic whole_q;       // a beat leaves raw_q in parts: as several lines or one line an element
  count_t left_q;      // elements not yet in raw_q
  have_t have_q;       // elements in raw_q
  logic [RawBits-1:0] raw_q;

  logic give, one_element;
  have_t line_elements, given, taken;

  assign one_element = access_q != ACCESS_DENSE;
  assign line_elements = one_element ? have_t'(1) : have_t'(LineBytes) >> size_q;
  assign line_valid_o = active_q && have_q != '0 && (have_q >= line_elements || left_q == '0);
  assign line_data_o = raw_q[AxiDataBits-1:0];
  assign give = line_valid_o && line_ready_i;
  assign given = have_q < line_elements ? have_q : line_elements;
  assign taken = left_q < count_t'(VectorLanes) ? have_t'(left_q) : have_t'(VectorLanes);
  assign beat_pop = active_q && beat_valid && left_q != '0 &&
                    (have_q == '0 || (give && have_q == given) ||
                     (!whole_q && !give && have_q < line_elements));
  assign elements_pop = !active_q || (left_q == '0 && (have_q == '0 || (give && have_q == given)));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      have_q <= '0;
    end else if (active_q || elements_valid) begin
      if (elements_pop) begin
        active_q <= elements_valid;
        have_q <= '0;
        left_q <= elements.count;
        dtype_q <= elements.dtype;
        saturate_q <= elements.saturate;
        access_q <= elements.access;
        size_q <= log2_bytes(elements.dtype);
        whole_q <= elements.access != ACCESS_DENSE || VectorLanes << log2_bytes(elements.dtype) > LineBytes;
      end else begin
        if (beat_pop) left_q <= left_q - count_t'(taken);
        if (beat_pop || give) have_q <= have_q - (give ? given : '0) + (beat_pop ? taken : '0);
      end
    end
  end

  always_ff @(posedge clk_i) begin : pack
    logic [VectorLanes*32-1:0] words;
    logic [VectorLanes*16-1:0] halves;
    logic [VectorLanes*8-1:0] bytes;
    logic [VectorLanes*64-1:0] pairs;
    logic [31:0] j, at, saturate;
    words = '0;
    halves = '0;
    bytes = '0;
    pairs = '0;
    j = 0;
    at = 0;
    saturate = saturate_q ? 32'd1 : 32'd0;
    if (beat_pop) begin
      at = give ? 32'd0 : 32'(have_q);
      if (dtype_q == npu_isa_pkg::DTYPE_F32 || dtype_q == npu_isa_pkg::DTYPE_I32 || dtype_q == npu_isa_pkg::DTYPE_I64) begin
        words = beat;
      end else begin
        for (j = 0; j < VectorLanes; j++) begin
          words[j*32+:32] = npu_convert_pkg::narrow(dtype_q, saturate, beat[j*32+:32]);
        end
      end
      unique case (size_q)
        2'd0: begin
          for (j = 0; j < VectorLanes / 4; j++) begin
            bytes[j*32+:32] = words[j*128+:32] | (words[j*128+32+:32] << 8) | (words[j*128+64+:32] << 16) |
                              (words[j*128+96+:32] << 24);
          end
          raw_q[at*8+:VectorLanes*8] <= bytes;
        end
        2'd1: begin
          for (j = 0; j < VectorLanes / 2; j++) begin
            halves[j*32+:32] = words[j*64+:32] | (words[j*64+32+:32] << 16);
          end
          raw_q[at*16+:VectorLanes*16] <= halves;
        end
        2'd2: raw_q[at*32+:VectorLanes*32] <= words;
        default: begin
          for (j = 0; j < VectorLanes; j++) begin
            pairs[j*64+:32] = words[j*32+:32];
            pairs[j*64+32+:32] = npu_convert_pkg::sign_word(words[j*32+:32]);
          end
          raw_q[at*64+:VectorLanes*64] <= pairs;
        end
      endcase
    end else if (give && whole_q) begin
      if (!one_element) begin
        raw_q <= raw_q >> AxiDataBits;
      end else begin
        unique case (size_q)
          2'd0: raw_q <= raw_q >> 8;
          2'd1: raw_q <= raw_q >> 16;
          2'd2: raw_q <= raw_q >> 32;
          default: raw_q <= raw_q >> 64;
        endcase
      end
    end
  end

  assign idle_o = request_empty && segments_idle && elements_empty && !active_q && beats_empty && reserved_q == '0;

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) assert (!beat_push_i || beat_push_ready) else $error("npu_vector_store: beat without room");
  end
`endif

endmodule
