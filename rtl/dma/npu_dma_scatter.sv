// SPDX-License-Identifier: Apache-2.0
// Issue of SCATTER_ADD: from offsets of indices to the segments of the destination that are read, added
// to and written, in index order. One a cycle while they touch different bytes.
//
// A segment may be read only when what earlier ones write to its bytes is in memory. A table with a bit for every hash
// of an address remembers what has been issued; a segment whose bit is set waits until everything is written, then
// the table is cleared. Equal addresses have equal hashes, so this misses nothing where segments are equal or apart:
// single elements always, rows unless they lie closer than they are long (serial_i) or come from different i
// (planes_i).

`include "npu_fault.svh"

module npu_dma_scatter
  import npu_dma_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,

    input logic load_i,
    input logic serial_i,
    input logic planes_i,

    input logic offset_valid_i,
    output logic offset_ready_o,
    input npu_pkg::addr_t offset_i,

    // the same segment for index 0
    input logic base_valid_i,
    output logic base_ready_o,
    input segment_t base_i,
    input logic base_run_last_i,
    input logic base_plane_i,

    output logic unit_valid_o,
    input logic unit_ready_i,
    output segment_t unit_o,

    input logic drained_i,  // everything issued is in memory
    output logic busy_o
);

  localparam int unsigned HashBits = 8;
  localparam int unsigned WordOffset = 2;

  function automatic logic [HashBits-1:0] hash(input npu_pkg::addr_t addr);
    hash = '0;
    for (int unsigned i = WordOffset; i < npu_pkg::AddrBits; i++) begin
      hash[(i-WordOffset)%HashBits] = hash[(i-WordOffset)%HashBits] ^ addr[i];
    end
  endfunction

  logic valid_q, plane_q, issued_q, issued_plane_q;
  segment_t unit_q;
  logic [HashBits-1:0] hash_q;
  logic [2**HashBits-1:0] table_q;

  logic conflict, take, issue;
  always_comb begin
    conflict = 1'b0;
    if (valid_q && issued_q) begin
      conflict = serial_i || (planes_i && plane_q != issued_plane_q) || `NPU_FAULT(dma_scatter_order, table_q[hash_q], 1'b0);
    end
  end
  assign unit_valid_o = valid_q && !conflict;
  assign unit_o = unit_q;
  assign issue = unit_valid_o && unit_ready_i;
  assign take = offset_valid_i && base_valid_i && (!valid_q || issue);
  assign base_ready_o = take;
  assign offset_ready_o = take && base_run_last_i;
  assign busy_o = valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || load_i) begin
      valid_q <= 1'b0;
      issued_q <= 1'b0;
      table_q <= '0;
    end else if (valid_q || take) begin
      if (take || issue) valid_q <= take;
      if (issue) begin
        issued_q <= 1'b1;
        table_q[hash_q] <= 1'b1;
      end else if (valid_q && conflict && drained_i) begin
        issued_q <= 1'b0;
        table_q <= '0;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    segment_t unit;
    if (take) begin
      unit.addr = base_i.addr + offset_i;
      unit.bytes = base_i.bytes;
      unit_q <= unit;
      hash_q <= hash(unit.addr);
      plane_q <= base_plane_i;
    end
    if (issue) issued_plane_q <= plane_q;
  end

endmodule
