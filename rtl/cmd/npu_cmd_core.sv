// SPDX-License-Identifier: Apache-2.0
// The parts of the command processor and what joins them. busy_o tells whether a further clock edge changes anything while
// the inputs stay as they are.

module npu_cmd_core
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned ArrayRows = 16,
  parameter int unsigned ArrayCols = 16,
  parameter int unsigned VectorLanes = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned UcodeWords = 4096,
  parameter int unsigned AxiDataBits = 512,
  parameter logic [127:0] ConfigName = 128'h65676465,  // first character in the low byte
  localparam int unsigned BeatBytes = AxiDataBits / 8
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic [RegAddrWidth-1:0]     s_axil_awaddr,
  input  logic                        s_axil_awvalid,
  output logic                        s_axil_awready,
  input  logic [31:0]                 s_axil_wdata,
  input  logic [3:0]                  s_axil_wstrb,
  input  logic                        s_axil_wvalid,
  output logic                        s_axil_wready,
  output logic [1:0]                  s_axil_bresp,
  output logic                        s_axil_bvalid,
  input  logic                        s_axil_bready,
  input  logic [RegAddrWidth-1:0]     s_axil_araddr,
  input  logic                        s_axil_arvalid,
  output logic                        s_axil_arready,
  output logic [31:0]                 s_axil_rdata,
  output logic [1:0]                  s_axil_rresp,
  output logic                        s_axil_rvalid,
  input  logic                        s_axil_rready,

  output logic                        irq_o,

  // Memory unit: clients RdCmd and WrCmd.
  output logic                        ar_valid_o,
  input  logic                        ar_ready_i,
  output addr_t                       ar_addr_o,
  output logic [7:0]                  ar_len_o,
  input  logic                        r_valid_i,
  input  logic [AxiDataBits-1:0]      r_data_i,
  input  logic                        r_last_i,
  input  logic                        r_err_i,
  output logic                        aw_valid_o,
  input  logic                        aw_ready_i,
  output addr_t                       aw_addr_o,
  output logic [7:0]                  aw_len_o,
  output logic                        w_valid_o,
  input  logic                        w_ready_i,
  output logic [AxiDataBits-1:0]      w_data_o,
  output logic [BeatBytes-1:0]        w_strb_o,
  output logic                        w_last_o,
  input  logic                        b_valid_i,
  input  logic                        b_err_i,

  output logic                        quiesce_o,
  input  logic                        quiet_i,
  output logic                        counter_clear_o,
  output logic [NumWriters-1:0]       checksum_clear_o,
  input  logic [NumWriters-1:0][63:0] checksum_i,

  // Engines by number: matrix, vector, DMA.
  output logic                        engine_rst_no,
  output logic [NumEngines-1:0]       start_valid_o,
  input  logic [NumEngines-1:0]       start_ready_i,
  output logic [PacketBits-1:0]       packet_o,          // of all engines
  output logic [15:0]                 check_error_o,     // vector engine: see docs/design/rtl.md
  output logic [63:0]                 check_fault_o,
  input  logic [NumEngines-1:0]       done_valid_i,
  input  logic [NumEngines-1:0][15:0] done_error_i,
  input  logic [NumEngines-1:0][63:0] done_fault_i,
  input  logic [31:0]                 loaded_words_i,    // micro-program words loaded since reset

  output logic                        busy_o,

  // Counters.
  input  logic [63:0]                 cycle_i,
  output logic                        commit_o,
  output logic                        fetch_wait_o,
  output logic                        issue_wait_o,
  output logic                        record_wait_o,
  output logic                        counter_read_o,
  output logic [RegAddrWidth-1:0]     counter_addr_o,
  input  logic [31:0]                 counter_data_i     // the cycle after counter_read_o
);

  localparam int unsigned RegionBits = $clog2(MaxRegions);
  localparam int unsigned RegionLog2 = $clog2(RegRegionStride);

  // Everything but the register port and the control state is reset by COMMAND.RESET too.
  logic part_rst_n;
  assign engine_rst_no = part_rst_n;
  assign counter_clear_o = !part_rst_n;

  // --- Registers ------------------------------------------------------------------------------------

  logic axil_busy, control_busy, fetch_busy, check_busy, issue_busy, retire_busy;
  logic reg_block, reg_hold, reg_write, reg_read;
  logic [RegAddrWidth-1:0] reg_write_addr, reg_read_addr;
  logic [31:0] reg_write_data, reg_read_data;
  logic [3:0] reg_write_strb;

  npu_cmd_axil u_axil (
    .clk_i, .rst_ni, .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid,
    .s_axil_wready, .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready,
    .s_axil_rdata, .s_axil_rresp, .s_axil_rvalid, .s_axil_rready, .busy_o(axil_busy), .block_i(reg_block), .hold_i(reg_hold),
    .write_o(reg_write), .write_addr_o(reg_write_addr), .write_data_o(reg_write_data), .write_strb_o(reg_write_strb),
    .read_o(reg_read), .read_addr_o(reg_read_addr), .read_data_i(reg_read_data)
  );

  logic enable, halt_on_error, single_step, break_enable, reset, resume;
  logic [63:0] break_seq, ring_base_reg, cpl_base_reg;
  logic [31:0] ring_entries_reg, cpl_entries_reg, ring_tail, cpl_head;
  logic bad_doorbell, rings_open;
  logic [31:0] bad_tail;
  logic [31:0] ring_head, cpl_tail, ring_entries, cpl_entries;
  addr_t ring_base, cpl_base;
  device_state_e state;
  logic [NumEngines-1:0] pending;
  logic [2:0] irq_set;
  logic capture;
  error_e capture_error;
  logic [63:0] capture_seq, capture_addr;
  logic [31:0] regs_data, regions_data;

  npu_cmd_regs #(
    .ArrayRows(ArrayRows), .ArrayCols(ArrayCols), .VectorLanes(VectorLanes), .VectorLength(VectorLength),
    .UcodeWords(UcodeWords), .AxiDataBits(AxiDataBits), .ConfigName(ConfigName)
  ) u_regs (
    .clk_i, .rst_ni(part_rst_n), .write_i(reg_write), .write_addr_i(reg_write_addr), .write_data_i(reg_write_data),
    .write_strb_i(reg_write_strb), .read_i(reg_read), .read_addr_i(reg_read_addr), .read_data_o(regs_data), .irq_o,
    .enable_o(enable), .halt_on_error_o(halt_on_error), .single_step_o(single_step), .break_enable_o(break_enable),
    .break_seq_o(break_seq), .reset_o(reset), .resume_o(resume), .ring_base_o(ring_base_reg),
    .ring_entries_o(ring_entries_reg), .ring_tail_o(ring_tail), .cpl_base_o(cpl_base_reg),
    .cpl_entries_o(cpl_entries_reg), .cpl_head_o(cpl_head), .bad_doorbell_o(bad_doorbell), .bad_tail_o(bad_tail),
    .rings_open_i(rings_open), .ring_head_i(ring_head), .open_entries_i(ring_entries), .cpl_tail_i(cpl_tail),
    .state_i(state), .busy_i(pending), .irq_set_i(irq_set), .capture_i(capture), .capture_error_i(capture_error),
    .capture_seq_i(capture_seq), .capture_addr_i(capture_addr)
  );

  function automatic logic in_regions(input logic [RegAddrWidth-1:0] addr);
    return addr >= RegRegionBase && addr < RegRegionBase + RegRegionStride * RegAddrWidth'(NumRegion);
  endfunction

  logic clear, look, region_write, region_read, read_region_q;
  logic [RegionBits-1:0] clear_index, look_index;
  logic [RegAddrWidth-1:0] region_write_addr, region_read_addr;
  region_t look_region;
  assign region_write = reg_write && !enable && in_regions(reg_write_addr);
  assign region_read = reg_read && in_regions(reg_read_addr);
  assign region_write_addr = reg_write_addr - RegRegionBase;
  assign region_read_addr = reg_read_addr - RegRegionBase;

  npu_cmd_regions u_regions (
    .clk_i, .clear_i(clear), .write_i(region_write),
    .write_index_i(clear ? clear_index : region_write_addr[RegionLog2 +: RegionBits]),
    .write_offset_i(region_write_addr & (RegRegionStride - 1'b1)), .data_i(reg_write_data), .strb_i(reg_write_strb),
    .read_i(region_read), .read_index_i(region_read_addr[RegionLog2 +: RegionBits]),
    .read_offset_i(region_read_addr & (RegRegionStride - 1'b1)), .data_o(regions_data), .look_i(look),
    .look_index_i(look_index), .look_region_o(look_region)
  );

  always_ff @(posedge clk_i) begin
    if (reg_read) read_region_q <= in_regions(reg_read_addr);
  end

  // No offset is a register in two places.
  assign reg_read_data = read_region_q ? regions_data : regs_data | counter_data_i;

  // --- State ----------------------------------------------------------------------------------------

  logic flush, allow, at_break, resume_break, irq_halt, ring_error;
  logic [63:0] ring_error_addr;
  logic issue_empty, retire_empty, failed, fetch_error, record_error;
  logic ring_check, ring_start, ring_valid, ring_busy, ring_bad;
  hull_t ring_hull;

  npu_cmd_control u_control (
    .clk_i, .rst_ni, .quiesce_o, .quiet_i, .engine_rst_no(part_rst_n), .clear_o(clear), .clear_index_o(clear_index),
    .busy_o(control_busy), .block_o(reg_block), .hold_o(reg_hold), .enable_i(enable), .halt_on_error_i(halt_on_error),
    .single_step_i(single_step), .reset_i(reset), .resume_i(resume), .ring_base_i(ring_base_reg),
    .ring_entries_i(ring_entries_reg), .ring_tail_i(ring_tail), .ring_head_i(ring_head), .cpl_base_i(cpl_base_reg),
    .cpl_entries_i(cpl_entries_reg), .cpl_tail_i(cpl_tail), .bad_doorbell_i(bad_doorbell), .bad_tail_i(bad_tail),
    .state_o(state), .resume_break_o(resume_break), .irq_halt_o(irq_halt), .ring_error_o(ring_error),
    .ring_error_addr_o(ring_error_addr), .rings_open_o(rings_open), .ring_base_o(ring_base),
    .ring_entries_o(ring_entries), .cpl_base_o(cpl_base), .cpl_entries_o(cpl_entries), .flush_o(flush),
    .allow_o(allow), .break_i(at_break), .issue_empty_i(issue_empty), .retired_i(retire_empty), .failed_i(failed),
    .commit_i(commit_o), .fetch_error_i(fetch_error), .record_error_i(record_error), .ring_check_o(ring_check),
    .ring_start_o(ring_start), .ring_valid_o(ring_valid), .ring_hull_o(ring_hull), .ring_busy_i(ring_busy),
    .ring_bad_i(ring_bad)
  );

  // --- Packets --------------------------------------------------------------------------------------

  logic fetched, fetch_read, poll, poll_done, poll_error;
  logic [AxiDataBits-1:0] fetch_beat;
  logic [AddrBits-1:2] poll_addr;
  logic [31:0] poll_word;

  npu_cmd_fetch #(.AxiDataBits(AxiDataBits)) u_fetch (
    .clk_i, .rst_ni(part_rst_n), .flush_i(flush), .ring_base_i(ring_base), .ring_mask_i(16'(ring_entries - 32'd1)),
    .ring_head_i(ring_head), .ring_tail_i(ring_tail), .busy_o(fetch_busy), .bus_error_o(fetch_error), .packet_valid_o(fetched),
    .read_i(fetch_read), .beat_o(fetch_beat), .poll_i(poll), .poll_addr_i(poll_addr), .poll_done_o(poll_done),
    .poll_word_o(poll_word), .poll_error_o(poll_error), .ar_valid_o, .ar_ready_i, .ar_addr_o, .ar_len_o, .r_valid_i,
    .r_data_i, .r_last_i, .r_err_i
  );

  logic checked, take;
  logic [PacketBits-1:0] checked_packet;
  engine_e checked_engine;
  verdict_t verdict, late_verdict;

  npu_cmd_check #(.AxiDataBits(AxiDataBits), .UcodeWords(UcodeWords)) u_check (
    .clk_i, .rst_ni(part_rst_n), .flush_i(flush), .packet_valid_i(fetched), .read_o(fetch_read), .beat_i(fetch_beat),
    .ucode_settled_i(issue_empty && !pending[2'(ENGINE_VECTOR)]), .loaded_words_i, .valid_o(checked), .take_i(take),
    .packet_o(checked_packet), .engine_o(checked_engine), .verdict_o(verdict), .late_verdict_o(late_verdict),
    .ring_open_i(ring_check), .ring_start_i(ring_start), .ring_valid_i(ring_valid), .ring_hull_i(ring_hull),
    .ring_busy_o(ring_busy), .ring_bad_o(ring_bad), .busy_o(check_busy), .look_o(look), .look_index_o(look_index),
    .look_region_i(look_region)
  );

  logic push, entries_full;
  issued_t issued;
  tag_t push_tag, issue_tag;
  logic [NumEngines-1:0] started;
  logic control_done;
  verdict_t control_verdict;
  logic [63:0] control_checksum;
  logic word_valid, word_wide, word_open, write_ready;
  addr_t word_addr;
  logic [63:0] word;

  npu_cmd_issue u_issue (
    .clk_i, .rst_ni(part_rst_n), .flush_i(flush), .allow_i(allow), .cycle_i, .valid_i(checked), .take_o(take),
    .packet_i(checked_packet), .engine_i(checked_engine), .verdict_i(verdict), .late_verdict_i(late_verdict),
    .empty_o(issue_empty), .busy_o(issue_busy), .cpl_head_i(cpl_head), .cpl_entries_i(cpl_entries), .single_step_i(single_step),
    .break_enable_i(break_enable), .break_seq_i(break_seq), .resume_break_i(resume_break), .resume_i(resume),
    .break_o(at_break), .ring_head_o(ring_head), .issue_wait_o, .record_wait_o,
    .push_o(push), .issued_o(issued), .tag_i(push_tag), .full_i(entries_full), .retired_i(retire_empty),
    .pending_i(pending), .started_o(started), .tag_o(issue_tag), .done_o(control_done),
    .done_verdict_o(control_verdict), .done_checksum_o(control_checksum), .start_valid_o, .start_ready_i, .packet_o,
    .check_error_o, .check_fault_o, .checksum_clear_o, .word_valid_o(word_valid), .word_ready_i(write_ready),
    .word_addr_o(word_addr), .word_wide_o(word_wide), .word_o(word), .word_open_o(word_open), .b_valid_i, .b_err_i,
    .checksum_i(checksum_i[WrCmd]), .poll_o(poll), .poll_addr_o(poll_addr), .poll_done_i(poll_done),
    .poll_word_i(poll_word), .poll_error_i(poll_error)
  );

  verdict_t commit_verdict;
  logic [63:0] commit_seq;
  logic commit_irq;
  logic record_valid;
  addr_t record_addr;
  logic [RecordBits-1:0] record;

  npu_cmd_retire u_retire (
    .clk_i, .rst_ni(part_rst_n), .cycle_i, .ring_base_i(cpl_base), .ring_mask_i(16'(cpl_entries - 32'd1)),
    .push_i(push), .issued_i(issued), .tag_o(push_tag), .full_o(entries_full), .empty_o(retire_empty), .busy_o(retire_busy),
    .start_i(started), .start_tag_i(issue_tag), .pending_o(pending), .control_done_i(control_done),
    .control_tag_i(issue_tag), .control_verdict_i(control_verdict), .control_checksum_i(control_checksum),
    .done_valid_i, .done_error_i, .done_fault_i,
    .done_checksum_i({checksum_i[WrDma], checksum_i[WrVector], checksum_i[WrMatrix]}), .failed_o(failed),
    .commit_o, .commit_verdict_o(commit_verdict), .commit_seq_o(commit_seq), .commit_irq_o(commit_irq),
    .cpl_tail_o(cpl_tail), .bus_error_o(record_error), .record_valid_o(record_valid), .record_ready_i(write_ready),
    .record_addr_o(record_addr), .record_o(record), .b_valid_i(b_valid_i && !word_open), .b_err_i
  );

  npu_cmd_write #(.AxiDataBits(AxiDataBits)) u_write (
    .clk_i, .rst_ni(part_rst_n), .ready_o(write_ready), .record_valid_i(record_valid), .record_addr_i(record_addr),
    .record_i(record), .word_valid_i(word_valid), .word_addr_i(word_addr), .word_wide_i(word_wide), .word_i(word),
    .aw_valid_o, .aw_ready_i, .aw_addr_o, .aw_len_o, .w_valid_o, .w_ready_i, .w_data_o, .w_strb_o, .w_last_o
  );

  // --- Interrupt, captured error, activity --------------------------------------------------------------

  logic commit_failed;
  assign commit_failed = commit_o && commit_verdict.error != ERR_NONE;
  assign irq_set[IrqStatusCompletionBit] = commit_o && commit_irq;
  assign irq_set[IrqStatusErrorBit] = commit_failed || ring_error;
  assign irq_set[IrqStatusHaltBit] = irq_halt || ring_error;
  assign capture = commit_failed || ring_error;
  assign capture_error = commit_failed ? commit_verdict.error : ERR_BAD_RING;
  assign capture_seq = commit_failed ? commit_seq : '0;
  assign capture_addr = commit_failed ? commit_verdict.fault : ring_error_addr;

  assign counter_read_o = reg_read;
  assign counter_addr_o = reg_read_addr;
  assign fetch_wait_o = !flush && issue_empty && ring_tail != ring_head && pending == '0;

  always_ff @(posedge clk_i) begin
    busy_o <= !rst_ni || axil_busy || control_busy || fetch_busy || check_busy || issue_busy || retire_busy || !write_ready;
  end

endmodule
