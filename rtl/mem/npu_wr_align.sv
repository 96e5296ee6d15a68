// SPDX-License-Identifier: Apache-2.0
// Data side of a write stream: shifts dense lines to their place in beats and makes the byte strobes.
//
// A segment that begins in the beat that the previous one ended with, behind its last byte, joins that beat if its line
// is there before the beat has left. So dense rows of any length and strided elements of one beat are written once.
//
// Three stages: the oldest waiting segment; `step`, the beat to be made next; `beat`, the beat made last.
`include "npu_fault.svh"

module npu_wr_align #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned SegDepth = 16,  // segments that may wait, a power of two
  localparam int unsigned BeatBytes = DataBits / 8,
  localparam int unsigned OffBits = $clog2(BeatBytes),
  localparam int unsigned BeatBits = npu_pkg::AddrBits - OffBits
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 seg_valid_i,
  output logic                 seg_ready_o,
  input  npu_pkg::addr_t       seg_addr_i,
  input  logic [31:0]          seg_bytes_i,

  input  logic                 line_valid_i,
  output logic                 line_ready_o,
  input  logic [DataBits-1:0]  line_data_i,

  output logic                 beat_push_o,   // the beat leaves in this cycle
  input  logic                 beat_room_i,   // it may
  output logic [DataBits-1:0]  beat_data_o,
  output logic [BeatBytes-1:0] beat_strb_o,
  output logic [BeatBits-1:0]  beat_addr_o,   // in beats
  output logic                 beat_last_o,   // of its segment
  output logic                 busy_o
);

  localparam int unsigned PtrBits = $clog2(SegDepth);
  localparam int unsigned PosBits = OffBits + 1;  // 0 to BeatBytes

  logic [npu_pkg::AddrBits+31:0] seg_mem [SegDepth];
  logic [PtrBits-1:0] seg_wr_q, seg_rd_q;
  logic [PtrBits:0] places_q;     // segments that may be taken
  logic seg_valid_q;
  npu_pkg::addr_t seg_addr_q;
  logic [31:0] seg_bytes_q;

  logic step_valid_q;
  logic step_line_q;              // needs a line; the last beat may hold no more than the end of the line before
  logic step_last_q;              // of its segment
  logic step_join_q;              // may join the beat made last while that waits
  logic [OffBits-1:0] offset_q;   // of the segment
  logic [OffBits-1:0] start_q;    // first byte written in the beat
  logic [PosBits-1:0] stop_q;     // first byte behind those written
  logic [31:0] left_q;            // bytes of the segment from this beat on
  logic [BeatBits-1:0] step_addr_q;
  logic [DataBits-1:0] prev_line_q;

  logic beat_valid_q;

  logic out_free;
  assign out_free = !beat_valid_q | beat_room_i | step_join_q;
  assign line_ready_o = step_line_q & out_free;
  assign beat_push_o = beat_valid_q & beat_room_i & !(step_join_q & line_valid_i);
  assign seg_ready_o = places_q != '0;
  assign busy_o = (places_q != (PtrBits + 1)'(SegDepth)) | beat_valid_q;

  always_ff @(posedge clk_i) begin
    logic take, step, finish, load_step, load_seg, last;
    logic [OffBits-1:0] start;
    logic [31:0] left, space;
    logic [DataBits-1:0] data;
    logic [BeatBytes-1:0] strb;
    logic [31:0] mask, nibble;
    if (!rst_ni) begin
      seg_wr_q <= '0;
      seg_rd_q <= '0;
      places_q <= (PtrBits + 1)'(SegDepth);
      seg_valid_q <= 1'b0;
      step_valid_q <= 1'b0;
      step_line_q <= 1'b0;
      step_join_q <= 1'b0;
      beat_valid_q <= 1'b0;
    end else if (seg_valid_i | busy_o) begin
      take = seg_valid_i & seg_ready_o;
      step = step_valid_q & (line_valid_i | !step_line_q) & out_free;
      finish = step & step_last_q;
      load_step = seg_valid_q & (!step_valid_q | finish);
      load_seg = (seg_wr_q != seg_rd_q) & (!seg_valid_q | load_step);

      if (step) begin
        strb = ({BeatBytes{1'b1}} << start_q) & `NPU_FAULT(mem_strobe_tail, {BeatBytes{1'b1}} >> (PosBits'(BeatBytes) - stop_q), {BeatBytes{1'b1}});
        data = line_data_i;
        if (offset_q != '0) begin
          data = DataBits'({line_data_i, prev_line_q} >> {PosBits'(BeatBytes) - PosBits'(offset_q), 3'b000});
          if (step_line_q) prev_line_q <= line_data_i;
        end
        if (step_join_q) begin
          for (int unsigned j = 0; j < DataBits / 32; j++) begin
            // Four strobes become a mask of four bytes.
            nibble = {28'd0, strb[j*4+:4]};
            mask = ((nibble * 32'h0020_4081) & 32'h0101_0101) * 32'h0000_00ff;
            data[j*32+:32] = (data[j*32+:32] & mask) | (beat_data_o[j*32+:32] & ~mask);
          end
          strb = `NPU_FAULT(mem_join_strobe, strb | beat_strb_o, strb);
        end
        beat_data_o <= data;
        beat_strb_o <= strb;
        beat_addr_o <= step_addr_q;
        beat_last_o <= step_last_q;
      end
      if (step | beat_push_o) beat_valid_q <= step;

      // The next beat: of the same segment, or the first of the next one.
      if (load_step) begin
        start = seg_addr_q[OffBits-1:0];
        left = seg_bytes_q;
      end else begin
        start = '0;
        left = left_q - (32'(BeatBytes) - 32'(start_q));
      end
      space = 32'(BeatBytes) - 32'(start);
      last = left <= space;
      if (step | load_step) begin
        // Of the beat that is made now, if one is.
        step_join_q <= load_step & finish & (seg_addr_q[npu_pkg::AddrBits-1:OffBits] == step_addr_q)
                       & (PosBits'(start) >= stop_q);
        step_line_q <= load_step | (!finish & (left > 32'(offset_q)));
        step_addr_q <= load_step ? seg_addr_q[npu_pkg::AddrBits-1:OffBits] : step_addr_q + 1'b1;
        step_valid_q <= !finish | load_step;
        step_last_q <= last;
        if (load_step) offset_q <= start;
        start_q <= start;
        stop_q <= last ? PosBits'(start) + left[OffBits:0] : PosBits'(BeatBytes);
        left_q <= left;
      end else if (beat_push_o) begin
        step_join_q <= 1'b0;
      end

      if (load_seg) begin
        {seg_addr_q, seg_bytes_q} <= seg_mem[seg_rd_q];
        seg_rd_q <= seg_rd_q + 1'b1;
      end
      if (load_seg | load_step) seg_valid_q <= load_seg;
      if (take) begin
        seg_mem[seg_wr_q] <= {seg_addr_i, seg_bytes_i};
        seg_wr_q <= seg_wr_q + 1'b1;
      end
      places_q <= places_q + (PtrBits + 1)'(finish) - (PtrBits + 1)'(take);
    end
  end

endmodule
