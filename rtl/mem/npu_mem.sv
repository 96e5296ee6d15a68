// SPDX-License-Identifier: Apache-2.0
// Memory unit: joins the memory clients to one AXI4 master, sums checksums, counts, and can be quiesced.
//
// Client ports are named as seen from here; docs/design/rtl.md has the rules. r_data_o, r_last_o, r_err_o and b_err_o belong
// to the client whose valid bit is high. While quiesce_i is high no burst is accepted; clients must still deliver the
// beats of their accepted write bursts, and may withdraw what was not accepted.
module npu_mem #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned NumReaders = npu_pkg::NumReaders,
  parameter int unsigned NumWriters = npu_pkg::NumWriters,
  parameter int unsigned IdBits = npu_pkg::AxiIdBits,
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned AddrBits = npu_pkg::AddrBits
) (
  input  logic                                  clk_i,
  input  logic                                  rst_ni,

  input  logic                                  quiesce_i,
  output logic                                  quiet_o,             // quiesce_i is high and no burst is in flight

  input  logic [NumReaders-1:0]                 ar_valid_i,
  output logic [NumReaders-1:0]                 ar_ready_o,
  input  logic [NumReaders-1:0][AddrBits-1:0]   ar_addr_i,
  input  logic [NumReaders-1:0][7:0]            ar_len_i,
  output logic [NumReaders-1:0]                 r_valid_o,
  output logic [DataBits-1:0]                   r_data_o,
  output logic                                  r_last_o,
  output logic                                  r_err_o,

  input  logic [NumWriters-1:0]                 aw_valid_i,
  output logic [NumWriters-1:0]                 aw_ready_o,
  input  logic [NumWriters-1:0][AddrBits-1:0]   aw_addr_i,
  input  logic [NumWriters-1:0][7:0]            aw_len_i,
  input  logic [NumWriters-1:0]                 w_valid_i,
  output logic [NumWriters-1:0]                 w_ready_o,
  input  logic [DataBits-1:0]                   w_data_i [NumWriters],
  input  logic [NumWriters-1:0][BeatBytes-1:0]  w_strb_i,
  input  logic [NumWriters-1:0]                 w_last_i,
  output logic [NumWriters-1:0]                 b_valid_o,
  output logic                                  b_err_o,

  // Sum over everything that the client wrote since its clear; complete when the burst's response arrives.
  input  logic [NumWriters-1:0]                 checksum_clear_i,
  output logic [NumWriters-1:0][63:0]           checksum_o,

  // Since reset or counter_clear_i.
  input  logic                                  counter_clear_i,
  output logic [NumReaders-1:0][63:0]           read_beats_o,        // of each client, accepted
  output logic [NumWriters-1:0][63:0]           write_beats_o,
  output logic [NumWriters-1:0][63:0]           write_bytes_o,       // strobes set
  output logic [63:0]                           total_read_beats_o,  // on the port
  output logic [63:0]                           total_write_beats_o,
  output logic [63:0]                           read_open_o,         // cycles with a read burst not answered completely

  output logic                                  m_axi_awvalid,
  input  logic                                  m_axi_awready,
  output logic [IdBits-1:0]                     m_axi_awid,
  output logic [AddrBits-1:0]                   m_axi_awaddr,
  output logic [7:0]                            m_axi_awlen,
  output logic [2:0]                            m_axi_awsize,
  output logic [1:0]                            m_axi_awburst,
  output logic                                  m_axi_awlock,
  output logic [3:0]                            m_axi_awcache,
  output logic [2:0]                            m_axi_awprot,
  output logic [3:0]                            m_axi_awqos,
  output logic                                  m_axi_wvalid,
  input  logic                                  m_axi_wready,
  output logic [DataBits-1:0]                   m_axi_wdata,
  output logic [BeatBytes-1:0]                  m_axi_wstrb,
  output logic                                  m_axi_wlast,
  input  logic                                  m_axi_bvalid,
  output logic                                  m_axi_bready,
  input  logic [IdBits-1:0]                     m_axi_bid,
  input  logic [1:0]                            m_axi_bresp,
  output logic                                  m_axi_arvalid,
  input  logic                                  m_axi_arready,
  output logic [IdBits-1:0]                     m_axi_arid,
  output logic [AddrBits-1:0]                   m_axi_araddr,
  output logic [7:0]                            m_axi_arlen,
  output logic [2:0]                            m_axi_arsize,
  output logic [1:0]                            m_axi_arburst,
  output logic                                  m_axi_arlock,
  output logic [3:0]                            m_axi_arcache,
  output logic [2:0]                            m_axi_arprot,
  output logic [3:0]                            m_axi_arqos,
  input  logic                                  m_axi_rvalid,
  output logic                                  m_axi_rready,
  input  logic [IdBits-1:0]                     m_axi_rid,
  input  logic [DataBits-1:0]                   m_axi_rdata,
  input  logic [1:0]                            m_axi_rresp,
  input  logic                                  m_axi_rlast
);

  localparam logic [1:0] BurstIncr = 2'b01;
  localparam logic [3:0] CacheModifiable = 4'b0011;  // bufferable, may be split or merged on the way
  localparam logic [2:0] ProtData = 3'b010;          // unprivileged, non-secure, data

  assign m_axi_awsize = 3'($clog2(BeatBytes));
  assign m_axi_awburst = BurstIncr;
  assign m_axi_awlock = 1'b0;
  assign m_axi_awcache = CacheModifiable;
  assign m_axi_awprot = ProtData;
  assign m_axi_awqos = '0;
  assign m_axi_arsize = 3'($clog2(BeatBytes));
  assign m_axi_arburst = BurstIncr;
  assign m_axi_arlock = 1'b0;
  assign m_axi_arcache = CacheModifiable;
  assign m_axi_arprot = ProtData;
  assign m_axi_arqos = '0;

  logic [NumWriters-1:0] taken;
  logic read_quiet, write_quiet;
  assign quiet_o = quiesce_i & read_quiet & write_quiet;

  npu_mem_read #(.DataBits(DataBits), .NumClients(NumReaders), .IdBits(IdBits)) u_read (
    .clk_i, .rst_ni, .quiesce_i, .quiet_o(read_quiet),
    .ar_valid_i, .ar_ready_o, .ar_addr_i, .ar_len_i, .r_valid_o, .r_data_o, .r_last_o, .r_err_o,
    .m_axi_arvalid, .m_axi_arready, .m_axi_arid, .m_axi_araddr, .m_axi_arlen,
    .m_axi_rvalid, .m_axi_rready, .m_axi_rid, .m_axi_rdata, .m_axi_rresp, .m_axi_rlast
  );

  npu_mem_write #(.DataBits(DataBits), .NumClients(NumWriters), .IdBits(IdBits)) u_write (
    .clk_i, .rst_ni, .quiesce_i, .quiet_o(write_quiet),
    .aw_valid_i, .aw_ready_o, .aw_addr_i, .aw_len_i,
    .w_valid_i, .w_ready_o, .w_data_i, .w_strb_i, .w_last_i, .b_valid_o, .b_err_o,
    .taken_o(taken), .checksum_clear_i, .checksum_o,
    .m_axi_awvalid, .m_axi_awready, .m_axi_awid, .m_axi_awaddr, .m_axi_awlen,
    .m_axi_wvalid, .m_axi_wready, .m_axi_wdata, .m_axi_wstrb, .m_axi_wlast,
    .m_axi_bvalid, .m_axi_bready, .m_axi_bid, .m_axi_bresp
  );

  npu_mem_counters #(.DataBits(DataBits), .NumReaders(NumReaders), .NumWriters(NumWriters)) u_counters (
    .clk_i, .rst_ni, .clear_i(counter_clear_i),
    .read_open_i(!read_quiet),
    .r_valid_i(r_valid_o),
    .w_valid_i(taken), .w_strb_i(m_axi_wstrb),
    .read_beats_o, .write_beats_o, .write_bytes_o, .total_read_beats_o, .total_write_beats_o, .read_open_o
  );

endmodule
