// SPDX-License-Identifier: Apache-2.0
// Vector engine: VECTOR and LOAD_UCODE packets (device.md, section 4).
//
// The packet is taken into a register here; everything else is in npu_vector_core, whose clock runs only while there
// is a packet, because an engine of this size costs power, and simulation time, even where nothing changes.

module npu_vector
#(
  parameter int unsigned VectorLanes  = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned UcodeWords   = 4096,
  parameter int unsigned AxiDataBits  = 512
) (
  input  logic clk_i,
  input  logic rst_ni,
  // Command processor
  input  logic start_valid_i,
  output logic start_ready_o,
  input  logic [2047:0] packet_i,
  input  logic [15:0] check_error_i,
  input  logic [63:0] check_fault_i,
  output logic done_valid_o,
  output logic [15:0] done_error_o,
  output logic [63:0] done_fault_o,
  output logic busy_o,
  output logic stall_o,
  output logic [31:0] loaded_words_o,
  output logic [1:0] tables_loaded_o,
  // Read client
  output logic ar_valid_o,
  input  logic ar_ready_i,
  output npu_pkg::addr_t ar_addr_o,
  output logic [7:0] ar_len_o,
  input  logic r_valid_i,
  input  logic [AxiDataBits-1:0] r_data_i,
  input  logic r_last_i,
  input  logic r_err_i,
  // Write client
  output logic aw_valid_o,
  input  logic aw_ready_i,
  output npu_pkg::addr_t aw_addr_o,
  output logic [7:0] aw_len_o,
  output logic w_valid_o,
  input  logic w_ready_i,
  output logic [AxiDataBits-1:0] w_data_o,
  output logic [AxiDataBits/8-1:0] w_strb_o,
  output logic w_last_o,
  input  logic b_valid_i,
  input  logic b_err_i
);

  logic [2047:0] packet_q;
  logic [15:0] check_error_q;
  logic [63:0] check_fault_q;
  logic busy_q, done, core_clk, core_stall;

  assign start_ready_o = !busy_q;
  assign busy_o = busy_q;
  assign stall_o = busy_q && core_stall;
  assign done_valid_o = busy_q && done;

  // Behind the gate as well, so that an idle engine has no logic on the free clock.
  always_ff @(posedge core_clk) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (!busy_q) begin
      if (start_valid_i) begin
        busy_q <= 1'b1;
        packet_q <= packet_i;
        check_error_q <= check_error_i;
        check_fault_q <= check_fault_i;
      end
    end else if (done) begin
      busy_q <= 1'b0;
    end
  end

  npu_clock_gate u_gate (.clk_i, .enable_i(start_valid_i || busy_q || !rst_ni), .clk_o(core_clk));

  npu_vector_core #(
    .VectorLanes(VectorLanes), .VectorLength(VectorLength), .UcodeWords(UcodeWords), .AxiDataBits(AxiDataBits)
  ) u_core (
    .clk_i(core_clk), .rst_ni,
    .start_i(busy_q), .packet_i(packet_q), .check_error_i(check_error_q), .check_fault_i(check_fault_q),
    .done_o(done), .done_error_o, .done_fault_o, .stall_o(core_stall), .loaded_words_o, .tables_loaded_o,
    .ar_valid_o, .ar_ready_i, .ar_addr_o, .ar_len_o, .r_valid_i, .r_data_i, .r_last_i, .r_err_i,
    .aw_valid_o, .aw_ready_i, .aw_addr_o, .aw_len_o, .w_valid_o, .w_ready_i, .w_data_o, .w_strb_o, .w_last_o,
    .b_valid_i, .b_err_i
  );

endmodule
