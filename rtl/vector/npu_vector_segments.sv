// SPDX-License-Identifier: Apache-2.0
// Turns loads or stores of chunks into segments of memory, one a cycle: one for dense elements, else one an element.

`include "npu_fault.svh"

module npu_vector_segments
  import npu_vector_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  input  logic request_valid_i,
  output logic request_ready_o,
  input  request_t request_i,
  // Elements of the request for the unit that packs or unpacks them, before its segments.
  output logic elements_valid_o,
  input  logic elements_ready_i,
  output elements_t elements_o,
  output logic seg_valid_o,
  input  logic seg_ready_i,
  output npu_pkg::addr_t seg_addr_o,
  output logic [31:0] seg_bytes_o,
  output logic idle_o
);

  logic busy_q;
  npu_pkg::addr_t addr_q;
  logic [15:0] stride_q;
  logic [31:0] bytes_q;
  count_t left_q;  // segments
  logic take;

  assign take = request_valid_i && request_ready_o;
  assign request_ready_o = !busy_q && elements_ready_i;
  assign elements_valid_o = request_valid_i && !busy_q;
  assign elements_o = request_i.elements;
  assign seg_valid_o = busy_q;
  assign seg_addr_o = addr_q;
  assign seg_bytes_o = bytes_q;
  assign idle_o = !busy_q;

  always_ff @(posedge clk_i) begin
    if (take) begin
      addr_q <= request_i.addr;
      stride_q <= request_i.stride;
      if (request_i.elements.access == ACCESS_DENSE) begin
        bytes_q <= 32'(request_i.elements.count) << log2_bytes(request_i.elements.dtype);
      end else begin
        bytes_q <= 32'd1 << log2_bytes(request_i.elements.dtype);
      end
      left_q <= request_i.elements.access == ACCESS_STRIDED ? request_i.elements.count : count_t'(1);
    end else if (busy_q && seg_ready_i) begin
      addr_q <= addr_q + `NPU_FAULT(vector_col_stride, npu_pkg::addr_t'(stride_q), npu_pkg::addr_t'(stride_q) + (left_q == count_t'(1) ? '0 : npu_pkg::addr_t'(bytes_q)));
      left_q <= left_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (take) busy_q <= 1'b1;
    else if (seg_ready_i && left_q == count_t'(1)) busy_q <= 1'b0;
  end

endmodule
