// SPDX-License-Identifier: Apache-2.0
// Check of a micro-program against the packet that uses it (device.md, section 4), one word a cycle.
//
// Programs that passed are remembered until the micro-program memory changes, so a program that is used
// again costs a few cycles. The rule that only the last phase stores is known to be broken only when a later
// phase follows; therefore all words are read, and the first store is kept until the end.

`include "npu_fault.svh"

module npu_vector_check
  import npu_vector_pkg::*;
#(
  parameter int unsigned RememberedPrograms = 8
) (
  input  logic clk_i,
  input  logic rst_ni,
  // Forgets the remembered programs: the micro-program memory changes.
  input  logic forget_i,
  input  logic [16:0] loaded_words_i,
  input  logic [1:0] tables_loaded_i,
  // A check: start_i for one cycle, the packet stable until done_o.
  input  logic start_i,
  input  npu_isa_pkg::vector_packet_t packet_i,
  output logic done_o,  // one cycle
  output logic bad_o,  // with done_o
  output logic [16:0] bad_word_o,
  // Micro-program memory: the word comes in the cycle after.
  output logic read_o,
  output logic [16:0] read_addr_o,
  input  npu_isa_pkg::micro_word_t word_i
);
  import npu_isa_pkg::*;

  typedef enum logic [1:0] {
    STATE_IDLE,
    STATE_RECALL,  // looks for the program among those remembered
    STATE_READ,    // word `index_q` is read
    STATE_END
  } state_e;

  // What decides the result of a check, the memory's contents aside. Bit t: stream t is absent.
  typedef struct packed {
    logic [15:0] start;
    logic [15:0] words;
    logic [NumStreams-1:0] absent;
    logic [NumOutputs-1:0] out_scalar;
  } key_t;

  localparam int unsigned RecallBits = $clog2(RememberedPrograms);

  key_t remembered[RememberedPrograms];
  logic [RememberedPrograms-1:0] remembered_valid_q;
  logic [RecallBits-1:0] recall_q, replace_q;

  state_e state_q;
  key_t key_q;
  logic [16:0] index_q;   // word that is read, relative to the start
  logic word_valid_q;     // word_i holds word `index_q - 1`
  logic missing_q;        // the last word read was not there

  // Walk
  logic bad_q, store_seen_q;
  logic [16:0] bad_word_q, store_word_q;
  logic [3:0] num_phases_q;
  logic vector_part_q;
  logic [NumVectorRegisters-1:0] v_written_q;
  logic [NumScalarRegisters-1:0] s_readable_q, s_reduced_q;
  logic [NumOutputs-1:0] stored_q;

  // ---- rules of single words

  function automatic logic is_known(input micro_op_e op);
    unique case (op)
      UOP_PHASE, UOP_LD, UOP_ST, UOP_STS, UOP_RSUM, UOP_RMIN, UOP_RMAX, UOP_RISUM, UOP_RIMIN, UOP_RIMAX,
      UOP_FMA, UOP_FNMA, UOP_FADD, UOP_FSUB, UOP_FMUL, UOP_FMIN, UOP_FMAX, UOP_FCLT, UOP_FCLE, UOP_FCEQ,
      UOP_SEL, UOP_AND, UOP_OR, UOP_XOR, UOP_SHL, UOP_SHR, UOP_SAR, UOP_IADD, UOP_ISUB, UOP_ILT, UOP_ULT,
      UOP_IEQ, UOP_MULL, UOP_MULH, UOP_CLZ, UOP_I2F, UOP_F2I, UOP_F2T, UOP_TAB: is_known = 1'b1;
      default: is_known = 1'b0;
    endcase
  endfunction

  function automatic logic is_compute(input micro_op_e op);
    is_compute = op >= UOP_FMA;
  endfunction

  function automatic logic reads_b(input micro_op_e op);
    reads_b = is_compute(op) && op < UOP_CLZ;
  endfunction

  function automatic logic reads_c(input micro_op_e op);
    reads_c = op == UOP_FMA || op == UOP_FNMA || op == UOP_SEL;
  endfunction

  function automatic logic reads_a(input micro_op_e op);
    reads_a = is_compute(op) || is_reduction(op) || op == UOP_ST || op == UOP_STS;
  endfunction

  // Any source.
  function automatic logic is_source(input logic [5:0] selector);
    is_source = selector <= SelectCol;
  endfunction

  function automatic logic is_vector_source(input logic [5:0] selector);
    is_vector_source = is_v(selector) || selector == SelectCol;
  endfunction

  // Selectors are of the kind that the operation takes, the immediate is used or 0.
  function automatic logic bad_shape(input micro_word_t w);
    logic ok, uses_imm;
    if (is_compute(w.op)) begin
      ok = (is_v(w.dst) || is_s(w.dst)) && is_source(w.a);
      if (reads_b(w.op)) ok = ok && is_source(w.b);
      else if (w.op == UOP_TAB) ok = ok && w.b < 6'd2;
      else ok = ok && w.b == '0;
      ok = ok && (reads_c(w.op) ? is_source(w.c) : w.c == '0);
    end else begin
      ok = w.b == '0 && w.c == '0;
      unique case (w.op)
        UOP_PHASE: ok = ok && w.dst == '0 && w.a == '0;
        UOP_LD: ok = ok && is_v(w.dst) && w.a < 6'(NumInputs);
        UOP_ST: ok = ok && w.dst < 6'(NumOutputs) && is_source(w.a);
        UOP_STS: ok = ok && w.dst < 6'(NumOutputs) && is_source(w.a) && !is_vector_source(w.a);
        default: ok = ok && is_s(w.dst) && is_vector_source(w.a);
      endcase
    end
    uses_imm = (reads_a(w.op) && w.a == SelectImm) || (reads_b(w.op) && w.b == SelectImm) ||
               (reads_c(w.op) && w.c == SelectImm);
    bad_shape = !ok || (!uses_imm && w.imm != '0);
  endfunction

  function automatic logic bad_read(input logic [5:0] selector,
                                    input logic [NumVectorRegisters-1:0] v_written,
                                    input logic [NumScalarRegisters-1:0] s_readable);
    bad_read = (is_v(selector) && !v_written[selector[3:0]]) ||
               (is_s(selector) && !s_readable[selector[2:0]]);
  endfunction

  // ---- the walk

  assign read_o = state_q == STATE_READ;
  assign read_addr_o = {1'b0, key_q.start} + index_q;

  logic missing;  // word `index_q` is past the words loaded
  assign missing = read_addr_o >= loaded_words_i;

  logic all_stored;
  assign all_stored = stored_q == ~key_q.absent[NumStreams-1:NumInputs];

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [NumStreams-1:0] absent_streams(input vector_packet_t p);
    absent_streams = {p.out2_type == DTYPE_NONE, p.out1_type == DTYPE_NONE, p.out0_type == DTYPE_NONE,
                      p.in3_type == DTYPE_NONE, p.in2_type == DTYPE_NONE, p.in1_type == DTYPE_NONE,
                      p.in0_type == DTYPE_NONE};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  always_ff @(posedge clk_i) begin : control
    done_o <= 1'b0;
    if (!rst_ni) begin
      state_q <= STATE_IDLE;
      remembered_valid_q <= '0;
      replace_q <= '0;
      word_valid_q <= 1'b0;
      bad_o <= 1'b0;
    end else begin
      if (forget_i) remembered_valid_q <= '0;
      unique case (state_q)
        STATE_IDLE:
        if (start_i) begin
          key_q <= '{
              start: packet_i.ucode_start,
              words: packet_i.ucode_words,
              absent: absent_streams(packet_i),
              out_scalar: packet_i.out_scalar[NumOutputs-1:0]
          };
          recall_q <= '0;
          state_q <= STATE_RECALL;
        end
        STATE_RECALL: begin
          recall_q <= recall_q + 1'b1;
          index_q <= '0;
          word_valid_q <= 1'b0;
          if (remembered_valid_q[recall_q] && remembered[recall_q] == key_q) begin
            done_o <= 1'b1;
            bad_o <= 1'b0;
            state_q <= STATE_IDLE;
          end else if (recall_q == RecallBits'(RememberedPrograms - 1)) begin
            state_q <= STATE_READ;
          end
        end
        STATE_READ: begin
          index_q <= index_q + 1'b1;
          word_valid_q <= !missing;
          if (missing || index_q + 1'b1 == {1'b0, key_q.words}) state_q <= STATE_END;
        end
        default: begin  // STATE_END: the last word was taken, or is in word_i
          word_valid_q <= 1'b0;
          if (!word_valid_q) begin
            done_o <= 1'b1;
            bad_o <= bad_q || missing_q || !all_stored;
            // Otherwise the last word that was read: one that is not there, or the end of the program.
            bad_word_o <= bad_q ? bad_word_q : {1'b0, key_q.start} + index_q - 1'b1;
            state_q <= STATE_IDLE;
            if (!bad_q && !missing_q && all_stored) begin
              remembered[replace_q] <= key_q;
              remembered_valid_q[replace_q] <= 1'b1;
              replace_q <= replace_q + 1'b1;
            end
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == STATE_RECALL) missing_q <= 1'b0;
    else if (state_q == STATE_READ) missing_q <= missing;
  end

  // Takes the word that was read in the cycle before.
  always_ff @(posedge clk_i) begin : walk
    logic bad, scalar;
    logic [16:0] at;
    bad = 1'b0;
    scalar = 1'b0;
    at = '0;
    if (state_q == STATE_RECALL) begin
      bad_q <= 1'b0;
      store_seen_q <= 1'b0;
      num_phases_q <= '0;
      vector_part_q <= 1'b0;
      v_written_q <= '0;
      s_readable_q <= '0;
      s_reduced_q <= '0;
      stored_q <= '0;
    end else if (word_valid_q) begin
      at = {1'b0, key_q.start} + index_q - 17'd1;
      scalar = is_scalar_op(word_i);
      bad = !is_known(word_i.op) || bad_shape(word_i);
      if (word_i.op == UOP_PHASE) begin
        // A store before any further phase was not in the last one, whatever else is wrong behind it.
        if (store_seen_q) begin
          bad_q <= 1'b1;
          bad_word_q <= store_word_q;
        end
        bad = bad || num_phases_q == 4'(MaxPhases);
        if (!bad_q) begin
          num_phases_q <= num_phases_q + 1'b1;
          vector_part_q <= 1'b0;
          v_written_q <= '0;
          s_readable_q <= s_readable_q | s_reduced_q;
          s_reduced_q <= '0;
        end
      end else if (!bad_q) begin
        bad = bad || num_phases_q == '0;
        bad = bad || (reads_a(word_i.op) && bad_read(word_i.a, v_written_q, s_readable_q & ~s_reduced_q));
        bad = bad || (reads_b(word_i.op) && bad_read(word_i.b, v_written_q, s_readable_q & ~s_reduced_q));
        bad = bad || (reads_c(word_i.op) && bad_read(word_i.c, v_written_q, s_readable_q & ~s_reduced_q));
        if (scalar) begin
          bad = bad || vector_part_q || (reads_a(word_i.op) && is_vector_source(word_i.a)) ||
                (reads_b(word_i.op) && is_vector_source(word_i.b)) ||
                (reads_c(word_i.op) && is_vector_source(word_i.c));
        end else begin
          vector_part_q <= 1'b1;
        end
        if (word_i.op == UOP_LD) begin
          bad = bad || key_q.absent[{1'b0, word_i.a[1:0]}];
        end
        if (word_i.op == UOP_TAB) begin
          bad = bad || !tables_loaded_i[word_i.b[0]];
        end
        if (word_i.op == UOP_ST || word_i.op == UOP_STS) begin
          bad = bad || key_q.absent[3'(NumInputs) + 3'(word_i.dst[1:0])] || stored_q[word_i.dst[1:0]] ||
                key_q.out_scalar[word_i.dst[1:0]] != (word_i.op == UOP_STS);
          if (!bad) begin
            stored_q[word_i.dst[1:0]] <= 1'b1;
            if (!store_seen_q) store_word_q <= at;
            store_seen_q <= 1'b1;
          end
        end else if (is_reduction(word_i.op)) begin
          bad = bad || s_reduced_q[word_i.dst[2:0]];
          s_reduced_q[word_i.dst[2:0]] <= 1'b1;
        end else if (is_v(word_i.dst)) begin
          v_written_q[word_i.dst[3:0]] <= 1'b1;
        end else begin
          s_readable_q[word_i.dst[2:0]] <= 1'b1;
        end
      end
      if (bad && !bad_q && !(word_i.op == UOP_PHASE && store_seen_q)) begin
        bad_q <= 1'b1;
        bad_word_q <= `NPU_FAULT(vector_bad_word, at, at + 17'd1);
      end
    end
  end

endmodule
