// SPDX-License-Identifier: Apache-2.0
// Fetches packets ahead of their check, and polls the word of a WAIT over the same read client.
//
// Packets that were fetched and not issued can be dropped at any time (flush_i): RING_HEAD counts a packet when it is
// issued, so software may change every packet behind RING_HEAD while the device stands still.

`include "npu_fault.svh"

module npu_cmd_fetch
  import npu_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned AxiDataBits = 512
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic                   flush_i,      // drop what was fetched and fetch nothing
  input  addr_t                  ring_base_i,
  input  logic [15:0]            ring_mask_i,  // entries - 1
  input  logic [31:0]            ring_head_i,  // first packet that was not issued
  input  logic [31:0]            ring_tail_i,
  output logic                   busy_o,       // more than waiting for an input
  output logic                   bus_error_o,  // one cycle: a packet could not be read

  // Packets, one beat a read_i, lowest addresses first.
  output logic                   packet_valid_o,
  input  logic                   read_i,
  output logic [AxiDataBits-1:0] beat_o,       // the cycle after read_i

  // One word; the answer is a pulse.
  input  logic                   poll_i,       // until poll_done_o
  input  logic [AddrBits-1:2]    poll_addr_i,
  output logic                   poll_done_o,
  output logic [31:0]            poll_word_o,
  output logic                   poll_error_o,

  output logic                   ar_valid_o,
  input  logic                   ar_ready_i,
  output addr_t                  ar_addr_o,
  output logic [7:0]             ar_len_o,
  input  logic                   r_valid_i,
  input  logic [AxiDataBits-1:0] r_data_i,
  input  logic                   r_last_i,
  input  logic                   r_err_i
);

  localparam int unsigned Slots = 4;
  localparam int unsigned SlotBits = $clog2(Slots);
  localparam int unsigned Beats = PacketBits / AxiDataBits;
  localparam int unsigned BeatBits = $clog2(Beats);
  localparam int unsigned PtrBits = SlotBits + BeatBits;
  localparam int unsigned ByteBits = $clog2(AxiDataBits / 8);
  localparam int unsigned PacketByteBits = $clog2(PacketBits / 8);
  localparam logic [SlotBits:0] AllSlots = (SlotBits + 1)'(Slots);

  logic [AxiDataBits-1:0] mem [Slots * Beats];
  logic [PtrBits-1:0] write_q, read_q;

  logic [31:0] next_q;         // count of the next packet to ask for
  logic [SlotBits:0] used_q;   // slots that hold or await a packet
  logic [SlotBits:0] open_q;   // packets asked for and not here
  logic [SlotBits:0] ready_q;  // packets here
  logic flushing_q;
  logic poll_open_q;           // a poll was asked for; nothing else is then outstanding

  logic flush, ask, arrives, leaves;
  assign flush = flush_i || flushing_q;
  assign ask = !flush && !poll_i && !poll_open_q && !ar_valid_o && next_q != ring_tail_i && used_q != AllSlots;
  assign arrives = r_valid_i && r_last_i && !poll_open_q;
  assign leaves = read_i && (&read_q[BeatBits-1:0]);
  assign busy_o = ar_valid_o || ask || flushing_q != flush_i || (poll_i && !poll_open_q && open_q == '0);
  assign packet_valid_o = ready_q != '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ar_valid_o <= 1'b0;
      poll_open_q <= 1'b0;
    end else begin
      if (ar_valid_o) begin
        if (ar_ready_i) begin
          ar_valid_o <= 1'b0;
            end
      end else if (ask) begin
        ar_valid_o <= 1'b1;
        ar_addr_o <= ring_base_i + {{(AddrBits - 16 - PacketByteBits){1'b0}}, `NPU_FAULT_SEQ(cmd_fetch_wrap, 64'(next_q) + 64'd1, next_q[15:0] & ring_mask_i, next_q[15:0] & ring_mask_i & 16'h000f),
                                    {PacketByteBits{1'b0}}};
        ar_len_o <= 8'(Beats - 1);
      end else if (poll_i && !poll_open_q && !poll_done_o && open_q == '0) begin
        ar_valid_o <= 1'b1;
        ar_addr_o <= {poll_addr_i[AddrBits-1:ByteBits], {ByteBits{1'b0}}};
        ar_len_o <= '0;
        poll_open_q <= 1'b1;
      end
      if (poll_open_q && r_valid_i) poll_open_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      next_q <= '0;
      used_q <= '0;
      open_q <= '0;
      ready_q <= '0;
      flushing_q <= 1'b0;
    end else begin
      if (ask != arrives) open_q <= ask ? open_q + 1'b1 : open_q - 1'b1;
      if (flush) begin
        // What memory still owes arrives and is dropped before anything new is asked for.
        flushing_q <= flush_i || open_q != '0;
        next_q <= ring_head_i;
        used_q <= '0;
        ready_q <= '0;
      end else begin
        if (ask) next_q <= next_q + 1'b1;
        if (ask != leaves) used_q <= ask ? used_q + 1'b1 : `NPU_FAULT(cmd_fetch_credit, used_q - 1'b1, used_q == AllSlots ? used_q : used_q - 1'b1);
        if (arrives != leaves) ready_q <= arrives ? ready_q + 1'b1 : ready_q - 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush) begin
      write_q <= '0;
      read_q <= '0;
    end else begin
      if (r_valid_i && !poll_open_q) write_q <= write_q + 1'b1;
      if (read_i) read_q <= read_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (r_valid_i && !poll_open_q) mem[write_q] <= r_data_i;
  end

  always_ff @(posedge clk_i) begin
    if (read_i) beat_o <= mem[read_q];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      poll_done_o <= 1'b0;
      bus_error_o <= 1'b0;
    end else begin
      poll_done_o <= poll_open_q && r_valid_i;
      bus_error_o <= r_valid_i && r_err_i && !poll_open_q && !flush;
    end
  end

  always_ff @(posedge clk_i) begin
    if (poll_open_q && r_valid_i) begin
      poll_word_o <= r_data_i[{poll_addr_i[ByteBits-1:2], 5'b0} +: 32];
      poll_error_o <= r_err_i;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!read_i || ready_q != '0) else $error("read without a packet");
      assert (!r_valid_i || poll_open_q || open_q != '0) else $error("beat that nobody asked for");
    end
  end
`endif

endmodule
