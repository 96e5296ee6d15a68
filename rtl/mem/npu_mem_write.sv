// SPDX-License-Identifier: Apache-2.0
// Write side of the memory unit: one AXI4 write port for several clients.
//
// Round robin, client number as AXI id. A few bursts are accepted ahead of their data; beats go out in the order of
// acceptance, back to back, because a client offers a burst only when it has all its data.
`include "npu_fault.svh"

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

  output logic [NumClients-1:0]                     taken_o,    // whose beat has gone to m_axi_wdata

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

  localparam int unsigned OffBits = $clog2(BeatBytes);
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits;
  localparam int unsigned PendingBits = 12;  // bursts of all clients in flight
  localparam int unsigned OrderDepth = 4;    // bursts accepted ahead of the one whose beats are taken
  localparam int unsigned OrderBits = $clog2(OrderDepth);

  // Bursts accepted: client (one-hot) and first beat. The one whose beats are taken stands in source_q and base_q.
  logic [NumClients+BeatBits-1:0] order_mem [OrderDepth];
  logic [OrderBits:0] order_wr_q, order_rd_q;
  logic [NumClients-1:0] source_q;  // 0: none
  logic [BeatBits-1:0] base_q;
  logic [7:0] beat_q;               // of the burst whose beats are taken

  // A second register behind each of the port's keeps its ready signals out of what clients see in the same cycle.
  logic aw_spare_valid_q, w_spare_valid_q;
  logic [IdBits+npu_pkg::AddrBits+7:0] aw_spare_q;
  logic [DataBits-1:0] w_spare_data_q;
  logic [BeatBytes-1:0] w_spare_strb_q;
  logic w_spare_last_q;
  logic [NumClients-1:0] w_spare_source_q;
  npu_pkg::addr_t w_spare_addr_q;

  logic [NumClients-1:0] turn;
  logic order_full, free, w_free;
  assign order_full = (order_wr_q ^ order_rd_q) == (OrderBits + 1)'(OrderDepth);
  assign free = !aw_spare_valid_q & !order_full & !quiesce_i;
  assign w_free = !w_spare_valid_q;
  assign aw_ready_o = free ? turn : '0;
  assign w_ready_o = w_free ? source_q : '0;

  npu_arbiter #(.Num(NumClients)) u_arbiter (.clk_i, .rst_ni, .request_i(aw_valid_i), .free_i(free), .turn_o(turn));

  logic taken_q;                    // m_axi_wdata is new: sum and count it
  logic [NumClients-1:0] taken_source_q;
  npu_pkg::addr_t taken_addr_q;
  assign taken_o = taken_q ? taken_source_q : '0;

  npu_checksum #(.DataBits(DataBits), .NumClients(NumClients)) u_checksum (
    .clk_i, .rst_ni,
    .beat_valid_i(taken_q), .beat_client_i(taken_source_q), .beat_addr_i(taken_addr_q),
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
    logic accept, w_take, w_done, load, to_port;
    logic [IdBits+npu_pkg::AddrBits+7:0] burst;
    npu_pkg::addr_t addr;
    if (!rst_ni) begin
      m_axi_awvalid <= 1'b0;
      m_axi_wvalid <= 1'b0;
      aw_spare_valid_q <= 1'b0;
      w_spare_valid_q <= 1'b0;
      order_wr_q <= '0;
      order_rd_q <= '0;
      source_q <= '0;
      beat_q <= '0;
      taken_q <= 1'b0;
      b_valid_q <= '0;
      b_valid_o <= '0;
      pending_q <= '0;
    end else if ((aw_valid_i != '0) | !quiet_o) begin
      accept = free & ((aw_valid_i & turn) != '0);
      w_take = w_free & ((w_valid_i & source_q) != '0);
      w_done = w_take & ((w_last_i & source_q) != '0);
      load = (order_wr_q != order_rd_q) & ((source_q == '0) | w_done);

      burst = aw_spare_q;
      if (accept) begin
        for (int unsigned c = 0; c < NumClients; c++) begin
          if (turn[c]) burst = {IdBits'(c), aw_addr_i[c], aw_len_i[c]};
        end
        order_mem[order_wr_q[OrderBits-1:0]] <= {turn, burst[8+OffBits+:BeatBits]};
        order_wr_q <= order_wr_q + 1'b1;
      end
      if (!m_axi_awvalid | m_axi_awready) begin
        m_axi_awvalid <= accept | aw_spare_valid_q;
        aw_spare_valid_q <= 1'b0;
        if (accept | aw_spare_valid_q) {m_axi_awid, m_axi_awaddr, m_axi_awlen} <= burst;
      end else if (accept) begin
        aw_spare_valid_q <= 1'b1;
        aw_spare_q <= burst;
      end

      to_port = !m_axi_wvalid | m_axi_wready;
      addr = {base_q + BeatBits'(beat_q), OffBits'(0)};
      taken_q <= to_port & (w_take | w_spare_valid_q);
      if (to_port) begin
        m_axi_wvalid <= w_take | w_spare_valid_q;
        w_spare_valid_q <= 1'b0;
        taken_source_q <= w_spare_valid_q ? w_spare_source_q : source_q;
        taken_addr_q <= w_spare_valid_q ? w_spare_addr_q : addr;
        if (w_spare_valid_q) begin
          m_axi_wdata <= w_spare_data_q;
          m_axi_wstrb <= w_spare_strb_q;
          m_axi_wlast <= w_spare_last_q;
        end else if (w_take) begin
          for (int unsigned c = 0; c < NumClients; c++) begin
            if (source_q[c]) begin
              m_axi_wdata <= w_data_i[c];
              m_axi_wstrb <= w_strb_i[c];
              m_axi_wlast <= w_last_i[c];
            end
          end
        end
      end else if (w_take) begin
        w_spare_valid_q <= 1'b1;
        w_spare_source_q <= source_q;
        w_spare_addr_q <= addr;
        for (int unsigned c = 0; c < NumClients; c++) begin
          if (source_q[c]) begin
            w_spare_data_q <= `NPU_FAULT(mem_write_stall, w_data_i[c], c == npu_pkg::WrCmd ? w_data_i[c] : m_axi_wdata);
            w_spare_strb_q <= w_strb_i[c];
            w_spare_last_q <= w_last_i[c];
          end
        end
      end
      if (w_take) beat_q <= w_done ? '0 : beat_q + 1'b1;
      if (load) begin
        {source_q, base_q} <= order_mem[order_rd_q[OrderBits-1:0]];
        order_rd_q <= order_rd_q + 1'b1;
      end else if (w_done) begin
        source_q <= '0;
      end

      b_valid_q <= `NPU_FAULT(mem_lost_response, m_axi_bvalid ? NumClients'(1) << m_axi_bid : '0,
                              m_axi_bvalid && b_valid_q != NumClients'(1) << m_axi_bid ? NumClients'(1) << m_axi_bid : '0);
      b_err_q <= m_axi_bresp[1];
      b_valid_o <= b_valid_q;
      b_err_o <= b_err_q;
      pending_q <= pending_q + PendingBits'(accept) - PendingBits'(m_axi_bvalid);
    end
  end

`ifndef SYNTHESIS
  // Rules of the client ports. A burst that waits may go away only with a reset of its client, under quiesce_i.
  logic [NumClients-1:0] waits_q;
  logic aw_waits_q, w_waits_q;
  logic [NumClients-1:0][npu_pkg::AddrBits+7:0] burst_q;
  logic [7:0] beats_left_q [OrderDepth];  // of the bursts in order_mem
  logic [7:0] left_q;                     // beats behind the next one of the burst in source_q
  always_ff @(posedge clk_i) begin
    waits_q <= (rst_ni & !quiesce_i) ? aw_valid_i & ~aw_ready_o : '0;
    aw_waits_q <= rst_ni & m_axi_awvalid & !m_axi_awready;
    w_waits_q <= rst_ni & m_axi_wvalid & !m_axi_wready;
    if (aw_valid_i != '0) begin
      for (int unsigned c = 0; c < NumClients; c++) begin
        burst_q[c] <= {aw_addr_i[c], aw_len_i[c]};
        if (aw_valid_i[c] & aw_ready_o[c]) beats_left_q[order_wr_q[OrderBits-1:0]] <= aw_len_i[c];
      end
    end
    if (rst_ni & ((aw_valid_i != '0) | (waits_q != '0) | !quiet_o)) begin
      if ((order_wr_q != order_rd_q) & ((source_q == '0) | ((w_valid_i & w_ready_o & w_last_i) != '0))) begin
        left_q <= beats_left_q[order_rd_q[OrderBits-1:0]];
      end else if ((w_valid_i & w_ready_o) != '0) begin
        left_q <= left_q - 8'd1;
      end
      assert ((w_valid_i & w_ready_o) == '0 || ((w_last_i & source_q) != '0) == (left_q == '0))
        else $error("npu_mem_write: w_last of client %b with %0d beats left", source_q, left_q);
      for (int unsigned c = 0; c < NumClients; c++) begin
        assert (!waits_q[c] || quiesce_i || (aw_valid_i[c] && burst_q[c] == {aw_addr_i[c], aw_len_i[c]}))
          else $error("npu_mem_write: waiting burst of client %0d changed", c);
        assert (!aw_valid_i[c] || aw_addr_i[c][OffBits-1:0] == '0)
          else $error("npu_mem_write: client %0d: address %h is not beat-aligned", c, aw_addr_i[c]);
        assert (!aw_valid_i[c] || 32'(aw_addr_i[c][11:0]) + (32'(aw_len_i[c]) + 32'd1) * BeatBytes <= 32'd4096)
          else $error("npu_mem_write: client %0d: burst at %h crosses 4 KiB", c, aw_addr_i[c]);
      end
      assert (!aw_waits_q || m_axi_awvalid) else $error("npu_mem_write: awvalid went away");
      assert (!w_waits_q || m_axi_wvalid) else $error("npu_mem_write: wvalid went away");
      assert (!m_axi_bvalid || (pending_q != '0 && 32'(m_axi_bid) < NumClients))
        else $error("npu_mem_write: response with id %0d that nobody waits for", m_axi_bid);
    end
  end
`endif

  logic unused_resp;
  assign unused_resp = m_axi_bresp[0];

endmodule
