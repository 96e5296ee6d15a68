// SPDX-License-Identifier: Apache-2.0
// Write stream: segments (byte address, byte count, any alignment) and dense lines in, bursts with byte strobes out.
//
// Byte 0 of a segment's first line is its first byte; a segment takes ceil(bytes / line bytes) lines; bytes of the last
// line behind the segment's end are ignored. Bytes outside segments are never written.
//
// One line a cycle, aligned or not (an unaligned segment may cost one cycle more); one segment a cycle when segments are
// short. A segment that begins in the beat that the previous one ended with, behind its last byte, may share that
// beat with it. A burst is offered when all its data are there, and may fill while another one drains.
module npu_wr_stream #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned BufferBeats = 2 * npu_pkg::MaxBurst,  // a power of two, at least 2 * MaxBurst
  parameter int unsigned MaxBurst = npu_pkg::MaxBurst,
  parameter int unsigned MaxPending = 64,  // bursts without a response, a power of two
  parameter int unsigned SegDepth = 16,    // segments that may wait, a power of two
  localparam int unsigned BeatBytes = DataBits / 8
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 seg_valid_i,
  output logic                 seg_ready_o,
  input  npu_pkg::addr_t       seg_addr_i,
  input  logic [31:0]          seg_bytes_i,  // at least 1

  input  logic                 line_valid_i,
  output logic                 line_ready_o,
  input  logic [DataBits-1:0]  line_data_i,

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
  input  logic                 b_err_i,

  output logic                 err_valid_o,  // a burst failed since the last err_clear_i
  output npu_pkg::addr_t       err_addr_o,   // of the first one, beat-aligned
  input  logic                 err_clear_i,
  output logic                 idle_o        // no segment is inside and every response has come
);

  localparam int unsigned BeatBits = npu_pkg::AddrBits - $clog2(BeatBytes);

  logic beat_push, beat_room, beat_last, align_busy, issue_busy;
  logic [DataBits-1:0] beat_data;
  logic [BeatBytes-1:0] beat_strb;
  logic [BeatBits-1:0] beat_addr;
  assign idle_o = !(align_busy | issue_busy);

  npu_wr_align #(.DataBits(DataBits), .SegDepth(SegDepth)) u_align (
    .clk_i, .rst_ni,
    .seg_valid_i, .seg_ready_o, .seg_addr_i, .seg_bytes_i, .line_valid_i, .line_ready_o, .line_data_i,
    .beat_push_o(beat_push), .beat_room_i(beat_room), .beat_data_o(beat_data), .beat_strb_o(beat_strb),
    .beat_addr_o(beat_addr), .beat_last_o(beat_last), .busy_o(align_busy)
  );

  npu_wr_issue #(
    .DataBits(DataBits), .BufferBeats(BufferBeats), .MaxBurst(MaxBurst), .MaxPending(MaxPending)
  ) u_issue (
    .clk_i, .rst_ni,
    .beat_push_i(beat_push), .beat_room_o(beat_room), .beat_data_i(beat_data), .beat_strb_i(beat_strb),
    .beat_addr_i(beat_addr), .beat_last_i(beat_last),
    .aw_valid_o, .aw_ready_i, .aw_addr_o, .aw_len_o,
    .w_valid_o, .w_ready_i, .w_data_o, .w_strb_o, .w_last_o, .b_valid_i, .busy_o(issue_busy)
  );

  npu_burst_log #(.DataBits(DataBits), .Depth(MaxPending)) u_log (
    .clk_i, .rst_ni, .active_i(issue_busy),
    .push_i(aw_valid_o & aw_ready_i), .addr_i(aw_addr_o),
    .resp_i(b_valid_i), .resp_last_i(1'b1), .resp_err_i(b_err_i),
    .err_valid_o, .err_addr_o, .err_clear_i
  );

`ifndef SYNTHESIS
  // What waits stays as it is. Checked against the cycle before, so only while something waited then.
  logic seg_waits_q, line_waits_q, aw_waits_q, w_waits_q;
  npu_pkg::addr_t seg_addr_q, aw_addr_q;
  logic [31:0] seg_bytes_q;
  logic [7:0] aw_len_q;
  logic [BeatBytes:0] w_q;
  always_ff @(posedge clk_i) begin
    seg_waits_q <= rst_ni & seg_valid_i & !seg_ready_o;
    line_waits_q <= rst_ni & line_valid_i & !line_ready_o;
    aw_waits_q <= rst_ni & aw_valid_o & !aw_ready_i;
    w_waits_q <= rst_ni & w_valid_o & !w_ready_i;
    if (seg_valid_i | !idle_o) begin
      seg_addr_q <= seg_addr_i;
      seg_bytes_q <= seg_bytes_i;
      aw_addr_q <= aw_addr_o;
      aw_len_q <= aw_len_o;
      w_q <= {w_last_o, w_strb_o};
    end
    if (rst_ni) begin
      assert (!seg_valid_i || seg_bytes_i != '0) else $error("npu_wr_stream: segment of 0 bytes at %h", seg_addr_i);
      assert (!seg_waits_q || (seg_valid_i && seg_addr_i == seg_addr_q && seg_bytes_i == seg_bytes_q))
        else $error("npu_wr_stream: waiting segment at %h changed", seg_addr_q);
      assert (!line_waits_q || line_valid_i) else $error("npu_wr_stream: waiting line went away");
      assert (!aw_waits_q || (aw_valid_o && aw_addr_o == aw_addr_q && aw_len_o == aw_len_q))
        else $error("npu_wr_stream: waiting burst at %h changed", aw_addr_q);
      assert (!w_waits_q || (w_valid_o && {w_last_o, w_strb_o} == w_q))
        else $error("npu_wr_stream: waiting beat changed");
    end
  end
`endif

endmodule
