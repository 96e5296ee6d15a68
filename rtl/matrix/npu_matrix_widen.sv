// SPDX-License-Identifier: Apache-2.0
// One row of a panel from its lines: 32 words, one cycle later.
//
// Decode gives operands of the array: E8M10 decoded (npu_fma10_pkg) or, of integers, the word. Without it, or with
// raw_i, fp32 numbers and integers come as they are; elements of group-quantised B (raw_i) become fp32 numbers.

module npu_matrix_widen
  import npu_isa_pkg::*;
  import npu_fma10_pkg::*;
  import npu_convert_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter bit Decode = 1'b1
) (
    input logic clk_i,

    input logic                valid_i,
    input dtype_e              dtype_i,
    input logic                raw_i,
    input logic [2:0]          row_i,    // low bits of the row: which part of the pair of lines
    input logic [LineBits-1:0] even_i,
    input logic [LineBits-1:0] odd_i,

    output logic [PanelCols*32-1:0] words_o
);

  // Registers of this block only, hence blocking assignments.
  // verilator lint_off BLKSEQ
  logic [LineBits-1:0] line;
  logic [31:0] code[PanelCols];
  logic [PanelCols*32-1:0] words;

  always_ff @(posedge clk_i) begin : convert
    logic [31:0] j, at, w;
    j = 0;
    at = 0;
    w = 0;
    if (valid_i) begin
      case (log2_bits(dtype_i))
        3'd5:
        for (j = 0; j < 16; j++) begin
          code[j] = even_i[j*32+:32];
          code[16+j] = odd_i[j*32+:32];
        end
        3'd4: begin
          line = row_i[0] ? odd_i : even_i;
          for (j = 0; j < 16; j++) begin
            w = line[j*32+:32];
            code[2*j] = w & 32'hffff;
            code[2*j+1] = w >> 16;
          end
        end
        3'd3: begin
          line = row_i[1] ? odd_i : even_i;
          at = {28'd0, row_i[0], 3'd0};
          for (j = 0; j < 8; j++) begin
            w = line[9'((at+j)*32)+:32];
            code[4*j] = w & 32'hff;
            code[4*j+1] = (w >> 8) & 32'hff;
            code[4*j+2] = (w >> 16) & 32'hff;
            code[4*j+3] = w >> 24;
          end
        end
        default: begin
          line = row_i[2] ? odd_i : even_i;
          at = {28'd0, row_i[1:0], 2'd0};
          for (j = 0; j < PanelCols; j++) begin
            w = line[9'((at+(j>>3))*32)+:32];
            code[j] = (w >> ((j & 32'd7) << 2)) & 32'hf;
          end
        end
      endcase
      if (Decode & ~raw_i) begin
        case (dtype_i)
          DTYPE_F32: for (j = 0; j < PanelCols; j++) words[j*32+:32] = decode10(round10(code[j]));
          DTYPE_BF16: for (j = 0; j < PanelCols; j++) words[j*32+:32] = decode_bf16(code[j]);
          DTYPE_F16: for (j = 0; j < PanelCols; j++) words[j*32+:32] = decode_f16(code[j]);
          DTYPE_E4M3: for (j = 0; j < PanelCols; j++) words[j*32+:32] = decode_e4m3(code[j]);
          DTYPE_E5M2: for (j = 0; j < PanelCols; j++) words[j*32+:32] = decode_e5m2(code[j]);
          default: for (j = 0; j < PanelCols; j++) words[j*32+:32] = i8_to_i32(code[j]);
        endcase
      end else begin
        case (dtype_i)
          DTYPE_BF16: for (j = 0; j < PanelCols; j++) words[j*32+:32] = bf16_to_f32(code[j]);
          DTYPE_F16: for (j = 0; j < PanelCols; j++) words[j*32+:32] = f16_to_f32(code[j]);
          DTYPE_I8: for (j = 0; j < PanelCols; j++) words[j*32+:32] = small_int_to_f32(i8_to_i32(code[j]));
          DTYPE_U4: for (j = 0; j < PanelCols; j++) words[j*32+:32] = small_int_to_f32(code[j]);
          default: for (j = 0; j < PanelCols; j++) words[j*32+:32] = code[j];
        endcase
      end
      words_o <= words;
    end
  end
  // verilator lint_on BLKSEQ

endmodule
