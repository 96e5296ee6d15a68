// SPDX-License-Identifier: Apache-2.0
// Write client: completion records of 64 bytes and single words of SIGNAL, each a burst of its own.

module npu_cmd_write
  import npu_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned AxiDataBits = 512,
  localparam int unsigned BeatBytes = AxiDataBits / 8
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  output logic                   ready_o,
  input  logic                   record_valid_i,
  input  addr_t                  record_addr_i,   // 64-byte aligned
  input  logic [RecordBits-1:0]  record_i,
  input  logic                   word_valid_i,    // never with record_valid_i
  input  addr_t                  word_addr_i,
  input  logic                   word_wide_i,     // 8 bytes, else 4
  input  logic [63:0]            word_i,

  output logic                   aw_valid_o,
  input  logic                   aw_ready_i,
  output addr_t                  aw_addr_o,
  output logic [7:0]             aw_len_o,
  output logic                   w_valid_o,
  input  logic                   w_ready_i,
  output logic [AxiDataBits-1:0] w_data_o,
  output logic [BeatBytes-1:0]   w_strb_o,
  output logic                   w_last_o
);

  localparam int unsigned Beats = RecordBits / AxiDataBits;
  localparam int unsigned ByteBits = $clog2(BeatBytes);
  localparam int unsigned CountBits = Beats == 1 ? 1 : $clog2(Beats);

  typedef enum logic [1:0] {Idle, Address, Data} state_e;

  state_e state_q;
  logic [RecordBits-1:0] data_q;
  logic [CountBits-1:0] beat_q;  // that is offered
  logic [CountBits-1:0] last_q;

  assign ready_o = state_q == Idle;
  assign aw_valid_o = state_q == Address;
  assign w_valid_o = state_q == Data;
  assign w_data_o = data_q[AxiDataBits * 32'(beat_q) +: AxiDataBits];
  assign w_last_o = beat_q == last_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Idle;
    end else begin
      case (state_q)
        Idle: begin
          beat_q <= '0;
          if (record_valid_i) begin
            state_q <= Address;
            aw_addr_o <= record_addr_i;
            aw_len_o <= 8'(Beats - 1);
            last_q <= CountBits'(Beats - 1);
            data_q <= record_i;
            w_strb_o <= '1;
          end else if (word_valid_i) begin
            state_q <= Address;
            aw_addr_o <= {word_addr_i[AddrBits-1:ByteBits], {ByteBits{1'b0}}};
            aw_len_o <= '0;
            last_q <= '0;
            // The word in every place, of which the strobes choose one.
            data_q <= {(RecordBits / 64){word_wide_i ? word_i : {2{word_i[31:0]}}}};
            w_strb_o <= BeatBytes'({{4{word_wide_i}}, 4'hf}) << word_addr_i[ByteBits-1:0];
          end
        end
        Address: if (aw_ready_i) state_q <= Data;
        default: begin
          if (w_ready_i) begin
            if (w_last_o) state_q <= Idle;
            beat_q <= beat_q + 1'b1;
          end
        end
      endcase
    end
  end

endmodule
