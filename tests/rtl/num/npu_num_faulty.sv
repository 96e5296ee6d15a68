// SPDX-License-Identifier: Apache-2.0
// The row of lanes of tandem-rtl-sweep with a choice of faults; see faults.txt.

module npu_num_faulty (
    input logic clk_i,
    input logic [31:0] fault_i,  // number of the fault; 0: none
    input logic [7:0] unit_i,
    input logic [7:0] op_i,
    input logic [31:0] option_i,
    input logic [511:0] a_i,
    input logic [511:0] b_i,
    input logic [511:0] c_i,
    output logic [511:0] y_o
);

  always_comb npu_num_pkg::fault = fault_i;

  npu_num_lanes #(
      .Lanes(16)
  ) u_lanes (
      .clk_i,
      .unit_i,
      .op_i,
      .option_i,
      .a_i,
      .b_i,
      .c_i,
      .y_o
  );

endmodule
