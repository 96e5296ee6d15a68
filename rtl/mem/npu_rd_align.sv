// SPDX-License-Identifier: Apache-2.0
// Data side of a read stream: shifts beats into dense lines.
//
// A line is one beat if it begins at a beat's first byte, else the end of one beat and the begin of the next.
//
//   first byte of the segment
//         v
//   | . . a b | c d e f | g . . . |   beats
//     line 0: a b c d   line 1: e f g     (segments of 7 bytes, beats of 4)
module npu_rd_align #(
  parameter int unsigned DataBits = 512,
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned OffBits = $clog2(BeatBytes)
) (
  input  logic                clk_i,
  input  logic                rst_ni,

  input  logic                desc_valid_i,
  output logic                desc_ready_o,   // with the segment's last line
  input  logic [OffBits-1:0]  desc_offset_i,  // of the first byte in its beat
  input  logic [31:0]         desc_bytes_i,
  input  logic                desc_reuse_i,   // the first beat is the last one consumed

  input  logic                beat_valid_i,
  output logic                beat_ready_o,
  input  logic [DataBits-1:0] beat_data_i,

  output logic                line_valid_o,
  input  logic                line_ready_i,
  output logic [DataBits-1:0] line_data_o,
  output logic [OffBits:0]    line_bytes_o,
  output logic                line_last_o
);

  logic started_q;            // a step of the segment is done: left_q counts
  logic low_q;                // the beat with the line's first byte is in low_beat_q
  logic [31:0] left_q;        // bytes from the line's first byte on
  logic [DataBits-1:0] low_beat_q;

  logic [31:0] left;
  logic low, aligned, fits, need_beat, step, emit, last;
  assign left = started_q ? left_q : desc_bytes_i;
  assign low = started_q ? low_q : desc_reuse_i;
  assign aligned = desc_offset_i == '0;
  assign last = left <= 32'(BeatBytes);
  // The line ends in the beat it begins in.
  assign fits = aligned | (left <= 32'(BeatBytes) - 32'(desc_offset_i));
  assign need_beat = !(low & fits);
  assign step = desc_valid_i & (beat_valid_i | !need_beat) & (!line_valid_o | line_ready_i);
  assign emit = step & (low | fits);
  assign beat_ready_o = step & need_beat;
  assign desc_ready_o = emit & last;

  always_ff @(posedge clk_i) begin
    logic [DataBits-1:0] low_part;
    if (emit) begin
      low_part = beat_data_i;
      if (low) low_part = low_beat_q;
      if (aligned) line_data_o <= low_part;
      else line_data_o <= DataBits'({beat_data_i, low_part} >> {desc_offset_i, 3'b000});
      line_bytes_o <= last ? left[OffBits:0] : (OffBits + 1)'(BeatBytes);
      line_last_o <= last;
    end
    // Of an aligned segment only the last beat can be wanted again.
    if (beat_ready_o & (!aligned | last)) low_beat_q <= beat_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      started_q <= 1'b0;
      line_valid_o <= 1'b0;
    end else begin
      if (emit) line_valid_o <= 1'b1;
      else if (line_ready_i) line_valid_o <= 1'b0;
      if (step) begin
        started_q <= !desc_ready_o;
        // Aligned lines after the first always take their own beat.
        low_q <= !aligned;
        left_q <= emit ? left - 32'(BeatBytes) : left;
      end
    end
  end

endmodule
