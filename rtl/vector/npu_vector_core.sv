// SPDX-License-Identifier: Apache-2.0
// Vector engine without its clock gate and packet register: runs one VECTOR or LOAD_UCODE packet after another.
//
// A VECTOR packet's micro-program is checked (npu_vector_check), then walked over rows, phases and chunks
// (npu_vector_walk); loads, operations and stores go to queues, whose other ends are the load unit, the lanes (through
// npu_vector_issue) and the store unit. These run at their own pace, so memory and arithmetic overlap.

module npu_vector_core
  import npu_vector_pkg::*;
#(
  parameter int unsigned VectorLanes  = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned UcodeWords   = 4096,
  parameter int unsigned AxiDataBits  = 512
) (
  input  logic clk_i,
  input  logic rst_ni,
  // A packet, stable from start_i, which stays until done_o, to the end.
  input  logic start_i,
  input  logic [2047:0] packet_i,
  input  logic [15:0] check_error_i,
  input  logic [63:0] check_fault_i,
  output logic done_o,  // one cycle
  output logic [15:0] done_error_o,
  output logic [63:0] done_fault_o,
  output logic stall_o,
  output logic [31:0] loaded_words_o,
  output logic [1:0] tables_loaded_o,
  // Read client
  output logic ar_valid_o,
  input  logic ar_ready_i,
  output npu_pkg::addr_t ar_addr_o,
  output logic [7:0] ar_len_o,
  input  logic r_valid_i,
  input  logic [AxiDataBits-1:0] r_data_i,
  input  logic r_last_i,
  input  logic r_err_i,
  // Write client
  output logic aw_valid_o,
  input  logic aw_ready_i,
  output npu_pkg::addr_t aw_addr_o,
  output logic [7:0] aw_len_o,
  output logic w_valid_o,
  input  logic w_ready_i,
  output logic [AxiDataBits-1:0] w_data_o,
  output logic [AxiDataBits/8-1:0] w_strb_o,
  output logic w_last_o,
  input  logic b_valid_i,
  input  logic b_err_i
);
  import npu_isa_pkg::*;

  localparam int unsigned OpDepth = 32;

  typedef enum logic [2:0] {
    STATE_IDLE,
    STATE_CHECK,
    STATE_RUN,
    STATE_LOAD_UCODE,
    STATE_DONE
  } state_e;

  state_e state_q;
  vector_packet_t vector;
  load_ucode_packet_t load_ucode;
  logic [15:0] error_q;
  logic [63:0] fault_q;
  logic start, check_start_q, walk_start_q, load_start_q;
  logic begins;  // first cycle of a packet

  assign vector = packet_i;
  assign load_ucode = packet_i;
  assign start = start_i && state_q == STATE_IDLE;
  assign begins = check_start_q || load_start_q;

  // ---- micro-program memory

  logic check_read, walk_read, ucode_done, ucode_seg_valid, ucode_line_ready;
  logic [16:0] check_addr, walk_addr;
  logic [63:0] word;
  npu_pkg::addr_t ucode_seg_addr;
  logic [31:0] ucode_seg_bytes;
  logic table_write, table_number;
  logic [7:0] table_addr;
  logic [31:0] table_data;
  logic seg_valid, seg_ready, line_valid, line_ready, loading_ucode;
  npu_pkg::addr_t seg_addr;
  logic [31:0] seg_bytes;
  logic [AxiDataBits-1:0] line_data;

  npu_vector_ucode #(.UcodeWords(UcodeWords), .AxiDataBits(AxiDataBits)) u_ucode (
    .clk_i, .rst_ni,
    .loaded_words_o, .tables_loaded_o,
    .read_i(check_read || walk_read), .read_addr_i(check_read ? check_addr : walk_addr), .word_o(word),
    .start_i(load_start_q), .packet_i(load_ucode), .done_o(ucode_done),
    .seg_valid_o(ucode_seg_valid), .seg_ready_i(seg_ready && loading_ucode), .seg_addr_o(ucode_seg_addr),
    .seg_bytes_o(ucode_seg_bytes),
    .line_valid_i(line_valid && loading_ucode), .line_ready_o(ucode_line_ready), .line_data_i(line_data),
    .table_write_o(table_write), .table_number_o(table_number), .table_addr_o(table_addr),
    .table_data_o(table_data)
  );

  logic check_done, check_bad;
  logic [16:0] check_bad_word;
  npu_vector_check u_check (
    .clk_i, .rst_ni,
    .forget_i(load_start_q), .loaded_words_i(loaded_words_o[16:0]), .tables_loaded_i(tables_loaded_o),
    .start_i(check_start_q), .packet_i(vector),
    .done_o(check_done), .bad_o(check_bad), .bad_word_o(check_bad_word),
    .read_o(check_read), .read_addr_o(check_addr), .word_i(word)
  );

  // ---- walk and queues

  logic walk_active, op_push, op_push_ready, load_push, load_full, store_push, store_full;
  op_t walk_op, op;
  request_t load_request, store_request;
  logic op_valid, op_pop, ops_empty;

  npu_vector_walk #(.VectorLength(VectorLength)) u_walk (
    .clk_i, .rst_ni,
    .start_i(walk_start_q), .packet_i(vector), .active_o(walk_active),
    .read_o(walk_read), .read_addr_o(walk_addr), .word_i(word),
    .op_push_o(op_push), .op_o(walk_op), .op_full_i(!op_push_ready),
    .load_push_o(load_push), .load_o(load_request), .load_full_i(load_full),
    .store_push_o(store_push), .store_o(store_request), .store_full_i(store_full)
  );

  npu_fifo #(.Width($bits(op_t)), .Depth(OpDepth)) u_ops (
    .clk_i, .rst_ni,
    .push_valid_i(op_push), .push_ready_o(op_push_ready), .push_data_i(walk_op),
    .pop_valid_o(op_valid), .pop_ready_i(op_pop), .pop_data_o(op), .empty_o(ops_empty)
  );

  // ---- loads

  logic load_idle, read_idle;
  logic load_seg_valid, load_line_ready, load_beat_valid, load_beat_ready;
  npu_pkg::addr_t load_seg_addr;
  logic [31:0] load_seg_bytes;
  logic [VectorLanes*32-1:0] load_beat;

  npu_vector_load #(
    .VectorLanes(VectorLanes), .VectorLength(VectorLength), .AxiDataBits(AxiDataBits)
  ) u_load (
    .clk_i, .rst_ni,
    .request_push_i(load_push), .request_i(load_request), .request_full_o(load_full),
    .seg_valid_o(load_seg_valid), .seg_ready_i(seg_ready && !loading_ucode), .seg_addr_o(load_seg_addr),
    .seg_bytes_o(load_seg_bytes),
    .line_valid_i(line_valid && !loading_ucode), .line_ready_o(load_line_ready), .line_data_i(line_data),
    .beat_valid_o(load_beat_valid), .beat_ready_i(load_beat_ready), .beat_o(load_beat), .idle_o(load_idle)
  );

  assign loading_ucode = state_q == STATE_LOAD_UCODE;
  assign seg_valid = loading_ucode ? ucode_seg_valid : load_seg_valid;
  assign seg_addr = loading_ucode ? ucode_seg_addr : load_seg_addr;
  assign seg_bytes = loading_ucode ? ucode_seg_bytes : load_seg_bytes;
  assign line_ready = loading_ucode ? ucode_line_ready : load_line_ready;

  logic read_error;
  npu_pkg::addr_t read_error_addr;
  logic [$clog2(AxiDataBits/8):0] unused_line_bytes;
  logic unused_line_last;
  npu_rd_stream #(.DataBits(AxiDataBits)) u_read (
    .clk_i, .rst_ni,
    .seg_valid_i(seg_valid), .seg_ready_o(seg_ready), .seg_addr_i(seg_addr), .seg_bytes_i(seg_bytes),
    .line_valid_o(line_valid), .line_ready_i(line_ready), .line_data_o(line_data),
    .line_bytes_o(unused_line_bytes), .line_last_o(unused_line_last),
    .ar_valid_o, .ar_ready_i, .ar_addr_o, .ar_len_o, .r_valid_i, .r_data_i, .r_last_i, .r_err_i,
    .err_valid_o(read_error), .err_addr_o(read_error_addr), .err_clear_i(begins), .idle_o(read_idle)
  );

  // ---- lanes

  logic go, store_room, store_reserve, store_beat_valid, issue_stall, issue_idle, lanes_idle;
  beat_t beat;
  exec_t exec;
  logic [VectorLanes*32-1:0] store_beat;

  npu_vector_issue #(.VectorLanes(VectorLanes)) u_issue (
    .clk_i, .rst_ni,
    .op_valid_i(op_valid), .op_ready_o(op_pop), .op_i(op),
    .load_valid_i(load_beat_valid), .load_ready_o(load_beat_ready),
    .store_room_i(store_room), .store_reserve_o(store_reserve),
    .go_o(go), .beat_o(beat), .exec_o(exec), .stall_o(issue_stall), .idle_o(issue_idle)
  );

  npu_vector_lanes #(.VectorLanes(VectorLanes), .VectorLength(VectorLength)) u_lanes (
    .clk_i, .rst_ni,
    .go_i(go), .beat_i(beat), .exec_i(exec),
    .params_i({vector.param3, vector.param2, vector.param1, vector.param0}),
    .load_i(load_beat), .store_valid_o(store_beat_valid), .store_o(store_beat),
    .table_write_i(table_write), .table_number_i(table_number), .table_addr_i(table_addr),
    .table_data_i(table_data), .idle_o(lanes_idle)
  );

  // ---- stores

  logic write_seg_valid, write_seg_ready, write_line_valid, write_line_ready, store_idle, write_idle;
  npu_pkg::addr_t write_seg_addr, write_error_addr;
  logic [31:0] write_seg_bytes;
  logic [AxiDataBits-1:0] write_line;
  logic write_error;

  npu_vector_store #(
    .VectorLanes(VectorLanes), .VectorLength(VectorLength), .AxiDataBits(AxiDataBits)
  ) u_store (
    .clk_i, .rst_ni,
    .request_push_i(store_push), .request_i(store_request), .request_full_o(store_full),
    .room_o(store_room), .reserve_i(store_reserve), .beat_push_i(store_beat_valid), .beat_i(store_beat),
    .seg_valid_o(write_seg_valid), .seg_ready_i(write_seg_ready), .seg_addr_o(write_seg_addr),
    .seg_bytes_o(write_seg_bytes),
    .line_valid_o(write_line_valid), .line_ready_i(write_line_ready), .line_data_o(write_line),
    .idle_o(store_idle)
  );

  npu_wr_stream #(.DataBits(AxiDataBits)) u_write (
    .clk_i, .rst_ni,
    .seg_valid_i(write_seg_valid), .seg_ready_o(write_seg_ready), .seg_addr_i(write_seg_addr),
    .seg_bytes_i(write_seg_bytes),
    .line_valid_i(write_line_valid), .line_ready_o(write_line_ready), .line_data_i(write_line),
    .aw_valid_o, .aw_ready_i, .aw_addr_o, .aw_len_o, .w_valid_o, .w_ready_i, .w_data_o, .w_strb_o, .w_last_o,
    .b_valid_i, .b_err_i,
    .err_valid_o(write_error), .err_addr_o(write_error_addr), .err_clear_i(begins), .idle_o(write_idle)
  );

  // ---- packets

  logic drained;  // nothing of the packet is left anywhere
  assign drained = !walk_start_q && !walk_active && ops_empty && issue_idle && lanes_idle && load_idle &&
                   store_idle && read_idle && write_idle;
  // The lanes wait for memory, or only memory is left to wait for.
  assign stall_o = (state_q == STATE_RUN && (issue_stall || (!walk_active && ops_empty && issue_idle))) ||
                   (loading_ucode && !line_valid && ucode_line_ready);

  assign done_o = state_q == STATE_DONE;
  assign done_error_o = error_q;
  assign done_fault_o = fault_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= STATE_IDLE;
      check_start_q <= 1'b0;
      walk_start_q <= 1'b0;
      load_start_q <= 1'b0;
    end else begin
      check_start_q <= 1'b0;
      walk_start_q <= 1'b0;
      load_start_q <= 1'b0;
      unique case (state_q)
        STATE_IDLE:
        if (start) begin
          error_q <= check_error_i;
          fault_q <= check_fault_i;
          if (packet_i[7:0] == OP_VECTOR) begin
            // The check of the program comes before that of the extents.
            check_start_q <= 1'b1;
            state_q <= STATE_CHECK;
          end else if (check_error_i != ERR_NONE) begin
            state_q <= STATE_DONE;
          end else begin
            load_start_q <= 1'b1;
            state_q <= STATE_LOAD_UCODE;
          end
        end
        STATE_CHECK:
        if (check_done) begin
          if (check_bad) begin
            error_q <= ERR_BAD_UCODE;
            fault_q <= 64'(check_bad_word);
            state_q <= STATE_DONE;
          end else if (error_q != ERR_NONE) begin
            state_q <= STATE_DONE;
          end else begin
            walk_start_q <= 1'b1;
            state_q <= STATE_RUN;
          end
        end
        STATE_RUN, STATE_LOAD_UCODE:
        if (state_q == STATE_RUN ? drained : ucode_done) begin
          if (read_error || write_error) begin
            error_q <= ERR_BUS_ERROR;
            fault_q <= read_error ? 64'(read_error_addr) : 64'(write_error_addr);
          end
          state_q <= STATE_DONE;
        end
        default: state_q <= STATE_IDLE;  // STATE_DONE
      endcase
    end
  end

endmodule
