// SPDX-License-Identifier: Apache-2.0
// The packet check with its memory map; packets come as beats from the bench.
module cmd_check
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned AxiDataBits = 512,
  parameter int unsigned UcodeWords = 4096
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,
  input  logic                   region_write_i,
  input  logic [3:0]             region_index_i,
  input  logic [11:0]            region_offset_i,
  input  logic [31:0]            region_data_i,
  input  logic                   flush_i,
  input  logic                   packet_valid_i,
  output logic                   read_o,
  input  logic [AxiDataBits-1:0] beat_i,
  input  logic [31:0]            loaded_words_i,
  output logic                   valid_o,
  input  logic                   take_i,
  output logic [PacketBits-1:0]  packet_o,
  output logic [7:0]             engine_o,
  output logic [15:0]            error_o,
  output logic [63:0]            fault_o,
  output logic [15:0]            late_error_o,
  output logic [63:0]            late_fault_o
);

  logic look;
  logic [3:0] look_index;
  region_t look_region;
  engine_e engine;
  verdict_t verdict, late_verdict;

  assign engine_o = engine;
  assign error_o = verdict.error;
  assign fault_o = verdict.fault;
  assign late_error_o = late_verdict.error;
  assign late_fault_o = late_verdict.fault;

  // verilator lint_off PINCONNECTEMPTY
  npu_cmd_check #(.AxiDataBits(AxiDataBits), .UcodeWords(UcodeWords)) u_check (
    .clk_i, .rst_ni, .flush_i, .packet_valid_i, .read_o, .beat_i, .ucode_settled_i(1'b1), .loaded_words_i, .valid_o,
    .take_i, .packet_o, .engine_o(engine), .verdict_o(verdict), .late_verdict_o(late_verdict),
    .ring_open_i(1'b0), .ring_start_i(1'b0), .ring_valid_i(1'b0), .ring_hull_i('0), .ring_busy_o(), .ring_bad_o(),
    .busy_o(), .look_o(look), .look_index_o(look_index),
    .look_region_i(look_region)
  );

  npu_cmd_regions u_regions (
    .clk_i, .clear_i(1'b0), .write_i(region_write_i), .write_index_i(region_index_i),
    .write_offset_i(region_offset_i), .data_i(region_data_i), .strb_i('1), .read_i(1'b0), .read_index_i('0),
    .read_offset_i('0), .data_o(), .look_i(look), .look_index_i(look_index), .look_region_o(look_region)
  );
  // verilator lint_on PINCONNECTEMPTY

endmodule
