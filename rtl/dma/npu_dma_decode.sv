// SPDX-License-Identifier: Apache-2.0
// A checked packet of the copy engine as three walks and how they go together. The outputs follow
// one cycle after take_i and stay until the next.
//
// GATHER and SCATTER_ADD work on units that have one index: rows of l where they are contiguous and the index does not
// depend on l, else elements.

`include "npu_fault.svh"

module npu_dma_decode
  import npu_dma_pkg::*;
(
    input logic clk_i,

    input logic take_i,
    input logic [2047:0] packet_i,

    output mode_t mode_o,
    output walk_t source_o,  // GATHER: of index 0
    output walk_t target_o,  // SCATTER_ADD: of index 0
    output walk_t index_o,
    output logic [31:0] limit_o,
    output npu_pkg::addr_t index_stride_o,  // between what neighbouring indices select
    output logic [63:0] pattern_o,          // FILL: the element, repeated
    output logic float_o                    // SCATTER_ADD in fp32
);

  typedef npu_pkg::addr_t addr_t;

  typedef struct packed {
    mode_t mode;
    walk_t source;
    walk_t target;
    walk_t index;
    logic [31:0] limit;
    addr_t index_stride;
    logic [63:0] pattern;
    logic in_float;
  } job_t;

  typedef logic [2:0] log_t;  // binary logarithm of an element's bytes

  localparam log_t LogWord = 3'd2;

  function automatic log_t log_of(input logic [7:0] elem_bytes);
    case (elem_bytes)
      8'd1: log_of = 3'd0;
      8'd2: log_of = 3'd1;
      8'd4: log_of = LogWord;
      default: log_of = 3'd3;
    endcase
  endfunction

  function automatic logic [63:0] repeated(input logic [63:0] value, input logic [7:0] elem_bytes);
    case (elem_bytes)
      8'd1: repeated = {8{value[7:0]}};
      8'd2: repeated = `NPU_FAULT(dma_fill_pattern, {4{value[15:0]}}, {2{value[31:0]}});
      8'd4: repeated = {2{value[31:0]}};
      default: repeated = value;
    endcase
  endfunction

  // Fields that other units have checked, and high address bits that are 0, are not looked at.
  // verilator lint_off UNUSEDSIGNAL

  // Dimensions in the order of the packet's fields, 0 outermost.
  function automatic walk_t walk_of(
      input logic [63:0] addr, input addr_t run, input logic merge, input logic [3:0][31:0] extent,
      input logic [63:0] stride0, input logic [63:0] stride1, input logic [63:0] stride2,
      input logic [63:0] stride3);
    walk_of.addr = addr_t'(addr);
    walk_of.run = run;
    walk_of.merge = merge;
    walk_of.extent = extent;
    walk_of.stride = {addr_t'(stride3), addr_t'(stride2), addr_t'(stride1), addr_t'(stride0)};
  endfunction

  function automatic job_t copy_job(input npu_isa_pkg::copy_packet_t p);
    job_t job;
    addr_t run;
    logic [3:0][31:0] extent;
    job = '0;
    run = addr_t'(1) << log_of(p.elem_bytes);
    extent = {p.extent3, p.extent2, p.extent1, p.extent0};
    job.source = walk_of(p.src_addr, run, 1'b1, extent,
                         p.src_stride0, p.src_stride1, p.src_stride2, p.src_stride3);
    job.target = walk_of(p.dst_addr, run, 1'b1, extent,
                         p.dst_stride0, p.dst_stride1, p.dst_stride2, p.dst_stride3);
    copy_job = job;
  endfunction

  function automatic job_t fill_job(input npu_isa_pkg::fill_packet_t p);
    job_t job;
    job = '0;
    job.mode.fill = 1'b1;
    job.target = walk_of(p.dst_addr, addr_t'(1) << log_of(p.elem_bytes), 1'b1,
                         {p.extent3, p.extent2, p.extent1, p.extent0},
                         p.dst_stride0, p.dst_stride1, p.dst_stride2, p.dst_stride3);
    job.pattern = repeated(p.value, p.elem_bytes);
    fill_job = job;
  endfunction

  // Whether all l of one (i, j) are a row.
  function automatic logic has_rows(
      input logic [31:0] extent2, input log_t log_bytes, input logic [63:0] src_stride2,
      input logic [63:0] dst_stride2, input logic [63:0] index_stride2);
    logic [63:0] element;
    element = 64'd1 << log_bytes;
    has_rows = extent2 == 32'd1 ||
        (src_stride2 == element && dst_stride2 == element && index_stride2 == '0);
  endfunction

  function automatic addr_t index_bytes(input npu_isa_pkg::dtype_e index_type);
    index_bytes = (index_type == npu_isa_pkg::DTYPE_I64) ? addr_t'(8) : addr_t'(4);
  endfunction

  function automatic job_t gather_job(input npu_isa_pkg::gather_packet_t p);
    job_t job;
    addr_t run;
    logic [3:0][31:0] extent;
    logic rows;
    log_t log_bytes;
    job = '0;
    log_bytes = log_of(p.elem_bytes);
    rows = has_rows(p.extent2, log_bytes, p.src_stride2, p.dst_stride2, p.index_stride2);
    run = (rows ? addr_t'(p.extent2) : addr_t'(1)) << log_bytes;
    extent = {rows ? 32'd1 : p.extent2, p.extent1, p.extent0, 32'd1};
    job.mode.gather = 1'b1;
    job.source = walk_of(p.src_addr, run, 1'b0, extent, '0, p.src_stride0, '0, p.src_stride2);
    job.target = walk_of(p.dst_addr, run, 1'b0, extent,
                         '0, p.dst_stride0, p.dst_stride1, p.dst_stride2);
    job.index = walk_of(p.index_addr, index_bytes(p.index_type), 1'b1, extent,
                        '0, p.index_stride0, p.index_stride1, p.index_stride2);
    job.mode.index_wide = p.index_type == npu_isa_pkg::DTYPE_I64;
    job.limit = p.limit;
    job.index_stride = addr_t'(p.src_index_stride);
    gather_job = job;
  endfunction

  function automatic job_t scatter_job(input npu_isa_pkg::scatter_add_packet_t p);
    job_t job;
    addr_t run;
    logic [3:0][31:0] extent;
    logic rows;
    job = '0;
    rows = has_rows(p.extent2, LogWord, p.src_stride2, p.dst_stride2, p.index_stride2);
    run = (rows ? addr_t'(p.extent2) : addr_t'(1)) << LogWord;
    extent = {rows ? 32'd1 : p.extent2, p.extent1, p.extent0, 32'd1};
    job.mode.scatter = 1'b1;
    job.source = walk_of(p.src_addr, run, 1'b0, extent,
                         '0, p.src_stride0, p.src_stride1, p.src_stride2);
    job.target = walk_of(p.dst_addr, run, 1'b0, extent, '0, p.dst_stride0, '0, p.dst_stride2);
    job.index = walk_of(p.index_addr, index_bytes(p.index_type), 1'b1, extent,
                        '0, p.index_stride0, p.index_stride1, p.index_stride2);
    job.mode.index_wide = p.index_type == npu_isa_pkg::DTYPE_I64;
    job.limit = p.limit;
    job.index_stride = addr_t'(p.dst_index_stride);
    job.in_float = p.elem_type == npu_isa_pkg::DTYPE_F32;
    // Elements lie at multiples of their size: they are equal or apart.
    job.mode.serial = run != addr_t'(4) && p.limit != 32'd1 && addr_t'(p.dst_index_stride) < run;
    job.mode.planes = run != addr_t'(4) && p.dst_stride0 != '0;
    scatter_job = job;
  endfunction

  // verilator lint_on UNUSEDSIGNAL

  always_ff @(posedge clk_i) begin
    job_t job;
    if (take_i) begin
      case (npu_isa_pkg::opcode_e'(packet_i[7:0]))
        npu_isa_pkg::OP_FILL: job = fill_job(packet_i);
        npu_isa_pkg::OP_GATHER: job = gather_job(packet_i);
        npu_isa_pkg::OP_SCATTER_ADD: job = scatter_job(packet_i);
        default: job = copy_job(packet_i);
      endcase
      mode_o <= job.mode;
      source_o <= job.source;
      target_o <= job.target;
      index_o <= job.index;
      limit_o <= job.limit;
      index_stride_o <= job.index_stride;
      pattern_o <= job.pattern;
      float_o <= job.in_float;
    end
  end

endmodule
