// SPDX-License-Identifier: Apache-2.0
// Segments of a strided operand, in row-major order, one a cycle.
//
// With `merge` set it first joins dimensions from the innermost outwards while each continues the run
// of those inside it, one dimension a cycle. A run longer than 2^CapBits bytes is cut into several
// segments: every 2^CapBits bytes, or with AlignCut at multiples of 2^CapBits.
//
// The first segment comes 2 cycles after load_i, with `merge` up to 4 later. load_i without enable_i
// abandons what is left.

`include "npu_fault.svh"

module npu_dma_walk
  import npu_dma_pkg::*;
#(
    parameter int unsigned CapBits = SegmentBits,
    parameter bit AlignCut = 1'b0
) (
    input logic clk_i,
    input logic rst_ni,

    input logic load_i,
    input logic enable_i,
    input walk_t walk_i,  // stable while busy_o

    output logic valid_o,
    input logic ready_i,
    output npu_pkg::addr_t addr_o,
    output logic [CapBits:0] bytes_o,
    output logic run_last_o,  // the last segment of its run
    output logic plane_o,  // changes with every step of dimension 1
    output logic busy_o
);

  localparam int unsigned Cap = 1 << CapBits;
  localparam int unsigned Innermost = Dims - 1;

  typedef enum logic [1:0] {
    IDLE,
    MERGE,
    START,
    WALK
  } state_e;

  state_e state_q;
  logic [$clog2(Dims)-1:0] dim_q;
  npu_pkg::addr_t run_q, left_q, addr_q;
  logic [Dims-1:0][31:0] extent_q;
  // Steps left in each dimension and the address of its current position with all inner ones at 0.
  logic [Dims-1:0][31:0] steps_q;
  npu_pkg::addr_t [Dims-1:0] base_q;
  logic plane_q;

  assign valid_o = state_q == WALK;
  assign busy_o = state_q != IDLE;
  assign addr_o = addr_q;
  assign plane_o = plane_q;

  always_comb begin
    logic [CapBits:0] room;
    room = Cap[CapBits:0];
    run_last_o = 1'b0;
    bytes_o = '0;
    if (state_q == WALK) begin
      if (AlignCut) room = room - {1'b0, addr_q[CapBits-1:0]};
      run_last_o = left_q <= npu_pkg::addr_t'(room);
      bytes_o = run_last_o ? left_q[CapBits:0] : room;
    end
  end

  always_ff @(posedge clk_i) begin
    npu_pkg::addr_t next;
    npu_pkg::addr_t [Dims-1:0] base;
    logic [Dims-1:0][31:0] steps, extent;
    logic unit, merges;
    if (!rst_ni) begin
      state_q <= IDLE;
    end else if (load_i) begin
      if (!enable_i) state_q <= IDLE;
      else state_q <= walk_i.merge ? MERGE : START;
      dim_q <= 2'(Innermost);
      run_q <= walk_i.run;
      extent_q <= walk_i.extent;
      addr_q <= walk_i.addr;
      plane_q <= 1'b0;
    end else if (state_q == MERGE) begin
      extent = extent_q;
      unit = extent[dim_q] == 32'd1;
      merges = !unit && `NPU_FAULT(dma_merge, walk_i.stride[dim_q] == run_q, unit ? walk_i.stride[dim_q] == run_q : walk_i.stride[dim_q][7:0] == run_q[7:0]);
      if (merges) begin
        run_q <= run_q * npu_pkg::addr_t'(extent[dim_q]);
        extent[dim_q] = 32'd1;
      end
      extent_q <= extent;
      dim_q <= dim_q - 1'b1;
      if (dim_q == '0 || !(unit || merges)) state_q <= START;
    end else if (state_q == START) begin
      for (int unsigned d = 0; d < Dims; d++) begin
        base[d] = addr_q;
        steps[d] = extent_q[d] - 32'd1;
      end
      base_q <= base;
      steps_q <= steps;
      left_q <= run_q;
      state_q <= WALK;
    end else if (state_q == WALK && ready_i) begin
      if (!run_last_o) begin
        addr_q <= addr_q + npu_pkg::addr_t'(bytes_o);
        left_q <= left_q - npu_pkg::addr_t'(bytes_o);
      end else begin
        base = base_q;
        steps = steps_q;
        extent = extent_q;
        if (steps == '0) state_q <= IDLE;
        // The innermost dimension with steps left advances, those inside it start again.
        if (steps[3] != '0) begin
          next = base[3] + walk_i.stride[3];
          steps[3] = steps[3] - 32'd1;
        end else if (steps[2] != '0) begin
          next = base[2] + `NPU_FAULT(dma_row_stride, walk_i.stride[2], walk_i.stride[2] + npu_pkg::addr_t'(1));
          steps = {extent[3] - 32'd1, steps[2] - 32'd1, steps[1], steps[0]};
          base[2] = next;
        end else if (steps[1] != '0) begin
          next = base[1] + walk_i.stride[1];
          steps = {extent[3] - 32'd1, extent[2] - 32'd1, steps[1] - 32'd1, steps[0]};
          base[2] = next;
          base[1] = next;
          plane_q <= !plane_q;
        end else begin
          next = base[0] + walk_i.stride[0];
          steps = {extent[3] - 32'd1, extent[2] - 32'd1, extent[1] - 32'd1, steps[0] - 32'd1};
          base = {Dims{next}};
        end
        base[3] = next;
        base_q <= base;
        steps_q <= steps;
        addr_q <= next;
        left_q <= run_q;
      end
    end
  end

`ifndef SYNTHESIS
  assert property (@(posedge clk_i) disable iff (!rst_ni || load_i)
      valid_o && !ready_i |=> load_i || (valid_o && $stable(addr_o) && $stable(bytes_o)));
`endif

endmodule
