// SPDX-License-Identifier: Apache-2.0
// Vector and scalar registers, lookup tables, partials of reductions, and the lanes: one beat of one operation a cycle.
//
// A beat whose operands are read in cycle t passes stages 1 to 3 in t + 1 to t + 3 and is written in t + 4, where it can
// be read as well. Multiply-adds use all three stages, everything else is computed in stage 1 and moves along.
//
// All arithmetic is loops over lanes in one block, stages in reverse order, each under its own enable; locals are
// assigned before the first `if`. Simulators turn loops of this form into vector code.

`include "npu_fault.svh"

module npu_vector_lanes
  import npu_vector_pkg::*;
#(
  parameter int unsigned VectorLanes  = 16,
  parameter int unsigned VectorLength = 256
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic go_i,  // operands of the beat are read in this cycle
  input  beat_t beat_i,
  input  exec_t exec_i,
  input  logic [3:0][31:0] params_i,
  input  logic [VectorLanes*32-1:0] load_i,  // beat of a load, with go_i
  output logic store_valid_o,                // the cycle after a beat of a store
  output logic [VectorLanes*32-1:0] store_o,
  input  logic table_write_i,
  input  logic table_number_i,
  input  logic [7:0] table_addr_i,
  input  logic [31:0] table_data_i,
  output logic idle_o  // every result is written
);
  import npu_isa_pkg::*;

  localparam int unsigned Width = VectorLanes * 32;
  typedef logic [Width-1:0] word_t;  // one element a lane

  localparam int unsigned RegisterLines = VectorLength / VectorLanes;
  localparam int unsigned LineDepth = NumVectorRegisters * RegisterLines;
  typedef logic [$clog2(LineDepth)-1:0] line_addr_t;
  localparam int unsigned PartialLines = Partials / VectorLanes;
  localparam int unsigned PartialDepth = NumScalarRegisters * PartialLines;
  typedef logic [$clog2(PartialDepth)-1:0] partial_addr_t;

  word_t registers[LineDepth];
  word_t partials[PartialDepth];
  logic [31:0] table0[TableWords];
  logic [31:0] table1[TableWords];
  logic [NumScalarRegisters-1:0][31:0] scalars_q;

  // ---- control

  // What becomes of a beat.
  typedef struct packed {
    logic valid;  // has a result
    logic to_vector;
    logic to_partial;
    logic to_scalar;
    line_addr_t line;
    partial_addr_t partial;
    logic [2:0] scalar;
  } path_t;

  path_t path1_q, path2_q, path3_q, path4_q;
  logic multiply_add1_q, multiply_add2_q, multiply_add3_q;  // uses the stage
  class_e class_q;
  logic [7:0] op_q;
  logic table_q;
  logic active;

  assign active = go_i || path1_q.valid || path2_q.valid || path3_q.valid || path4_q.valid;
  assign idle_o = !active;

  function automatic line_addr_t line_of(input logic [3:0] register, input logic [15:0] index);
    line_of = line_addr_t'(32'(register) * RegisterLines + 32'(index));
  endfunction

  function automatic partial_addr_t partial_of(input logic [2:0] scalar, input logic [3:0] line);
    partial_of = partial_addr_t'(32'(scalar) * PartialLines + 32'(line));
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      path1_q <= '0;
      path2_q <= '0;
      path3_q <= '0;
      path4_q <= '0;
      multiply_add1_q <= 1'b0;
      multiply_add2_q <= 1'b0;
      multiply_add3_q <= 1'b0;
      store_valid_o <= 1'b0;
    end else if (active || store_valid_o) begin
      path1_q <= '0;
      multiply_add1_q <= go_i && exec_i.class_id == CLASS_FMA && exec_i.exec != EXEC_STORE;
      multiply_add2_q <= multiply_add1_q;
      multiply_add3_q <= multiply_add2_q;
      store_valid_o <= go_i && exec_i.exec == EXEC_STORE;
      if (go_i) begin
        path1_q.valid <= exec_i.exec != EXEC_STORE;
        path1_q.to_vector <= (exec_i.exec == EXEC_COMPUTE && !exec_i.scalar) || exec_i.exec == EXEC_LOAD;
        path1_q.to_partial <= exec_i.exec == EXEC_REDUCE || exec_i.exec == EXEC_FOLD;
        path1_q.to_scalar <= exec_i.scalar || (exec_i.exec == EXEC_FOLD && beat_i.fold_last);
        path1_q.line <= line_of(exec_i.at.word.dst[3:0], beat_i.index);
        path1_q.partial <= partial_of(exec_i.at.word.dst[2:0], beat_i.partial_a);
        path1_q.scalar <= `NPU_FAULT(vector_scalar_number, exec_i.at.word.dst[2:0], exec_i.exec == EXEC_FOLD ? exec_i.at.word.dst[2:0] & 3'd5 : exec_i.at.word.dst[2:0]);
        class_q <= exec_i.class_id;
        op_q <= exec_i.op;
        table_q <= exec_i.at.word.b[0];
      end
      path2_q <= path1_q;
      path3_q <= path2_q;
      path4_q <= path3_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (table_write_i && !table_number_i) table0[table_addr_i] <= table_data_i;
    if (table_write_i && table_number_i) table1[table_addr_i] <= table_data_i;
  end

  // ---- data

  word_t a_q, b_q, c_q;                                              // operands
  word_t product_low_q, product_high_q, addend_q, info_q;            // multiply-add after stage 1
  word_t magnitude_low_q, magnitude_high_q, sum_info_q;              // after stage 2
  word_t moved1_q, moved2_q;                                         // other results after stages 1 and 2
  word_t result_q;                                                   // after stage 3

  assign store_o = a_q;

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [31:0] scalar_operand(
      input logic [5:0] selector, input op_t at, input logic [3:0][31:0] params,
      input logic [NumScalarRegisters-1:0][31:0] scalars);
    if (is_s(selector)) scalar_operand = scalars[selector[2:0]];
    else if (selector == SelectImm) scalar_operand = at.word.imm;
    else if (selector == SelectRow0) scalar_operand = at.row0;
    else if (selector == SelectRow1) scalar_operand = at.row1;
    else scalar_operand = params[selector[1:0]];
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // The registers between the stages belong to this block alone, hence blocking assignments.
  // verilator lint_off BLKSEQ
  always_ff @(posedge clk_i) begin : lanes
    word_t next, next0, next1, next2, next3, written, read;
    logic [31:0] j, a, b, c, keep, value;
    logic [63:0] wide;
    line_addr_t line;
    partial_addr_t partial;
    next = '0;
    next0 = '0;
    next1 = '0;
    next2 = '0;
    next3 = '0;
    written = '0;
    read = '0;
    j = 0;
    a = 0;
    b = 0;
    c = 0;
    keep = 0;
    value = 0;
    wide = 0;
    line = '0;
    partial = '0;
    if (active) begin
      // ---- write back; what is written in this cycle can be read in it
      if (path4_q.valid) written = result_q;
      if (path4_q.to_vector) registers[path4_q.line] <= written;
      if (path4_q.to_partial) partials[path4_q.partial] <= written;
      if (path4_q.to_scalar) scalars_q[path4_q.scalar] = written[31:0];

      // ---- stage 3
      if (multiply_add3_q) begin
        for (j = 0; j < VectorLanes; j++) begin
          next[j*32+:32] = npu_fp32_pkg::fma32_round({magnitude_high_q[j*32+:32], magnitude_low_q[j*32+:32]},
                                                     sum_info_q[j*32+:32]);
        end
        result_q = next;
      end else if (path3_q.valid) begin
        result_q = moved2_q;
      end

      // ---- stage 2
      if (multiply_add2_q) begin
        for (j = 0; j < VectorLanes; j++) begin
          wide = npu_fp32_pkg::fma32_sum({product_high_q[j*32+:32], product_low_q[j*32+:32]}, addend_q[j*32+:32],
                                         info_q[j*32+:32]);
          next2[j*32+:32] = npu_fp32_pkg::fma32_sum_info(wide, addend_q[j*32+:32], info_q[j*32+:32]);
          wide = npu_fp32_pkg::fma32_magnitude(wide);
          next0[j*32+:32] = wide[31:0];
          next1[j*32+:32] = wide[63:32];
        end
        magnitude_low_q = next0;
        magnitude_high_q = next1;
        sum_info_q = next2;
      end else if (path2_q.valid) begin
        moved2_q = moved1_q;
      end

      // ---- stage 1
      if (multiply_add1_q) begin
        for (j = 0; j < VectorLanes; j++) begin
          a = npu_fp32_pkg::fma32_operand_a(op_q, a_q[j*32+:32]);
          b = npu_fp32_pkg::fma32_operand_b(op_q, b_q[j*32+:32]);
          c = npu_fp32_pkg::fma32_operand_c(op_q, b_q[j*32+:32], c_q[j*32+:32]);
          wide = npu_fp32_pkg::fma32_product(a, b);
          next0[j*32+:32] = wide[31:0];
          next1[j*32+:32] = wide[63:32];
          next2[j*32+:32] = c;
          next3[j*32+:32] = npu_fp32_pkg::fma32_info(a, b, c);
        end
        product_low_q = next0;
        product_high_q = next1;
        addend_q = next2;
        info_q = next3;
      end else if (path1_q.valid) begin
        unique case (class_q)
          CLASS_COMPARE:
          for (j = 0; j < VectorLanes; j++) begin
            next[j*32+:32] = npu_alu_pkg::alu_compare(op_q, a_q[j*32+:32], b_q[j*32+:32]);
          end
          CLASS_LOGIC:
          for (j = 0; j < VectorLanes; j++) begin
            next[j*32+:32] = npu_alu_pkg::alu_logic(op_q, a_q[j*32+:32], b_q[j*32+:32], c_q[j*32+:32]);
          end
          CLASS_MULTIPLY:
          for (j = 0; j < VectorLanes; j++) begin
            next[j*32+:32] = npu_alu_pkg::alu_multiply(op_q, a_q[j*32+:32], b_q[j*32+:32]);
          end
          CLASS_CONVERT:
          for (j = 0; j < VectorLanes; j++) begin
            next[j*32+:32] = npu_alu_pkg::alu_convert(op_q, a_q[j*32+:32]);
          end
          CLASS_REDUCE:
          for (j = 0; j < VectorLanes; j++) begin
            next[j*32+:32] = npu_alu_pkg::alu_reduce(op_q, a_q[j*32+:32], b_q[j*32+:32]);
          end
          CLASS_TABLE:
          if (table_q) begin
            for (j = 0; j < VectorLanes; j++) next[j*32+:32] = table1[a_q[j*32+:8]];
          end else begin
            for (j = 0; j < VectorLanes; j++) next[j*32+:32] = table0[a_q[j*32+:8]];
          end
          default: next = a_q;
        endcase
        moved1_q = next;
      end

      // ---- operand read
      if (go_i) begin
        unique case (exec_i.source_a)
          SOURCE_REGISTER: begin
            line = line_of(exec_i.at.word.a[3:0], beat_i.index);
            if (path4_q.to_vector && path4_q.line == line) a_q = `NPU_FAULT(vector_bypass, written, registers[line]);
            else a_q = registers[line];
          end
          SOURCE_SCALAR:
          if (beat_i.first) begin
            value = scalar_operand(exec_i.at.word.a, exec_i.at, params_i, scalars_q);
            a_q = {VectorLanes{value}};
          end
          SOURCE_COLUMN: begin
            value = exec_i.at.col + 32'(beat_i.index) * VectorLanes;
            for (j = 0; j < VectorLanes; j++) next0[j*32+:32] = value + j;
            a_q = next0;
          end
          SOURCE_LOAD: a_q = load_i;
          SOURCE_PARTIAL: begin
            partial = partial_of(exec_i.at.word.dst[2:0], beat_i.partial_a);
            if (path4_q.to_partial && path4_q.partial == partial) a_q = written;
            else a_q = partials[partial];
          end
          default: ;
        endcase
        unique case (exec_i.source_b)
          SOURCE_REGISTER: begin
            line = line_of(exec_i.at.word.b[3:0], beat_i.index);
            if (path4_q.to_vector && path4_q.line == line) b_q = written;
            else b_q = registers[line];
          end
          SOURCE_SCALAR:
          if (beat_i.first) begin
            value = scalar_operand(exec_i.at.word.b, exec_i.at, params_i, scalars_q);
            b_q = {VectorLanes{value}};
          end
          SOURCE_COLUMN: begin
            value = exec_i.at.col + 32'(beat_i.index) * VectorLanes;
            for (j = 0; j < VectorLanes; j++) next1[j*32+:32] = value + j;
            b_q = next1;
          end
          SOURCE_PARTIAL: begin
            // A reduction's own partial, or the second one of a fold.
            partial = partial_of(exec_i.at.word.dst[2:0],
                                 exec_i.exec == EXEC_FOLD ? beat_i.partial_b : beat_i.partial_a);
            if (exec_i.exec == EXEC_REDUCE && beat_i.init) begin
              value = exec_i.identity;
              b_q = {VectorLanes{value}};
            end else if (exec_i.exec == EXEC_FOLD && beat_i.shift != '0) begin
              unique case (beat_i.shift)
                6'd1: b_q = a_q >> 32;
                6'd2: b_q = a_q >> 64;
                6'd4: b_q = a_q >> 128;
                6'd8: b_q = a_q >> 256;
                6'd16: b_q = a_q >> 512;
                default: b_q = a_q >> 1024;
              endcase
            end else if (path4_q.to_partial && path4_q.partial == partial) begin
              b_q = written;
            end else begin
              b_q = partials[partial];
            end
          end
          default: ;
        endcase
        unique case (exec_i.source_c)
          SOURCE_REGISTER: begin
            line = line_of(exec_i.at.word.c[3:0], beat_i.index);
            if (path4_q.to_vector && path4_q.line == line) c_q = written;
            else c_q = registers[line];
          end
          SOURCE_SCALAR:
          if (beat_i.first) begin
            value = scalar_operand(exec_i.at.word.c, exec_i.at, params_i, scalars_q);
            c_q = {VectorLanes{value}};
          end
          SOURCE_COLUMN: begin
            value = exec_i.at.col + 32'(beat_i.index) * VectorLanes;
            for (j = 0; j < VectorLanes; j++) next2[j*32+:32] = value + j;
            c_q = next2;
          end
          default: ;
        endcase
        // Elements past the end of the row leave a reduction as it is.
        if (exec_i.exec == EXEC_REDUCE && beat_i.limit != 7'(VectorLanes)) begin
          value = exec_i.identity;
          read = a_q;
          for (j = 0; j < VectorLanes; j++) begin
            keep = (j < 32'(beat_i.limit)) ? 32'hffff_ffff : 32'd0;
            next3[j*32+:32] = (read[j*32+:32] & keep) | (value & ~keep);
          end
          a_q = next3;
        end
      end
    end
  end
  // verilator lint_on BLKSEQ

endmodule
