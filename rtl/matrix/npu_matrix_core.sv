// SPDX-License-Identifier: Apache-2.0
// Works on one MATMUL packet.
//
//   walker --loads--> loader --lines--> banks --rows--> widen (dequant) --words--> array --tiles--> drain --> memory
//      `----tiles, chunks----> sequencer --reads, steps, captures--'
//
// The loader runs up to four chunks of k ahead of the array, and the drain writes one tile while the array computes
// the next.

module npu_matrix_core
  import npu_pkg::*;
  import npu_isa_pkg::*;
  import npu_matrix_pkg::*;
#(
    parameter int unsigned ArrayRows = 16,   // a multiple of 4, a power of two
    parameter int unsigned ArrayCols = 16,   // 4 to 32, a power of two
    parameter int unsigned AxiDataBits = 512,
    localparam int unsigned BeatBytes = AxiDataBits / 8,
    localparam int unsigned SlotsBits = $clog2(ArrayRows * ArrayCols + 1)
) (
    input logic clk_i,       // stands while there is no packet
    input logic free_clk_i,  // of which parts derive clocks of their own
    input logic rst_ni,

    input  logic           take_i,    // packet_i is the packet
    input  logic [2047:0]  packet_i,
    input  logic           start_i,   // there is one, from the next cycle on until done_o
    output logic           done_o,    // one cycle, after the last write response
    output logic [15:0]    done_error_o,
    output logic [63:0]    done_fault_o,
    output logic           stall_o,
    output logic           array_active_o,  // a step enters the array
    output logic [SlotsBits-1:0] array_slots_o,  // its multiply-adds that belong to a result

    output logic                   ar_valid_o,
    input  logic                   ar_ready_i,
    output addr_t                  ar_addr_o,
    output logic [7:0]             ar_len_o,
    input  logic                   r_valid_i,
    input  logic [AxiDataBits-1:0] r_data_i,
    input  logic                   r_last_i,
    input  logic                   r_err_i,

    output logic                   aw_valid_o,
    input  logic                   aw_ready_i,
    output addr_t                  aw_addr_o,
    output logic [7:0]             aw_len_o,
    output logic                   w_valid_o,
    input  logic                   w_ready_i,
    output logic [AxiDataBits-1:0] w_data_o,
    output logic [BeatBytes-1:0]   w_strb_o,
    output logic                   w_last_o,
    input  logic                   b_valid_i,
    input  logic                   b_err_i
);

  localparam int unsigned Rows = ArrayRows;
  localparam int unsigned Cols = ArrayCols;
  // A superline, one row of B in the array, has at least four blocks and one panel.
  localparam int unsigned Blocks = (PanelCols / Cols > 4) ? PanelCols / Cols : 4;
  localparam int unsigned SuperCols = Blocks * Cols;
  localparam int unsigned BPanels = SuperCols / PanelCols;
  localparam int unsigned W = Cols * 32;
  localparam int unsigned SlotBits = $clog2(2 * Blocks);
  localparam int unsigned BlockBits = $clog2(Blocks);
  localparam int unsigned RowBits = $clog2(Rows);
  localparam int unsigned InitPairBits = $clog2(2 * Rows);

  // ---- life of a packet
  mode_t mode;
  logic active, start, walking, sequencer_idle, drain_idle, loader_idle, writes_idle;
  logic [1:0] settle;
  assign start = start_i & ~active & ~done_o;

  logic read_err, write_err;
  addr_t read_err_addr, write_err_addr;
  logic all_idle, tiles_empty;
  assign all_idle = ~walking & tiles_empty & sequencer_idle & drain_idle & loader_idle & writes_idle;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active <= 1'b0;
      done_o <= 1'b0;
      done_error_o <= '0;
      done_fault_o <= '0;
      settle <= '0;
    end else begin
      done_o <= 1'b0;
      if (start) begin
        active <= 1'b1;
        settle <= '0;
      end else if (active) begin
        // Idle for four cycles: nothing is between two units.
        settle <= all_idle ? settle + 2'd1 : '0;
        if (all_idle & (settle == 2'd3)) begin
          active <= 1'b0;
          done_o <= 1'b1;
          done_error_o <= (read_err | write_err) ? ERR_BUS_ERROR : ERR_NONE;
          done_fault_o <= {16'd0, read_err ? read_err_addr : write_err ? write_err_addr : 48'd0};
        end
      end
    end
  end

  // ---- parts that work now and then have clocks of their own
  logic walker_clk, drain_clk, walker_waiting, chunk_freed, tile_freed, drain_valid;
  npu_clock_gate u_walker_gate (
      .clk_i(free_clk_i),
      .enable_i(take_i | (start_i & (start | ~walker_waiting | chunk_freed | tile_freed)) | ~rst_ni),
      .clk_o(walker_clk)
  );
  // Initial values, scales and what they are applied with: few packets have any.
  logic side_clk;
  npu_clock_gate u_side_gate (
      .clk_i(free_clk_i),
      .enable_i((start_i & (mode.group | mode.row_col | (mode.init_mode != INIT_MODE_ZERO))) | ~rst_ni),
      .clk_o(side_clk)
  );
  npu_clock_gate u_drain_gate (
      .clk_i(free_clk_i),
      .enable_i((start_i & (start | drain_valid | ~drain_idle | tile_freed | ~writes_idle | b_valid_i)) | ~rst_ni),
      .clk_o(drain_clk)
  );

  // ---- walker
  logic load_valid, load_ready, chunk_valid, chunk_filled, tile_filled;
  logic tile_valid, tile_ready, tile_here, tile_taken;
  load_t load;
  chunk_t chunk;
  tile_t tile_in, tile;

  matmul_packet_t packet;
  always_ff @(posedge walker_clk) begin
    if (take_i) packet <= matmul_packet_t'(packet_i);
  end

  npu_matrix_walker #(
      .Rows(Rows),
      .SuperCols(SuperCols)
  ) u_walker (
      .clk_i(walker_clk),
      .rst_ni,
      .start_i(start),
      .packet_i(packet),
      .mode_o(mode),
      .active_o(walking),
      .waiting_o(walker_waiting),
      .load_valid_o(load_valid),
      .load_ready_i(load_ready),
      .load_o(load),
      .chunk_valid_o(chunk_valid),
      .chunk_o(chunk),
      .tile_valid_o(tile_valid),
      .tile_ready_i(tile_ready),
      .tile_o(tile_in),
      .chunk_freed_i(chunk_freed),
      .tile_freed_i(tile_freed)
  );

  npu_fifo #(
      .Width($bits(tile_t)),
      .Depth(2)
  ) u_tiles (
      .clk_i,
      .rst_ni,
      .push_valid_i(tile_valid),
      .push_ready_o(tile_ready),
      .push_data_i(tile_in),
      .pop_valid_o(tile_here),
      .pop_ready_i(tile_taken),
      .pop_data_o(tile),
      .empty_o(tiles_empty)
  );

  // ---- loader
  logic loader_waiting;
  place_t direct;
  place_t turned;
  logic [LineBits-1:0] direct_data, turned_data;

  npu_matrix_loader #(
      .AxiDataBits(AxiDataBits),
      .BPanels(BPanels),
      .InitLineBits(InitPairBits + 1)
  ) u_loader (
      .clk_i,
      .rst_ni,
      .load_valid_i(load_valid),
      .load_ready_o(load_ready),
      .load_i(load),
      .direct_o(direct),
      .direct_data_o(direct_data),
      .turned_o(turned),
      .turned_data_o(turned_data),
      .chunk_filled_o(chunk_filled),
      .tile_filled_o(tile_filled),
      .ar_valid_o,
      .ar_ready_i,
      .ar_addr_o,
      .ar_len_o,
      .r_valid_i,
      .r_data_i,
      .r_last_i,
      .r_err_i,
      .err_valid_o(read_err),
      .err_addr_o(read_err_addr),
      .err_clear_i(start),
      .idle_o(loader_idle),
      .waiting_o(loader_waiting)
  );

  // Tile operands in their buffers, by parity of the tile.
  logic [1:0] tile_operands;
  logic drain_parity;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      tile_operands <= 2'b00;
      drain_parity <= 1'b0;
    end else if (tile_filled | tile_freed) begin
      if (tile_freed) begin
        tile_operands[drain_parity] <= 1'b0;
        drain_parity <= ~drain_parity;
      end
      if (tile_filled) tile_operands[direct.slot[0]] <= 1'b1;
    end
  end

  // ---- sequencer
  logic read_b, read_a, load_b, step_valid, step_second, read_init, read_init_parity, init_valid, swap_valid;
  logic [ChunkSlotBits-1:0] read_b_slot, read_a_slot;
  logic [6:0] read_b_row, read_a_row;
  logic [1:0] read_b_group, read_init_group;
  split_e split;
  logic [SlotBits-1:0] step_slot, init_slot, swap_slot;
  logic [Rows-1:0] step_rows, init_rows;
  logic [3:0][BlockBits-1:0] step_block;
  logic [7:0] read_init_row;
  logic [BlockBits-1:0] init_block;
  logic init_en;
  logic array_busy, drain_ready, starved;
  tile_t drain_tile;

  npu_matrix_sequencer #(
      .Rows(Rows),
      .Cols(Cols),
      .Blocks(Blocks)
  ) u_sequencer (
      .clk_i,
      .rst_ni,
      .mode_i(mode),
      .chunk_valid_i(chunk_valid),
      .chunk_i(chunk),
      .chunk_filled_i(chunk_filled),
      .chunk_freed_o(chunk_freed),
      .tile_valid_i(tile_here),
      .tile_ready_o(tile_taken),
      .tile_i(tile),
      .tile_operands_i(tile_operands),
      .read_b_o(read_b),
      .read_b_slot_o(read_b_slot),
      .read_b_row_o(read_b_row),
      .read_b_group_o(read_b_group),
      .read_a_o(read_a),
      .read_a_slot_o(read_a_slot),
      .read_a_row_o(read_a_row),
      .split_o(split),
      .load_b_o(load_b),
      .step_valid_o(step_valid),
      .step_slot_o(step_slot),
      .step_rows_o(step_rows),
      .step_second_o(step_second),
      .step_block_o(step_block),
      .step_work_o(array_slots_o),
      .read_init_o(read_init),
      .read_init_parity_o(read_init_parity),
      .read_init_row_o(read_init_row),
      .read_init_group_o(read_init_group),
      .init_valid_o(init_valid),
      .init_slot_o(init_slot),
      .init_rows_o(init_rows),
      .init_en_o(init_en),
      .init_block_o(init_block),
      .swap_valid_o(swap_valid),
      .swap_slot_o(swap_slot),
      .array_busy_i(array_busy),
      .drain_valid_o(drain_valid),
      .drain_ready_i(drain_ready),
      .drain_tile_o(drain_tile),
      .idle_o(sequencer_idle),
      .starved_o(starved)
  );

  // ---- operands
  logic [Rows*32-1:0] a_first, a_second;
  logic [BPanels*PanelCols*32-1:0] b_words;
  logic [W-1:0] init_data;
  logic scale_read, scale_parity;
  logic [1:0] scale_group;
  logic [LineBits-1:0] scale_words[2*BPanels], row_scale;
  logic [RowBits:0] row_scale_at;

  npu_matrix_operands #(
      .Rows(Rows),
      .Cols(Cols),
      .Blocks(Blocks)
  ) u_operands (
      .clk_i,
      .side_clk_i(side_clk),
      .rst_ni,
      .mode_i(mode),
      .split_i(split),
      .direct_i(direct),
      .direct_data_i(direct_data),
      .turned_i(turned),
      .turned_data_i(turned_data),
      .read_a_i(read_a),
      .read_a_slot_i(read_a_slot),
      .read_a_row_i(read_a_row),
      .a_first_o(a_first),
      .a_second_o(a_second),
      .read_b_i(read_b),
      .read_b_slot_i(read_b_slot),
      .read_b_row_i(read_b_row),
      .read_b_group_i(read_b_group),
      .load_b_i(load_b),
      .b_o(b_words),
      .read_init_i(read_init),
      .read_init_parity_i(read_init_parity),
      .read_init_row_i(read_init_row),
      .read_init_group_i(read_init_group),
      .init_en_i(init_en),
      .init_block_i(init_block),
      .init_data_o(init_data),
      .read_scale_i(scale_read),
      .scale_parity_i(scale_parity),
      .scale_group_i(scale_group),
      .scale_words_o(scale_words),
      .row_scale_at_i(row_scale_at),
      .row_scale_o(row_scale)
  );

  // ---- array
  logic [W-1:0] drain_data;
  logic drain_en;
  logic [RowBits-1:0] drain_row;
  logic [SlotBits-1:0] drain_slot;

  npu_matrix_array #(
      .Rows(Rows),
      .Cols(Cols),
      .Slots(2 * Blocks),
      .Blocks(Blocks)
  ) u_array (
      .clk_i,
      .rst_ni,
      .b_i(b_words),
      .step_valid_i(step_valid),
      .step_int_i(mode.integer_sums),
      .step_slot_i(step_slot),
      .step_rows_i(step_rows),
      .step_block_i(step_block),
      .step_second_i(step_second),
      .a_first_i(a_first),
      .a_second_i(a_second),
      .swap_valid_i(swap_valid),
      .swap_slot_i(swap_slot),
      .init_valid_i(init_valid),
      .init_slot_i(init_slot),
      .init_rows_i(init_rows),
      .init_data_i(init_data),
      .drain_en_i(drain_en),
      .drain_row_i(drain_row),
      .drain_slot_i(drain_slot),
      .drain_data_o(drain_data),
      .busy_o(array_busy)
  );

  // ---- drain
  logic seg_valid, seg_ready, line_valid, line_ready;
  addr_t seg_addr;
  logic [31:0] seg_bytes;
  logic [AxiDataBits-1:0] line_data;

  npu_matrix_drain #(
      .Rows(Rows),
      .Cols(Cols),
      .Blocks(Blocks),
      .AxiDataBits(AxiDataBits)
  ) u_drain (
      .clk_i(drain_clk),
      .rst_ni,
      .mode_i(mode),
      .row_stride_i(addr_t'(packet.c_row_stride)),
      .tile_valid_i(drain_valid),
      .tile_ready_o(drain_ready),
      .tile_i(drain_tile),
      .tile_operands_i(tile_operands),
      .tile_freed_o(tile_freed),
      .drain_en_o(drain_en),
      .drain_row_o(drain_row),
      .drain_slot_o(drain_slot),
      .drain_data_i(drain_data),
      .read_scale_o(scale_read),
      .read_parity_o(scale_parity),
      .read_group_o(scale_group),
      .scale_words_i(scale_words),
      .row_scale_at_o(row_scale_at),
      .row_scale_i(row_scale),
      .seg_valid_o(seg_valid),
      .seg_ready_i(seg_ready),
      .seg_addr_o(seg_addr),
      .seg_bytes_o(seg_bytes),
      .line_valid_o(line_valid),
      .line_ready_i(line_ready),
      .line_data_o(line_data),
      .idle_o(drain_idle)
  );

  npu_wr_stream #(
      .DataBits(AxiDataBits)
  ) u_writes (
      .clk_i(drain_clk),
      .rst_ni,
      .seg_valid_i(seg_valid),
      .seg_ready_o(seg_ready),
      .seg_addr_i(seg_addr),
      .seg_bytes_i(seg_bytes),
      .line_valid_i(line_valid),
      .line_ready_o(line_ready),
      .line_data_i(line_data),
      .aw_valid_o,
      .aw_ready_i,
      .aw_addr_o,
      .aw_len_o,
      .w_valid_o,
      .w_ready_i,
      .w_data_o,
      .w_strb_o,
      .w_last_o,
      .b_valid_i,
      .b_err_i,
      .err_valid_o(write_err),
      .err_addr_o(write_err_addr),
      .err_clear_i(start),
      .idle_o(writes_idle)
  );

  assign stall_o = active & starved & loader_waiting;
  assign array_active_o = step_valid;

endmodule
