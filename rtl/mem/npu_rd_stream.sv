// SPDX-License-Identifier: Apache-2.0
// Read stream: segments (byte address, byte count, any alignment) in, dense lines out.
//
// Byte 0 of a segment's first line is its first byte; a segment takes ceil(bytes / line bytes) lines, in order. Bytes of
// the last line behind line_bytes_o are arbitrary. Segments are taken ahead of the lines: requests wait only for
// credits (FifoBeats beats in flight or buffered) and for room for FifoBeats segments.
//
// One line a cycle, aligned or not (an unaligned segment of several beats costs one cycle more); one segment a cycle when
// segments are short. With Coalesce, a segment that begins in the beat that the previous one ended with uses the data
// read for that one, unless the stream was idle in between. A client that orders reads behind writes segment by segment
// sets Coalesce to 0.
module npu_rd_stream #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned FifoBeats = 64,  // a power of two, at least MaxBurst
  parameter int unsigned MaxBurst = npu_pkg::MaxBurst,
  parameter bit Coalesce = 1'b1,
  localparam int unsigned OffBits = $clog2(DataBits / 8)
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                seg_valid_i,
  output logic                seg_ready_o,
  input  npu_pkg::addr_t      seg_addr_i,
  input  logic [31:0]         seg_bytes_i,   // at least 1

  output logic                line_valid_o,
  input  logic                line_ready_i,
  output logic [DataBits-1:0] line_data_o,
  output logic [OffBits:0]    line_bytes_o,  // 1 to DataBits / 8
  output logic                line_last_o,   // of its segment

  output logic                ar_valid_o,
  input  logic                ar_ready_i,
  output npu_pkg::addr_t      ar_addr_o,
  output logic [7:0]          ar_len_o,
  input  logic                r_valid_i,
  input  logic [DataBits-1:0] r_data_i,
  input  logic                r_last_i,
  input  logic                r_err_i,

  output logic                err_valid_o,   // a beat failed since the last err_clear_i
  output npu_pkg::addr_t      err_addr_o,    // of the first one, beat-aligned
  input  logic                err_clear_i,
  output logic                idle_o         // no segment, beat or line is inside
);

  logic busy, desc_valid, desc_reuse, desc_done, beat_done;
  logic [OffBits-1:0] desc_offset;
  logic [31:0] desc_bytes;
  assign idle_o = !busy;

  npu_rd_issue #(
    .DataBits(DataBits), .FifoBeats(FifoBeats), .MaxBurst(MaxBurst), .Coalesce(Coalesce)
  ) u_issue (
    .clk_i, .rst_ni,
    .seg_valid_i, .seg_ready_o, .seg_addr_i, .seg_bytes_i,
    .ar_valid_o, .ar_ready_i, .ar_addr_o, .ar_len_o,
    .desc_valid_o(desc_valid), .desc_reuse_o(desc_reuse), .desc_offset_o(desc_offset), .desc_bytes_o(desc_bytes),
    .beat_done_i(beat_done), .desc_done_i(desc_done), .line_valid_i(line_valid_o), .busy_o(busy)
  );

  npu_rd_align #(.DataBits(DataBits), .Depth(FifoBeats)) u_align (
    .clk_i, .rst_ni, .active_i(busy),
    .desc_valid_i(desc_valid), .desc_reuse_i(desc_reuse), .desc_offset_i(desc_offset), .desc_bytes_i(desc_bytes),
    .desc_done_o(desc_done),
    .r_valid_i, .r_data_i, .beat_done_o(beat_done),
    .line_valid_o, .line_ready_i, .line_data_o, .line_bytes_o, .line_last_o
  );

  npu_burst_log #(.DataBits(DataBits), .Depth(FifoBeats)) u_log (
    .clk_i, .rst_ni, .active_i(busy),
    .push_i(ar_valid_o & ar_ready_i), .addr_i(ar_addr_o),
    .resp_i(r_valid_i), .resp_last_i(r_last_i), .resp_err_i(r_err_i),
    .err_valid_o, .err_addr_o, .err_clear_i
  );

`ifndef SYNTHESIS
  // What waits stays as it is. Checked against the cycle before, so only while something waited then.
  logic seg_waits_q, ar_waits_q, line_waits_q;
  npu_pkg::addr_t seg_addr_q, ar_addr_q;
  logic [31:0] seg_bytes_q;
  logic [7:0] ar_len_q;
  logic [OffBits+1:0] line_q;
  always_ff @(posedge clk_i) begin
    seg_waits_q <= rst_ni & seg_valid_i & !seg_ready_o;
    ar_waits_q <= rst_ni & ar_valid_o & !ar_ready_i;
    line_waits_q <= rst_ni & line_valid_o & !line_ready_i;
    if (seg_valid_i | busy) begin
      seg_addr_q <= seg_addr_i;
      seg_bytes_q <= seg_bytes_i;
      ar_addr_q <= ar_addr_o;
      ar_len_q <= ar_len_o;
      line_q <= {line_last_o, line_bytes_o};
    end
    if (rst_ni) begin
      assert (!seg_valid_i || seg_bytes_i != '0) else $error("npu_rd_stream: segment of 0 bytes at %h", seg_addr_i);
      assert (!seg_waits_q || (seg_valid_i && seg_addr_i == seg_addr_q && seg_bytes_i == seg_bytes_q))
        else $error("npu_rd_stream: waiting segment at %h changed", seg_addr_q);
      assert (!ar_waits_q || (ar_valid_o && ar_addr_o == ar_addr_q && ar_len_o == ar_len_q))
        else $error("npu_rd_stream: waiting burst at %h changed", ar_addr_q);
      assert (!line_waits_q || (line_valid_o && {line_last_o, line_bytes_o} == line_q))
        else $error("npu_rd_stream: waiting line changed");
    end
  end
`endif

endmodule
