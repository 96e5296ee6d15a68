// SPDX-License-Identifier: Apache-2.0
// Data side of a read stream: buffers beats and segment descriptors, and shifts beats into dense lines.
//
// A line is one beat if it begins at a beat's first byte, else the end of one beat and the begin of the next.
//
//   first byte of the segment
//         v
//   | . . a b | c d e f | g . . . |   beats
//     line 0: a b c d   line 1: e f g     (segments of 7 bytes, beats of 4)
`include "npu_fault.svh"

module npu_rd_align #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned Depth = 64,  // beats, and descriptors, in their memories; a power of two
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned OffBits = $clog2(BeatBytes)
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                active_i,       // 0 only while nothing is inside and nothing comes

  input  logic                desc_valid_i,
  input  logic                desc_reuse_i,   // the first beat is the last one of the segment before
  input  logic [OffBits-1:0]  desc_offset_i,  // of the first byte in its beat
  input  logic [31:0]         desc_bytes_i,
  output logic                desc_done_o,    // the cycle after the last line of a segment was made

  input  logic                r_valid_i,
  input  logic [DataBits-1:0] r_data_i,
  output logic                beat_done_o,    // the cycle after a beat left the buffer

  output logic                line_valid_o,
  input  logic                line_ready_i,
  output logic [DataBits-1:0] line_data_o,
  output logic [OffBits:0]    line_bytes_o,
  output logic                line_last_o
);

  localparam int unsigned DescBits = 1 + OffBits + 32;
  localparam int unsigned PtrBits = $clog2(Depth);

  // Both memories have a registered read port; the register holds the oldest word.
  logic [DescBits-1:0] desc_mem [Depth];
  logic [PtrBits-1:0] desc_wr_q, desc_rd_q;
  logic desc_valid_q;
  logic [DescBits-1:0] desc_q;
  logic [DataBits-1:0] beat_mem [Depth];
  logic [PtrBits:0] beat_wr_q, beat_rd_q;
  logic beat_valid_q;
  logic [DataBits-1:0] beat_q;

  logic started_q;                 // a step of the segment is done: left_q counts
  logic low_q;                     // the beat with the line's first byte is in low_beat_q
  logic [31:0] left_q;             // bytes from the line's first byte on
  logic [DataBits-1:0] low_beat_q;

  always_ff @(posedge clk_i) begin
    logic [31:0] left;
    logic [OffBits-1:0] offset;
    logic line_free, low, aligned, fits, last, step, emit, pop_beat, pop_desc, load_beat, load_desc;
    logic [DataBits-1:0] low_part;
    if (!rst_ni) begin
      desc_wr_q <= '0;
      desc_rd_q <= '0;
      desc_valid_q <= 1'b0;
      desc_done_o <= 1'b0;
      beat_wr_q <= '0;
      beat_rd_q <= '0;
      beat_valid_q <= 1'b0;
      beat_done_o <= 1'b0;
      started_q <= 1'b0;
      line_valid_o <= 1'b0;
    end else if (active_i) begin
      offset = desc_q[32+:OffBits];
      left = started_q ? left_q : desc_q[31:0];
      low = started_q ? low_q : desc_q[DescBits-1];
      aligned = offset == '0;
      last = left <= 32'(BeatBytes);
      // The line ends in the beat it begins in.
      fits = aligned | (left <= 32'(BeatBytes) - 32'(offset));
      line_free = !line_valid_o | line_ready_i;
      step = desc_valid_q & line_free & (beat_valid_q | (low & fits));
      emit = step & (low | fits);
      pop_beat = step & !(low & fits);
      pop_desc = emit & last;

      if (emit) begin
        low_part = beat_q;
        if (low) low_part = low_beat_q;
        if (aligned) line_data_o <= low_part;
        else line_data_o <= DataBits'({beat_q, low_part} >> `NPU_FAULT(mem_read_shift, {offset, 3'b000}, {offset[OffBits-1:1], 4'b0000}));
        line_bytes_o <= last ? left[OffBits:0] : (OffBits + 1)'(BeatBytes);
        line_last_o <= last;
      end
      if (line_free) line_valid_o <= emit;
      // Of an aligned segment only the last beat can be wanted again.
      if (pop_beat & (!aligned | last)) low_beat_q <= beat_q;
      if (step) begin
        started_q <= !pop_desc;
        // Aligned lines after the first always take their own beat.
        low_q <= !aligned;
        left_q <= emit ? left - 32'(BeatBytes) : left;
      end

      load_beat = (beat_wr_q != beat_rd_q) & (!beat_valid_q | pop_beat);
      if (load_beat) begin
        beat_q <= beat_mem[beat_rd_q[PtrBits-1:0]];
        beat_rd_q <= beat_rd_q + 1'b1;
      end
      if (load_beat | pop_beat) beat_valid_q <= load_beat;
      beat_done_o <= pop_beat;
      if (r_valid_i) begin
        beat_mem[beat_wr_q[PtrBits-1:0]] <= r_data_i;
        beat_wr_q <= beat_wr_q + 1'b1;
      end

      load_desc = (desc_wr_q != desc_rd_q) & (!desc_valid_q | pop_desc);
      if (load_desc) begin
        desc_q <= desc_mem[desc_rd_q];
        desc_rd_q <= desc_rd_q + 1'b1;
      end
      if (load_desc | pop_desc) desc_valid_q <= load_desc;
      desc_done_o <= pop_desc;
      if (desc_valid_i) begin
        desc_mem[desc_wr_q] <= {desc_reuse_i, desc_offset_i, desc_bytes_i};
        desc_wr_q <= desc_wr_q + 1'b1;
      end
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!r_valid_i || active_i) else $error("npu_rd_align: beat without a segment");
      assert (!r_valid_i || (beat_wr_q ^ beat_rd_q) != (PtrBits + 1)'(Depth)) else $error("npu_rd_align: beat without a credit");
    end
  end
`endif

endmodule
