// SPDX-License-Identifier: Apache-2.0
// npu_dma on a memory unit of its own, with the pins of EngineBench.
module dma_engine #(
    parameter int unsigned AxiDataBits = 512
) (
    `include "engine_pins.svh"

    `include "axi_port.svh"
);

  localparam int unsigned Source = 0;
  localparam int unsigned Index = 1;

  logic [1:0] ar_valid, ar_ready, r_valid;
  logic [1:0][npu_pkg::AddrBits-1:0] ar_addr;
  logic [1:0][7:0] ar_len;
  logic [AxiDataBits-1:0] r_data;
  logic r_last, r_err;
  logic aw_valid, aw_ready, w_valid, w_ready, w_last, b_valid, b_err;
  npu_pkg::addr_t aw_addr;
  logic [7:0] aw_len;
  logic [AxiDataBits-1:0] w_data;
  logic [AxiDataBits/8-1:0] w_strb;

  npu_dma #(
      .DataBits(AxiDataBits)
  ) u_dma (
      .clk_i,
      .rst_ni,
      .start_valid_i,
      .start_ready_o,
      .packet_i,
      .done_valid_o,
      .done_error_o,
      .done_fault_o,
      .busy_o,
      .stall_o,
      .src_ar_valid_o(ar_valid[Source]),
      .src_ar_ready_i(ar_ready[Source]),
      .src_ar_addr_o(ar_addr[Source]),
      .src_ar_len_o(ar_len[Source]),
      .src_r_valid_i(r_valid[Source]),
      .src_r_data_i(r_data),
      .src_r_last_i(r_last),
      .src_r_err_i(r_err),
      .idx_ar_valid_o(ar_valid[Index]),
      .idx_ar_ready_i(ar_ready[Index]),
      .idx_ar_addr_o(ar_addr[Index]),
      .idx_ar_len_o(ar_len[Index]),
      .idx_r_valid_i(r_valid[Index]),
      .idx_r_data_i(r_data),
      .idx_r_last_i(r_last),
      .idx_r_err_i(r_err),
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

  engine_memory #(
      .AxiDataBits(AxiDataBits)
  ) u_memory (
      .clk_i,
      .rst_ni,
      .checksum_clear_i(start_valid_i && start_ready_o),
      .checksum_o,
      .ar_valid_i(ar_valid),
      .ar_ready_o(ar_ready),
      .ar_addr_i(ar_addr),
      .ar_len_i(ar_len),
      .r_valid_o(r_valid),
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
