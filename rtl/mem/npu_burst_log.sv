// SPDX-License-Identifier: Apache-2.0
// Addresses of the bursts in flight of one client, to name the first beat that failed.
//
// Bursts are pushed in the order in which their responses arrive. The first error is kept until err_clear_i.
module npu_burst_log #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned Depth = 64  // bursts, a power of two; the client never has more in flight
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           active_i,  // 0 only while no burst is in flight

  input  logic           push_i,
  input  npu_pkg::addr_t addr_i,    // beat-aligned; the burst stays inside 256 beats from there

  input  logic           resp_i,
  input  logic           resp_last_i,  // last beat of its burst
  input  logic           resp_err_i,

  output logic           err_valid_o,
  output npu_pkg::addr_t err_addr_o,
  input  logic           err_clear_i
);

  localparam int unsigned OffBits = $clog2(DataBits / 8);
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits;
  localparam int unsigned PtrBits = $clog2(Depth);

  logic [BeatBits-1:0] mem [Depth];
  logic [PtrBits-1:0] wr_ptr_q, rd_ptr_q;
  logic [7:0] beat_q;  // of the burst whose beats arrive

  logic [BeatBits-1:0] err_base_q;
  logic [7:0] err_beat_q;
  assign err_addr_o = {err_base_q + BeatBits'(err_beat_q), OffBits'(0)};

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      beat_q <= '0;
      err_valid_o <= 1'b0;
    end else if (active_i | err_clear_i) begin
      if (push_i) begin
        mem[wr_ptr_q] <= addr_i[npu_pkg::AddrBits-1:OffBits];
        wr_ptr_q <= wr_ptr_q + 1'b1;
      end
      if (err_clear_i) err_valid_o <= 1'b0;
      if (resp_i) begin
        if (resp_err_i & (!err_valid_o | err_clear_i)) begin
          err_valid_o <= 1'b1;
          err_base_q <= mem[rd_ptr_q];
          err_beat_q <= beat_q;
        end
        beat_q <= resp_last_i ? '0 : beat_q + 1'b1;
        if (resp_last_i) rd_ptr_q <= rd_ptr_q + 1'b1;
      end
    end
  end

  logic unused_addr;
  assign unused_addr = ^addr_i[OffBits-1:0];

endmodule
