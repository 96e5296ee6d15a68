// SPDX-License-Identifier: Apache-2.0
// AXI4-Lite slave of the register file: one write and one read at a time, always answered OKAY.

module npu_cmd_axil (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,

  input  logic [npu_regs_pkg::RegAddrWidth-1:0] s_axil_awaddr,
  input  logic                                 s_axil_awvalid,
  output logic                                 s_axil_awready,
  input  logic [31:0]                          s_axil_wdata,
  input  logic [3:0]                           s_axil_wstrb,
  input  logic                                 s_axil_wvalid,
  output logic                                 s_axil_wready,
  output logic [1:0]                           s_axil_bresp,
  output logic                                 s_axil_bvalid,
  input  logic                                 s_axil_bready,
  input  logic [npu_regs_pkg::RegAddrWidth-1:0] s_axil_araddr,
  input  logic                                 s_axil_arvalid,
  output logic                                 s_axil_arready,
  output logic [31:0]                          s_axil_rdata,
  output logic [1:0]                           s_axil_rresp,
  output logic                                 s_axil_rvalid,
  input  logic                                 s_axil_rready,

  output logic                                 busy_o,       // an access is under way
  input  logic                                 block_i,      // start no access
  input  logic                                 hold_i,       // do not answer the last write yet
  output logic                                 write_o,      // one cycle
  output logic [npu_regs_pkg::RegAddrWidth-1:0] write_addr_o,
  output logic [31:0]                          write_data_o,
  output logic [3:0]                           write_strb_o,
  output logic                                 read_o,       // one cycle; data in the next
  output logic [npu_regs_pkg::RegAddrWidth-1:0] read_addr_o,
  input  logic [31:0]                          read_data_i
);

  localparam logic [1:0] RespOkay = 2'b00;

  typedef enum logic [1:0] {WriteIdle, WriteApply, WriteSettle, WriteRespond} write_state_e;
  typedef enum logic [1:0] {ReadIdle, ReadAccess, ReadCapture, ReadRespond} read_state_e;

  write_state_e write_state_q;
  read_state_e  read_state_q;

  assign busy_o = write_state_q != WriteIdle || read_state_q != ReadIdle;

  // Address and data are taken together, so the write state alone says who is ready.
  assign write_o = write_state_q == WriteApply;
  assign s_axil_awready = write_o;
  assign s_axil_wready = write_o;
  assign s_axil_bvalid = write_state_q == WriteRespond;
  assign s_axil_bresp = RespOkay;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_state_q <= WriteIdle;
    end else begin
      case (write_state_q)
        WriteIdle: begin
          if (s_axil_awvalid && s_axil_wvalid && !block_i) begin
            write_state_q <= WriteApply;
            write_addr_o <= s_axil_awaddr;
            write_data_o <= s_axil_wdata;
            write_strb_o <= s_axil_wstrb;
          end
        end
        WriteApply: write_state_q <= WriteSettle;
        // One cycle for the effect of the write to show in hold_i.
        WriteSettle: if (!hold_i) write_state_q <= WriteRespond;
        default: if (s_axil_bready) write_state_q <= WriteIdle;
      endcase
    end
  end

  assign read_o = read_state_q == ReadAccess;
  assign s_axil_arready = read_o;
  assign s_axil_rvalid = read_state_q == ReadRespond;
  assign s_axil_rresp = RespOkay;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read_state_q <= ReadIdle;
    end else begin
      case (read_state_q)
        ReadIdle: begin
          if (s_axil_arvalid && !block_i) begin
            read_state_q <= ReadAccess;
            read_addr_o <= s_axil_araddr;
          end
        end
        ReadAccess: read_state_q <= ReadCapture;
        ReadCapture: begin
          s_axil_rdata <= read_data_i;
          read_state_q <= ReadRespond;
        end
        default: if (s_axil_rready) read_state_q <= ReadIdle;
      endcase
    end
  end

`ifndef SYNTHESIS
  // Ready comes a cycle after valid was seen: it must still be there.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (write_state_q != WriteApply || (s_axil_awvalid && s_axil_wvalid))
        else $error("s_axil: awvalid or wvalid fell before its handshake");
      assert (read_state_q != ReadAccess || s_axil_arvalid)
        else $error("s_axil: arvalid fell before its handshake");
    end
  end
`endif

endmodule
