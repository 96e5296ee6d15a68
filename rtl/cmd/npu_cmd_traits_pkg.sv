// SPDX-License-Identifier: Apache-2.0
// The small fields of a packet in the form that the checks of addresses, strides and operands use.

package npu_cmd_traits_pkg;

  import npu_isa_pkg::*;
  import npu_packet_rules_pkg::*;
  import npu_cmd_pkg::*;

  parameter int unsigned VectorInputs = 4;
  parameter int unsigned VectorOutputs = 3;
  parameter int unsigned VectorStreams = VectorInputs + VectorOutputs;

  // Values of a packet that breaks a field rule mean nothing; that rule's error comes first.
  typedef struct packed {
    logic [7:0] opcode;
    // MATMUL
    logic [1:0] a_log2;  // log2 of an element's bytes
    logic [1:0] b_log2;
    logic [1:0] c_log2;
    logic [1:0] scale_log2;
    logic b_nibbles;
    logic a_cols;
    logic b_nk;
    logic b_panels;
    logic bias;
    logic group;
    logic row_col;
    logic [2:0] group_log2;
    // COPY, FILL, GATHER, SCATTER_ADD, SIGNAL
    logic [1:0] elem_log2;
    logic [1:0] index_log2;
    // LOAD_UCODE
    logic program_words;
    // VECTOR: inputs, then outputs
    logic [VectorStreams-1:0] present;
    logic [VectorStreams-1:0][1:0] stream_log2;
    logic [VectorStreams-1:0] scalar;
  } traits_t;

  // Positions of the streams of a VECTOR packet, which lie at a fixed distance.
  parameter logic [7:0] StreamTypeAt = VectorIn0TypeAt;
  parameter logic [7:0] StreamColStrideAt = VectorIn0ColStrideAt;
  parameter logic [7:0] StreamAddrAt = VectorIn0AddrAt;

  function automatic traits_t traits_of(input logic [PacketBits-1:0] packet);
    traits_t t;
    t.opcode = packet[7:0];
    t.a_log2 = element_log2(dtype_e'(packet[8*MatmulATypeAt +: 8]));
    t.b_log2 = element_log2(dtype_e'(packet[8*MatmulBTypeAt +: 8]));
    t.c_log2 = element_log2(dtype_e'(packet[8*MatmulCTypeAt +: 8]));
    t.scale_log2 = element_log2(dtype_e'(packet[8*MatmulScaleTypeAt +: 8]));
    t.b_nibbles = packet[8*MatmulBTypeAt +: 8] == DTYPE_U4;
    t.a_cols = packet[8*MatmulALayoutAt +: 8] == A_LAYOUT_COLS;
    t.b_nk = packet[8*MatmulBLayoutAt +: 8] == B_LAYOUT_NK;
    t.b_panels = packet[8*MatmulBLayoutAt +: 8] == B_LAYOUT_PANELS;
    t.bias = packet[8*MatmulInitModeAt +: 8] == INIT_MODE_BIAS;
    t.group = packet[8*MatmulScaleModeAt +: 8] == SCALE_MODE_GROUP;
    t.row_col = packet[8*MatmulScaleModeAt +: 8] == SCALE_MODE_ROW_COL;
    // 16, 32, 64 or 128 elements.
    t.group_log2 = 3'd4 + {1'b0, size_log2(packet[8*MatmulGroupSizeAt + 5 +: 3])};
    t.elem_log2 = t.opcode == OP_SCATTER_ADD ? element_log2(dtype_e'(packet[8*ScatterAddElemTypeAt +: 8]))
                                             : size_log2(packet[8*CopyElemBytesAt + 1 +: 3]);
    t.index_log2 = element_log2(dtype_e'(packet[8*GatherIndexTypeAt +: 8]));
    t.program_words = packet[8*LoadUcodeTargetAt +: 8] == UCODE_TARGET_PROGRAM;
    t.scalar = '0;
    for (int unsigned s = 0; s < VectorStreams; s++) begin
      t.present[s] = packet[8*(32'(StreamTypeAt) + s) +: 8] != DTYPE_NONE;
      t.stream_log2[s] = element_log2(dtype_e'(packet[8*(32'(StreamTypeAt) + s) +: 8]));
    end
    for (int unsigned s = 0; s < VectorOutputs; s++) t.scalar[VectorInputs + s] = packet[8*VectorOutScalarAt + s];
    return t;
  endfunction

  // --- Addresses and strides in ascending offset -----------------------------------------------

  parameter int unsigned AlignStepBits = 5;

  // One field that must be a multiple of 2^log2, and 0 where it is absent.
  typedef struct packed {
    logic [7:0] at;
    logic half;  // 16 bits, else 64
    logic [2:0] log2;
    logic absent;
    logic last;
  } align_step_t;

  parameter logic [2:0] PanelLog2 = 3'd6;  // B in panels and their scales
  parameter logic [2:0] WordLog2 = 3'd2;

  // Each function reads its opcodes' traits only.
  // verilator lint_off UNUSEDSIGNAL

  // The 64-bit fields of MATMUL follow each other from a_addr on.
  function automatic align_step_t matmul_align(input traits_t t, input logic [AlignStepBits-1:0] step);
    align_step_t s;
    logic [2:0] b_log2, scale_log2;
    logic no_scale;
    b_log2 = t.b_panels ? PanelLog2 : {1'b0, t.b_log2};
    scale_log2 = t.b_panels && t.group ? PanelLog2 : {1'b0, t.scale_log2};
    no_scale = !t.group && !t.row_col;
    s = '{at: MatmulAAddrAt + {step, 3'b0}, half: 1'b0, log2: {1'b0, t.a_log2}, absent: 1'b0, last: 1'b0};
    case (s.at)
      MatmulBAddrAt, MatmulBRowStrideAt, MatmulBBatch0StrideAt, MatmulBBatch1StrideAt: s.log2 = b_log2;
      MatmulCAddrAt, MatmulCRowStrideAt, MatmulCBatch0StrideAt, MatmulCBatch1StrideAt: s.log2 = {1'b0, t.c_log2};
      MatmulBiasAddrAt: begin
        s.log2 = WordLog2;
        s.absent = !t.bias;
      end
      MatmulBScaleAddrAt, MatmulBScaleBatch0StrideAt, MatmulBScaleBatch1StrideAt: begin
        s.log2 = scale_log2;
        s.absent = no_scale;
      end
      MatmulBMinAddrAt, MatmulBScaleRowStrideAt: begin
        s.log2 = scale_log2;
        s.absent = !t.group;
      end
      MatmulAScaleAddrAt, MatmulAScaleBatch0StrideAt, MatmulAScaleBatch1StrideAt: begin
        s.log2 = WordLog2;
        s.absent = !t.row_col;
      end
      default: ;
    endcase
    s.last = s.at == MatmulAScaleBatch1StrideAt;
    return s;
  endfunction

  // Column strides of all streams, then address and row strides of each.
  function automatic align_step_t vector_align(input traits_t t, input logic [AlignStepBits-1:0] step);
    align_step_t s;
    logic [AlignStepBits-1:0] field;
    logic [OperandBits-1:0] stream;
    field = step - AlignStepBits'(VectorStreams);
    stream = '0;
    if (step < AlignStepBits'(VectorStreams)) begin
      stream = step[OperandBits-1:0];
      s = '{at: StreamColStrideAt + {2'b0, step, 1'b0}, half: 1'b1, log2: {1'b0, t.stream_log2[stream]},
            absent: !t.present[stream] || t.scalar[stream], last: 1'b0};
    end else begin
      for (int unsigned i = 1; i < VectorStreams; i++) if (field >= AlignStepBits'(3 * i)) stream = OperandBits'(i);
      s = '{at: StreamAddrAt + {field, 3'b0}, half: 1'b0, log2: {1'b0, t.stream_log2[stream]},
            absent: !t.present[stream], last: 1'b0};
    end
    s.last = s.at == VectorOut2Row0StrideAt;
    return s;
  endfunction

  // Source, destination and index fields follow each other with one gap before the indices.
  function automatic align_step_t dma_align(input traits_t t, input logic [AlignStepBits-1:0] step);
    align_step_t s;
    s = '{at: '0, half: 1'b0, log2: {1'b0, t.elem_log2}, absent: 1'b0, last: 1'b0};
    case (t.opcode)
      OP_COPY: begin
        s.at = CopySrcAddrAt + {step, 3'b0};
        s.last = s.at == CopyDstStride3At;
      end
      OP_FILL: begin
        s.at = FillDstAddrAt + {step, 3'b0};
        s.last = s.at == FillDstStride3At;
      end
      default: begin  // GATHER, SCATTER_ADD: four fields each of source, destination and index
        case (step[3:2])
          2'd0: s.at = GatherSrcAddrAt + {3'b0, step[1:0], 3'b0};
          2'd1: s.at = GatherDstAddrAt + {3'b0, step[1:0], 3'b0};
          default: begin
            s.at = GatherIndexAddrAt + {3'b0, step[1:0], 3'b0};
            s.log2 = {1'b0, t.index_log2};
          end
        endcase
        s.last = s.at == GatherIndexStride2At;
      end
    endcase
    return s;
  endfunction

  function automatic align_step_t align_step(input traits_t t, input logic [AlignStepBits-1:0] step);
    align_step_t s;
    s = '{at: SignalAddrAt, half: 1'b0, log2: '0, absent: 1'b0, last: 1'b1};
    case (t.opcode)
      OP_MATMUL: s = matmul_align(t, step);
      OP_VECTOR: s = vector_align(t, step);
      OP_COPY, OP_FILL, OP_GATHER, OP_SCATTER_ADD: s = dma_align(t, step);
      OP_SIGNAL: s.log2 = {1'b0, t.elem_log2};
      OP_WAIT: s.log2 = WordLog2;
      OP_LOAD_UCODE: s.log2 = t.program_words ? 3'd3 : WordLog2;
      default: ;  // NOP and FENCE have no operand; every bit of theirs is reserved
    endcase
    return s;
  endfunction

  // --- Operands in the contract's order ----------------------------------------------------------

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
