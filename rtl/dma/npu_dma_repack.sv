// SPDX-License-Identifier: Apache-2.0
// Lines of the source become lines of the destination: both are dense, but their segments differ in
// length. At most one line in and one line out a cycle.
//
//   source lines (4 bytes)       | a b c d | e f . . | g h i j | k l . .      segments of 6 bytes
//   destination lines            | a b c d | . . . . segments of 3 bytes: | a b c | d e f | g h i | j k l
//
// Lines of equal length pass unshifted. FILL takes no lines, it repeats its pattern.

`include "npu_fault.svh"

module npu_dma_repack
  import npu_dma_pkg::*;
#(
    parameter int unsigned DataBits = 512,
    localparam int unsigned LineBytes = DataBits / 8,
    localparam int unsigned LineBits = $clog2(LineBytes)
) (
    input logic clk_i,
    input logic rst_ni,

    input logic load_i,
    // Chosen for the packet: repeat the pattern, or take the lines from the adder.
    input logic fill_i,
    input logic [63:0] pattern_i,
    input logic sum_i,

    // bytes of the destination's segments, in order
    input logic run_valid_i,
    output logic run_ready_o,
    input seg_bytes_t run_bytes_i,

    input logic line_valid_i,
    output logic line_ready_o,
    input logic [DataBits-1:0] line_data_i,
    input logic [DataBits-1:0] sum_data_i,
    input logic [LineBits:0] line_bytes_i,

    output logic line_valid_o,
    input logic line_ready_i,
    output logic [DataBits-1:0] line_data_o,
    output logic moves_o
);

  typedef logic [LineBits:0] count_t;

  seg_bytes_t done_q;  // bytes of the segment that have gone out
  // Bytes that came with earlier lines; above them hold_q is 0.
  count_t level_q;
  logic [DataBits-1:0] hold_q;

  count_t wanted;               // bytes of the next line out
  logic [LineBits+1:0] there;   // bytes held and in the line that is used
  logic use_line, take, emit, pass, run_last;

  always_comb begin
    seg_bytes_t run_left;
    logic enough, out_free;
    run_left = '0;
    enough = 1'b0;
    out_free = 1'b0;
    wanted = '0;
    there = '0;
    use_line = 1'b0;
    take = 1'b0;
    emit = 1'b0;
    pass = 1'b0;
    run_last = 1'b0;
    // The segment must be known: it says how much makes a line.
    if (run_valid_i) begin
      run_left = run_bytes_i - done_q;
      run_last = run_left <= seg_bytes_t'(LineBytes);
      wanted = run_last ? run_left[LineBits:0] : count_t'(LineBytes);
      use_line = !fill_i && level_q < wanted;
      there = {1'b0, level_q} + (use_line ? {1'b0, line_bytes_i} : '0);
      enough = fill_i || there >= {1'b0, wanted};
      out_free = !line_valid_o || line_ready_i;
      take = use_line && line_valid_i && (!enough || out_free);
      emit = enough && out_free && (!use_line || line_valid_i);
      pass = level_q == '0 && line_bytes_i == wanted;
    end
  end
  assign line_ready_o = take;
  assign moves_o = take || emit;
  assign run_ready_o = emit && run_last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || load_i) begin
      line_valid_o <= 1'b0;
      done_q <= '0;
      level_q <= '0;
    end else if (take || emit || line_valid_o) begin
      if (emit || line_ready_i) line_valid_o <= emit;
      if (emit) done_q <= run_ready_o ? '0 : done_q + seg_bytes_t'(LineBytes);
      if (!fill_i) begin
        if (emit) level_q <= count_t'(there - {1'b0, wanted});
        else if (take) level_q <= count_t'(there);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    logic [DataBits-1:0] line;
    logic [2*DataBits-1:0] both;
    if (load_i) begin
      hold_q <= '0;
    end else if (take || emit) begin
      line = sum_i ? sum_data_i : line_data_i;
      if (fill_i) begin
        line_data_o <= {DataBits / 64{pattern_i}};
      end else if (pass) begin
        line_data_o <= line;
        hold_q <= '0;
      end else begin
        both = {{DataBits{1'b0}}, hold_q};
        if (use_line) begin
          // To the top of the line, so that only its bytes come down behind those held.
          line = line << {count_t'(LineBytes) - line_bytes_i, 3'b000};
          both = both | ({line, {DataBits{1'b0}}} >> {(LineBits + 2)'(2 * LineBytes) - there, 3'b000});
        end
        if (emit) begin
          line_data_o <= both[DataBits-1:0];
          hold_q <= `NPU_FAULT(dma_repack_rest, DataBits'(both >> {wanted, 3'b000}), there > {1'b0, wanted} ? '0 : DataBits'(both >> {wanted, 3'b000}));
        end else begin
          hold_q <= both[DataBits-1:0];
        end
      end
    end
  end

`ifndef SYNTHESIS
  assert property (@(posedge clk_i) disable iff (!rst_ni || load_i)
      line_valid_o && !line_ready_i |=> load_i || (line_valid_o && $stable(line_data_o)));
  assert property (@(posedge clk_i) disable iff (!rst_ni || load_i)
      take && !emit |-> there < (LineBits + 2)'(LineBytes));
`endif

endmodule
