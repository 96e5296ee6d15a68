// SPDX-License-Identifier: Apache-2.0
// FIFO on a memory with one write port and one registered read port.
//
// The oldest word stands in the output register. Latency from push to pop is two cycles; one word a cycle in and out.
module npu_fifo #(
  parameter int unsigned Width = 32,
  parameter int unsigned Depth = 16  // words in the memory, a power of two; the output register holds one more
) (
  input  logic             clk_i,
  input  logic             rst_ni,

  input  logic             push_valid_i,
  output logic             push_ready_o,
  input  logic [Width-1:0] push_data_i,

  output logic             pop_valid_o,
  input  logic             pop_ready_i,
  output logic [Width-1:0] pop_data_o,

  output logic             empty_o
);

  localparam int unsigned PtrBits = $clog2(Depth);

  // One bit more than an index, so that full and empty differ.
  logic [PtrBits:0] wr_ptr_q, rd_ptr_q;
  logic [Width-1:0] mem [Depth];

  logic push, load;
  assign push_ready_o = (wr_ptr_q ^ rd_ptr_q) != (PtrBits + 1)'(Depth);
  assign push = push_valid_i & push_ready_o;
  assign load = (wr_ptr_q != rd_ptr_q) & (!pop_valid_o | pop_ready_i);
  assign empty_o = (wr_ptr_q == rd_ptr_q) & !pop_valid_o;

  always_ff @(posedge clk_i) begin
    if (push) mem[wr_ptr_q[PtrBits-1:0]] <= push_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (load) pop_data_o <= mem[rd_ptr_q[PtrBits-1:0]];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wr_ptr_q <= '0;
      rd_ptr_q <= '0;
      pop_valid_o <= 1'b0;
    end else begin
      if (push) wr_ptr_q <= wr_ptr_q + 1'b1;
      if (load) rd_ptr_q <= rd_ptr_q + 1'b1;
      if (load | pop_ready_i) pop_valid_o <= load;
    end
  end

`ifndef SYNTHESIS
  initial assert (Depth >= 2 && (Depth & (Depth - 1)) == 0) else $fatal(1, "npu_fifo: Depth %0d", Depth);
`endif

endmodule
