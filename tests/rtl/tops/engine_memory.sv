// SPDX-License-Identifier: Apache-2.0
// The memory unit of an engine's bench: two readers, one writer, the pins of EngineBench.
module engine_memory #(
    parameter int unsigned AxiDataBits = 512
) (
    input logic clk_i,
    input logic rst_ni,

    input logic checksum_clear_i,
    output logic [63:0] checksum_o,

    // A reader that an engine lacks is tied to 0.
    input logic [1:0] ar_valid_i,
    output logic [1:0] ar_ready_o,
    input logic [1:0][npu_pkg::AddrBits-1:0] ar_addr_i,
    input logic [1:0][7:0] ar_len_i,
    output logic [1:0] r_valid_o,
    output logic [AxiDataBits-1:0] r_data_o,
    output logic r_last_o,
    output logic r_err_o,

    input logic aw_valid_i,
    output logic aw_ready_o,
    input npu_pkg::addr_t aw_addr_i,
    input logic [7:0] aw_len_i,
    input logic w_valid_i,
    output logic w_ready_o,
    input logic [AxiDataBits-1:0] w_data_i,
    input logic [AxiDataBits/8-1:0] w_strb_i,
    input logic w_last_i,
    output logic b_valid_o,
    output logic b_err_o,

    `include "axi_port.svh"
);

  // The unit has two writers at least; the other one is silent.
  logic [AxiDataBits-1:0] w_datas[2];
  assign w_datas[0] = w_data_i;
  assign w_datas[1] = '0;

  logic unused_quiet, unused_arlock, unused_awlock;
  logic [3:0] unused_arcache, unused_awcache, unused_arqos, unused_awqos;
  logic [2:0] unused_arprot, unused_awprot;
  logic [1:0][63:0] unused_read_beats;
  logic [1:0][63:0] unused_write_beats, unused_write_bytes;
  logic [63:0] unused_reads, unused_writes, unused_read_open;
  logic unused_aw_ready, unused_w_ready, unused_b_valid;
  logic [63:0] unused_checksum;
  npu_mem #(
      .DataBits(AxiDataBits),
      .NumReaders(2),
      .NumWriters(2)
  ) u_mem (
      .clk_i,
      .rst_ni,
      .quiesce_i(1'b0),
      .quiet_o(unused_quiet),
      .ar_valid_i,
      .ar_ready_o,
      .ar_addr_i,
      .ar_len_i,
      .r_valid_o,
      .r_data_o,
      .r_last_o,
      .r_err_o,
      .aw_valid_i({1'b0, aw_valid_i}),
      .aw_ready_o({unused_aw_ready, aw_ready_o}),
      .aw_addr_i({48'd0, aw_addr_i}),
      .aw_len_i({8'd0, aw_len_i}),
      .w_valid_i({1'b0, w_valid_i}),
      .w_ready_o({unused_w_ready, w_ready_o}),
      .w_data_i(w_datas),
      .w_strb_i({{AxiDataBits / 8{1'b0}}, w_strb_i}),
      .w_last_i({1'b0, w_last_i}),
      .b_valid_o({unused_b_valid, b_valid_o}),
      .b_err_o(b_err_o),
      .checksum_clear_i({1'b0, checksum_clear_i}),
      .checksum_o({unused_checksum, checksum_o}),
      .counter_clear_i(1'b0),
      .read_beats_o(unused_read_beats),
      .write_beats_o(unused_write_beats),
      .write_bytes_o(unused_write_bytes),
      .total_read_beats_o(unused_reads),
      .total_write_beats_o(unused_writes),
      .read_open_o(unused_read_open),
      .m_axi_awlock(unused_awlock),
      .m_axi_awcache(unused_awcache),
      .m_axi_awprot(unused_awprot),
      .m_axi_awqos(unused_awqos),
      .m_axi_arlock(unused_arlock),
      .m_axi_arcache(unused_arcache),
      .m_axi_arprot(unused_arprot),
      .m_axi_arqos(unused_arqos),
      .*
  );

endmodule
