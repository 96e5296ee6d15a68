// SPDX-License-Identifier: Apache-2.0
// The NPU: wiring of the command processor, the engines and the memory unit. docs/design/rtl.md has the figure.
module npu_top
  import npu_pkg::*;
#(
  parameter int unsigned ArrayRows = 16,
  parameter int unsigned ArrayCols = 16,
  parameter int unsigned VectorLanes = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned UcodeWords = 4096,
  parameter int unsigned AxiDataBits = 512,
  parameter logic [127:0] ConfigName = 128'h65676465  // "edge"; first character in the low byte
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  output logic                         irq_o,

  // Registers: AXI4-Lite.
  input  logic [npu_regs_pkg::RegAddrWidth-1:0] s_axil_awaddr,
  input  logic [2:0]                   s_axil_awprot,
  input  logic                         s_axil_awvalid,
  output logic                         s_axil_awready,
  input  logic [31:0]                  s_axil_wdata,
  input  logic [3:0]                   s_axil_wstrb,
  input  logic                         s_axil_wvalid,
  output logic                         s_axil_wready,
  output logic [1:0]                   s_axil_bresp,
  output logic                         s_axil_bvalid,
  input  logic                         s_axil_bready,
  input  logic [npu_regs_pkg::RegAddrWidth-1:0] s_axil_araddr,
  input  logic [2:0]                   s_axil_arprot,
  input  logic                         s_axil_arvalid,
  output logic                         s_axil_arready,
  output logic [31:0]                  s_axil_rdata,
  output logic [1:0]                   s_axil_rresp,
  output logic                         s_axil_rvalid,
  input  logic                         s_axil_rready,

  // Memory: AXI4.
  output logic                         m_axi_awvalid,
  input  logic                         m_axi_awready,
  output logic [AxiIdBits-1:0]         m_axi_awid,
  output logic [AddrBits-1:0]          m_axi_awaddr,
  output logic [7:0]                   m_axi_awlen,
  output logic [2:0]                   m_axi_awsize,
  output logic [1:0]                   m_axi_awburst,
  output logic                         m_axi_awlock,
  output logic [3:0]                   m_axi_awcache,
  output logic [2:0]                   m_axi_awprot,
  output logic [3:0]                   m_axi_awqos,
  output logic                         m_axi_wvalid,
  input  logic                         m_axi_wready,
  output logic [AxiDataBits-1:0]       m_axi_wdata,
  output logic [AxiDataBits/8-1:0]     m_axi_wstrb,
  output logic                         m_axi_wlast,
  input  logic                         m_axi_bvalid,
  output logic                         m_axi_bready,
  input  logic [AxiIdBits-1:0]         m_axi_bid,
  input  logic [1:0]                   m_axi_bresp,
  output logic                         m_axi_arvalid,
  input  logic                         m_axi_arready,
  output logic [AxiIdBits-1:0]         m_axi_arid,
  output logic [AddrBits-1:0]          m_axi_araddr,
  output logic [7:0]                   m_axi_arlen,
  output logic [2:0]                   m_axi_arsize,
  output logic [1:0]                   m_axi_arburst,
  output logic                         m_axi_arlock,
  output logic [3:0]                   m_axi_arcache,
  output logic [2:0]                   m_axi_arprot,
  output logic [3:0]                   m_axi_arqos,
  input  logic                         m_axi_rvalid,
  output logic                         m_axi_rready,
  input  logic [AxiIdBits-1:0]         m_axi_rid,
  input  logic [AxiDataBits-1:0]       m_axi_rdata,
  input  logic [1:0]                   m_axi_rresp,
  input  logic                         m_axi_rlast
);

  localparam int unsigned SlotsBits = $clog2(ArrayRows * ArrayCols + 1);
  localparam int unsigned NumEngines = npu_cmd_pkg::NumEngines;
  localparam int unsigned Matrix = 0;  // numbers of the engines in a wait mask
  localparam int unsigned Vector = 1;
  localparam int unsigned Dma = 2;

  // Engines
  logic engine_rst_n;
  logic [NumEngines-1:0] start_valid, start_ready, done_valid, busy, stall;
  logic [2047:0] packet;
  logic [NumEngines-1:0][15:0] done_error;
  logic [NumEngines-1:0][63:0] done_fault;
  logic [15:0] check_error;
  logic [63:0] check_fault;
  logic [31:0] loaded_words;
  logic [1:0] tables_loaded;
  logic array_active;
  logic [SlotsBits-1:0] array_slots;

  // Memory clients
  logic [NumReaders-1:0] ar_valid, ar_ready, r_valid;
  addr_t [NumReaders-1:0] ar_addr;
  logic [NumReaders-1:0][7:0] ar_len;
  logic [AxiDataBits-1:0] r_data;
  logic r_last, r_err;
  logic [NumWriters-1:0] aw_valid, aw_ready, w_valid, w_ready, w_last, b_valid;
  addr_t [NumWriters-1:0] aw_addr;
  logic [NumWriters-1:0][7:0] aw_len;
  logic [AxiDataBits-1:0] w_data [NumWriters];
  logic [NumWriters-1:0][AxiDataBits/8-1:0] w_strb;
  logic b_err;
  logic quiesce, quiet, counter_clear;
  logic [NumWriters-1:0] checksum_clear;
  logic [NumWriters-1:0][63:0] checksum;
  logic [NumReaders-1:0][63:0] read_beats;
  logic [NumWriters-1:0][63:0] write_beats, write_bytes;
  logic [63:0] total_read_beats, total_write_beats, read_open;

  npu_cmd #(
    .ArrayRows(ArrayRows), .ArrayCols(ArrayCols), .VectorLanes(VectorLanes), .VectorLength(VectorLength),
    .UcodeWords(UcodeWords), .AxiDataBits(AxiDataBits), .ConfigName(ConfigName), .SlotsBits(SlotsBits)
  ) u_cmd (
    .clk_i, .rst_ni, .irq_o,
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready,
    .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready,
    .ar_valid_o(ar_valid[RdCmd]), .ar_ready_i(ar_ready[RdCmd]), .ar_addr_o(ar_addr[RdCmd]), .ar_len_o(ar_len[RdCmd]),
    .r_valid_i(r_valid[RdCmd]), .r_data_i(r_data), .r_last_i(r_last), .r_err_i(r_err),
    .aw_valid_o(aw_valid[WrCmd]), .aw_ready_i(aw_ready[WrCmd]), .aw_addr_o(aw_addr[WrCmd]), .aw_len_o(aw_len[WrCmd]),
    .w_valid_o(w_valid[WrCmd]), .w_ready_i(w_ready[WrCmd]), .w_data_o(w_data[WrCmd]), .w_strb_o(w_strb[WrCmd]),
    .w_last_o(w_last[WrCmd]), .b_valid_i(b_valid[WrCmd]), .b_err_i(b_err),
    .quiesce_o(quiesce), .quiet_i(quiet), .counter_clear_o(counter_clear),
    .checksum_clear_o(checksum_clear), .checksum_i(checksum),
    .read_beats_i(read_beats), .write_bytes_i(write_bytes), .total_read_beats_i(total_read_beats),
    .total_write_beats_i(total_write_beats), .read_open_i(read_open),
    .engine_rst_no(engine_rst_n),
    .start_valid_o(start_valid), .start_ready_i(start_ready), .packet_o(packet),
    .check_error_o(check_error), .check_fault_o(check_fault),
    .done_valid_i(done_valid), .done_error_i(done_error), .done_fault_i(done_fault), .busy_i(busy), .stall_i(stall),
    .loaded_words_i(loaded_words), .array_active_i(array_active), .array_slots_i(array_slots)
  );

  npu_matrix #(.ArrayRows(ArrayRows), .ArrayCols(ArrayCols), .AxiDataBits(AxiDataBits)) u_matrix (
    .clk_i, .rst_ni(engine_rst_n),
    .start_valid_i(start_valid[Matrix]), .start_ready_o(start_ready[Matrix]), .packet_i(packet),
    .done_valid_o(done_valid[Matrix]), .done_error_o(done_error[Matrix]), .done_fault_o(done_fault[Matrix]),
    .busy_o(busy[Matrix]), .stall_o(stall[Matrix]),
    .array_active_o(array_active), .array_slots_o(array_slots),
    .ar_valid_o(ar_valid[RdMatrix]), .ar_ready_i(ar_ready[RdMatrix]), .ar_addr_o(ar_addr[RdMatrix]), .ar_len_o(ar_len[RdMatrix]),
    .r_valid_i(r_valid[RdMatrix]), .r_data_i(r_data), .r_last_i(r_last), .r_err_i(r_err),
    .aw_valid_o(aw_valid[WrMatrix]), .aw_ready_i(aw_ready[WrMatrix]), .aw_addr_o(aw_addr[WrMatrix]), .aw_len_o(aw_len[WrMatrix]),
    .w_valid_o(w_valid[WrMatrix]), .w_ready_i(w_ready[WrMatrix]), .w_data_o(w_data[WrMatrix]), .w_strb_o(w_strb[WrMatrix]),
    .w_last_o(w_last[WrMatrix]), .b_valid_i(b_valid[WrMatrix]), .b_err_i(b_err)
  );

  npu_vector #(
    .VectorLanes(VectorLanes), .VectorLength(VectorLength), .UcodeWords(UcodeWords), .AxiDataBits(AxiDataBits)
  ) u_vector (
    .clk_i, .rst_ni(engine_rst_n),
    .start_valid_i(start_valid[Vector]), .start_ready_o(start_ready[Vector]), .packet_i(packet),
    .done_valid_o(done_valid[Vector]), .done_error_o(done_error[Vector]), .done_fault_o(done_fault[Vector]),
    .busy_o(busy[Vector]), .stall_o(stall[Vector]),
    .check_error_i(check_error), .check_fault_i(check_fault),
    .loaded_words_o(loaded_words), .tables_loaded_o(tables_loaded),
    .ar_valid_o(ar_valid[RdVector]), .ar_ready_i(ar_ready[RdVector]), .ar_addr_o(ar_addr[RdVector]), .ar_len_o(ar_len[RdVector]),
    .r_valid_i(r_valid[RdVector]), .r_data_i(r_data), .r_last_i(r_last), .r_err_i(r_err),
    .aw_valid_o(aw_valid[WrVector]), .aw_ready_i(aw_ready[WrVector]), .aw_addr_o(aw_addr[WrVector]), .aw_len_o(aw_len[WrVector]),
    .w_valid_o(w_valid[WrVector]), .w_ready_i(w_ready[WrVector]), .w_data_o(w_data[WrVector]), .w_strb_o(w_strb[WrVector]),
    .w_last_o(w_last[WrVector]), .b_valid_i(b_valid[WrVector]), .b_err_i(b_err)
  );

  // The copy engine has a clock only while it has a packet.
  logic dma_clk;
  npu_clock_gate u_dma_gate (
    .clk_i, .enable_i(!engine_rst_n | start_valid[Dma] | busy[Dma] | done_valid[Dma]), .clk_o(dma_clk)
  );

  npu_dma #(.DataBits(AxiDataBits)) u_dma (
    .clk_i(dma_clk), .rst_ni(engine_rst_n),
    .start_valid_i(start_valid[Dma]), .start_ready_o(start_ready[Dma]), .packet_i(packet),
    .done_valid_o(done_valid[Dma]), .done_error_o(done_error[Dma]), .done_fault_o(done_fault[Dma]),
    .busy_o(busy[Dma]), .stall_o(stall[Dma]),
    .src_ar_valid_o(ar_valid[RdDmaSource]), .src_ar_ready_i(ar_ready[RdDmaSource]), .src_ar_addr_o(ar_addr[RdDmaSource]), .src_ar_len_o(ar_len[RdDmaSource]),
    .src_r_valid_i(r_valid[RdDmaSource]), .src_r_data_i(r_data), .src_r_last_i(r_last), .src_r_err_i(r_err),
    .idx_ar_valid_o(ar_valid[RdDmaIndex]), .idx_ar_ready_i(ar_ready[RdDmaIndex]), .idx_ar_addr_o(ar_addr[RdDmaIndex]), .idx_ar_len_o(ar_len[RdDmaIndex]),
    .idx_r_valid_i(r_valid[RdDmaIndex]), .idx_r_data_i(r_data), .idx_r_last_i(r_last), .idx_r_err_i(r_err),
    .aw_valid_o(aw_valid[WrDma]), .aw_ready_i(aw_ready[WrDma]), .aw_addr_o(aw_addr[WrDma]), .aw_len_o(aw_len[WrDma]),
    .w_valid_o(w_valid[WrDma]), .w_ready_i(w_ready[WrDma]), .w_data_o(w_data[WrDma]), .w_strb_o(w_strb[WrDma]),
    .w_last_o(w_last[WrDma]), .b_valid_i(b_valid[WrDma]), .b_err_i(b_err)
  );

  npu_mem #(.DataBits(AxiDataBits)) u_mem (
    .clk_i, .rst_ni, .quiesce_i(quiesce), .quiet_o(quiet),
    .ar_valid_i(ar_valid), .ar_ready_o(ar_ready), .ar_addr_i(ar_addr), .ar_len_i(ar_len),
    .r_valid_o(r_valid), .r_data_o(r_data), .r_last_o(r_last), .r_err_o(r_err),
    .aw_valid_i(aw_valid), .aw_ready_o(aw_ready), .aw_addr_i(aw_addr), .aw_len_i(aw_len),
    .w_valid_i(w_valid), .w_ready_o(w_ready), .w_data_i(w_data), .w_strb_i(w_strb), .w_last_i(w_last),
    .b_valid_o(b_valid), .b_err_o(b_err),
    .checksum_clear_i(checksum_clear), .checksum_o(checksum),
    .counter_clear_i(counter_clear), .read_beats_o(read_beats), .write_beats_o(write_beats),
    .write_bytes_o(write_bytes), .total_read_beats_o(total_read_beats), .total_write_beats_o(total_write_beats),
    .read_open_o(read_open),
    .m_axi_awvalid, .m_axi_awready, .m_axi_awid, .m_axi_awaddr, .m_axi_awlen,
    .m_axi_awsize, .m_axi_awburst, .m_axi_awlock, .m_axi_awcache, .m_axi_awprot,
    .m_axi_awqos, .m_axi_wvalid, .m_axi_wready, .m_axi_wdata, .m_axi_wstrb,
    .m_axi_wlast, .m_axi_bvalid, .m_axi_bready, .m_axi_bid, .m_axi_bresp,
    .m_axi_arvalid, .m_axi_arready, .m_axi_arid, .m_axi_araddr, .m_axi_arlen,
    .m_axi_arsize, .m_axi_arburst, .m_axi_arlock, .m_axi_arcache, .m_axi_arprot,
    .m_axi_arqos, .m_axi_rvalid, .m_axi_rready, .m_axi_rid, .m_axi_rdata,
    .m_axi_rresp, .m_axi_rlast
  );

  // Accesses have no attributes, tables are looked up by the vector engine itself, and write beats are counted in total.
  logic unused;
  assign unused = ^{s_axil_awprot, s_axil_arprot, tables_loaded, write_beats};

endmodule
