// SPDX-License-Identifier: Apache-2.0
// Issues the beats of operations to the lanes, in order, one beat a cycle.
//
// Operations follow each other without a gap. A result can be read ResultCycles after the operands it comes from, so
// operations of fewer beats take that many cycles. A load waits for its data, a store for room. A reduction uses
// every line of partials once in ResultCycles at most, so with few lines of many lanes it has gaps. The fold at the
// end of a phase halves the partials, first by lines, then within the last line; each level waits for the one before.

`include "npu_fault.svh"

module npu_vector_issue
  import npu_vector_pkg::*;
#(
  parameter int unsigned VectorLanes = 16
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic op_valid_i,
  output logic op_ready_o,
  input  op_t  op_i,
  input  logic load_valid_i,  // a beat is there
  output logic load_ready_o,
  input  logic store_room_i,
  output logic store_reserve_o,
  // To the lanes: in a cycle with go_o operands of the beat are read.
  output logic go_o,
  output beat_t beat_o,
  output exec_t exec_o,
  output logic stall_o,  // waits for a load or for room to store
  output logic idle_o
);
  import npu_isa_pkg::*;

  localparam int unsigned LaneBits = $clog2(VectorLanes);
  // Lines that hold the partials of a reduction.
  localparam int unsigned PartialLines = Partials / VectorLanes;
  localparam int unsigned PartialWindow = PartialLines > ResultCycles ? PartialLines : ResultCycles;

  typedef enum logic [1:0] {
    STATE_EMPTY,
    STATE_RUN,
    STATE_GAP  // all beats are issued, the result is not there yet
  } state_e;

  state_e state_q;
  exec_t exec_q;
  logic [15:0] beats_q;   // of the operation
  logic [15:0] index_q;   // next beat
  logic [15:0] filled_q;  // beats with elements
  logic [6:0] tail_q;     // lanes of the last one
  logic [4:0] slot_q;     // reduction: cycle of the window; fold: cycle of the level
  logic [5:0] span_q;     // fold: distance of the partials that are combined
  logic fold_wait_q;      // fold: the partials are not all written yet
  logic [2:0] gap_q;

  logic ready, go, last_go, finish, take;
  logic [3:0] fold_lines;  // beats of this level of a fold

  // ---- decoding

  function automatic class_e class_of(input micro_op_e op);
    if (op == UOP_RSUM) class_of = CLASS_FMA;
    else if (op < UOP_RSUM) class_of = CLASS_MOVE;
    else if (op <= UOP_RIMAX) class_of = CLASS_REDUCE;
    else if (op <= UOP_FMUL) class_of = CLASS_FMA;
    else if (op <= UOP_FCEQ) class_of = CLASS_COMPARE;
    else if (op <= UOP_IEQ) class_of = CLASS_LOGIC;
    else if (op <= UOP_MULH) class_of = CLASS_MULTIPLY;
    else if (op <= UOP_F2T) class_of = CLASS_CONVERT;
    else class_of = CLASS_TABLE;
  endfunction

  function automatic source_e source_of(input logic [5:0] selector);
    if (is_v(selector)) source_of = SOURCE_REGISTER;
    else if (selector == SelectCol) source_of = SOURCE_COLUMN;
    else source_of = SOURCE_SCALAR;
  endfunction

  // verilator lint_off UNUSEDSIGNAL
  function automatic exec_e exec_of(input op_t op);
    if (op.fold) exec_of = EXEC_FOLD;
    else if (is_reduction(op.word.op)) exec_of = EXEC_REDUCE;
    else if (op.word.op == UOP_LD) exec_of = EXEC_LOAD;
    else if (op.word.op == UOP_ST || op.word.op == UOP_STS) exec_of = EXEC_STORE;
    else exec_of = EXEC_COMPUTE;
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // Leaves every operand as it is.
  function automatic logic [31:0] identity_of(input micro_op_e op);
    unique case (op)
      UOP_RSUM: identity_of = 32'h8000_0000;   // -0
      UOP_RMIN: identity_of = 32'h7f80_0000;   // infinity
      UOP_RMAX: identity_of = 32'hff80_0000;
      UOP_RIMIN: identity_of = 32'h7fff_ffff;
      UOP_RIMAX: identity_of = 32'h8000_0000;
      default: identity_of = '0;               // UOP_RISUM
    endcase
  endfunction

  always_ff @(posedge clk_i) begin : decode
    exec_t next;
    logic [15:0] filled;
    next = '0;
    filled = '0;
    if (take) begin
      next.exec = exec_of(op_i);
      next.class_id = class_of(op_i.word.op);
      next.op = op_i.word.op == UOP_RSUM ? UOP_FADD : op_i.word.op;
      next.scalar = next.exec == EXEC_COMPUTE && is_s(op_i.word.dst);
      next.identity = `NPU_FAULT(vector_max_identity, identity_of(op_i.word.op), op_i.word.op == UOP_RMAX && !op_i.fold ? '0 : identity_of(op_i.word.op));
      next.at = op_i;
      next.source_a = source_of(op_i.word.a);
      next.source_b = source_of(op_i.word.b);
      next.source_c = source_of(op_i.word.c);
      unique case (next.exec)
        EXEC_LOAD: next.source_a = SOURCE_LOAD;
        EXEC_REDUCE: next.source_b = SOURCE_PARTIAL;
        EXEC_FOLD: begin
          next.source_a = SOURCE_PARTIAL;
          next.source_b = SOURCE_PARTIAL;
        end
        default: ;
      endcase
      if (next.exec != EXEC_COMPUTE || next.class_id == CLASS_TABLE || next.class_id == CLASS_CONVERT) begin
        if (next.source_b != SOURCE_PARTIAL) next.source_b = SOURCE_NONE;
      end
      if (next.exec != EXEC_COMPUTE || !(op_i.word.op == UOP_FMA || op_i.word.op == UOP_FNMA || op_i.word.op == UOP_SEL)) begin
        next.source_c = SOURCE_NONE;
      end
      exec_q <= next;
      filled = is_scalar_op(op_i.word) ? 16'd1 : (op_i.count + 16'(VectorLanes - 1)) >> LaneBits;
      filled_q <= filled;
      tail_q <= 7'(op_i.count - ((filled - 16'd1) << LaneBits));
      beats_q <= next.exec == EXEC_REDUCE && op_i.first_chunk && filled < 16'(PartialLines) ? 16'(PartialLines) : filled;
    end
  end

  // ---- beats

  logic needs_load, needs_room;
  assign needs_load = exec_q.exec == EXEC_LOAD;
  assign needs_room = exec_q.exec == EXEC_STORE;
  assign fold_lines = span_q >= 6'(VectorLanes) ? 4'(span_q >> LaneBits) : 4'd1;

  always_comb begin
    ready = state_q == STATE_RUN;
    if (needs_load && !load_valid_i) ready = 1'b0;
    if (needs_room && !store_room_i) ready = 1'b0;
    if (exec_q.exec == EXEC_REDUCE && slot_q >= 5'(PartialLines)) ready = 1'b0;
    if (exec_q.exec == EXEC_FOLD && (fold_wait_q || slot_q >= 5'(fold_lines))) ready = 1'b0;
  end

  assign go = ready;
  assign last_go = go && index_q == beats_q - 1'b1 && exec_q.exec != EXEC_FOLD;
  assign stall_o = state_q == STATE_RUN && !go && (needs_load || needs_room);
  assign load_ready_o = go && needs_load;
  assign store_reserve_o = go && needs_room;
  assign idle_o = state_q == STATE_EMPTY;

  // Cycles after the last beat until the next operation may read the result.
  logic [2:0] gap;
  logic [4:0] window_beats;
  assign window_beats = slot_q + 1'b1;
  always_comb begin
    gap = '0;
    if (exec_q.exec == EXEC_REDUCE) begin
      if (window_beats < 5'(ResultCycles)) gap = 3'(5'(ResultCycles) - window_beats);
    end else if (!needs_room && beats_q < 16'(ResultCycles)) begin
      gap = 3'(16'(ResultCycles) - beats_q);
    end
  end

  // A level of a fold lasts until its last result can be read.
  logic level_end, fold_end;
  assign level_end = exec_q.exec == EXEC_FOLD && slot_q == 5'(fold_lines) + 5'(ResultCycles - 2);
  assign fold_end = level_end && !fold_wait_q && span_q == 6'd1;

  assign finish = (last_go && gap == '0) || (state_q == STATE_GAP && gap_q == 3'd1) || (state_q == STATE_RUN && fold_end);
  assign take = op_valid_i && (state_q == STATE_EMPTY || finish);
  assign op_ready_o = state_q == STATE_EMPTY || finish;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= STATE_EMPTY;
    end else if (take) begin
      state_q <= STATE_RUN;
      index_q <= '0;
      slot_q <= '0;
      span_q <= 6'(Partials / 2);
      fold_wait_q <= 1'b1;
    end else if (finish) begin
      state_q <= STATE_EMPTY;
    end else if (state_q == STATE_RUN) begin
      if (go) index_q <= index_q + 1'b1;
      if (exec_q.exec == EXEC_REDUCE) begin
        slot_q <= slot_q == 5'(PartialWindow - 1) ? '0 : slot_q + 1'b1;
      end else if (exec_q.exec == EXEC_FOLD) begin
        slot_q <= slot_q + 1'b1;
        if (level_end) begin
          slot_q <= '0;
          fold_wait_q <= 1'b0;
          if (!fold_wait_q) span_q <= span_q >> 1;
        end
      end
      if (last_go) begin
        state_q <= STATE_GAP;
        gap_q <= gap;
      end
    end else if (state_q == STATE_GAP) begin
      gap_q <= gap_q - 1'b1;
    end
  end

  always_comb begin
    beat_o = '0;
    if (go) begin
      beat_o.index = index_q;
      beat_o.first = index_q == '0;
      beat_o.limit = 7'(VectorLanes);
      if (index_q >= filled_q) beat_o.limit = '0;
      else if (index_q == filled_q - 1'b1) beat_o.limit = `NPU_FAULT(vector_tail_mask, tail_q, exec_q.exec == EXEC_REDUCE ? 7'(VectorLanes) : tail_q);
      beat_o.init = exec_q.at.first_chunk && index_q < 16'(PartialLines);
      if (exec_q.exec == EXEC_FOLD) begin
        beat_o.partial_a = slot_q[3:0];
        beat_o.partial_b = `NPU_FAULT(vector_fold_order, slot_q[3:0] + fold_lines, 4'((fold_lines << 1) - 4'd1) - slot_q[3:0]);
        beat_o.shift = span_q >= 6'(VectorLanes) ? '0 : span_q;
        beat_o.fold_last = span_q == 6'd1;
      end else begin
        beat_o.partial_a = 4'(index_q) & 4'(PartialLines - 1);
      end
    end
  end

  assign go_o = go;
  assign exec_o = exec_q;

endmodule
