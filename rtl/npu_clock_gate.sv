// SPDX-License-Identifier: Apache-2.0
// Clock that runs while enable_i is high, from the next rising edge on.
//
// enable_i is synchronous to clk_i and taken while the clock is low, so clk_o has whole pulses only. A target's
// own clock gate can stand in for this module.

module npu_clock_gate (
  input  logic clk_i,
  input  logic enable_i,
  output logic clk_o
);

  logic enable_q;
  always_latch if (!clk_i) enable_q = enable_i;

  assign clk_o = clk_i & enable_q;

endmodule
