// SPDX-License-Identifier: Apache-2.0
// Memory side of a write stream: buffers beats, cuts them into bursts and offers a burst when all its data are there.
module npu_wr_issue #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned BufferBeats = 2 * npu_pkg::MaxBurst,  // a power of two, at least 2 * MaxBurst
  parameter int unsigned MaxBurst = npu_pkg::MaxBurst,
  parameter int unsigned MaxPending = 64,  // bursts without a response
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned OffBits = $clog2(BeatBytes),
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 beat_valid_i,
  output logic                 beat_ready_o,
  input  logic [DataBits-1:0]  beat_data_i,
  input  logic [BeatBytes-1:0] beat_strb_i,
  input  logic [BeatBits-1:0]  beat_addr_i,
  input  logic                 beat_last_i,  // the next beat is not in the same burst

  output logic                 aw_valid_o,
  input  logic                 aw_ready_i,
  output npu_pkg::addr_t       aw_addr_o,
  output logic [7:0]           aw_len_o,
  output logic                 w_valid_o,
  input  logic                 w_ready_i,
  output logic [DataBits-1:0]  w_data_o,
  output logic [BeatBytes-1:0] w_strb_o,
  output logic                 w_last_o,
  input  logic                 b_valid_i,

  output logic                 idle_o        // nothing is buffered and every response has come
);

  localparam int unsigned PtrBits = $clog2(BufferBeats);
  localparam int unsigned BurstBits = $clog2(MaxBurst);
  localparam int unsigned PendingBits = $clog2(MaxPending + 1);

  logic [DataBits-1:0] data_mem [BufferBeats];
  logic [BeatBytes:0] strb_mem [BufferBeats];  // {last of its burst, strobes}
  logic [PtrBits:0] wr_ptr_q, rd_ptr_q;

  logic push, closes, load;
  assign beat_ready_o = (wr_ptr_q ^ rd_ptr_q) != (PtrBits + 1)'(BufferBeats);
  assign push = beat_valid_i & beat_ready_o;
  // Groups of MaxBurst beats never cross 4 KiB.
  assign closes = beat_last_i | (&beat_addr_i[BurstBits-1:0]);

  // Bursts that are complete: address of the last beat and length - 1; the beats of a burst lie in one group.
  logic [BurstBits-1:0] open_len_q;  // beats of the open burst so far
  logic burst_valid, aw_done, unused_ready, unused_empty;
  logic [BeatBits-1:0] last_beat;
  logic [BurstBits-1:0] len;
  npu_fifo #(.Width(BeatBits + BurstBits), .Depth(BufferBeats)) u_bursts (
    .clk_i, .rst_ni,
    .push_valid_i(push & closes), .push_ready_o(unused_ready), .push_data_i({beat_addr_i, open_len_q}),
    .pop_valid_o(burst_valid), .pop_ready_i(aw_done), .pop_data_o({last_beat, len}), .empty_o(unused_empty)
  );

  logic [PendingBits-1:0] pending_q;  // bursts accepted and not yet answered
  logic [PtrBits:0] granted_q;        // beats of accepted bursts that are still in the buffer
  assign aw_valid_o = burst_valid & (pending_q != PendingBits'(MaxPending));
  assign aw_addr_o = {last_beat[BeatBits-1:BurstBits], last_beat[BurstBits-1:0] - len, OffBits'(0)};
  assign aw_len_o = 8'(len);
  assign aw_done = aw_valid_o & aw_ready_i;
  assign load = (granted_q != '0) & (!w_valid_o | w_ready_i);
  assign idle_o = (wr_ptr_q == rd_ptr_q) & (pending_q == '0);

  always_ff @(posedge clk_i) begin
    if (push) begin
      data_mem[wr_ptr_q[PtrBits-1:0]] <= beat_data_i;
      strb_mem[wr_ptr_q[PtrBits-1:0]] <= {closes, beat_strb_i};
    end
  end

  always_ff @(posedge clk_i) begin
    if (load) begin
      w_data_o <= data_mem[rd_ptr_q[PtrBits-1:0]];
      {w_last_o, w_strb_o} <= strb_mem[rd_ptr_q[PtrBits-1:0]];
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      open_len_q <= '0;
      pending_q <= '0;
      granted_q <= '0;
      w_valid_o <= 1'b0;
    end else begin
      if (push) begin
        wr_ptr_q <= wr_ptr_q + 1'b1;
        open_len_q <= closes ? '0 : open_len_q + 1'b1;
      end
      if (load) rd_ptr_q <= rd_ptr_q + 1'b1;
      if (load | w_ready_i) w_valid_o <= load;
      if (aw_done | b_valid_i) pending_q <= pending_q + PendingBits'(aw_done) - PendingBits'(b_valid_i);
      if (aw_done | load) begin
        granted_q <= granted_q + (aw_done ? (PtrBits + 1)'(len) + 1'b1 : '0) - (PtrBits + 1)'(load);
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    assert (BufferBeats >= 2 * MaxBurst)
      else $fatal(1, "npu_wr_issue: BufferBeats %0d below two bursts of %0d", BufferBeats, MaxBurst);
    assert (MaxBurst * BeatBytes <= 4096) else $fatal(1, "npu_wr_issue: bursts of %0d beats cross 4 KiB", MaxBurst);
  end
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!(push & closes) || unused_ready) else $error("npu_wr_issue: burst without room");
      assert (!b_valid_i || pending_q != '0) else $error("npu_wr_issue: response without a burst");
    end
  end
`endif

endmodule
