// SPDX-License-Identifier: Apache-2.0
// npu_vector on a memory unit of its own, with the pins of EngineBench.
module vector_engine #(
    parameter int unsigned VectorLanes = 16,
    parameter int unsigned VectorLength = 256,
    parameter int unsigned UcodeWords = 4096,
    parameter int unsigned AxiDataBits = 512
) (
    `include "engine_pins.svh"
    input logic [15:0] check_error_i,
    input logic [63:0] check_fault_i,
    output logic [31:0] loaded_words_o,
    output logic [1:0] tables_loaded_o,

    `include "axi_port.svh"
);

  logic ar_valid, ar_ready, r_valid, r_last, r_err;
  npu_pkg::addr_t ar_addr, aw_addr;
  logic [7:0] ar_len, aw_len;
  logic [AxiDataBits-1:0] r_data;
  logic aw_valid, aw_ready, w_valid, w_ready, w_last, b_valid, b_err;
  logic [AxiDataBits-1:0] w_data;
  logic [AxiDataBits/8-1:0] w_strb;

  npu_vector #(
      .VectorLanes(VectorLanes),
      .VectorLength(VectorLength),
      .UcodeWords(UcodeWords),
      .AxiDataBits(AxiDataBits)
  ) u_vector (
      .clk_i,
      .rst_ni,
      .start_valid_i,
      .start_ready_o,
      .packet_i,
      .check_error_i,
      .check_fault_i,
      .done_valid_o,
      .done_error_o,
      .done_fault_o,
      .busy_o,
      .stall_o,
      .loaded_words_o,
      .tables_loaded_o,
      .ar_valid_o(ar_valid),
      .ar_ready_i(ar_ready),
      .ar_addr_o(ar_addr),
      .ar_len_o(ar_len),
      .r_valid_i(r_valid),
      .r_data_i(r_data),
      .r_last_i(r_last),
      .r_err_i(r_err),
      .aw_valid_o(aw_valid),
      .aw_ready_i(aw_ready),
      .aw_addr_o(aw_addr),
      .aw_len_o(aw_len),
      .w_valid_o(w_valid),
      .w_ready_i(w_ready),
      .w_data_o(w_data),
      .w_strb_o(w_strb),
      .w_last_o(w_last),
      .b_valid_i(b_valid),
      .b_err_i(b_err)
  );

  logic unused_ar_ready, unused_r_valid;
  engine_memory #(
      .AxiDataBits(AxiDataBits)
  ) u_memory (
      .clk_i,
      .rst_ni,
      .checksum_clear_i(start_valid_i && start_ready_o),
      .checksum_o,
      .ar_valid_i({1'b0, ar_valid}),
      .ar_ready_o({unused_ar_ready, ar_ready}),
      .ar_addr_i({48'd0, ar_addr}),
      .ar_len_i({8'd0, ar_len}),
      .r_valid_o({unused_r_valid, r_valid}),
      .r_data_o(r_data),
      .r_last_o(r_last),
      .r_err_o(r_err),
      .aw_valid_i(aw_valid),
      .aw_ready_o(aw_ready),
      .aw_addr_i(aw_addr),
      .aw_len_i(aw_len),
      .w_valid_i(w_valid),
      .w_ready_o(w_ready),
      .w_data_i(w_data),
      .w_strb_i(w_strb),
      .w_last_i(w_last),
      .b_valid_o(b_valid),
      .b_err_o(b_err),
      .*
  );

endmodule
