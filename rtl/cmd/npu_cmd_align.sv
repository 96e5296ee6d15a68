// SPDX-License-Identifier: Apache-2.0
// Addresses and strides: those of absent operands are zero, the others multiples of their element size.

`include "npu_fault.svh"

module npu_cmd_align
  import npu_cmd_pkg::*;
  import npu_cmd_traits_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  start_i,
  input  logic                  abort_i,
  input  logic [PacketBits-1:0] packet_i,
  input  traits_t               traits_i,
  output logic                  busy_o,

  // Valid once busy_o has fallen; the first field of each kind in ascending offset.
  output logic                  absent_set_o,
  output logic                  misaligned_o,
  output logic [7:0]            absent_at_o,
  output logic [7:0]            misaligned_at_o
);

  logic [AlignStepBits-1:0] index_q;
  align_step_t step_q;
  logic step_valid_q;

  always_ff @(posedge clk_i) begin : walk
    logic [63:0] word;
    logic [63:0] value;
    if (!rst_ni || abort_i) begin
      busy_o <= 1'b0;
    end else if (start_i) begin
      busy_o <= 1'b1;
      index_q <= '0;
      step_valid_q <= 1'b0;
      absent_set_o <= 1'b0;
      misaligned_o <= 1'b0;
    end else if (busy_o) begin
      step_q <= align_step(traits_i, index_q);
      step_valid_q <= 1'b1;
      index_q <= index_q + 1'b1;
      word = packet_i[{step_q.at[7:3], 6'b0} +: 64];
      value = step_q.half ? 64'(16'(word >> {step_q.at[2:0], 3'b0})) : word;
      if (step_valid_q) begin
        if (step_q.last) busy_o <= 1'b0;
        if (!absent_set_o && step_q.absent && value != '0) begin
          absent_set_o <= 1'b1;
          absent_at_o <= step_q.at;
        end
        if (!misaligned_o && `NPU_FAULT_SEQ(cmd_align_bit, packet_i[8*npu_packet_rules_pkg::PacketSeqAt +: 64], (value & ~({64{1'b1}} << step_q.log2)) != '0,
                                             ((value >> 1) & ~({64{1'b1}} << (step_q.log2 - 3'd1))) != '0 && step_q.log2 != '0)) begin
          misaligned_o <= 1'b1;
          misaligned_at_o <= step_q.at;
        end
      end
    end
  end

endmodule
