// SPDX-License-Identifier: Apache-2.0
// The small fields of a packet in the form that the checks use, and the rules of addresses and strides.

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

  // --- Addresses and strides in ascending offset -----------------------------------------------------

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
  // verilator lint_on UNUSEDSIGNAL

endpackage
