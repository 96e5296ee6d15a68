// SPDX-License-Identifier: Apache-2.0
// Issue side of a read stream: cuts segments into bursts, as far ahead of the data as credits allow.
//
// For each segment it passes a descriptor to the aligner. A segment that begins in the beat that the one before it
// ended with does not read that beat again; `reuse` tells the aligner so.
module npu_rd_issue #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned FifoBeats = 64,
  parameter int unsigned MaxBurst = npu_pkg::MaxBurst,
  parameter bit Coalesce = 1'b1,
  localparam int unsigned OffBits = $clog2(DataBits / 8)
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               seg_valid_i,
  output logic               seg_ready_o,
  input  npu_pkg::addr_t     seg_addr_i,
  input  logic [31:0]        seg_bytes_i,

  output logic               desc_valid_o,  // in the cycle that takes the segment
  input  logic               desc_ready_i,
  output logic               desc_reuse_o,

  output logic               ar_valid_o,
  input  logic               ar_ready_i,
  output npu_pkg::addr_t     ar_addr_o,
  output logic [7:0]         ar_len_o,
  output logic               burst_o,       // ar_addr_o and ar_len_o are loaded with burst_addr_o at the end of this cycle
  output npu_pkg::addr_t     burst_addr_o,

  input  logic               consume_i,     // a beat has left the buffer: its credit returns
  input  logic               drained_i,     // the aligner has nothing left; the next segment reads memory anew
  output logic               idle_o
);

  localparam int unsigned BeatBytes = DataBits / 8;
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits;
  localparam int unsigned CountBits = 33 - OffBits;  // beats of a segment: up to 2^32 bytes and two partial beats
  localparam int unsigned BurstBits = $clog2(MaxBurst);
  localparam int unsigned LenBits = BurstBits + 1;
  localparam int unsigned CreditBits = $clog2(FifoBeats) + 1;

  // The segment being cut: beats left, and the length of the burst that goes next.
  logic work_valid_q;
  logic work_last_q;  // the next burst is the segment's last
  logic [BeatBits-1:0] work_beat_q;
  logic [CountBits-1:0] work_left_q;
  logic [LenBits-1:0] work_len_q;

  logic tag_valid_q;  // a beat that the next segment may find in the aligner
  logic [BeatBits-1:0] tag_beat_q;
  logic [CreditBits-1:0] credits_q;

  logic send, take, hit;
  assign send = work_valid_q & (!ar_valid_o | ar_ready_i) & (credits_q >= CreditBits'(work_len_q));
  assign seg_ready_o = desc_ready_i & (!work_valid_q | (send & work_last_q));
  assign take = seg_valid_i & seg_ready_o;
  assign hit = Coalesce & tag_valid_q & !drained_i & (seg_addr_i[npu_pkg::AddrBits-1:OffBits] == tag_beat_q);
  assign desc_valid_o = take;
  assign desc_reuse_o = hit;
  assign burst_o = send;
  assign burst_addr_o = {work_beat_q, OffBits'(0)};
  assign idle_o = !work_valid_q & !ar_valid_o;

  // Beats from `beat` to the end of its group of MaxBurst; a group never crosses 4 KiB.
  function automatic logic [LenBits-1:0] cut(input logic [BurstBits-1:0] beat, input logic [CountBits-1:0] left);
    logic [LenBits-1:0] room;
    room = LenBits'(MaxBurst) - LenBits'(beat);
    cut = (left > CountBits'(room)) ? room : LenBits'(left);
  endfunction

  always_ff @(posedge clk_i) begin
    logic [BeatBits-1:0] first_beat;
    logic [CountBits-1:0] more_beats, left;
    logic [LenBits-1:0] len;
    if (send) begin
      ar_addr_o <= burst_addr_o;
      ar_len_o <= 8'(work_len_q) - 8'd1;
    end
    if (take) begin
      first_beat = seg_addr_i[npu_pkg::AddrBits-1:OffBits];
      more_beats = CountBits'((33'(seg_addr_i[OffBits-1:0]) + 33'(seg_bytes_i) - 33'd1) >> OffBits);
      tag_beat_q <= first_beat + BeatBits'(more_beats);
      if (hit) first_beat = first_beat + 1'b1;
      left = hit ? more_beats : more_beats + 1'b1;
      len = cut(first_beat[BurstBits-1:0], left);
      work_beat_q <= first_beat;
      work_left_q <= left;
      work_len_q <= len;
      work_last_q <= left == CountBits'(len);
    end else if (send) begin
      left = work_left_q - CountBits'(work_len_q);
      len = cut('0, left);
      work_beat_q <= work_beat_q + BeatBits'(work_len_q);
      work_left_q <= left;
      work_len_q <= len;
      work_last_q <= left == CountBits'(len);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      work_valid_q <= 1'b0;
      tag_valid_q <= 1'b0;
      ar_valid_o <= 1'b0;
      credits_q <= CreditBits'(FifoBeats);
    end else begin
      if (take) begin
        // A segment that lies in the last beat read needs no burst at all.
        work_valid_q <= !(hit & ((33'(seg_addr_i[OffBits-1:0]) + 33'(seg_bytes_i)) <= 33'(BeatBytes)));
        tag_valid_q <= 1'b1;
      end else if (send & work_last_q) begin
        work_valid_q <= 1'b0;
      end
      if (send) ar_valid_o <= 1'b1;
      else if (ar_ready_i) ar_valid_o <= 1'b0;
      if (send | consume_i) begin
        credits_q <= credits_q - (send ? CreditBits'(work_len_q) : '0) + CreditBits'(consume_i);
      end
    end
  end

`ifndef SYNTHESIS
  initial begin
    assert (FifoBeats >= MaxBurst) else $fatal(1, "npu_rd_issue: FifoBeats %0d below MaxBurst %0d", FifoBeats, MaxBurst);
    assert (MaxBurst * (DataBits / 8) <= 4096) else $fatal(1, "npu_rd_issue: bursts of %0d beats cross 4 KiB", MaxBurst);
  end
`endif

endmodule
