// SPDX-License-Identifier: Apache-2.0
// Counters of the memory unit: beats and bytes of each client and of the port.
`include "npu_fault.svh"

module npu_mem_counters #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned NumReaders = npu_pkg::NumReaders,
  parameter int unsigned NumWriters = npu_pkg::NumWriters,
  localparam int unsigned BeatBytes = DataBits / 8
) (
  input  logic                                 clk_i,
  input  logic                                 rst_ni,
  input  logic                                 clear_i,

  input  logic                                 read_open_i,  // a read burst is in flight
  input  logic [NumReaders-1:0]                r_valid_i,    // at most one bit
  input  logic [NumWriters-1:0]                w_valid_i,    // at most one bit
  input  logic [BeatBytes-1:0]                 w_strb_i,

  output logic [NumReaders-1:0][63:0]          read_beats_o,
  output logic [NumWriters-1:0][63:0]          write_beats_o,
  output logic [NumWriters-1:0][63:0]          write_bytes_o,
  output logic [63:0]                          total_read_beats_o,
  output logic [63:0]                          total_write_beats_o,
  output logic [63:0]                          read_open_o
);

  always_ff @(posedge clk_i) begin
    if (!rst_ni | clear_i) begin
      read_beats_o <= '0;
      total_read_beats_o <= '0;
      read_open_o <= '0;
    end else if (read_open_i) begin
      read_open_o <= read_open_o + 64'd1;
      if (r_valid_i != '0) begin
        total_read_beats_o <= total_read_beats_o + 64'd1;
        for (int unsigned c = 0; c < NumReaders; c++) begin
          if (r_valid_i[c]) read_beats_o[c] <= read_beats_o[c] + 64'd1;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni | clear_i) begin
      write_beats_o <= '0;
      write_bytes_o <= '0;
      total_write_beats_o <= '0;
    end else if (w_valid_i != '0) begin
      total_write_beats_o <= total_write_beats_o + 64'd1;
      for (int unsigned c = 0; c < NumWriters; c++) begin
        if (w_valid_i[c]) begin
          write_beats_o[c] <= write_beats_o[c] + 64'd1;
          write_bytes_o[c] <= write_bytes_o[c] + `NPU_FAULT(mem_byte_counter, 64'($countones(w_strb_i)), c == npu_pkg::WrDma ? 64'(BeatBytes) : 64'($countones(w_strb_i)));
        end
      end
    end
  end

endmodule
