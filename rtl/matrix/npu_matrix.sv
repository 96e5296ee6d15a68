// SPDX-License-Identifier: Apache-2.0
// Matrix engine: MATMUL.
//
// The core has a clock only while there is a packet.

module npu_matrix
  import npu_pkg::*;
  import npu_isa_pkg::*;
#(
    parameter int unsigned ArrayRows = 16,   // a multiple of 4, a power of two
    parameter int unsigned ArrayCols = 16,   // 4 to 32, a power of two
    parameter int unsigned AxiDataBits = 512,
    localparam int unsigned BeatBytes = AxiDataBits / 8,
    localparam int unsigned SlotsBits = $clog2(ArrayRows * ArrayCols + 1)
) (
    input logic clk_i,
    input logic rst_ni,

    input  logic          start_valid_i,
    output logic          start_ready_o,
    input  logic [2047:0] packet_i,
    output logic          done_valid_o,
    output logic [15:0]   done_error_o,
    output logic [63:0]   done_fault_o,
    output logic          busy_o,
    output logic          stall_o,
    output logic          array_active_o,  // a step enters the array
    output logic [SlotsBits-1:0] array_slots_o,  // its multiply-adds that belong to a result

    output logic                   ar_valid_o,
    input  logic                   ar_ready_i,
    output addr_t                  ar_addr_o,
    output logic [7:0]             ar_len_o,
    input  logic                   r_valid_i,
    input  logic [AxiDataBits-1:0] r_data_i,
    input  logic                   r_last_i,
    input  logic                   r_err_i,

    output logic                   aw_valid_o,
    input  logic                   aw_ready_i,
    output addr_t                  aw_addr_o,
    output logic [7:0]             aw_len_o,
    output logic                   w_valid_o,
    input  logic                   w_ready_i,
    output logic [AxiDataBits-1:0] w_data_o,
    output logic [BeatBytes-1:0]   w_strb_o,
    output logic                   w_last_o,
    input  logic                   b_valid_i,
    input  logic                   b_err_i
);

  logic busy_q, done, stall, active, core_clk;

  assign start_ready_o = ~busy_q;
  assign busy_o = busy_q;
  // Outputs of the core keep their values while its clock stands.
  assign done_valid_o = done & busy_q;
  assign stall_o = stall & busy_q;
  assign array_active_o = active & busy_q;

  // Behind the gate as well, so that an idle engine has no logic on the free clock.
  always_ff @(posedge core_clk) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_valid_i & start_ready_o) begin
      busy_q <= 1'b1;
    end else if (done_valid_o) begin
      busy_q <= 1'b0;
    end
  end

  npu_clock_gate u_gate (
      .clk_i,
      .enable_i(start_valid_i | busy_q | ~rst_ni),
      .clk_o(core_clk)
  );

  npu_matrix_core #(
      .ArrayRows(ArrayRows),
      .ArrayCols(ArrayCols),
      .AxiDataBits(AxiDataBits)
  ) u_core (
      .clk_i(core_clk),
      .free_clk_i(clk_i),
      .rst_ni,
      .start_i(busy_q),
      .take_i(start_valid_i & start_ready_o),
      .packet_i,
      .done_o(done),
      .done_error_o,
      .done_fault_o,
      .stall_o(stall),
      .array_active_o(active),
      .array_slots_o,
      .ar_valid_o,
      .ar_ready_i,
      .ar_addr_o,
      .ar_len_o,
      .r_valid_i,
      .r_data_i,
      .r_last_i,
      .r_err_i,
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
      .b_err_i
  );

endmodule
