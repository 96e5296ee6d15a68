// SPDX-License-Identifier: Apache-2.0
// Rules between the small fields of a packet, in the contract's order; the rules of single fields hold.

module npu_cmd_combine
  import npu_isa_pkg::*;
  import npu_packet_rules_pkg::*;
  import npu_cmd_pkg::*;
  import npu_cmd_traits_pkg::*;
#(
  parameter int unsigned UcodeWords = 4096
) (
  input  logic                  clk_i,

  input  logic                  start_i,         // results are valid in the next cycle
  input  logic [PacketBits-1:0] packet_i,
  input  logic [31:0]           loaded_words_i,

  output logic                  bad_field_o,
  output logic [7:0]            field_at_o,
  output logic                  bad_words_o      // LOAD_UCODE does not fit
);

  // Each function reads the fields that its rules name.
  // verilator lint_off UNUSEDSIGNAL

  // Field that breaks a rule; byte 0 if none does, where the opcode lies.
  function automatic logic [7:0] matmul_rules(input logic [PacketBits-1:0] packet);
    dtype_e a, b, c, scale;
    logic group, row_col, int_a, int_b, scale_ok;
    a = dtype_e'(packet[8*MatmulATypeAt +: 8]);
    b = dtype_e'(packet[8*MatmulBTypeAt +: 8]);
    c = dtype_e'(packet[8*MatmulCTypeAt +: 8]);
    scale = dtype_e'(packet[8*MatmulScaleTypeAt +: 8]);
    group = packet[8*MatmulScaleModeAt +: 8] == SCALE_MODE_GROUP;
    row_col = packet[8*MatmulScaleModeAt +: 8] == SCALE_MODE_ROW_COL;
    int_a = a == DTYPE_I8;
    int_b = b == DTYPE_I8;
    if (group) scale_ok = scale == DTYPE_F16 || scale == DTYPE_F32;
    else if (row_col) scale_ok = scale == DTYPE_F32;
    else scale_ok = scale == DTYPE_NONE;

    if (group && !int_b && b != DTYPE_U4) return MatmulBTypeAt;
    if (group && int_a) return MatmulATypeAt;
    if (!group && (b == DTYPE_U4 || int_a != int_b)) return MatmulBTypeAt;
    if (row_col && !(int_a && int_b)) return MatmulScaleModeAt;
    if ((c == DTYPE_I32) != (int_a && int_b && !row_col)) return MatmulCTypeAt;
    if (!scale_ok) return MatmulScaleTypeAt;
    if (group && packet[8*MatmulBLayoutAt +: 8] == B_LAYOUT_KN) return MatmulBLayoutAt;
    if (row_col && packet[8*MatmulInitModeAt +: 8] == INIT_MODE_ACCUMULATE) return MatmulInitModeAt;
    if ((packet[8*MatmulGroupSizeAt +: 16] != '0) != group) return MatmulGroupSizeAt;
    return '0;
  endfunction

  function automatic logic [7:0] vector_rules(input logic [PacketBits-1:0] packet);
    logic [7:0] kind;
    logic scalar_bad, saturate_bad;
    scalar_bad = 1'b0;
    saturate_bad = 1'b0;
    for (int unsigned i = 0; i < VectorOutputs; i++) begin
      kind = packet[8*(32'(VectorOut0TypeAt) + i) +: 8];
      scalar_bad |= packet[8*VectorOutScalarAt + i] && kind == DTYPE_NONE;
      saturate_bad |= packet[8*VectorSaturateAt + i] && kind != DTYPE_E4M3 && kind != DTYPE_E5M2;
    end
    if (scalar_bad) return VectorOutScalarAt;
    if (saturate_bad) return VectorSaturateAt;
    return '0;
  endfunction

  // Whether a value has bits above its 1, 2, 4 or 8 bytes.
  function automatic logic too_wide(input logic [63:0] value, input logic [7:0] bytes);
    return (!bytes[3] && value[63:32] != '0) || (|bytes[1:0] && value[31:16] != '0) || (bytes[0] && value[15:8] != '0);
  endfunction

  // verilator lint_on UNUSEDSIGNAL

  always_ff @(posedge clk_i) begin : check
    logic [7:0] at;
    logic [31:0] words, dst_word;
    logic program_words;
    if (start_i) begin
      at = '0;
      words = packet_i[8*LoadUcodeWordsAt +: 32];
      dst_word = packet_i[8*LoadUcodeDstWordAt +: 32];
      program_words = packet_i[8*LoadUcodeTargetAt +: 8] == UCODE_TARGET_PROGRAM;
      case (packet_i[7:0])
        OP_MATMUL: at = matmul_rules(packet_i);
        OP_VECTOR: at = vector_rules(packet_i);
        OP_SIGNAL:
          if (too_wide(packet_i[8*SignalValueAt +: 64], packet_i[8*SignalElemBytesAt +: 8])) at = SignalValueAt;
        OP_FILL:
          if (too_wide(packet_i[8*FillValueAt +: 64], packet_i[8*FillElemBytesAt +: 8])) at = FillValueAt;
        OP_LOAD_UCODE: if (dst_word > (program_words ? loaded_words_i : '0)) at = LoadUcodeDstWordAt;
        default: ;
      endcase
      bad_field_o <= at != '0;
      field_at_o <= at;
      bad_words_o <= packet_i[7:0] == OP_LOAD_UCODE &&
                     (program_words ? 33'(dst_word) + 33'(words) > 33'(UcodeWords) : words != 32'(TableWords));
    end
  end

endmodule
