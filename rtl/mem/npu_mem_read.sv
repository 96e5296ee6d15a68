// SPDX-License-Identifier: Apache-2.0
// Read side of the memory unit: one AXI4 read port for several clients.
//
// Round robin, one burst a cycle, client number as AXI id. R beats go to their client in the cycle after they arrive;
// R is always ready because clients ask only for what they can take.
`include "npu_fault.svh"

module npu_mem_read #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned NumClients = npu_pkg::NumReaders,
  parameter int unsigned IdBits = npu_pkg::AxiIdBits
) (
  input  logic                                      clk_i,
  input  logic                                      rst_ni,

  input  logic                                      quiesce_i,  // accept nothing new
  output logic                                      quiet_o,    // no burst is in flight

  input  logic [NumClients-1:0]                     ar_valid_i,
  output logic [NumClients-1:0]                     ar_ready_o,
  input  logic [NumClients-1:0][npu_pkg::AddrBits-1:0] ar_addr_i,
  input  logic [NumClients-1:0][7:0]                ar_len_i,
  output logic [NumClients-1:0]                     r_valid_o,
  output logic [DataBits-1:0]                       r_data_o,   // of the client whose r_valid_o is high
  output logic                                      r_last_o,
  output logic                                      r_err_o,

  output logic                                      m_axi_arvalid,
  input  logic                                      m_axi_arready,
  output logic [IdBits-1:0]                         m_axi_arid,
  output npu_pkg::addr_t                            m_axi_araddr,
  output logic [7:0]                                m_axi_arlen,
  input  logic                                      m_axi_rvalid,
  output logic                                      m_axi_rready,
  input  logic [IdBits-1:0]                         m_axi_rid,
  input  logic [DataBits-1:0]                       m_axi_rdata,
  input  logic [1:0]                                m_axi_rresp,
  input  logic                                      m_axi_rlast
);

  localparam int unsigned PendingBits = 12;  // bursts of all clients in flight

  // A second register behind the port's keeps m_axi_arready out of what clients see in the same cycle.
  logic spare_valid_q;
  logic [IdBits+npu_pkg::AddrBits+7:0] spare_q;
  logic [PendingBits-1:0] pending_q;
  logic [NumClients-1:0] turn;
  logic free;
  assign free = !spare_valid_q & !quiesce_i;
  assign ar_ready_o = free ? turn : '0;
  assign quiet_o = (pending_q == '0) & (r_valid_o == '0);
  assign m_axi_rready = 1'b1;

  npu_arbiter #(.Num(NumClients)) u_arbiter (.clk_i, .rst_ni, .request_i(ar_valid_i), .free_i(free), .turn_o(turn));

  always_ff @(posedge clk_i) begin
    logic accept, done;
    logic [IdBits+npu_pkg::AddrBits+7:0] burst;
    if (!rst_ni) begin
      m_axi_arvalid <= 1'b0;
      spare_valid_q <= 1'b0;
      r_valid_o <= '0;
      pending_q <= '0;
    end else if ((ar_valid_i != '0) | !quiet_o) begin
      accept = free & ((ar_valid_i & turn) != '0);
      done = m_axi_rvalid & m_axi_rlast;
      burst = spare_q;
      if (accept) begin
        for (int unsigned c = 0; c < NumClients; c++) begin
          if (turn[c]) burst = {IdBits'(c), ar_addr_i[c], ar_len_i[c]};
        end
      end
      if (!m_axi_arvalid | m_axi_arready) begin
        m_axi_arvalid <= accept | spare_valid_q;
        spare_valid_q <= 1'b0;
        if (accept | spare_valid_q) {m_axi_arid, m_axi_araddr, m_axi_arlen} <= burst;
      end else if (accept) begin
        spare_valid_q <= 1'b1;
        spare_q <= `NPU_FAULT(mem_read_stall, burst, {burst[IdBits+npu_pkg::AddrBits+7:8], 8'd0});
      end

      r_valid_o <= m_axi_rvalid ? NumClients'(1) << m_axi_rid : '0;
      if (m_axi_rvalid) begin
        r_data_o <= m_axi_rdata;
        r_last_o <= m_axi_rlast;
        r_err_o <= m_axi_rresp[1];
      end
      pending_q <= pending_q + PendingBits'(accept) - PendingBits'(done);
    end
  end

`ifndef SYNTHESIS
  // Rules of the client ports. A burst that waits may go away only with a reset of its client, under quiesce_i.
  logic [NumClients-1:0] waits_q;
  logic ar_waits_q;
  logic [NumClients-1:0][npu_pkg::AddrBits+7:0] burst_q;
  always_ff @(posedge clk_i) begin
    waits_q <= (rst_ni & !quiesce_i) ? ar_valid_i & ~ar_ready_o : '0;
    ar_waits_q <= rst_ni & m_axi_arvalid & !m_axi_arready;
    if (ar_valid_i != '0) begin
      for (int unsigned c = 0; c < NumClients; c++) burst_q[c] <= {ar_addr_i[c], ar_len_i[c]};
    end
    if (rst_ni & ((ar_valid_i != '0) | (waits_q != '0) | !quiet_o)) begin
      for (int unsigned c = 0; c < NumClients; c++) begin
        assert (!waits_q[c] || quiesce_i || (ar_valid_i[c] && burst_q[c] == {ar_addr_i[c], ar_len_i[c]}))
          else $error("npu_mem_read: waiting burst of client %0d changed", c);
        assert (!ar_valid_i[c] || ar_addr_i[c][$clog2(DataBits/8)-1:0] == '0)
          else $error("npu_mem_read: client %0d: address %h is not beat-aligned", c, ar_addr_i[c]);
        assert (!ar_valid_i[c] || 32'(ar_addr_i[c][11:0]) + (32'(ar_len_i[c]) + 32'd1) * (DataBits / 8) <= 32'd4096)
          else $error("npu_mem_read: client %0d: burst at %h crosses 4 KiB", c, ar_addr_i[c]);
      end
      assert (!ar_waits_q || m_axi_arvalid) else $error("npu_mem_read: arvalid went away");
      assert (!m_axi_rvalid || (pending_q != '0 && 32'(m_axi_rid) < NumClients))
        else $error("npu_mem_read: beat with id %0d that nobody asked for", m_axi_rid);
    end
  end
`endif

  logic unused_resp;
  assign unused_resp = m_axi_rresp[0];

endmodule
