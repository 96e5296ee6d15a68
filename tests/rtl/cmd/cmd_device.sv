// SPDX-License-Identifier: Apache-2.0
// The command processor on a memory unit; the engines are the bench's, by pins.
module cmd_device
  import npu_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned AxiDataBits = 512
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic [11:0]                  s_axil_awaddr,
  input  logic                         s_axil_awvalid,
  output logic                         s_axil_awready,
  input  logic [31:0]                  s_axil_wdata,
  input  logic [3:0]                   s_axil_wstrb,
  input  logic                         s_axil_wvalid,
  output logic                         s_axil_wready,
  output logic [1:0]                   s_axil_bresp,
  output logic                         s_axil_bvalid,
  input  logic                         s_axil_bready,
  input  logic [11:0]                  s_axil_araddr,
  input  logic                         s_axil_arvalid,
  output logic                         s_axil_arready,
  output logic [31:0]                  s_axil_rdata,
  output logic [1:0]                   s_axil_rresp,
  output logic                         s_axil_rvalid,
  input  logic                         s_axil_rready,
  output logic                         irq_o,

  output logic                         engine_rst_no,
  output logic [NumEngines-1:0]        start_valid_o,
  input  logic [NumEngines-1:0]        start_ready_i,
  output logic [PacketBits-1:0]        packet_o,
  output logic [15:0]                  check_error_o,
  output logic [63:0]                  check_fault_o,
  output logic [NumEngines-1:0]        checksum_clear_o,
  input  logic [NumEngines-1:0]        done_valid_i,
  input  logic [NumEngines-1:0][15:0]  done_error_i,
  input  logic [NumEngines-1:0][63:0]  done_fault_i,
  input  logic [NumEngines-1:0][63:0]  done_checksum_i,
  input  logic [NumEngines-1:0]        busy_i,
  input  logic [NumEngines-1:0]        stall_i,
  input  logic [31:0]                  loaded_words_i,

  output logic                         m_axi_arvalid,
  input  logic                         m_axi_arready,
  output logic [AxiIdBits-1:0]         m_axi_arid,
  output logic [AddrBits-1:0]          m_axi_araddr,
  output logic [7:0]                   m_axi_arlen,
  output logic [2:0]                   m_axi_arsize,
  output logic [1:0]                   m_axi_arburst,
  input  logic                         m_axi_rvalid,
  output logic                         m_axi_rready,
  input  logic [AxiIdBits-1:0]         m_axi_rid,
  input  logic [AxiDataBits-1:0]       m_axi_rdata,
  input  logic [1:0]                   m_axi_rresp,
  input  logic                         m_axi_rlast,
  output logic                         m_axi_awvalid,
  input  logic                         m_axi_awready,
  output logic [AxiIdBits-1:0]         m_axi_awid,
  output logic [AddrBits-1:0]          m_axi_awaddr,
  output logic [7:0]                   m_axi_awlen,
  output logic [2:0]                   m_axi_awsize,
  output logic [1:0]                   m_axi_awburst,
  output logic                         m_axi_wvalid,
  input  logic                         m_axi_wready,
  output logic [AxiDataBits-1:0]       m_axi_wdata,
  output logic [AxiDataBits/8-1:0]     m_axi_wstrb,
  output logic                         m_axi_wlast,
  input  logic                         m_axi_bvalid,
  output logic                         m_axi_bready,
  input  logic [AxiIdBits-1:0]         m_axi_bid,
  input  logic [1:0]                   m_axi_bresp
);

  logic quiesce, quiet, counter_clear, r_last, r_err, b_err;
  logic [NumReaders-1:0] ar_valid, ar_ready, r_valid;
  logic [NumReaders-1:0][AddrBits-1:0] ar_addr;
  logic [NumReaders-1:0][7:0] ar_len;
  logic [NumWriters-1:0] aw_valid, aw_ready, w_valid, w_ready, w_last, b_valid, checksum_clear;
  logic [NumWriters-1:0][AddrBits-1:0] aw_addr;
  logic [NumWriters-1:0][7:0] aw_len;
  logic [NumWriters-1:0][AxiDataBits/8-1:0] w_strb;
  logic [AxiDataBits-1:0] w_data [NumWriters];
  logic [AxiDataBits-1:0] r_data;
  logic [NumWriters-1:0][63:0] checksum, write_bytes;
  logic [NumReaders-1:0][63:0] read_beats;
  logic [63:0] total_read_beats, total_write_beats, read_open;

  logic cmd_ar_valid, cmd_aw_valid, cmd_w_valid, cmd_w_last;
  addr_t cmd_ar_addr, cmd_aw_addr;
  logic [7:0] cmd_ar_len, cmd_aw_len;
  logic [AxiDataBits/8-1:0] cmd_w_strb;
  logic [AxiDataBits-1:0] cmd_w_data;

  assign ar_valid = NumReaders'(cmd_ar_valid) << RdCmd;
  assign aw_valid = NumWriters'(cmd_aw_valid) << WrCmd;
  assign w_valid = NumWriters'(cmd_w_valid) << WrCmd;
  assign w_last = NumWriters'(cmd_w_last) << WrCmd;
  always_comb begin
    ar_addr = '0;
    ar_len = '0;
    aw_addr = '0;
    aw_len = '0;
    w_strb = '0;
    ar_addr[RdCmd] = cmd_ar_addr;
    ar_len[RdCmd] = cmd_ar_len;
    aw_addr[WrCmd] = cmd_aw_addr;
    aw_len[WrCmd] = cmd_aw_len;
    w_strb[WrCmd] = cmd_w_strb;
  end
  for (genvar w = 0; w < NumWriters; w++) begin : g_data
    assign w_data[w] = w == WrCmd ? cmd_w_data : '0;
  end
  assign checksum_clear_o = {checksum_clear[WrDma], checksum_clear[WrVector], checksum_clear[WrMatrix]};

  npu_cmd #(.AxiDataBits(AxiDataBits)) u_cmd (
    .clk_i, .rst_ni, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid,
    .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready, .irq_o,
    .ar_valid_o(cmd_ar_valid), .ar_ready_i(ar_ready[RdCmd]), .ar_addr_o(cmd_ar_addr), .ar_len_o(cmd_ar_len),
    .r_valid_i(r_valid[RdCmd]), .r_data_i(r_data), .r_last_i(r_last), .r_err_i(r_err),
    .aw_valid_o(cmd_aw_valid), .aw_ready_i(aw_ready[WrCmd]), .aw_addr_o(cmd_aw_addr), .aw_len_o(cmd_aw_len),
    .w_valid_o(cmd_w_valid), .w_ready_i(w_ready[WrCmd]), .w_data_o(cmd_w_data), .w_strb_o(cmd_w_strb),
    .w_last_o(cmd_w_last), .b_valid_i(b_valid[WrCmd]), .b_err_i(b_err),
    .quiesce_o(quiesce), .quiet_i(quiet), .counter_clear_o(counter_clear), .checksum_clear_o(checksum_clear),
    .checksum_i({done_checksum_i, checksum[WrCmd]}), .read_beats_i(read_beats), .write_bytes_i(write_bytes),
    .total_read_beats_i(total_read_beats), .total_write_beats_i(total_write_beats), .read_open_i(read_open),
    .engine_rst_no, .start_valid_o, .start_ready_i, .packet_o, .check_error_o, .check_fault_o, .done_valid_i,
    .done_error_i, .done_fault_i, .busy_i, .stall_i, .loaded_words_i, .array_active_i(busy_i[0]),
    .array_slots_i(16'd3)
  );

  // verilator lint_off PINCONNECTEMPTY
  npu_mem #(.DataBits(AxiDataBits)) u_mem (
    .clk_i, .rst_ni, .quiesce_i(quiesce), .quiet_o(quiet), .ar_valid_i(ar_valid), .ar_ready_o(ar_ready),
    .ar_addr_i(ar_addr), .ar_len_i(ar_len), .r_valid_o(r_valid), .r_data_o(r_data), .r_last_o(r_last),
    .r_err_o(r_err), .aw_valid_i(aw_valid), .aw_ready_o(aw_ready), .aw_addr_i(aw_addr), .aw_len_i(aw_len),
    .w_valid_i(w_valid), .w_ready_o(w_ready), .w_data_i(w_data), .w_strb_i(w_strb), .w_last_i(w_last),
    .b_valid_o(b_valid), .b_err_o(b_err), .checksum_clear_i(checksum_clear), .checksum_o(checksum),
    .counter_clear_i(counter_clear), .read_beats_o(read_beats), .write_beats_o(), .write_bytes_o(write_bytes),
    .total_read_beats_o(total_read_beats), .total_write_beats_o(total_write_beats), .read_open_o(read_open),
    .m_axi_awvalid, .m_axi_awready, .m_axi_awid, .m_axi_awaddr, .m_axi_awlen, .m_axi_awsize, .m_axi_awburst,
    .m_axi_awlock(), .m_axi_awcache(), .m_axi_awprot(), .m_axi_awqos(), .m_axi_wvalid, .m_axi_wready, .m_axi_wdata,
    .m_axi_wstrb, .m_axi_wlast, .m_axi_bvalid, .m_axi_bready, .m_axi_bid, .m_axi_bresp, .m_axi_arvalid,
    .m_axi_arready, .m_axi_arid, .m_axi_araddr, .m_axi_arlen, .m_axi_arsize, .m_axi_arburst, .m_axi_arlock(),
    .m_axi_arcache(), .m_axi_arprot(), .m_axi_arqos(), .m_axi_rvalid, .m_axi_rready, .m_axi_rid, .m_axi_rdata,
    .m_axi_rresp, .m_axi_rlast
  );
  // verilator lint_on PINCONNECTEMPTY

  // Sums of the engines come from the bench.
  logic unused;
  assign unused = &{1'b0, checksum[WrDma], checksum[WrVector], checksum[WrMatrix], r_valid, b_valid, ar_ready,
                    aw_ready, w_ready};

endmodule
