// SPDX-License-Identifier: Apache-2.0
// Segments of a strided operand, in row-major order, one a cycle.
//
// With `merge` set it first joins dimensions from the innermost outwards while each continues the run
// of those inside it, one dimension a cycle. A run longer than 2^CapBits bytes is cut into several
// segments: every 2^CapBits bytes, or with AlignCut at multiples of 2^CapBits.
//
// The first segment comes 2 cycles after load_i, with `merge` up to 4 later. load_i without enable_i
// abandons what is left.

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

  logic [CapBits:0] room;
  if (AlignCut) begin : gen_aligned
    assign room = Cap[CapBits:0] - {1'b0, addr_q[CapBits-1:0]};
  end else begin : gen_plain
    assign room = Cap[CapBits:0];
  end

  assign valid_o = state_q == WALK;
  assign busy_o = state_q != IDLE;
  assign addr_o = addr_q;
  assign run_last_o = left_q <= npu_pkg::addr_t'(room);
  assign bytes_o = run_last_o ? left_q[CapBits:0] : room;
  assign plane_o = plane_q;

  logic merges, ends_merging;
  assign merges = extent_q[dim_q] != 32'd1 && walk_i.stride[dim_q] == run_q;
  assign ends_merging = dim_q == '0 || (extent_q[dim_q] != 32'd1 && walk_i.stride[dim_q] != run_q);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= IDLE;
    end else if (load_i) begin
      if (!enable_i) state_q <= IDLE;
      else state_q <= walk_i.merge ? MERGE : START;
    end else if (state_q != IDLE) begin
      if (state_q == MERGE && ends_merging) state_q <= START;
      if (state_q == START) state_q <= WALK;
      if (state_q == WALK && ready_i && run_last_o && steps_q == '0) state_q <= IDLE;
    end
  end

  always_ff @(posedge clk_i) begin
    npu_pkg::addr_t next;
    next = '0;
    if (load_i) begin
      dim_q <= 2'(Innermost);
      run_q <= walk_i.run;
      extent_q <= walk_i.extent;
      addr_q <= walk_i.addr;
      plane_q <= 1'b0;
    end else if (state_q == MERGE) begin
      dim_q <= dim_q - 1'b1;
      if (merges) begin
        run_q <= run_q * npu_pkg::addr_t'(extent_q[dim_q]);
        extent_q[dim_q] <= 32'd1;
      end
    end else if (state_q == START) begin
      left_q <= run_q;
      for (int unsigned d = 0; d < Dims; d++) begin
        base_q[d] <= addr_q;
        steps_q[d] <= extent_q[d] - 32'd1;
      end
    end else if (state_q == WALK && ready_i) begin
      if (!run_last_o) begin
        addr_q <= addr_q + npu_pkg::addr_t'(bytes_o);
        left_q <= left_q - npu_pkg::addr_t'(bytes_o);
      end else begin
        left_q <= run_q;
        // The innermost dimension with steps left advances, those inside it start again.
        if (steps_q[3] != '0) begin
          next = base_q[3] + walk_i.stride[3];
          steps_q[3] <= steps_q[3] - 32'd1;
          base_q[3] <= next;
        end else if (steps_q[2] != '0) begin
          next = base_q[2] + walk_i.stride[2];
          steps_q[3] <= extent_q[3] - 32'd1;
          steps_q[2] <= steps_q[2] - 32'd1;
          base_q[3] <= next;
          base_q[2] <= next;
        end else if (steps_q[1] != '0) begin
          next = base_q[1] + walk_i.stride[1];
          steps_q[3] <= extent_q[3] - 32'd1;
          steps_q[2] <= extent_q[2] - 32'd1;
          steps_q[1] <= steps_q[1] - 32'd1;
          base_q[3] <= next;
          base_q[2] <= next;
          base_q[1] <= next;
          plane_q <= !plane_q;
        end else begin
          next = base_q[0] + walk_i.stride[0];
          steps_q[3] <= extent_q[3] - 32'd1;
          steps_q[2] <= extent_q[2] - 32'd1;
          steps_q[1] <= extent_q[1] - 32'd1;
          steps_q[0] <= steps_q[0] - 32'd1;
          base_q <= {Dims{next}};
        end
        addr_q <= next;
      end
    end
  end

`ifndef SYNTHESIS
  assert property (@(posedge clk_i) disable iff (!rst_ni || load_i)
      valid_o && !ready_i |=> load_i || (valid_o && $stable(addr_o) && $stable(bytes_o)));
`endif

endmodule
