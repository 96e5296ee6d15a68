// SPDX-License-Identifier: Apache-2.0
// Memory side of a write stream: buffers beats, cuts them into bursts and offers a burst when all its data are there.
`include "npu_fault.svh"

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

  input  logic                 beat_push_i,
  output logic                 beat_room_o,
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

  output logic                 busy_o        // something is buffered, or a response is missing
);

  localparam int unsigned PtrBits = $clog2(BufferBeats);
  localparam int unsigned BurstBits = $clog2(MaxBurst);
  localparam int unsigned PendingBits = $clog2(MaxPending + 1);

  logic [DataBits-1:0] data_mem [BufferBeats];
  logic [BeatBytes:0] strb_mem [BufferBeats];  // {last of its burst, strobes}
  logic [PtrBits:0] wr_ptr_q, rd_ptr_q;

  // Bursts that are complete: first beat and length - 1. The oldest stands in aw_addr_o and aw_len_o.
  logic [BeatBits+BurstBits-1:0] burst_mem [BufferBeats];
  logic [PtrBits:0] burst_wr_q, burst_rd_q;
  logic [BeatBits-1:0] first_q;
  logic [BurstBits-1:0] len_q;
  assign aw_addr_o = {first_q, OffBits'(0)};
  assign aw_len_o = 8'(len_q);

  logic [BurstBits-1:0] open_len_q;     // beats of the burst that is not complete
  logic [PendingBits-1:0] pending_q;    // bursts offered and not yet answered
  logic [PtrBits:0] granted_q;          // beats of accepted bursts that are still in the buffer

  assign beat_room_o = (wr_ptr_q ^ rd_ptr_q) != (PtrBits + 1)'(BufferBeats);
  assign busy_o = (wr_ptr_q != rd_ptr_q) | (pending_q != '0);

  always_ff @(posedge clk_i) begin
    logic closes, load_burst, aw_done, load;
    if (!rst_ni) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      burst_wr_q <= '0;
      burst_rd_q <= '0;
      open_len_q <= '0;
      pending_q <= '0;
      granted_q <= '0;
      aw_valid_o <= 1'b0;
      w_valid_o <= 1'b0;
    end else if (beat_push_i | busy_o) begin
      aw_done = aw_valid_o & aw_ready_i;
      load_burst = (burst_wr_q != burst_rd_q) & (!aw_valid_o | aw_ready_i) & (pending_q != PendingBits'(MaxPending));
      load = (granted_q != '0) & (!w_valid_o | w_ready_i);

      if (load) begin
        w_data_o <= data_mem[rd_ptr_q[PtrBits-1:0]];
        {w_last_o, w_strb_o} <= strb_mem[rd_ptr_q[PtrBits-1:0]];
        rd_ptr_q <= rd_ptr_q + 1'b1;
      end
      if (load | w_ready_i) w_valid_o <= load;
      granted_q <= granted_q + (aw_done ? (PtrBits + 1)'(len_q) + 1'b1 : '0) - (PtrBits + 1)'(load);

      if (load_burst) begin
        {first_q, len_q} <= burst_mem[burst_rd_q[PtrBits-1:0]];
        burst_rd_q <= burst_rd_q + 1'b1;
      end
      if (load_burst | aw_done) aw_valid_o <= load_burst;
      pending_q <= pending_q + PendingBits'(load_burst) - `NPU_FAULT(mem_write_pending, PendingBits'(b_valid_i), PendingBits'(b_valid_i & ~load_burst));

      if (beat_push_i) begin
        // Groups of MaxBurst beats never cross 4 KiB.
        closes = beat_last_i | `NPU_FAULT(mem_write_4k, &beat_addr_i[BurstBits-1:0],
                                          (&beat_addr_i[BurstBits-1:0]) & (beat_last_i | ~(&beat_addr_i[11-OffBits:BurstBits])));
        data_mem[wr_ptr_q[PtrBits-1:0]] <= beat_data_i;
        strb_mem[wr_ptr_q[PtrBits-1:0]] <= {closes, beat_strb_i};
        wr_ptr_q <= wr_ptr_q + 1'b1;
        if (closes) begin
          burst_mem[burst_wr_q[PtrBits-1:0]] <= {beat_addr_i - BeatBits'(open_len_q), open_len_q};
          burst_wr_q <= burst_wr_q + 1'b1;
        end
        open_len_q <= closes ? '0 : open_len_q + 1'b1;
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
      assert (!beat_push_i || beat_room_o) else $error("npu_wr_issue: beat without room");
      assert (!b_valid_i || pending_q != '0) else $error("npu_wr_issue: response without a burst");
    end
  end
`endif

endmodule
