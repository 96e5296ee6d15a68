// SPDX-License-Identifier: Apache-2.0
// The memory operands of each opcode in the contract's order, as steps that lead to an operand's last byte.

package npu_cmd_operands_pkg;

  import npu_isa_pkg::*;
  import npu_packet_rules_pkg::*;
  import npu_cmd_pkg::*;
  import npu_cmd_traits_pkg::*;

  // One step of finding an operand's last byte: its run at `value_at` (an address), or one dimension whose stride lies there.
  typedef struct packed {
    logic present;
    logic last;            // of the operand
    logic [7:0] value_at;
    logic half;            // a stride of 16 bits
    logic one;             // the count is 1, else (packet[count_at] + 2^round - 1) >> round
    logic [7:0] count_at;
    logic [2:0] round;
    logic [2:0] shift;     // run: bytes are count << shift
    logic written;
  } hull_step_t;

  typedef logic [OperandBits-1:0] operand_t;
  typedef logic [2:0] part_t;  // 0 the run, then dimensions

  parameter logic [2:0] PanelColumnsLog2 = 3'd5;

  // Each function reads its opcodes' traits only.
  // verilator lint_off UNUSEDSIGNAL

  function automatic hull_step_t run_step(input logic [7:0] value_at, input logic [7:0] count_at,
                                          input logic [2:0] shift);
    return '{present: 1'b1, last: 1'b0, value_at: value_at, half: 1'b0, one: 1'b0, count_at: count_at, round: '0,
             shift: shift, written: 1'b0};
  endfunction

  function automatic hull_step_t element_step(input logic [7:0] value_at, input logic [1:0] log2);
    hull_step_t s;
    s = run_step(value_at, '0, {1'b0, log2});
    s.one = 1'b1;
    return s;
  endfunction

  function automatic hull_step_t dim_step(input logic [7:0] value_at, input logic [7:0] count_at);
    return run_step(value_at, count_at, '0);
  endfunction

  function automatic hull_step_t matmul_b(input traits_t t, input part_t part);
    hull_step_t s;
    case (part)
      3'd0: begin
        s = run_step(MatmulBAddrAt, t.b_nk || t.b_panels ? MatmulKAt : MatmulNAt, {1'b0, t.b_log2});
        // Two nibbles a byte: 16 bytes a panel row, else rows of whole bytes.
        if (t.b_panels) s.shift = t.b_nibbles ? PanelColumnsLog2 - 3'd1 : PanelColumnsLog2 + {1'b0, t.b_log2};
        else s.round = {2'b0, t.b_nibbles};
      end
      3'd1: s = dim_step(MatmulBBatch0StrideAt, MatmulBatch0At);
      3'd2: s = dim_step(MatmulBBatch1StrideAt, MatmulBatch1At);
      default: begin
        s = dim_step(MatmulBRowStrideAt, t.b_nk || t.b_panels ? MatmulNAt : MatmulKAt);
        if (t.b_panels) s.round = PanelColumnsLog2;
        s.last = 1'b1;
      end
    endcase
    return s;
  endfunction

  function automatic hull_step_t matmul_b_scale(input traits_t t, input part_t part, input logic [7:0] addr_at);
    hull_step_t s;
    case (part)
      3'd0: begin
        s = run_step(addr_at, t.group ? MatmulKAt : MatmulNAt, {1'b0, t.scale_log2});
        if (t.group) s.round = t.group_log2;
        if (t.group && t.b_panels) s.shift = PanelColumnsLog2 + {1'b0, t.scale_log2};
      end
      3'd1: s = dim_step(MatmulBScaleBatch0StrideAt, MatmulBatch0At);
      3'd2: begin
        s = dim_step(MatmulBScaleBatch1StrideAt, MatmulBatch1At);
        s.last = !t.group;
      end
      default: begin
        s = dim_step(MatmulBScaleRowStrideAt, MatmulNAt);
        if (t.b_panels) s.round = PanelColumnsLog2;
        s.last = 1'b1;
      end
    endcase
    return s;
  endfunction

  function automatic hull_step_t matmul_hull(input traits_t t, input operand_t operand, input part_t part);
    hull_step_t s;
    case (operand)
      3'd0: begin
        case (part)
          3'd0: s = run_step(MatmulAAddrAt, t.a_cols ? MatmulMAt : MatmulKAt, {1'b0, t.a_log2});
          3'd1: s = dim_step(MatmulABatch0StrideAt, MatmulBatch0At);
          3'd2: s = dim_step(MatmulABatch1StrideAt, MatmulBatch1At);
          default: s = dim_step(MatmulARowStrideAt, t.a_cols ? MatmulKAt : MatmulMAt);
        endcase
        s.last = part == 3'd3;
      end
      3'd1: s = matmul_b(t, part);
      3'd2: begin
        case (part)
          3'd0: s = run_step(MatmulCAddrAt, MatmulNAt, {1'b0, t.c_log2});
          3'd1: s = dim_step(MatmulCBatch0StrideAt, MatmulBatch0At);
          3'd2: s = dim_step(MatmulCBatch1StrideAt, MatmulBatch1At);
          default: s = dim_step(MatmulCRowStrideAt, MatmulMAt);
        endcase
        s.last = part == 3'd3;
        s.written = 1'b1;
      end
      3'd3: begin
        s = run_step(MatmulBiasAddrAt, MatmulNAt, WordLog2);
        s.present = t.bias;
        s.last = 1'b1;
      end
      3'd4: begin
        s = matmul_b_scale(t, part, MatmulBScaleAddrAt);
        s.present = t.group || t.row_col;
      end
      3'd5: begin
        s = matmul_b_scale(t, part, MatmulBMinAddrAt);
        s.present = t.group;
      end
      default: begin
        case (part)
          3'd0: s = run_step(MatmulAScaleAddrAt, MatmulMAt, {1'b0, t.scale_log2});
          3'd1: s = dim_step(MatmulAScaleBatch0StrideAt, MatmulBatch0At);
          default: s = dim_step(MatmulAScaleBatch1StrideAt, MatmulBatch1At);
        endcase
        s.last = part == 3'd2;
        s.present = t.row_col;
      end
    endcase
    return s;
  endfunction

  function automatic hull_step_t vector_hull(input traits_t t, input operand_t operand, input part_t part);
    hull_step_t s;
    logic [7:0] addr_at;
    addr_at = StreamAddrAt + {1'b0, operand, 4'b0} + {2'b0, operand, 3'b0};  // three fields a stream
    case (part)
      3'd0: s = element_step(addr_at, t.stream_log2[operand]);
      3'd1: s = dim_step(addr_at + 8'd8, VectorRows1At);
      3'd2: s = dim_step(addr_at + 8'd16, VectorRows0At);
      default: begin
        s = dim_step(StreamColStrideAt + {4'b0, operand, 1'b0}, VectorColsAt);
        s.half = 1'b1;
      end
    endcase
    s.last = part == (t.scalar[operand] ? 3'd2 : 3'd3);
    s.present = t.present[operand];
    s.written = operand >= operand_t'(VectorInputs);
    return s;
  endfunction

  // Element, then strides in order, then the extents that belong to them.
  function automatic hull_step_t element_hull(input part_t part, input logic [1:0] log2, input logic [7:0] addr_at,
                                              input logic [7:0] count1_at, input logic four);
    hull_step_t s;
    logic [7:0] stride_at;
    stride_at = addr_at + {2'b0, part, 3'b0};
    case (part)
      3'd0: s = element_step(addr_at, log2);
      3'd1: s = dim_step(stride_at, CopyExtent0At);
      3'd2: s = dim_step(stride_at, count1_at);
      3'd3: s = dim_step(stride_at, CopyExtent2At);
      default: s = dim_step(stride_at, CopyExtent3At);
    endcase
    s.last = part == (four ? 3'd4 : 3'd3);
    return s;
  endfunction

  function automatic hull_step_t dma_hull(input traits_t t, input operand_t operand, input part_t part);
    hull_step_t s;
    case (t.opcode)
      OP_COPY: begin
        s = element_hull(part, t.elem_log2, operand == '0 ? CopySrcAddrAt : CopyDstAddrAt, CopyExtent1At, 1'b1);
        s.written = operand == operand_t'(1);
      end
      OP_FILL: begin
        s = element_hull(part, t.elem_log2, FillDstAddrAt, FillExtent1At, 1'b1);
        s.written = 1'b1;
      end
      default: begin  // GATHER and SCATTER_ADD; the operand that the index selects spans all indices below the limit
        case (operand)
          3'd0: s = element_hull(part, t.elem_log2, GatherSrcAddrAt,
                                 t.opcode == OP_GATHER ? GatherLimitAt : GatherExtent1At, 1'b0);
          3'd1: s = element_hull(part, t.index_log2, GatherIndexAddrAt, GatherExtent1At, 1'b0);
          default: begin
            s = element_hull(part, t.elem_log2, GatherDstAddrAt,
                             t.opcode == OP_GATHER ? GatherExtent1At : GatherLimitAt, 1'b0);
            s.written = 1'b1;
          end
        endcase
      end
    endcase
    return s;
  endfunction

  function automatic hull_step_t hull_step(input traits_t t, input operand_t operand, input part_t part);
    hull_step_t s;
    case (t.opcode)
      OP_MATMUL: s = matmul_hull(t, operand, part);
      OP_VECTOR: s = vector_hull(t, operand, part);
      OP_SIGNAL: begin
        s = element_step(SignalAddrAt, t.elem_log2);
        s.last = 1'b1;
        s.written = 1'b1;
      end
      OP_WAIT: begin
        s = element_step(WaitAddrAt, WordLog2[1:0]);
        s.last = 1'b1;
      end
      OP_LOAD_UCODE: begin
        s = run_step(LoadUcodeSrcAddrAt, LoadUcodeWordsAt, t.program_words ? 3'd3 : WordLog2);
        s.last = 1'b1;
      end
      default: s = dma_hull(t, operand, part);
    endcase
    return s;
  endfunction

  function automatic operand_t last_operand(input logic [7:0] opcode);
    case (opcode)
      OP_MATMUL, OP_VECTOR: return operand_t'(MaxOperands - 1);
      OP_COPY: return operand_t'(1);
      OP_GATHER, OP_SCATTER_ADD: return operand_t'(2);
      default: return '0;
    endcase
  endfunction

  function automatic logic has_operands(input logic [7:0] opcode);
    return opcode != OP_NOP && opcode != OP_FENCE;
  endfunction
  // verilator lint_on UNUSEDSIGNAL

endpackage
