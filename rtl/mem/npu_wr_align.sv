// SPDX-License-Identifier: Apache-2.0
// Data side of a write stream: shifts dense lines to their place in beats and makes the byte strobes.
//
// A segment that begins in the beat that the previous one ended with, behind its last byte, joins that beat if it
// arrives before the beat has left. So dense rows of any length and strided elements of one beat are written once.
module npu_wr_align #(
  parameter int unsigned DataBits = 512,
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned OffBits = $clog2(BeatBytes),
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 seg_valid_i,
  output logic                 seg_ready_o,  // with the segment's last beat
  input  npu_pkg::addr_t       seg_addr_i,
  input  logic [31:0]          seg_bytes_i,

  input  logic                 line_valid_i,
  output logic                 line_ready_o,
  input  logic [DataBits-1:0]  line_data_i,

  output logic                 beat_valid_o,
  input  logic                 beat_ready_i,
  output logic [DataBits-1:0]  beat_data_o,
  output logic [BeatBytes-1:0] beat_strb_o,
  output logic [BeatBits-1:0]  beat_addr_o,  // in beats
  output logic                 beat_last_o,  // of its segment
  output logic                 busy_o        // a beat waits, also if beat_valid_o is 0 because a segment joins it now
);

  logic started_q;                // the segment's first beat is done: left_q and beat_q count
  logic [31:0] left_q;            // bytes from the next beat on
  logic [BeatBits-1:0] beat_q;
  logic [DataBits-1:0] prev_line_q;
  logic [OffBits:0] end_q;        // first byte behind those written, in the beat at the output

  logic [OffBits-1:0] offset, start;
  logic [OffBits:0] space, stop;
  logic [31:0] left;
  logic [BeatBits-1:0] beat;
  logic last, full_beat, need_line, joins, step;
  assign offset = seg_addr_i[OffBits-1:0];
  assign start = started_q ? '0 : offset;
  assign left = started_q ? left_q : seg_bytes_i;
  assign beat = started_q ? beat_q : seg_addr_i[npu_pkg::AddrBits-1:OffBits];
  assign space = (OffBits + 1)'(BeatBytes) - (OffBits + 1)'(start);
  assign last = left <= 32'(space);
  assign stop = last ? (OffBits + 1)'(start) + left[OffBits:0] : (OffBits + 1)'(BeatBytes);
  assign full_beat = (start == '0) & stop[OffBits];
  // The last beat may hold no more than the end of the line before.
  assign need_line = !started_q | (left > 32'(offset));
  assign joins = seg_valid_i & line_valid_i & busy_o & beat_last_o & !started_q & (beat == beat_addr_o) & ((OffBits + 1)'(start) >= end_q);
  assign step = seg_valid_i & (line_valid_i | !need_line) & (!busy_o | beat_ready_i | joins);
  assign beat_valid_o = busy_o & !joins;
  assign line_ready_o = step & need_line;
  assign seg_ready_o = step & last;

  always_ff @(posedge clk_i) begin
    logic [DataBits-1:0] shifted;
    logic [BeatBytes-1:0] strb;
    if (step) begin
      strb = '1;
      if (!full_beat) strb = ({BeatBytes{1'b1}} << start) & ({BeatBytes{1'b1}} >> ((OffBits + 1)'(BeatBytes) - stop));
      shifted = line_data_i;
      if (offset != '0) begin
        shifted = DataBits'({line_data_i, prev_line_q} >> {(OffBits + 1)'(BeatBytes) - (OffBits + 1)'(offset), 3'b000});
        if (need_line) prev_line_q <= line_data_i;
      end
      if (joins) begin
        for (int unsigned i = 0; i < BeatBytes; i++) begin
          if (!strb[i]) shifted[i*8+:8] = beat_data_o[i*8+:8];
        end
        strb = strb | beat_strb_o;
      end
      beat_data_o <= shifted;
      beat_strb_o <= strb;
      beat_addr_o <= beat;
      beat_last_o <= last;
      end_q <= stop;
      left_q <= left - 32'(space);
      beat_q <= beat + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      started_q <= 1'b0;
      busy_o <= 1'b0;
    end else begin
      if (step) begin
        started_q <= !last;
        busy_o <= 1'b1;
      end else if (beat_ready_i) begin
        busy_o <= 1'b0;
      end
    end
  end

endmodule
