// SPDX-License-Identifier: Apache-2.0
// Write side of the memory unit: one AXI4 write port for several clients.
//
// Round robin, client number as AXI id. Bursts are accepted ahead of their data by up to OrderDepth; their beats go out in
// the order of acceptance, back to back, because a client offers a burst only when it has all its data.
module npu_mem_write #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned NumClients = npu_pkg::NumWriters,
  parameter int unsigned IdBits = npu_pkg::AxiIdBits,
  localparam int unsigned BeatBytes = DataBits / 8
) (
  input  logic                                      clk_i,
  input  logic                                      rst_ni,

  input  logic                                      quiesce_i,  // accept nothing new
  output logic                                      quiet_o,    // no burst is in flight

  input  logic [NumClients-1:0]                     aw_valid_i,
  output logic [NumClients-1:0]                     aw_ready_o,
  input  logic [NumClients-1:0][npu_pkg::AddrBits-1:0] aw_addr_i,
  input  logic [NumClients-1:0][7:0]                aw_len_i,
  input  logic [NumClients-1:0]                     w_valid_i,
  output logic [NumClients-1:0]                     w_ready_o,
  input  logic [DataBits-1:0]                       w_data_i [NumClients],
  input  logic [NumClients-1:0][BeatBytes-1:0]      w_strb_i,
  input  logic [NumClients-1:0]                     w_last_i,
  output logic [NumClients-1:0]                     b_valid_o,
  output logic                                      b_err_o,    // of the client whose b_valid_o is high

  input  logic [NumClients-1:0]                     checksum_clear_i,
  output logic [NumClients-1:0][63:0]               checksum_o,

  output logic                                      m_axi_awvalid,
  input  logic                                      m_axi_awready,
  output logic [IdBits-1:0]                         m_axi_awid,
  output npu_pkg::addr_t                            m_axi_awaddr,
  output logic [7:0]                                m_axi_awlen,
  output logic                                      m_axi_wvalid,
  input  logic                                      m_axi_wready,
  output logic [DataBits-1:0]                       m_axi_wdata,
  output logic [BeatBytes-1:0]                      m_axi_wstrb,
  output logic                                      m_axi_wlast,
  input  logic                                      m_axi_bvalid,
  output logic                                      m_axi_bready,
  input  logic [IdBits-1:0]                         m_axi_bid,
  input  logic [1:0]                                m_axi_bresp
);

  localparam int unsigned IndexBits = $clog2(NumClients);
  localparam int unsigned OffBits = $clog2(BeatBytes);
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits;
  localparam int unsigned PendingBits = 12;  // bursts of all clients in flight
  localparam int unsigned OrderDepth = 4;    // bursts accepted whose beats are not all taken
  localparam int unsigned OrderBits = $clog2(OrderDepth);

  // Acceptance of bursts.
  logic free, accept;
  logic [NumClients-1:0] grant;
  logic [IndexBits-1:0] client;
  npu_arbiter #(.Num(NumClients)) u_arbiter (
    .clk_i, .rst_ni, .request_i(aw_valid_i), .grant_o(grant), .index_o(client), .accept_i(accept)
  );

  // Whose beats come next, and where they go.
  logic [IndexBits-1:0] order_client [OrderDepth];
  logic [BeatBits-1:0] order_beat [OrderDepth];
  logic [OrderBits:0] wr_ptr_q, rd_ptr_q;
  logic order_full, order_valid;
  assign order_full = (wr_ptr_q ^ rd_ptr_q) == (OrderBits + 1)'(OrderDepth);
  assign order_valid = wr_ptr_q != rd_ptr_q;
  assign free = (!m_axi_awvalid | m_axi_awready) & !order_full & !quiesce_i;
  assign aw_ready_o = free ? grant : '0;
  assign accept = free & (aw_valid_i != '0);

  logic [IndexBits-1:0] source;
  logic w_free, w_take;
  assign source = order_client[rd_ptr_q[OrderBits-1:0]];
  assign w_free = order_valid & (!m_axi_wvalid | m_axi_wready);
  assign w_ready_o = w_free ? NumClients'(1) << source : '0;
  assign w_take = w_free & w_valid_i[source];

  logic [7:0] beat_q;  // of the burst whose beats are taken
  logic sum_valid_q;   // m_axi_wdata is to be summed
  logic [IndexBits-1:0] sum_client_q;
  npu_pkg::addr_t sum_addr_q;

  always_ff @(posedge clk_i) begin
    if (accept) begin
      m_axi_awid <= IdBits'(client);
      m_axi_awaddr <= aw_addr_i[client];
      m_axi_awlen <= aw_len_i[client];
      order_client[wr_ptr_q[OrderBits-1:0]] <= client;
      order_beat[wr_ptr_q[OrderBits-1:0]] <= aw_addr_i[client][npu_pkg::AddrBits-1:OffBits];
    end
    if (w_take) begin
      m_axi_wdata <= w_data_i[source];
      m_axi_wstrb <= w_strb_i[source];
      m_axi_wlast <= w_last_i[source];
      sum_client_q <= source;
      sum_addr_q <= {order_beat[rd_ptr_q[OrderBits-1:0]] + BeatBits'(beat_q), OffBits'(0)};
    end
  end

  npu_checksum #(.DataBits(DataBits), .NumClients(NumClients)) u_checksum (
    .clk_i, .rst_ni,
    .beat_valid_i(sum_valid_q), .beat_client_i(sum_client_q), .beat_addr_i(sum_addr_q),
    .beat_data_i(m_axi_wdata), .beat_strb_i(m_axi_wstrb),
    .clear_i(checksum_clear_i), .checksum_o
  );

  // Two stages keep a response behind the checksum of its data, however fast it comes.
  logic [NumClients-1:0] b_valid_q;
  logic b_err_q;
  logic [PendingBits-1:0] pending_q;
  assign m_axi_bready = 1'b1;
  assign quiet_o = (pending_q == '0) & (b_valid_q == '0) & (b_valid_o == '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid <= 1'b0;
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      beat_q <= '0;
      sum_valid_q <= 1'b0;
      b_valid_q <= '0;
      b_valid_o <= '0;
      pending_q <= '0;
    end else begin
      if (accept) begin
        m_axi_awvalid <= 1'b1;
        wr_ptr_q <= wr_ptr_q + 1'b1;
      end else if (m_axi_awready) begin
        m_axi_awvalid <= 1'b0;
      end
      sum_valid_q <= w_take;
      if (w_take) begin
        m_axi_wvalid <= 1'b1;
        beat_q <= w_last_i[source] ? '0 : beat_q + 1'b1;
        if (w_last_i[source]) rd_ptr_q <= rd_ptr_q + 1'b1;
      end else if (m_axi_wready) begin
        m_axi_wvalid <= 1'b0;
      end
      b_valid_q <= m_axi_bvalid ? NumClients'(1) << m_axi_bid : '0;
      b_err_q <= m_axi_bresp[1];
      b_valid_o <= b_valid_q;
      b_err_o <= b_err_q;
      if (accept | m_axi_bvalid) pending_q <= pending_q + PendingBits'(accept) - PendingBits'(m_axi_bvalid);
    end
  end

  logic unused_resp;
  assign unused_resp = m_axi_bresp[0];

endmodule
