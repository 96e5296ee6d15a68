// SPDX-License-Identifier: Apache-2.0
// Types that the parts of the vector engine share.

`include "npu_fault.svh"

package npu_vector_pkg;

  parameter int unsigned NumInputs = 4;
  parameter int unsigned NumOutputs = 3;
  // Streams of a packet: inputs 0..3, then outputs 0..2.
  parameter int unsigned NumStreams = NumInputs + NumOutputs;

  // Partial results of a reduction: element i of a row goes into partial i mod 64.
  parameter int unsigned Partials = 64;

  // Cycles from the operand read of an operation to that of the first one that can use its result.
  parameter int unsigned ResultCycles = 4;

  // Elements of a chunk; at most the length of a vector register.
  parameter int unsigned CountBits = 16;
  typedef logic [CountBits-1:0] count_t;

  // One stream of a packet.
  typedef struct packed {
    npu_isa_pkg::dtype_e dtype;
    logic saturate;
    logic scalar;  // one element a row
    logic [15:0] col_stride;
    npu_pkg::addr_t row1_stride;
    npu_pkg::addr_t row0_stride;
    npu_pkg::addr_t addr;
  } stream_t;

  // How the elements of a chunk lie in memory.
  typedef enum logic [1:0] {
    ACCESS_DENSE,    // one segment
    ACCESS_STRIDED,  // a segment each
    ACCESS_SPLAT     // one element for all columns; loads only
  } access_e;

  // What a load or store moves: `count` elements from `addr` on.
  typedef struct packed {
    npu_isa_pkg::dtype_e dtype;
    logic saturate;
    access_e access;
    count_t count;
  } elements_t;

  typedef struct packed {
    elements_t elements;
    logic [15:0] stride;
    npu_pkg::addr_t addr;
  } request_t;

  // An operation on its way to the lanes: the word and everything that it depends on of row and chunk.
  typedef struct packed {
    npu_isa_pkg::micro_word_t word;
    logic fold;         // end of a phase: the partials of reduction word.op make its S register
    logic first_chunk;  // a reduction starts new partials
    logic [31:0] row0;
    logic [31:0] row1;
    logic [31:0] col;
    count_t count;
  } op_t;

  // What an operation does with the pipeline.
  typedef enum logic [2:0] {
    EXEC_COMPUTE,
    EXEC_LOAD,
    EXEC_STORE,
    EXEC_REDUCE,
    EXEC_FOLD
  } exec_e;

  // Which lane loop computes it.
  typedef enum logic [2:0] {
    CLASS_FMA,
    CLASS_COMPARE,
    CLASS_LOGIC,
    CLASS_MULTIPLY,
    CLASS_CONVERT,
    CLASS_TABLE,
    CLASS_REDUCE,
    CLASS_MOVE
  } class_e;

  // Where an operand of the lanes comes from.
  typedef enum logic [2:0] {
    SOURCE_NONE,
    SOURCE_REGISTER,
    SOURCE_SCALAR,
    SOURCE_COLUMN,
    SOURCE_LOAD,
    SOURCE_PARTIAL
  } source_e;

  // The operation in the lanes; constant from its first beat to its last.
  typedef struct packed {
    exec_e exec;
    class_e class_id;
    logic [7:0] op;  // as rtl/num has it
    logic scalar;    // the result goes to an S register
    source_e source_a;
    source_e source_b;
    source_e source_c;
    logic [31:0] identity;  // of a reduction
    op_t at;
  } exec_t;

  // One beat of it: `Lanes` elements.
  typedef struct packed {
    logic [15:0] index;      // line of a vector register
    logic first;             // scalar operands are read
    logic [6:0] limit;       // reduction: lanes from here on count as its identity
    logic init;              // reduction: the partials are new
    logic [3:0] partial_a;   // line of partials that takes the result, and is operand a of a fold, b of a reduction
    logic [3:0] partial_b;   // operand b of a fold
    logic [5:0] shift;       // fold within a line: operand b is a, moved down by so many lanes
    logic fold_last;         // lane 0 is the result of the reduction
  } beat_t;

  // Functions get whole words and packets and look at the fields they need.
  // verilator lint_off UNUSEDSIGNAL

  // Bytes of an element as a power of two.
  function automatic logic [1:0] log2_bytes(input npu_isa_pkg::dtype_e dtype);
    unique case (dtype)
      npu_isa_pkg::DTYPE_F32, npu_isa_pkg::DTYPE_I32: log2_bytes = 2'd2;
      npu_isa_pkg::DTYPE_BF16, npu_isa_pkg::DTYPE_F16, npu_isa_pkg::DTYPE_U16: log2_bytes = 2'd1;
      npu_isa_pkg::DTYPE_I64: log2_bytes = 2'd3;
      default: log2_bytes = 2'd0;
    endcase
  endfunction

  function automatic access_e access_of(input stream_t stream, input logic is_output);
    if (stream.scalar || stream.col_stride == 16'd1 << log2_bytes(stream.dtype)) begin
      access_of = ACCESS_DENSE;
    end else if (stream.col_stride == '0 && !is_output) begin
      access_of = ACCESS_SPLAT;
    end else begin
      access_of = ACCESS_STRIDED;
    end
  endfunction

  function automatic logic is_s(input logic [5:0] selector);
    is_s = selector[5:3] == npu_isa_pkg::SelectS[5:3];
  endfunction

  function automatic logic is_v(input logic [5:0] selector);
    is_v = selector[5:4] == npu_isa_pkg::SelectV[5:4];
  endfunction

  function automatic logic is_reduction(input npu_isa_pkg::micro_op_e op);
    is_reduction = op >= npu_isa_pkg::UOP_RSUM && op <= npu_isa_pkg::UOP_RIMAX;
  endfunction

  // Operations that execute once a row.
  function automatic logic is_scalar_op(input npu_isa_pkg::micro_word_t word);
    is_scalar_op = word.op == npu_isa_pkg::UOP_STS ||
                   (word.op >= npu_isa_pkg::UOP_FMA && is_s(word.dst));
  endfunction

  function automatic stream_t stream_of(input npu_isa_pkg::vector_packet_t p, input int unsigned index);
    stream_t s;
    npu_isa_pkg::dtype_e dtype;
    logic [15:0] col_stride;
    logic [63:0] addr, row1_stride, row0_stride;
    unique case (index)
      0: begin
        dtype = p.in0_type; col_stride = p.in0_col_stride; addr = p.in0_addr;
        row1_stride = p.in0_row1_stride; row0_stride = p.in0_row0_stride;
      end
      1: begin
        dtype = p.in1_type; col_stride = p.in1_col_stride; addr = p.in1_addr;
        row1_stride = p.in1_row1_stride; row0_stride = p.in1_row0_stride;
      end
      2: begin
        dtype = p.in2_type; col_stride = p.in2_col_stride; addr = p.in2_addr;
        row1_stride = p.in2_row1_stride; row0_stride = p.in2_row0_stride;
      end
      3: begin
        dtype = p.in3_type; col_stride = p.in3_col_stride; addr = p.in3_addr;
        row1_stride = p.in3_row1_stride; row0_stride = p.in3_row0_stride;
      end
      4: begin
        dtype = p.out0_type; col_stride = p.out0_col_stride; addr = p.out0_addr;
        row1_stride = p.out0_row1_stride; row0_stride = p.out0_row0_stride;
      end
      5: begin
        dtype = p.out1_type; col_stride = p.out1_col_stride; addr = p.out1_addr;
        row1_stride = p.out1_row1_stride; row0_stride = p.out1_row0_stride;
      end
      default: begin
        dtype = p.out2_type; col_stride = p.out2_col_stride; addr = p.out2_addr;
        row1_stride = p.out2_row1_stride; row0_stride = p.out2_row0_stride;
      end
    endcase
    s.dtype = dtype;
    s.saturate = index >= NumInputs && `NPU_FAULT(vector_saturate, p.saturate[index[2:0] - 3'(NumInputs)], p.saturate[0]);
    s.scalar = index >= NumInputs && p.out_scalar[index[2:0] - 3'(NumInputs)];
    s.col_stride = col_stride;
    s.row1_stride = row1_stride[npu_pkg::AddrBits-1:0];
    s.row0_stride = row0_stride[npu_pkg::AddrBits-1:0];
    s.addr = addr[npu_pkg::AddrBits-1:0];
    stream_of = s;
  endfunction

  // verilator lint_on UNUSEDSIGNAL

endpackage
