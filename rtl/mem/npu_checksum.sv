// SPDX-License-Identifier: Apache-2.0
// Completion checksum of the bytes that each client writes (docs/design/device.md, section 7).
//
// Word j of a beat counts W[j] * (first + 2 * j), with first = 2 * (beat address / 4) + 1, so a beat counts
//   first * sum(W[j]) + 2 * sum(j * W[j]).
// Stage 1 makes the two sums, stage 2 the product, stage 3 adds to the client's checksum: it holds a beat three cycles
// after beat_valid_i.
`include "npu_fault.svh"

module npu_checksum #(
  parameter int unsigned DataBits = 512,
  parameter int unsigned NumClients = npu_pkg::NumWriters,
  localparam int unsigned BeatBytes = DataBits / 8
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic                        beat_valid_i,
  input  logic [NumClients-1:0]       beat_client_i, // one-hot
  input  npu_pkg::addr_t              beat_addr_i,   // beat-aligned
  input  logic [DataBits-1:0]         beat_data_i,
  input  logic [BeatBytes-1:0]        beat_strb_i,

  input  logic [NumClients-1:0]       clear_i,
  output logic [NumClients-1:0][63:0] checksum_o
);

  localparam int unsigned Words = DataBits / 32;
  localparam logic [31:0] Ones = 32'h0101_0101;

  logic valid1_q, valid2_q;
  logic [NumClients-1:0] client1_q, client2_q;
  logic [63:0] first1_q, sum1_q, ramp1_q, value2_q;

  always_ff @(posedge clk_i) begin
    logic [63:0] sum, ramp, word;
    logic [31:0] mask, bits;
    sum = '0;
    ramp = '0;
    word = '0;
    mask = '0;
    bits = '0;
    if (beat_valid_i) begin
      if (&beat_strb_i) begin
        for (int unsigned j = 0; j < Words; j++) begin
          word = {32'd0, beat_data_i[j*32+:32]} + {32'd0, Ones};
          sum = sum + word;
          ramp = ramp + word * 64'(j);
        end
      end else begin
        for (int unsigned j = 0; j < Words; j++) begin
          // Four strobes become a mask of four bytes.
          bits = {28'd0, beat_strb_i[j*4+:4]};
          mask = ((bits * 32'h0020_4081) & Ones) * 32'h0000_00ff;
          word = {32'd0, beat_data_i[j*32+:32] & mask} + {32'd0, Ones & mask};
          sum = sum + word;
          ramp = ramp + word * 64'(j);
        end
      end
      sum1_q <= sum;
      ramp1_q <= `NPU_FAULT(mem_checksum_lane, ramp, beat_client_i[npu_pkg::WrCmd] ? ramp : ramp - word);
      first1_q <= (64'(beat_addr_i) >> 1) | 64'd1;  // a beat's address is a multiple of 16
      client1_q <= beat_client_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid1_q <= 1'b0;
      valid2_q <= 1'b0;
      checksum_o <= '0;
    end else if (beat_valid_i | valid1_q | valid2_q | (clear_i != '0)) begin
      valid1_q <= beat_valid_i;
      valid2_q <= valid1_q;
      if (valid1_q) begin
        value2_q <= first1_q * sum1_q + (ramp1_q << 1);
        client2_q <= client1_q;
      end
      for (int unsigned c = 0; c < NumClients; c++) begin
        if (clear_i[c]) checksum_o[c] <= `NPU_FAULT(mem_checksum_clear, 64'd0, c == npu_pkg::WrDma ? checksum_o[c] : 64'd0);
        else if (valid2_q & client2_q[c]) checksum_o[c] <= checksum_o[c] + value2_q;
      end
    end
  end

endmodule
