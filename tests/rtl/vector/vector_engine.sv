// SPDX-License-Identifier: Apache-2.0
// npu_vector on a memory unit of its own, with the pins of EngineBench.
module vector_engine #(
    parameter int unsigned VectorLanes = 16,
    parameter int unsigned VectorLength = 256,
    parameter int unsigned UcodeWords = 4096,
    parameter int unsigned AxiDataBits = 512
) (
    input logic clk_i,
    input logic rst_ni,

    input logic start_valid_i,
    output logic start_ready_o,
    input logic [2047:0] packet_i,
    input logic [15:0] check_error_i,
    input logic [63:0] check_fault_i,
    output logic done_valid_o,
    output logic [15:0] done_error_o,
    output logic [63:0] done_fault_o,
    output logic [63:0] checksum_o,
    output logic busy_o,
    output logic stall_o,
    output logic [31:0] loaded_words_o,
    output logic [1:0] tables_loaded_o,

    output logic m_axi_arvalid,
    input logic m_axi_arready,
    output logic [npu_pkg::AxiIdBits-1:0] m_axi_arid,
    output logic [47:0] m_axi_araddr,
    output logic [7:0] m_axi_arlen,
    output logic [2:0] m_axi_arsize,
    output logic [1:0] m_axi_arburst,
    input logic m_axi_rvalid,
    output logic m_axi_rready,
    input logic [npu_pkg::AxiIdBits-1:0] m_axi_rid,
    input logic [AxiDataBits-1:0] m_axi_rdata,
    input logic [1:0] m_axi_rresp,
    input logic m_axi_rlast,
    output logic m_axi_awvalid,
    input logic m_axi_awready,
    output logic [npu_pkg::AxiIdBits-1:0] m_axi_awid,
    output logic [47:0] m_axi_awaddr,
    output logic [7:0] m_axi_awlen,
    output logic [2:0] m_axi_awsize,
    output logic [1:0] m_axi_awburst,
    output logic m_axi_wvalid,
    input logic m_axi_wready,
    output logic [AxiDataBits-1:0] m_axi_wdata,
    output logic [AxiDataBits/8-1:0] m_axi_wstrb,
    output logic m_axi_wlast,
    input logic m_axi_bvalid,
    output logic m_axi_bready,
    input logic [npu_pkg::AxiIdBits-1:0] m_axi_bid,
    input logic [1:0] m_axi_bresp
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
      .m_axi_arvalid,
      .m_axi_arready,
      .m_axi_arid,
      .m_axi_araddr,
      .m_axi_arlen,
      .m_axi_arsize,
      .m_axi_arburst,
      .m_axi_rvalid,
      .m_axi_rready,
      .m_axi_rid,
      .m_axi_rdata,
      .m_axi_rresp,
      .m_axi_rlast,
      .m_axi_awvalid,
      .m_axi_awready,
      .m_axi_awid,
      .m_axi_awaddr,
      .m_axi_awlen,
      .m_axi_awsize,
      .m_axi_awburst,
      .m_axi_wvalid,
      .m_axi_wready,
      .m_axi_wdata,
      .m_axi_wstrb,
      .m_axi_wlast,
      .m_axi_bvalid,
      .m_axi_bready,
      .m_axi_bid,
      .m_axi_bresp
  );

endmodule
