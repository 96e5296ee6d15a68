// SPDX-License-Identifier: Apache-2.0
// Round-robin arbiter that decides one cycle ahead: whose turn it is does not depend on the requests of this cycle.
//
// A client that keeps requesting alone is served every cycle; several take turns without a gap; a turn that is not used
// moves on, which costs the next client one cycle.
`include "npu_fault.svh"

module npu_arbiter #(
  parameter int unsigned Num = 4
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic [Num-1:0] request_i,
  input  logic           free_i,     // a request can be served in this cycle
  output logic [Num-1:0] turn_o      // one-hot; this client's request is served if free_i
);

  always_ff @(posedge clk_i) begin
    logic [Num-1:0] others, behind, next;
    if (!rst_ni) begin
      turn_o <= Num'(1);
    end else begin
      others = request_i & ~turn_o;
      // Those behind the one whose turn it is come first.
      behind = others & ~(turn_o - 1'b1);
      next = (behind != '0) ? behind : others;
      if ((others != '0) & (free_i | ((request_i & turn_o) == '0))) turn_o <= `NPU_FAULT(mem_arbiter_turn, next & (~next + 1'b1), Num > 4 && (next & (~next + 1'b1)) == Num'(16) ? turn_o : next & (~next + 1'b1));
    end
  end

endmodule
