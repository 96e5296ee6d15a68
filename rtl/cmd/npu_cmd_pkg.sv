// SPDX-License-Identifier: Apache-2.0
// Types that the parts of the command processor exchange.

package npu_cmd_pkg;

  // verilator lint_off UNUSEDPARAM
  parameter int unsigned PacketBits = 8 * npu_isa_pkg::PacketBytes;
  parameter int unsigned PacketWords = npu_isa_pkg::PacketBytes / 8;
  parameter int unsigned RecordBits = 8 * npu_isa_pkg::CompletionBytes;
  parameter int unsigned RecordBytes = npu_isa_pkg::CompletionBytes;

  // Engines with a start port; bit n of a wait mask names engine n.
  parameter int unsigned NumEngines = 3;

  // Packets that are issued and not retired.
  parameter int unsigned InFlight = 8;
  parameter int unsigned TagBits = $clog2(InFlight);
  typedef logic [TagBits-1:0] tag_t;

  // Memory operands of a packet.
  parameter int unsigned MaxOperands = 7;
  parameter int unsigned OperandBits = 3;
  // verilator lint_on UNUSEDPARAM

  // What a check or an execution found.
  typedef struct packed {
    npu_isa_pkg::error_e error;
    logic [63:0] fault;
  } verdict_t;

  // From the lowest to the highest byte of an operand.
  typedef struct packed {
    logic [63:0] base;
    logic [63:0] last;
    logic written;
    logic [OperandBits-1:0] operand;
  } hull_t;

  typedef struct packed {
    logic [63:0] base;
    logic [63:0] size;
    logic valid;
    logic writable;
  } region_t;

  // What issue writes down of a packet.
  typedef struct packed {
    logic [63:0] seq;
    logic [7:0] opcode;
    npu_isa_pkg::engine_e engine;
    logic irq;
  } issued_t;

  // How it ended.
  typedef struct packed {
    verdict_t verdict;
    logic [63:0] checksum;
    logic [63:0] end_cycle;  // device cycle
  } outcome_t;

  // log2 of an element's bytes. 4-bit elements align to their byte.
  function automatic logic [1:0] element_log2(input npu_isa_pkg::dtype_e kind);
    case (kind)
      npu_isa_pkg::DTYPE_BF16, npu_isa_pkg::DTYPE_F16, npu_isa_pkg::DTYPE_U16: return 2'd1;
      npu_isa_pkg::DTYPE_F32, npu_isa_pkg::DTYPE_I32: return 2'd2;
      npu_isa_pkg::DTYPE_I64: return 2'd3;
      default: return 2'd0;
    endcase
  endfunction

  // log2 of 1, 2, 4 or 8.
  function automatic logic [1:0] size_log2(input logic [3:1] bytes);
    return {bytes[3] | bytes[2], bytes[3] | bytes[1]};
  endfunction

endpackage
