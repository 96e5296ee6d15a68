// SPDX-License-Identifier: Apache-2.0
// Walks a checked micro-program over rows, phases and chunks, and queues what is to be done.
//
// Nothing in a program depends on data, so the walk runs ahead of the lanes as far as the queues let it: the
// loads of later operations, chunks and rows are under way while earlier operations execute. A word takes two
// cycles, fewer than the shortest operation.

`include "npu_fault.svh"

module npu_vector_walk
  import npu_vector_pkg::*;
#(
  parameter int unsigned VectorLength = 256
) (
  input  logic clk_i,
  input  logic rst_ni,
  // start_i for one cycle, the packet stable from then on while active_o.
  input  logic start_i,
  input  npu_isa_pkg::vector_packet_t packet_i,
  output logic active_o,
  // Micro-program memory: the word comes in the cycle after.
  output logic read_o,
  output logic [16:0] read_addr_o,
  input  npu_isa_pkg::micro_word_t word_i,
  // Queues.
  output logic op_push_o,
  output op_t  op_o,
  input  logic op_full_i,
  output logic load_push_o,
  output request_t load_o,
  input  logic load_full_i,
  output logic store_push_o,
  output request_t store_o,
  input  logic store_full_i
);
  import npu_isa_pkg::*;
  import npu_pkg::addr_t;

  typedef enum logic [1:0] {
    STATE_IDLE,
    STATE_READ,  // word `pc_q` is read
    STATE_WORD,  // and is in word_i
    STATE_FOLD   // the reductions of the phase that ends
  } state_e;

  state_e state_q;
  logic [15:0] pc_q;         // relative to the start of the program
  logic [15:0] vector_pc_q;  // first vector operation of the phase
  logic in_phase_q, vector_seen_q, first_chunk_q;
  logic [31:0] row0_q, row1_q, col_q, left_q;  // left_q: columns from this chunk on
  count_t count_q;                             // columns of this chunk
  logic [NumScalarRegisters-1:0] reduced_q;    // S registers that reductions of this phase write
  micro_op_e [NumScalarRegisters-1:0] reduction_q;
  logic [2:0] fold_q;

  // Of every stream: the packet's fields, the start of this row and of the first row with this row0, and the
  // first element of this chunk.
  stream_t [NumStreams-1:0] stream_q;
  addr_t [NumStreams-1:0] row0_addr_q, row_addr_q, addr_q;
  access_e [NumStreams-1:0] access_q;

  logic [2:0] index;  // stream of a load or store
  request_t request;
  logic is_load, is_store, at_end, at_phase, push, last_row;

  assign active_o = state_q != STATE_IDLE;
  assign at_end = pc_q == packet_i.ucode_words;
  assign at_phase = at_end || word_i.op == UOP_PHASE;
  assign is_load = word_i.op == UOP_LD;
  assign is_store = word_i.op == UOP_ST || word_i.op == UOP_STS;
  assign push = state_q == STATE_WORD && !at_phase && !op_full_i && !load_full_i && !store_full_i;
  assign last_row = row1_q + 1'b1 == packet_i.rows1 && row0_q + 1'b1 == packet_i.rows0;

  assign read_o = state_q == STATE_READ;
  assign read_addr_o = {1'b0, packet_i.ucode_start} + {1'b0, pc_q};

  assign index = is_load ? {1'b0, word_i.a[1:0]} : 3'(NumInputs) + {1'b0, word_i.dst[1:0]};
  assign op_push_o = push || (state_q == STATE_FOLD && reduced_q[fold_q] && !op_full_i);
  assign load_push_o = push && is_load;
  assign store_push_o = push && is_store;
  assign load_o = request;
  assign store_o = request;

  always_comb begin
    request = '0;
    op_o = '0;
    if (state_q == STATE_WORD) begin
      request.elements.dtype = stream_q[index].dtype;
      request.elements.saturate = stream_q[index].saturate;
      request.elements.access = access_q[index];
      request.elements.count = stream_q[index].scalar ? count_t'(1) : count_q;
      request.stride = stream_q[index].col_stride;
      request.addr = addr_q[index];
    end
    if (active_o) begin
      op_o.word = word_i;
      op_o.fold = state_q == STATE_FOLD;
      if (state_q == STATE_FOLD) begin
        op_o.word.op = reduction_q[fold_q];
        op_o.word.dst = SelectS + 6'(fold_q);
      end
      op_o.first_chunk = first_chunk_q;
      op_o.row0 = row0_q;
      op_o.row1 = row1_q;
      op_o.col = col_q;
      op_o.count = count_q;
    end
  end

  function automatic count_t chunk(input logic [31:0] left);
    chunk = left > 32'(VectorLength) ? count_t'(VectorLength) : count_t'(left[CountBits-1:0]);
  endfunction

  // ---- program counter, rows, chunks

  logic next_chunk, leave_phase, next_row;
  // The words of the phase are through for this chunk.
  assign next_chunk = state_q == STATE_WORD && at_phase && in_phase_q && vector_seen_q &&
                      left_q > 32'(VectorLength);
  assign leave_phase = (state_q == STATE_WORD && at_phase && in_phase_q && !next_chunk && reduced_q == '0) ||
                       (state_q == STATE_FOLD && fold_q == '1 && (!reduced_q[fold_q] || !op_full_i));
  assign next_row = leave_phase && at_end;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= STATE_IDLE;
    end else begin
      unique case (state_q)
        STATE_IDLE:
        if (start_i) begin
          pc_q <= '0;
          in_phase_q <= 1'b0;
          row0_q <= '0;
          row1_q <= '0;
          reduced_q <= '0;
          state_q <= STATE_READ;
        end
        STATE_READ: state_q <= STATE_WORD;
        STATE_WORD:
        if (next_chunk) begin
          pc_q <= vector_pc_q;
          first_chunk_q <= 1'b0;
          col_q <= `NPU_FAULT(vector_col_base, col_q + 32'(VectorLength), col_q);
          left_q <= left_q - 32'(VectorLength);
          count_q <= `NPU_FAULT(vector_tail_count, chunk(left_q - 32'(VectorLength)), chunk(left_q - 32'(VectorLength) - 32'(left_q - 32'(VectorLength) > 32'd1)));
          state_q <= STATE_READ;
        end else if (at_phase && in_phase_q) begin
          fold_q <= '0;
          in_phase_q <= 1'b0;
          if (reduced_q != '0) state_q <= STATE_FOLD;
        end else if (at_phase) begin
          in_phase_q <= 1'b1;
          vector_seen_q <= 1'b0;
          first_chunk_q <= 1'b1;
          col_q <= '0;
          left_q <= packet_i.cols;
          count_q <= chunk(packet_i.cols);
          pc_q <= pc_q + 1'b1;
          state_q <= STATE_READ;
        end else if (push) begin
          if (!vector_seen_q && !is_scalar_op(word_i)) begin
            vector_seen_q <= 1'b1;
            vector_pc_q <= pc_q;
          end
          if (is_reduction(word_i.op)) begin
            reduced_q[word_i.dst[2:0]] <= 1'b1;
            reduction_q[word_i.dst[2:0]] <= word_i.op;
          end
          pc_q <= pc_q + 1'b1;
          state_q <= STATE_READ;
        end
        default:  // STATE_FOLD
        if (!reduced_q[fold_q] || !op_full_i) begin
          fold_q <= fold_q + 1'b1;
          if (fold_q == '1) begin
            reduced_q <= '0;
            state_q <= STATE_WORD;
          end
        end
      endcase
      if (next_row) begin
        pc_q <= '0;
        state_q <= last_row ? STATE_IDLE : STATE_READ;
        row1_q <= row1_q + 1'b1;
        if (row1_q + 1'b1 == packet_i.rows1) begin
          row1_q <= '0;
          row0_q <= row0_q + 1'b1;
        end
      end
    end
  end

  // ---- addresses

  always_ff @(posedge clk_i) begin : addresses
    stream_t stream;
    logic [31:0] i;
    addr_t row;
    stream = '0;
    row = '0;
    i = 0;
    if (state_q == STATE_IDLE && start_i) begin
      for (i = 0; i < NumStreams; i++) begin
        stream = stream_of(packet_i, i);
        stream_q[i] <= stream;
        access_q[i] <= access_of(stream, i >= NumInputs);
        row0_addr_q[i] <= stream.addr;
        row_addr_q[i] <= stream.addr;
        addr_q[i] <= stream.addr;
      end
    end else if (next_chunk) begin
      for (i = 0; i < NumStreams; i++) begin
        addr_q[i] <= addr_q[i] + addr_t'(stream_q[i].col_stride) * addr_t'(VectorLength);
      end
    end else if (next_row) begin
      for (i = 0; i < NumStreams; i++) begin
        row = row_addr_q[i] + stream_q[i].row1_stride;
        if (row1_q + 1'b1 == packet_i.rows1) begin
          row = `NPU_FAULT(vector_row0_stride, row0_addr_q[i] + stream_q[i].row0_stride, last_row ? row0_addr_q[i] + stream_q[i].row0_stride : row);
          row0_addr_q[i] <= row;
        end
        row_addr_q[i] <= row;
        addr_q[i] <= row;
      end
    end else if (leave_phase) begin
      addr_q <= row_addr_q;
    end
  end

endmodule
