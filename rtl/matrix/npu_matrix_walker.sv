// SPDX-License-Identifier: Apache-2.0
// Walks a MATMUL packet tile by tile and chunk by chunk: hands the loads to the loader, the tiles to the sequencer.
//
// Loop order: batch0, batch1, tiles of rows, tiles of columns, chunks of k. A tile of few rows is wider, because the
// quarters of the array then take different columns; so the tile width depends on the row tile.

`include "npu_fault.svh"

module npu_matrix_walker
  import npu_pkg::*;
  import npu_isa_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter int unsigned Rows = 16,
    // Columns of a superline: what one row of B in the array's registers holds.
    parameter int unsigned SuperCols = 64
) (
    input logic clk_i,
    input logic rst_ni,

    input  logic           start_i,
    input  matmul_packet_t packet_i,  // held while active
    output mode_t          mode_o,
    output logic           active_o,  // loads or tiles remain
    output logic           waiting_o,  // nothing changes with the next edge but by a start or something freed

    output logic  load_valid_o,
    input  logic  load_ready_i,
    output load_t load_o,

    output logic   chunk_valid_o,  // with the last load of each chunk
    output chunk_t chunk_o,

    output logic  tile_valid_o,
    input  logic  tile_ready_i,
    output tile_t tile_o,

    input logic chunk_freed_i,  // the array is through with a chunk
    input logic tile_freed_i    // the drain is through with a tile
);

  localparam int unsigned RowTile = 2 * Rows;
  localparam int unsigned LogRows = $clog2(Rows);
  localparam int unsigned LogSuper = $clog2(SuperCols);
  localparam logic [5:0] LogPanel = 6'($clog2(PanelCols));

  typedef enum logic [3:0] {
    IDLE,
    BATCH,
    ROW_TILE,
    TILE,
    INIT,
    COL_SCALE,
    ROW_SCALE,
    CHUNK,
    LOAD_A,
    LOAD_B,
    LOAD_SCALE,
    LOAD_MIN,
    NEXT
  } state_e;
  state_e state;

  // verilator lint_off UNUSEDSIGNAL
  matmul_packet_t p;
  // verilator lint_on UNUSEDSIGNAL
  assign p = packet_i;
  mode_t mode;
  assign mode_o = mode;
  assign active_o = state != IDLE;

  // ---- element sizes and strides
  logic [2:0] a_log2, b_log2, c_log2, s_log2;
  assign a_log2 = log2_bits(mode.a_type);
  assign b_log2 = log2_bits(mode.b_type);
  assign c_log2 = log2_bits(mode.c_type);
  assign s_log2 = log2_bits(mode.scale_type);

  // Bytes of `count` elements; counts of U4 are even but at the end of a row, where half bytes count whole.
  function automatic addr_t bytes_of(input logic [31:0] count, input logic [2:0] log2_size);
    addr_t bits;
    bits = addr_t'(count) << log2_size;
    bytes_of = (bits + 48'd7) >> 3;
  endfunction

  // ---- loop counters and the addresses that go with them
  logic [31:0] batch0, batch1, rows_left, cols_left, k_left;
  logic [31:0] k_at;
  addr_t a_batch0, a_batch1, a_tile, a_chunk;
  addr_t b_batch0, b_batch1, b_tile, b_chunk;
  addr_t c_batch0, c_batch1, c_rows, c_tile;
  addr_t bias_tile, scale_batch0, scale_batch1, scale_tile, min_batch0, min_batch1, min_tile;
  addr_t row_scale_batch0, row_scale_batch1, row_scale_tile;

  split_e split;
  logic two_groups;
  logic [7:0] tile_rows;
  logic [10:0] tile_cols, full_cols;
  logic [2:0] log_chunk;
  logic [7:0] chunk_rows;
  logic tile_parity;
  logic [ChunkSlotBits-1:0] slot;
  logic [ChunkSlotBits:0] chunks_held;
  logic [1:0] tiles_held;

  assign tile_rows = (rows_left > RowTile) ? 8'(RowTile) : rows_left[7:0];
  assign full_cols = 11'(SuperCols) << split;
  assign tile_cols = (cols_left > 32'(full_cols)) ? full_cols : cols_left[10:0];
  assign chunk_rows = (k_left > (32'd1 << log_chunk)) ? 8'd1 << log_chunk : k_left[7:0];

  function automatic split_e split_for(input logic [31:0] rows);
    if (rows > Rows / 2) split_for = SPLIT_1;
    else if (rows > Rows / 4) split_for = SPLIT_2;
    else split_for = SPLIT_4;
  endfunction

  // The longest chunk that fits: a line holds 2^(4 - log2_bits) rows of a panel, a bank 2 * ChunkPairs lines of a slot.
  function automatic logic [2:0] chunk_for(input split_e s);
    logic [3:0] from_a, from_b, from_scale, least;
    from_a = 4'($clog2(2 * ChunkPairs) + 4) - {1'b0, a_log2};
    from_b = 4'($clog2(2 * ChunkPairs) + 4) - {1'b0, b_log2} - {2'b0, s};
    from_scale = 4'($clog2(2 * ScalePairs)) + {1'b0, mode.log2_group} - {2'b0, s} - {3'b0, s_log2 == 3'd5};
    least = 4'(MaxChunkLog2);
    if (from_a < least) least = from_a;
    if (from_b < least) least = from_b;
    if (mode.group && from_scale < least) least = from_scale;
    chunk_for = least[2:0];
  endfunction

  // ---- groups of scales that a chunk touches
  logic [31:0] group_first, group_last;
  assign group_first = k_at >> mode.log2_group;
  assign group_last = (k_at + {24'd0, chunk_rows} - 32'd1) >> mode.log2_group;
  logic [7:0] group_count;
  assign group_count = 8'(group_last - group_first) + 8'd1;
  addr_t scale_offset;
  assign scale_offset = (p.b_layout == B_LAYOUT_PANELS) ? bytes_of(group_first << 5, s_log2) : bytes_of(group_first, s_log2);

  // ---- what the current state hands out
  logic load_state;
  always_comb begin
    load_o = '0;
    load_state = 1'b1;
    load_o.slot = slot;
    load_o.split = split;
    load_o.cols = tile_cols;
    case (state)
      INIT: begin
        load_o.dest = DEST_INIT;
        load_o.layout = LOAD_ROWS;
        load_o.slot = {1'b0, tile_parity};
        load_o.log2_bits = (mode.init_mode == INIT_MODE_BIAS) ? 3'd5 : c_log2;
        load_o.addr = (mode.init_mode == INIT_MODE_BIAS) ? bias_tile : c_tile;
        load_o.stride = addr_t'(p.c_row_stride);
        load_o.rows = (mode.init_mode == INIT_MODE_BIAS) ? 8'd1 : tile_rows;
        load_o.final_load = ~mode.row_col;
      end
      COL_SCALE: begin
        load_o.dest = DEST_COL_SCALE;
        load_o.layout = LOAD_ROWS;
        load_o.slot = {1'b0, tile_parity};
        load_o.log2_bits = 3'd5;
        load_o.addr = scale_tile;
        load_o.rows = 8'd1;
      end
      ROW_SCALE: begin
        load_o.dest = DEST_ROW_SCALE;
        load_o.layout = LOAD_ROWS;
        load_o.slot = {1'b0, tile_parity};
        load_o.log2_bits = 3'd5;
        load_o.addr = row_scale_tile;
        load_o.rows = 8'd1;
        load_o.cols = {3'd0, tile_rows};
        load_o.final_load = 1'b1;
      end
      LOAD_A: begin
        load_o.dest = DEST_A;
        load_o.layout = (p.a_layout == A_LAYOUT_ROWS) ? LOAD_LANES : LOAD_ROWS;
        load_o.log2_bits = a_log2;
        load_o.addr = a_chunk;
        load_o.stride = addr_t'(p.a_row_stride);
        load_o.rows = chunk_rows;
        load_o.cols = {3'd0, tile_rows};
      end
      LOAD_B: begin
        load_o.dest = DEST_B;
        case (p.b_layout)
          B_LAYOUT_KN: load_o.layout = LOAD_ROWS;
          B_LAYOUT_NK: load_o.layout = LOAD_LANES;
          default: load_o.layout = LOAD_PANELS;
        endcase
        load_o.log2_bits = b_log2;
        load_o.addr = b_chunk;
        load_o.stride = addr_t'(p.b_row_stride);
        load_o.rows = chunk_rows;
        load_o.final_load = ~mode.group;
      end
      LOAD_SCALE, LOAD_MIN: begin
        load_o.dest = (state == LOAD_SCALE) ? DEST_SCALE : DEST_MIN;
        load_o.layout = (p.b_layout == B_LAYOUT_PANELS) ? LOAD_PANELS : LOAD_LANES;
        load_o.log2_bits = s_log2;
        load_o.addr = ((state == LOAD_SCALE) ? scale_tile : min_tile) + scale_offset;
        load_o.stride = addr_t'(p.b_scale_row_stride);
        load_o.rows = group_count;
        load_o.final_load = (state == LOAD_MIN);
      end
      default: load_state = 1'b0;
    endcase
  end
  assign load_valid_o = load_state;

  logic load_taken;
  assign load_taken = load_state & load_ready_i;
  assign chunk_valid_o = load_taken & load_o.final_load & (state == LOAD_B || state == LOAD_MIN);
  assign chunk_o = '{rows: chunk_rows, last: k_left == {24'd0, chunk_rows}};

  logic last_row_tile, last_col_tile;
  assign last_row_tile = rows_left == {24'd0, tile_rows};
  assign last_col_tile = cols_left == {21'd0, tile_cols};
  // Tiles with operands of their own are limited by the two buffers for these.
  assign tile_valid_o = (state == TILE) & (tiles_held < ((mode.row_col | (mode.init_mode != INIT_MODE_ZERO)) ? 2'd2 : 2'd3));
  assign tile_o = '{
      split: split,
      two_groups: two_groups,
      rows: tile_rows,
      cols: tile_cols,
      addr: c_tile
  };
  logic tile_taken;
  assign tile_taken = tile_valid_o & tile_ready_i;

  always_comb begin
    case (state)
      IDLE: waiting_o = 1'b1;
      TILE: waiting_o = ~tile_taken;
      CHUNK: waiting_o = chunks_held == (ChunkSlotBits + 1)'(ChunkSlots);
      default: waiting_o = load_state & ~load_ready_i;
    endcase
  end

  // Scales of the next tile: rows of NK are columns of B, panels are 32 of them.
  addr_t scale_step;
  assign scale_step = (p.b_layout == B_LAYOUT_PANELS)
      ? addr_t'(p.b_scale_row_stride) << (6'(LogSuper) + 6'(split) - LogPanel)
      : addr_t'(p.b_scale_row_stride) << (6'(LogSuper) + 6'(split));

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state <= IDLE;
      slot <= '0;
      chunks_held <= '0;
      tiles_held <= '0;
      tile_parity <= 1'b0;
    end else if (start_i | (state != IDLE) | chunk_freed_i | tile_freed_i) begin
      chunks_held <= chunks_held + (ChunkSlotBits + 1)'(chunk_valid_o)
                     - `NPU_FAULT(matrix_chunk_credit, (ChunkSlotBits + 1)'(chunk_freed_i),
                                  (ChunkSlotBits + 1)'(chunk_freed_i && chunks_held != (ChunkSlotBits + 1)'(ChunkSlots)));
      tiles_held <= tiles_held + 2'(tile_taken) - 2'(tile_freed_i);
      if (chunk_valid_o) slot <= slot + 1'b1;

      case (state)
        IDLE:
        if (start_i) begin
          mode <= '{
              a_type: p.a_type,
              b_type: p.b_type,
              c_type: p.c_type,
              scale_type: p.scale_type,
              integer_sums: p.a_type == DTYPE_I8,
              group: p.scale_mode == SCALE_MODE_GROUP,
              log2_group: p.group_size[7] ? 3'd7 : p.group_size[6] ? 3'd6 : p.group_size[5] ? 3'd5 : 3'd4,
              row_col: p.scale_mode == SCALE_MODE_ROW_COL,
              init_mode: p.init_mode
          };
          batch0 <= '0;
          batch1 <= '0;
          a_batch0 <= addr_t'(p.a_addr);
          a_batch1 <= addr_t'(p.a_addr);
          b_batch0 <= addr_t'(p.b_addr);
          b_batch1 <= addr_t'(p.b_addr);
          c_batch0 <= addr_t'(p.c_addr);
          c_batch1 <= addr_t'(p.c_addr);
          scale_batch0 <= addr_t'(p.b_scale_addr);
          scale_batch1 <= addr_t'(p.b_scale_addr);
          min_batch0 <= addr_t'(p.b_min_addr);
          min_batch1 <= addr_t'(p.b_min_addr);
          row_scale_batch0 <= addr_t'(p.a_scale_addr);
          row_scale_batch1 <= addr_t'(p.a_scale_addr);
          state <= BATCH;
        end

        BATCH: begin
          rows_left <= p.m;
          a_tile <= a_batch1;
          c_rows <= c_batch1;
          row_scale_tile <= row_scale_batch1;
          state <= ROW_TILE;
        end

        ROW_TILE: begin
          split <= split_for(rows_left);
          two_groups <= rows_left > Rows;
          log_chunk <= chunk_for(split_for(rows_left));
          cols_left <= p.n;
          b_tile <= b_batch1;
          c_tile <= c_rows;
          bias_tile <= addr_t'(p.bias_addr);
          scale_tile <= scale_batch1;
          min_tile <= min_batch1;
          state <= TILE;
        end

        TILE: begin
          k_left <= p.k;
          k_at <= '0;
          a_chunk <= a_tile;
          b_chunk <= b_tile;
          if (tile_taken) begin
            if (mode.init_mode != INIT_MODE_ZERO) state <= INIT;
            else state <= mode.row_col ? COL_SCALE : CHUNK;
          end
        end

        INIT: if (load_taken) state <= mode.row_col ? COL_SCALE : CHUNK;
        COL_SCALE: if (load_taken) state <= ROW_SCALE;
        ROW_SCALE: if (load_taken) state <= CHUNK;

        CHUNK: if (chunks_held != (ChunkSlotBits + 1)'(ChunkSlots)) state <= LOAD_A;
        LOAD_A: if (load_taken) state <= LOAD_B;
        LOAD_B: if (load_taken) state <= mode.group ? LOAD_SCALE : NEXT;
        LOAD_SCALE: if (load_taken) state <= LOAD_MIN;
        LOAD_MIN: if (load_taken) state <= NEXT;

        NEXT: begin
          k_left <= k_left - {24'd0, chunk_rows};
          k_at <= k_at + {24'd0, chunk_rows};
          a_chunk <= a_chunk + ((p.a_layout == A_LAYOUT_ROWS) ? bytes_of(32'd1 << log_chunk, a_log2)
                                                              : addr_t'(p.a_row_stride) << log_chunk);
          case (p.b_layout)
            B_LAYOUT_KN: b_chunk <= b_chunk + (addr_t'(p.b_row_stride) << log_chunk);
            B_LAYOUT_NK: b_chunk <= b_chunk + bytes_of(32'd1 << log_chunk, b_log2);
            default: b_chunk <= b_chunk + bytes_of(32'(PanelCols) << log_chunk, b_log2);
          endcase
          if (k_left != {24'd0, chunk_rows}) begin
            state <= CHUNK;
          end else begin
            tile_parity <= ~tile_parity;
            cols_left <= cols_left - {21'd0, tile_cols};
            c_tile <= c_tile + bytes_of(32'(full_cols), c_log2);
            bias_tile <= bias_tile + `NPU_FAULT(matrix_bias_step, bytes_of(32'(full_cols), 3'd5),
                                                bytes_of(32'(full_cols), mode.init_mode == INIT_MODE_BIAS && !last_col_tile ? c_log2 : 3'd5));
            case (p.b_layout)
              B_LAYOUT_KN: b_tile <= b_tile + bytes_of(32'(full_cols), b_log2);
              B_LAYOUT_NK: b_tile <= b_tile + (addr_t'(p.b_row_stride) << (6'(LogSuper) + 6'(split)));
              default: b_tile <= b_tile + (addr_t'(p.b_row_stride) << (6'(LogSuper) + 6'(split) - LogPanel));
            endcase
            if (mode.row_col) scale_tile <= scale_tile + bytes_of(32'(full_cols), 3'd5);
            else begin
              scale_tile <= scale_tile + scale_step;
              min_tile <= min_tile + scale_step;
            end
            state <= TILE;
            if (last_col_tile) begin
              rows_left <= rows_left - {24'd0, tile_rows};
              a_tile <= a_tile + ((p.a_layout == A_LAYOUT_ROWS) ? addr_t'(p.a_row_stride) << (LogRows + 1)
                                                                : bytes_of(RowTile, a_log2));
              c_rows <= c_rows + (addr_t'(p.c_row_stride) << (LogRows + 1));
              row_scale_tile <= row_scale_tile + bytes_of(RowTile, 3'd5);
              state <= ROW_TILE;
              if (last_row_tile) begin
                if (batch1 != p.batch1 - 1) begin
                  batch1 <= batch1 + 1;
                  a_batch1 <= a_batch1 + addr_t'(p.a_batch1_stride);
                  b_batch1 <= b_batch1 + `NPU_FAULT(matrix_batch_stride, addr_t'(p.b_batch1_stride), addr_t'(p.a_batch1_stride));
                  c_batch1 <= c_batch1 + addr_t'(p.c_batch1_stride);
                  scale_batch1 <= scale_batch1 + addr_t'(p.b_scale_batch1_stride);
                  min_batch1 <= min_batch1 + addr_t'(p.b_scale_batch1_stride);
                  row_scale_batch1 <= row_scale_batch1 + addr_t'(p.a_scale_batch1_stride);
                  state <= BATCH;
                end else begin
                  batch1 <= '0;
                  batch0 <= batch0 + 1;
                  a_batch0 <= a_batch0 + addr_t'(p.a_batch0_stride);
                  a_batch1 <= a_batch0 + addr_t'(p.a_batch0_stride);
                  b_batch0 <= b_batch0 + addr_t'(p.b_batch0_stride);
                  b_batch1 <= b_batch0 + addr_t'(p.b_batch0_stride);
                  c_batch0 <= c_batch0 + addr_t'(p.c_batch0_stride);
                  c_batch1 <= c_batch0 + addr_t'(p.c_batch0_stride);
                  scale_batch0 <= scale_batch0 + addr_t'(p.b_scale_batch0_stride);
                  scale_batch1 <= scale_batch0 + addr_t'(p.b_scale_batch0_stride);
                  min_batch0 <= min_batch0 + addr_t'(p.b_scale_batch0_stride);
                  min_batch1 <= min_batch0 + addr_t'(p.b_scale_batch0_stride);
                  row_scale_batch0 <= row_scale_batch0 + addr_t'(p.a_scale_batch0_stride);
                  row_scale_batch1 <= row_scale_batch0 + addr_t'(p.a_scale_batch0_stride);
                  state <= (batch0 == p.batch0 - 1) ? IDLE : BATCH;
                end
              end
            end
          end
        end

        default: state <= IDLE;
      endcase
    end
  end

endmodule
