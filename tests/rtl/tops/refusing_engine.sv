// SPDX-License-Identifier: Apache-2.0
// An engine with the pins of a bench that touches no memory and ends every packet with UNKNOWN_OPCODE.
module refusing_engine #(
    parameter int unsigned AxiDataBits = 512
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         start_valid_i,
    output logic                         start_ready_o,
    input  logic [2047:0]                packet_i,
    output logic                         done_valid_o,
    output logic [15:0]                  done_error_o,
    output logic [63:0]                  done_fault_o,
    output logic [63:0]                  checksum_o,
    `include "axi_port.svh"
);

  logic busy_q;

  assign start_ready_o = !busy_q;
  assign done_valid_o = busy_q;
  assign done_error_o = busy_q ? npu_isa_pkg::ERR_UNKNOWN_OPCODE : '0;
  assign done_fault_o = '0;
  assign checksum_o = '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else busy_q <= start_valid_i && !busy_q;
  end

  assign {m_axi_arid, m_axi_araddr, m_axi_arlen, m_axi_arsize, m_axi_arburst, m_axi_arvalid} = '0;
  assign {m_axi_awid, m_axi_awaddr, m_axi_awlen, m_axi_awsize, m_axi_awburst, m_axi_awvalid} = '0;
  assign {m_axi_wdata, m_axi_wstrb, m_axi_wlast, m_axi_wvalid} = '0;
  assign m_axi_rready = 1'b1;
  assign m_axi_bready = 1'b1;

  logic unused;
  assign unused = ^{packet_i, m_axi_arready, m_axi_rid, m_axi_rdata, m_axi_rresp, m_axi_rlast,
                    m_axi_rvalid, m_axi_awready, m_axi_wready, m_axi_bid, m_axi_bresp, m_axi_bvalid};

endmodule
