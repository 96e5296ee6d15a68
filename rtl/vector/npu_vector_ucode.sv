// SPDX-License-Identifier: Apache-2.0
// Micro-program memory, and LOAD_UCODE, which fills it and the lookup tables: one word a cycle.

`include "npu_fault.svh"

module npu_vector_ucode #(
  parameter int unsigned UcodeWords  = 4096,
  parameter int unsigned AxiDataBits = 512
) (
  input  logic clk_i,
  input  logic rst_ni,
  // Program words and tables loaded since reset.
  output logic [31:0] loaded_words_o,
  output logic [1:0] tables_loaded_o,
  // The word comes in the cycle after the read.
  input  logic read_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [16:0] read_addr_i,  // the low bits count
  // verilator lint_on UNUSEDSIGNAL
  output logic [63:0] word_o,
  // LOAD_UCODE: start_i for one cycle, the packet stable until done_o.
  input  logic start_i,
  // verilator lint_off UNUSEDSIGNAL
  input  npu_isa_pkg::load_ucode_packet_t packet_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic done_o,
  // Source: one segment.
  output logic seg_valid_o,
  input  logic seg_ready_i,
  output npu_pkg::addr_t seg_addr_o,
  output logic [31:0] seg_bytes_o,
  input  logic line_valid_i,
  output logic line_ready_o,
  input  logic [AxiDataBits-1:0] line_data_i,
  // Tables.
  output logic table_write_o,
  output logic table_number_o,
  output logic [7:0] table_addr_o,
  output logic [31:0] table_data_o
);
  import npu_isa_pkg::*;

  localparam int unsigned AddrBits = $clog2(UcodeWords);
  // 32-bit words of a line.
  localparam int unsigned LineWords = AxiDataBits / 32;
  typedef logic [$clog2(LineWords):0] line_level_t;

  logic busy_q, seg_valid_q;
  logic is_program;
  logic [31:0] left_q;    // words still to write
  logic [31:0] target_q;  // where the next one goes
  logic [AxiDataBits-1:0] line_q;
  line_level_t level_q;  // 32-bit words in line_q
  logic write;

  logic [63:0] memory[UcodeWords];

  assign is_program = packet_i.target == UCODE_TARGET_PROGRAM;
  assign seg_valid_o = seg_valid_q;
  assign seg_addr_o = packet_i.src_addr[npu_pkg::AddrBits-1:0];
  assign seg_bytes_o = is_program ? packet_i.words << 3 : packet_i.words << 2;
  assign line_ready_o = busy_q && level_q == '0;
  assign write = busy_q && level_q != '0 && left_q != '0;

  always_ff @(posedge clk_i) begin
    if (write && is_program) memory[target_q[AddrBits-1:0]] <= line_q[63:0];
    if (read_i) word_o <= memory[read_addr_i[AddrBits-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (busy_q) begin
      table_data_o <= line_q[31:0];
      table_addr_o <= `NPU_FAULT(vector_table_bit, target_q[7:0], write && !is_program ? target_q[7:0] & 8'hf7 : target_q[7:0]);
      table_number_o <= packet_i.target == UCODE_TARGET_TABLE1;
      if (line_valid_i && line_ready_o) line_q <= line_data_i;
      else if (write) line_q <= is_program ? line_q >> 64 : line_q >> 32;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      seg_valid_q <= 1'b0;
      level_q <= '0;
      loaded_words_o <= '0;
      tables_loaded_o <= '0;
      table_write_o <= 1'b0;
      done_o <= 1'b0;
    end else begin
      done_o <= 1'b0;
      table_write_o <= write && !is_program;
      if (start_i) begin
        busy_q <= 1'b1;
        seg_valid_q <= 1'b1;
        left_q <= packet_i.words;
        target_q <= packet_i.dst_word;
        level_q <= '0;
      end else if (busy_q) begin
        if (seg_ready_i) seg_valid_q <= 1'b0;
        if (line_valid_i && line_ready_o) begin
          level_q <= line_level_t'(LineWords);
        end else if (write) begin
          level_q <= is_program ? level_q - line_level_t'(2) : level_q - line_level_t'(1);
          left_q <= left_q - 1'b1;
          target_q <= target_q + 1'b1;
        end
        if (left_q == '0) begin
          busy_q <= 1'b0;
          level_q <= '0;
          done_o <= 1'b1;
          if (!is_program) begin
            tables_loaded_o[packet_i.target == UCODE_TARGET_TABLE1] <= 1'b1;
          end else if (target_q > loaded_words_o) begin
            loaded_words_o <= target_q;
          end
        end
      end
    end
  end

endmodule
