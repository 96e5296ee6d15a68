// SPDX-License-Identifier: Apache-2.0
// Bench of rtl/mem: Clients read streams and as many write streams on one memory unit.
//
// Of the readers, number 1 does not coalesce and number 2 has the smallest buffer.
module mem_streams #(
  parameter int unsigned DataBits = 512,
  localparam int unsigned Clients = 3,
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned LineBits = $clog2(BeatBytes) + 1
) (
  input  logic                     clk_i,
  input  logic                     rst_ni,          // of the memory unit
  input  logic                     clients_rst_ni,  // of the streams
  input  logic                     quiesce_i,
  output logic                     quiet_o,

  input  logic [Clients-1:0]       rd_seg_valid_i,
  output logic [Clients-1:0]       rd_seg_ready_o,
  input  logic [47:0]              rd_seg_addr_i [Clients],
  input  logic [31:0]              rd_seg_bytes_i [Clients],
  output logic [Clients-1:0]       rd_line_valid_o,
  input  logic [Clients-1:0]       rd_line_ready_i,
  output logic [DataBits-1:0]      rd_line_data_o [Clients],
  output logic [LineBits-1:0]      rd_line_bytes_o [Clients],
  output logic [Clients-1:0]       rd_line_last_o,
  output logic [Clients-1:0]       rd_err_valid_o,
  output logic [47:0]              rd_err_addr_o [Clients],
  output logic [Clients-1:0]       rd_idle_o,

  input  logic [Clients-1:0]       wr_seg_valid_i,
  output logic [Clients-1:0]       wr_seg_ready_o,
  input  logic [47:0]              wr_seg_addr_i [Clients],
  input  logic [31:0]              wr_seg_bytes_i [Clients],
  input  logic [Clients-1:0]       wr_line_valid_i,
  output logic [Clients-1:0]       wr_line_ready_o,
  input  logic [DataBits-1:0]      wr_line_data_i [Clients],
  output logic [Clients-1:0]       wr_err_valid_o,
  output logic [47:0]              wr_err_addr_o [Clients],
  output logic [Clients-1:0]       wr_idle_o,
  input  logic                     err_clear_i,

  input  logic [Clients-1:0]       checksum_clear_i,
  output logic [Clients-1:0][63:0] checksum_o,
  input  logic                     counter_clear_i,
  output logic [Clients-1:0][63:0] read_beats_o,
  output logic [Clients-1:0][63:0] write_beats_o,
  output logic [Clients-1:0][63:0] write_bytes_o,
  output logic [63:0]              total_read_beats_o,
  output logic [63:0]              total_write_beats_o,
  output logic [63:0]              read_open_o,

  output logic                     m_axi_awvalid,
  input  logic                     m_axi_awready,
  output logic [3:0]               m_axi_awid,
  output logic [47:0]              m_axi_awaddr,
  output logic [7:0]               m_axi_awlen,
  output logic [2:0]               m_axi_awsize,
  output logic [1:0]               m_axi_awburst,
  output logic                     m_axi_awlock,
  output logic [3:0]               m_axi_awcache,
  output logic [2:0]               m_axi_awprot,
  output logic [3:0]               m_axi_awqos,
  output logic                     m_axi_wvalid,
  input  logic                     m_axi_wready,
  output logic [DataBits-1:0]      m_axi_wdata,
  output logic [BeatBytes-1:0]     m_axi_wstrb,
  output logic                     m_axi_wlast,
  input  logic                     m_axi_bvalid,
  output logic                     m_axi_bready,
  input  logic [3:0]               m_axi_bid,
  input  logic [1:0]               m_axi_bresp,
  output logic                     m_axi_arvalid,
  input  logic                     m_axi_arready,
  output logic [3:0]               m_axi_arid,
  output logic [47:0]              m_axi_araddr,
  output logic [7:0]               m_axi_arlen,
  output logic [2:0]               m_axi_arsize,
  output logic [1:0]               m_axi_arburst,
  output logic                     m_axi_arlock,
  output logic [3:0]               m_axi_arcache,
  output logic [2:0]               m_axi_arprot,
  output logic [3:0]               m_axi_arqos,
  input  logic                     m_axi_rvalid,
  output logic                     m_axi_rready,
  input  logic [3:0]               m_axi_rid,
  input  logic [DataBits-1:0]      m_axi_rdata,
  input  logic [1:0]               m_axi_rresp,
  input  logic                     m_axi_rlast
);

  logic [Clients-1:0] ar_valid, ar_ready, r_valid, aw_valid, aw_ready, w_valid, w_ready, w_last, b_valid;
  logic [Clients-1:0][47:0] ar_addr, aw_addr;
  logic [Clients-1:0][7:0] ar_len, aw_len;
  logic [DataBits-1:0] r_data;
  logic [DataBits-1:0] w_data [Clients];
  logic [Clients-1:0][BeatBytes-1:0] w_strb;
  logic r_last, r_err, b_err;

  for (genvar c = 0; c < Clients; c++) begin : gen_client
    npu_rd_stream #(
      .DataBits(DataBits), .FifoBeats(c == 2 ? npu_pkg::MaxBurst : 64), .Coalesce(c != 1)
    ) u_read (
      .clk_i, .rst_ni(clients_rst_ni),
      .seg_valid_i(rd_seg_valid_i[c]), .seg_ready_o(rd_seg_ready_o[c]),
      .seg_addr_i(rd_seg_addr_i[c]), .seg_bytes_i(rd_seg_bytes_i[c]),
      .line_valid_o(rd_line_valid_o[c]), .line_ready_i(rd_line_ready_i[c]),
      .line_data_o(rd_line_data_o[c]), .line_bytes_o(rd_line_bytes_o[c]), .line_last_o(rd_line_last_o[c]),
      .ar_valid_o(ar_valid[c]), .ar_ready_i(ar_ready[c]), .ar_addr_o(ar_addr[c]), .ar_len_o(ar_len[c]),
      .r_valid_i(r_valid[c]), .r_data_i(r_data), .r_last_i(r_last), .r_err_i(r_err),
      .err_valid_o(rd_err_valid_o[c]), .err_addr_o(rd_err_addr_o[c]), .err_clear_i, .idle_o(rd_idle_o[c])
    );
    npu_wr_stream #(.DataBits(DataBits)) u_write (
      .clk_i, .rst_ni(clients_rst_ni),
      .seg_valid_i(wr_seg_valid_i[c]), .seg_ready_o(wr_seg_ready_o[c]),
      .seg_addr_i(wr_seg_addr_i[c]), .seg_bytes_i(wr_seg_bytes_i[c]),
      .line_valid_i(wr_line_valid_i[c]), .line_ready_o(wr_line_ready_o[c]), .line_data_i(wr_line_data_i[c]),
      .aw_valid_o(aw_valid[c]), .aw_ready_i(aw_ready[c]), .aw_addr_o(aw_addr[c]), .aw_len_o(aw_len[c]),
      .w_valid_o(w_valid[c]), .w_ready_i(w_ready[c]), .w_data_o(w_data[c]), .w_strb_o(w_strb[c]),
      .w_last_o(w_last[c]), .b_valid_i(b_valid[c]), .b_err_i(b_err),
      .err_valid_o(wr_err_valid_o[c]), .err_addr_o(wr_err_addr_o[c]), .err_clear_i, .idle_o(wr_idle_o[c])
    );
  end

  npu_mem #(.DataBits(DataBits), .NumReaders(Clients), .NumWriters(Clients)) u_mem (
    .clk_i, .rst_ni, .quiesce_i, .quiet_o,
    .ar_valid_i(ar_valid), .ar_ready_o(ar_ready), .ar_addr_i(ar_addr), .ar_len_i(ar_len),
    .r_valid_o(r_valid), .r_data_o(r_data), .r_last_o(r_last), .r_err_o(r_err),
    .aw_valid_i(aw_valid), .aw_ready_o(aw_ready), .aw_addr_i(aw_addr), .aw_len_i(aw_len),
    .w_valid_i(w_valid), .w_ready_o(w_ready), .w_data_i(w_data), .w_strb_i(w_strb), .w_last_i(w_last),
    .b_valid_o(b_valid), .b_err_o(b_err),
    .*
  );

endmodule
