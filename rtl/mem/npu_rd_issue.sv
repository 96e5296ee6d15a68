// SPDX-License-Identifier: Apache-2.0
// Issue side of a read stream: cuts segments into bursts, as far ahead of the data as credits allow.
//
// For each segment it passes a descriptor to the aligner. A segment that begins in the beat that the one before it
// ended with does not read that beat again; `reuse` tells the aligner so.
`include "npu_fault.svh"

module npu_rd_issue #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned FifoBeats = 64,  // credits for beats, and for segments
  parameter int unsigned MaxBurst = npu_pkg::MaxBurst,
  parameter bit Coalesce = 1'b1,
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned OffBits = $clog2(BeatBytes)
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               seg_valid_i,
  output logic               seg_ready_o,
  input  npu_pkg::addr_t     seg_addr_i,
  input  logic [31:0]        seg_bytes_i,

  output logic               ar_valid_o,
  input  logic               ar_ready_i,
  output npu_pkg::addr_t     ar_addr_o,
  output logic [7:0]         ar_len_o,

  output logic               desc_valid_o,   // a segment was taken; no ready: its credit covers the place
  output logic               desc_reuse_o,
  output logic [OffBits-1:0] desc_offset_o,
  output logic [31:0]        desc_bytes_o,

  input  logic               beat_done_i,    // a beat has left the buffer
  input  logic               desc_done_i,    // a segment's last line is made
  input  logic               line_valid_i,   // a line waits at the output
  output logic               busy_o          // something is in the stream
);

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

  logic [BeatBits-1:0] last_beat_q;     // of the segment taken last
  logic [CreditBits-1:0] credits_q;     // beats that may be asked for
  logic enough_q;                       // credits for the next burst
  logic [CreditBits-1:0] places_q;      // segments that may be taken

  logic ar_free;
  assign ar_free = !ar_valid_o | ar_ready_i;
  assign seg_ready_o = (places_q != '0) & (!work_valid_q | (work_last_q & enough_q & ar_free));
  assign busy_o = (places_q != CreditBits'(FifoBeats)) | line_valid_i;

  // Beats from `beat` to the end of its group of MaxBurst; a group never crosses 4 KiB.
  function automatic logic [LenBits-1:0] cut(input logic [BurstBits-1:0] beat, input logic [CountBits-1:0] left);
    logic [LenBits-1:0] room;
    room = LenBits'(MaxBurst) - LenBits'(beat);
    cut = (left > CountBits'(room)) ? room : LenBits'(left);
  endfunction

  always_ff @(posedge clk_i) begin
    logic take, send, hit, none;
    logic [BeatBits-1:0] beat;
    logic [CountBits-1:0] left;
    logic [LenBits-1:0] len;
    logic [CreditBits-1:0] credits;
    if (!rst_ni) begin
      work_valid_q <= 1'b0;
      ar_valid_o <= 1'b0;
      desc_valid_o <= 1'b0;
      credits_q <= CreditBits'(FifoBeats);
      places_q <= CreditBits'(FifoBeats);
    end else if (seg_valid_i | busy_o) begin
      take = seg_valid_i & seg_ready_o;
      send = work_valid_q & enough_q & ar_free;
      hit = Coalesce & busy_o & `NPU_FAULT(mem_read_reuse, seg_addr_i[npu_pkg::AddrBits-1:OffBits] == last_beat_q,
                                           take & Coalesce & busy_o ? seg_addr_i[OffBits+:8] == last_beat_q[7:0]
                                                                    : seg_addr_i[npu_pkg::AddrBits-1:OffBits] == last_beat_q);
      none = 1'b0;

      if (send) begin
        ar_addr_o <= {work_beat_q, OffBits'(0)};
        ar_len_o <= 8'(work_len_q) - 8'd1;
      end
      if (ar_free) ar_valid_o <= send;
      credits = credits_q + CreditBits'(beat_done_i) - (send ? CreditBits'(work_len_q) : '0);

      beat = work_beat_q;
      left = work_left_q;
      len = work_len_q;
      if (take) begin
        beat = seg_addr_i[npu_pkg::AddrBits-1:OffBits];
        left = CountBits'((33'(seg_addr_i[OffBits-1:0]) + 33'(seg_bytes_i) - 33'd1) >> OffBits);
        last_beat_q <= beat + BeatBits'(left);
        none = hit & (left == '0);  // a segment inside the beat read last needs no burst at all
        if (hit) beat = beat + 1'b1;
        else left = left + 1'b1;
        len = `NPU_FAULT(mem_read_4k, cut(beat[BurstBits-1:0], left),
                         &beat[11-OffBits:BurstBits] ? cut('0, left) : cut(beat[BurstBits-1:0], left));
      end else if (send) begin
        beat = work_beat_q + BeatBits'(work_len_q);
        left = work_left_q - CountBits'(work_len_q);
        len = cut('0, left);
      end
      if (take) work_valid_q <= !none;
      else if (send & work_last_q) work_valid_q <= 1'b0;
      work_beat_q <= beat;
      work_left_q <= left;
      work_len_q <= len;
      work_last_q <= left == CountBits'(len);

      desc_valid_o <= take;
      if (take) begin
        desc_reuse_o <= hit;
        desc_offset_o <= seg_addr_i[OffBits-1:0];
        desc_bytes_o <= seg_bytes_i;
      end

      credits_q <= credits;
      enough_q <= credits >= CreditBits'(len);
      places_q <= places_q + CreditBits'(desc_done_i) - CreditBits'(take);
    end
  end

`ifndef SYNTHESIS
  initial begin
    assert (FifoBeats >= MaxBurst) else $fatal(1, "npu_rd_issue: FifoBeats %0d below MaxBurst %0d", FifoBeats, MaxBurst);
    assert (MaxBurst * BeatBytes <= 4096) else $fatal(1, "npu_rd_issue: bursts of %0d beats cross 4 KiB", MaxBurst);
  end
`endif

endmodule
