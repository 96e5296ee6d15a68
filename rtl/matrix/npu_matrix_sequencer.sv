// SPDX-License-Identifier: Apache-2.0
// Steps the array through the chunks of each tile.
//
// Every row k of a chunk takes one step for each accumulator in use, so that accumulators rotate and the pipeline of
// the array is never waited for. Columns beyond the tile make idle steps.
//
// A step travels down a delay line while its operands are read (1), widened (2) and, group-quantised, scaled (4 more).

`include "npu_fault.svh"

module npu_matrix_sequencer
  import npu_matrix_pkg::*;
#(
    parameter int unsigned Rows = 16,
    parameter int unsigned Cols = 16,
    parameter int unsigned Blocks = 4,
    localparam int unsigned Slots = 2 * Blocks,
    localparam int unsigned SlotBits = $clog2(Slots),
    localparam int unsigned BlockBits = $clog2(Blocks),
    localparam int unsigned RowBits = $clog2(Rows),
    localparam int unsigned SlotsBits = $clog2(Rows * Cols + 1)
) (
    input logic clk_i,
    input logic rst_ni,
    // verilator lint_off UNUSEDSIGNAL
    input mode_t mode_i,  // each unit uses some of the fields
    // verilator lint_on UNUSEDSIGNAL

    input  logic   chunk_valid_i,
    input  chunk_t chunk_i,
    input  logic   chunk_filled_i,
    output logic   chunk_freed_o,

    input  logic       tile_valid_i,
    output logic       tile_ready_o,
    input  tile_t      tile_i,
    input  logic [1:0] tile_operands_i,  // by parity: the operands of the tile are in their buffers

    // Reads of the operand buffers: row k of the chunk in `read_slot_o`, of B in superline `read_b_group_o`.
    output logic                     read_b_o,
    output logic [ChunkSlotBits-1:0] read_b_slot_o,
    output logic [6:0]               read_b_row_o,
    output logic [1:0]               read_b_group_o,
    output logic                     read_a_o,
    output logic [ChunkSlotBits-1:0] read_a_slot_o,
    output logic [6:0]               read_a_row_o,
    output split_e                   split_o,

    // Two (direct) or six (group) cycles after the read of B: its words go into the array.
    output logic load_b_o,

    output logic                      step_valid_o,
    output logic [SlotBits-1:0]       step_slot_o,
    output logic [Rows-1:0]           step_rows_o,
    output logic                      step_second_o,  // second group of rows
    output logic [3:0][BlockBits-1:0] step_block_o,
    output logic [SlotsBits-1:0]      step_work_o,    // multiply-adds of the step that belong to a result

    // Reads of the tile operands, for the initial values.
    output logic       read_init_o,
    output logic       read_init_parity_o,
    output logic [7:0] read_init_row_o,
    output logic [1:0] read_init_group_o,

    output logic                 init_valid_o,
    output logic [SlotBits-1:0]  init_slot_o,
    output logic [Rows-1:0]      init_rows_o,
    output logic                 init_en_o,     // one cycle before init_valid_o: its block of the superline read
    output logic [BlockBits-1:0] init_block_o,

    output logic                swap_valid_o,
    output logic [SlotBits-1:0] swap_slot_o,

    input  logic  array_busy_i,
    output logic  drain_valid_o,
    input  logic  drain_ready_i,  // the result registers are free
    output tile_t drain_tile_o,

    output logic idle_o,
    output logic starved_o  // a tile is open and no chunk is here
);

  typedef enum logic [2:0] {
    CLEAR,      // accumulators after reset
    IDLE,
    INIT_READ,
    INIT_WIDEN,
    INIT_WRITE,
    RUN,
    FLUSH,
    CAPTURE
  } state_e;
  state_e state;

  tile_t tile;
  logic parity;
  assign split_o = tile.split;

  // ---- chunks that are loading or full
  logic [ChunkSlotBits-1:0] head, tail;
  logic [ChunkSlotBits:0] filled;
  chunk_t chunks[ChunkSlots];
  chunk_t chunk;
  assign chunk = chunks[head];
  logic chunk_end;

  // ---- steps: count.low selects the block or superline, count.high the group of rows
  logic [SlotBits-1:0] count;
  logic [6:0] row;
  logic [BlockBits-1:0] low;
  logic last_count, last_row, running;
  assign low = count[BlockBits-1:0];
  assign running = (state == RUN) & (filled != '0);
  assign last_count = (&low) & (count[SlotBits-1] | ~tile.two_groups);
  assign last_row = `NPU_FAULT(matrix_k_tail, {1'b0, row} + 8'd1 == chunk.rows,
                               {1'b0, row} + (running & chunk.last & (chunk.rows[1:0] == 2'd3) ? 8'd2 : 8'd1) == chunk.rows);
  assign chunk_end = running & last_count & last_row;

  // ---- rows of the array that hold rows of the tile
  logic [Rows-1:0] rows_first, rows_second;
  function automatic logic [Rows-1:0] rows_below(input logic [7:0] limit, input split_e split);
    logic [31:0] in_part;
    for (int unsigned r = 0; r < Rows; r++) begin
      case (split)
        SPLIT_1: in_part = r;
        SPLIT_2: in_part = r % (Rows / 2);
        default: in_part = r % (Rows / 4);
      endcase
      rows_below[r] = in_part < {24'd0, limit};
    end
  endfunction

  // ---- what the steps of a tile do: the same in every row k, so planned in the first one
  typedef struct packed {
    logic valid;                        // the superline has columns of the tile
    logic new_b;                        // the first block of a superline
    logic [1:0] group;                  // the superline
    logic [3:0][BlockBits-1:0] block;
    logic [Rows-1:0] rows;
    logic [SlotsBits-1:0] work;
  } plan_t;

  // Low bits of count select superline and block, the high bit the rows.
  function automatic plan_t plan_step();
    logic [BlockBits-1:0] sub;
    logic [11:0] cols, rows, first_col, col;
    plan_step = '0;
    case (tile.split)
      SPLIT_1: begin
        plan_step.group = 2'd0;
        sub = low;
      end
      SPLIT_2: begin
        plan_step.group = {1'b0, low[BlockBits-1]};
        sub = {1'b0, low[BlockBits-2:0]};
      end
      default: begin
        plan_step.group = low[BlockBits-1-:2];
        sub = low & BlockBits'(Blocks / 4 - 1);
      end
    endcase
    cols = {1'b0, tile.cols};
    rows = count[SlotBits-1] ? {4'd0, tile.rows} - 12'(Rows) : tile.two_groups ? 12'(Rows) : {4'd0, tile.rows};
    first_col = 12'(plan_step.group) * 12'(Blocks * Cols);
    col = first_col + ((12'(sub) * 12'(Cols)) << tile.split);  // of the step's first block
    plan_step.valid = first_col < cols;
    plan_step.new_b = plan_step.valid & (sub == '0) & ~count[SlotBits-1];
    if (col < cols) begin
      plan_step.work = SlotsBits'(rows * ((cols - col < 12'(Cols) << tile.split) ? cols - col : 12'(Cols) << tile.split));
    end
    for (int unsigned q = 0; q < 4; q++) begin
      case (tile.split)
        SPLIT_1: plan_step.block[q] = sub;
        SPLIT_2: plan_step.block[q] = BlockBits'(sub << 1) + BlockBits'(q >> 1);
        default: plan_step.block[q] = BlockBits'(sub << 2) + BlockBits'(q);
      endcase
      // Of the quarters that have columns.
      if (first_col + 12'(plan_step.block[q]) * 12'(Cols) < cols)
        plan_step.rows[q*Rows/4+:Rows/4] = count[SlotBits-1] ? rows_second[q*Rows/4+:Rows/4] : rows_first[q*Rows/4+:Rows/4];
    end
  endfunction

  plan_t plan[Slots];
  logic planned;  // the first row of the tile is over
  always_ff @(posedge clk_i) begin
    if (running & ~planned) plan[count] <= plan_step();
  end

  // ---- the delay line: steps on their way to the array; group-quantised ones take four cycles more
  typedef struct packed {
    logic valid;
    logic [SlotBits-1:0] slot;
    logic [ChunkSlotBits-1:0] chunk_slot;
    logic [6:0] row;
    logic chunk_end;
  } step_t;

  localparam int unsigned GroupDelay = 4;
  // Fields that were used at earlier places of the line are not used later.
  // verilator lint_off UNUSEDSIGNAL
  step_t b_step, a_step;               // that read B and A
  step_t [GroupDelay-1:0] group_line;  // between them, the youngest at 0
  step_t a_step_q, b_load_step;
  // verilator lint_on UNUSEDSIGNAL
  assign a_step = mode_i.group ? group_line[GroupDelay-1] : b_step;

  logic group_busy, line_busy;
  assign line_busy = b_step.valid | group_busy | a_step_q.valid | b_load_step.valid;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      b_step <= '0;
      a_step_q <= '0;
      b_load_step <= '0;
    end else if (running | line_busy) begin
      b_step <= '{running, count, head, `NPU_FAULT(matrix_k_order, row, running ? 7'(chunk.rows) - 7'd1 - row : row), chunk_end};
      a_step_q <= a_step;
      b_load_step <= a_step_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      group_line <= '0;
      group_busy <= 1'b0;
    end else if ((b_step.valid & mode_i.group) | group_busy) begin
      group_line <= {group_line[GroupDelay-2:0], b_step};
      group_busy <= b_step.valid;
      for (int unsigned i = 0; i < GroupDelay - 1; i++) if (group_line[i].valid) group_busy <= 1'b1;
    end
  end

  assign read_b_o = b_step.valid & plan[b_step.slot].new_b;
  assign read_b_slot_o = b_step.chunk_slot;
  assign read_b_row_o = b_step.row;
  assign read_b_group_o = plan[b_step.slot].group;
  assign read_a_o = a_step.valid & (a_step.slot == '0);
  assign read_a_slot_o = a_step.chunk_slot;
  assign read_a_row_o = a_step.row;
  assign load_b_o = b_load_step.valid & plan[b_load_step.slot].new_b;
  assign chunk_freed_o = a_step.valid & a_step.chunk_end;

  // ---- the array's step is one cycle behind the load of B
  logic array_step;
  assign array_step = b_load_step.valid & plan[b_load_step.slot].valid;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      step_valid_o <= 1'b0;
    end else if (array_step | step_valid_o) begin
      step_valid_o <= array_step;
      step_slot_o <= b_load_step.slot;
      step_second_o <= b_load_step.slot[SlotBits-1];
      step_rows_o <= plan[b_load_step.slot].rows;
      step_block_o <= plan[b_load_step.slot].block;
      step_work_o <= plan[b_load_step.slot].work;
    end
  end

  // ---- initial values: for every row of the tile (bias: group of rows) and superline, block by block
  logic [7:0] init_row;
  logic [1:0] init_group, last_group;
  logic [BlockBits-1:0] init_block;
  logic bias, last_init_row;
  assign bias = mode_i.init_mode == npu_isa_pkg::INIT_MODE_BIAS;
  assign last_group = (tile.split == SPLIT_1) ? 2'd0 : (tile.split == SPLIT_2) ? 2'd1 : 2'd3;
  assign last_init_row = bias ? (init_row == {7'd0, tile.two_groups}) : (init_row + 8'd1 == tile.rows);
  assign read_init_o = state == INIT_READ & tile_operands_i[parity];
  assign read_init_parity_o = parity;
  assign read_init_row_o = bias ? 8'd0 : init_row;
  assign read_init_group_o = init_group;

  logic [Rows-1:0] init_rows;
  logic [SlotBits-1:0] init_slot;
  always_comb begin
    logic [31:0] part, first;
    part = 0;
    first = 0;
    init_rows = '0;
    init_slot = '0;
    if (state == INIT_WRITE) begin
      case (tile.split)
        SPLIT_1: begin
          init_slot = {bias ? init_row[0] : init_row[RowBits], init_block};
          init_rows = bias ? '1 : Rows'(1) << init_row[RowBits-1:0];
        end
        SPLIT_2: begin
          part = 32'(init_block) & 32'd1;
          first = part * (Rows / 2);
          init_slot = SlotBits'(32'(init_group) * (Blocks / 2) + (32'(init_block) >> 1));
          init_rows = bias ? {{(Rows / 2) {1'b0}}, {(Rows / 2) {1'b1}}} << first : Rows'(1) << (first + 32'(init_row));
        end
        default: begin
          part = 32'(init_block) & 32'd3;
          first = part * (Rows / 4);
          init_slot = SlotBits'(32'(init_group) * (Blocks / 4) + (32'(init_block) >> 2));
          init_rows = bias ? {{(3 * Rows / 4) {1'b0}}, {(Rows / 4) {1'b1}}} << first : Rows'(1) << (first + 32'(init_row));
        end
      endcase
    end
  end

  // One cycle behind, with the block of words that it selects.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) init_valid_o <= 1'b0;
    else if ((state == INIT_WRITE) | init_valid_o) begin
      init_valid_o <= state == INIT_WRITE;
      init_slot_o <= init_slot;
      init_rows_o <= init_rows;
    end
  end
  assign init_en_o = state == INIT_WRITE;
  assign init_block_o = init_block;

  // ---- capture
  assign swap_valid_o = (state == CLEAR) | ((state == CAPTURE) & drain_ready_i);
  assign swap_slot_o = count;
  assign drain_valid_o = (state == CAPTURE) & drain_ready_i & (&count);
  assign drain_tile_o = tile;
  assign tile_ready_o = state == IDLE;
  assign idle_o = (state == IDLE) & ~tile_valid_i;
  assign starved_o = (state == RUN) & (filled == '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state <= CLEAR;
      count <= '0;
      row <= '0;
      head <= '0;
      tail <= '0;
      filled <= '0;
      planned <= 1'b0;
      parity <= 1'b0;
      init_row <= '0;
      init_group <= '0;
      init_block <= '0;
    end else if ((state != IDLE) | tile_valid_i | chunk_valid_i | chunk_filled_i) begin
      if (chunk_valid_i) begin
        chunks[tail] <= chunk_i;
        tail <= tail + 1'b1;
      end
      filled <= filled + (ChunkSlotBits + 1)'(chunk_filled_i) - (ChunkSlotBits + 1)'(chunk_end);

      case (state)
        CLEAR: begin
          count <= count + 1'b1;
          if (&count) state <= IDLE;
        end

        IDLE: begin
          count <= '0;
          row <= '0;
          planned <= 1'b0;
          if (tile_valid_i) begin
            tile <= tile_i;
            rows_first <= rows_below(tile_i.rows, tile_i.split);
            rows_second <= rows_below(tile_i.two_groups ? tile_i.rows - 8'(Rows) : 8'd0, tile_i.split);
            state <= (mode_i.init_mode == npu_isa_pkg::INIT_MODE_ZERO) ? RUN : INIT_READ;
          end
        end

        INIT_READ: if (tile_operands_i[parity]) state <= INIT_WIDEN;
        INIT_WIDEN: state <= INIT_WRITE;
        INIT_WRITE: begin
          init_block <= init_block + 1'b1;
          if (&init_block) begin
            state <= INIT_READ;
            init_group <= init_group + 2'd1;
            if (init_group == last_group) begin
              init_group <= '0;
              init_row <= init_row + 8'd1;
              if (last_init_row) begin
                init_row <= '0;
                state <= RUN;
              end
            end
          end
        end

        RUN:
        if (running) begin
          count <= last_count ? '0 : count + 1'b1;
          if (last_count) begin
            row <= last_row ? '0 : row + 7'd1;
            planned <= 1'b1;
          end
          if (chunk_end) begin
            head <= head + 1'b1;
            if (chunk.last) state <= FLUSH;
          end
        end

        FLUSH: if (~line_busy & ~step_valid_o & ~array_busy_i) state <= CAPTURE;

        CAPTURE:
        if (drain_ready_i) begin
          count <= count + 1'b1;
          if (&count) begin
            parity <= ~parity;
            state <= IDLE;
          end
        end

        default: state <= IDLE;
      endcase
    end
  end

endmodule
