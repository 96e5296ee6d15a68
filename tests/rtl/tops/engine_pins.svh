// SPDX-License-Identifier: Apache-2.0
// Ports of an engine that EngineBench drives.
    input logic clk_i,
    input logic rst_ni,

    input logic start_valid_i,
    output logic start_ready_o,
    input logic [2047:0] packet_i,
    output logic done_valid_o,
    output logic [15:0] done_error_o,
    output logic [63:0] done_fault_o,
    output logic [63:0] checksum_o,
    output logic busy_o,
    output logic stall_o,
