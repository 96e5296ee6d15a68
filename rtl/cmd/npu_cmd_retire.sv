// SPDX-License-Identifier: Apache-2.0
// Retires packets in the order in which they were issued: collects how they ended, writes the completion records, and counts
// a record once memory has it. Several records may be on their way.

`include "npu_fault.svh"

module npu_cmd_retire
  import npu_isa_pkg::*;
  import npu_pkg::*;
  import npu_cmd_pkg::*;
(
  input  logic                              clk_i,
  input  logic                              rst_ni,

  input  logic [63:0]                       cycle_i,
  input  addr_t                             ring_base_i,
  input  logic [15:0]                       ring_mask_i,     // entries - 1

  // Issue.
  input  logic                              push_i,          // not while full_o
  input  issued_t                           issued_i,
  output tag_t                              tag_o,           // of the packet that is pushed now
  output logic                              full_o,
  output logic                              empty_o,         // every packet has completed
  output logic                              busy_o,          // more than waiting for an input
  input  logic [NumEngines-1:0]             start_i,         // the packet of start_tag_i went to the engine
  input  tag_t                              start_tag_i,
  output logic [NumEngines-1:0]             pending_o,       // the engine has a packet

  // Packets that ended: those that no engine executes, and those of engines.
  input  logic                              control_done_i,
  input  tag_t                              control_tag_i,
  input  verdict_t                          control_verdict_i,
  input  logic [63:0]                       control_checksum_i,
  input  logic [NumEngines-1:0]             done_valid_i,
  input  logic [NumEngines-1:0][15:0]       done_error_i,
  input  logic [NumEngines-1:0][63:0]       done_fault_i,
  input  logic [NumEngines-1:0][63:0]       done_checksum_i,
  output logic                              failed_o,        // one cycle: a packet ended with an error

  // A record counts: one cycle.
  output logic                              commit_o,
  output verdict_t                          commit_verdict_o,
  output logic [63:0]                       commit_seq_o,
  output logic                              commit_irq_o,
  output logic [31:0]                       cpl_tail_o,
  output logic                              bus_error_o,     // one cycle: a record could not be written

  output logic                              record_valid_o,
  input  logic                              record_ready_i,
  output addr_t                             record_addr_o,
  output logic [RecordBits-1:0]             record_o,
  input  logic                              b_valid_i,       // of a record
  input  logic                              b_err_i
);

  typedef logic [TagBits:0] count_t;
  typedef enum logic [1:0] {SendIdle, SendRead, SendBuild, SendWrite} send_state_e;
  typedef enum logic [1:0] {CommitIdle, CommitRead, CommitApply} commit_state_e;

  issued_t issued [InFlight];
  logic [63:0] start_cycle [InFlight];
  outcome_t outcome [InFlight];
  logic [InFlight-1:0] done_q;
  count_t pushed_q, sent_q, committed_q, answered_q;  // packets, modulo twice the entries

  assign tag_o = pushed_q[TagBits-1:0];
  assign full_o = pushed_q[TagBits-1:0] == committed_q[TagBits-1:0] && pushed_q[TagBits] != committed_q[TagBits];
  assign empty_o = pushed_q == committed_q;

  // --- How packets ended: engines are captured at once and wait for the one write port ------------

  tag_t tag_q [NumEngines];
  outcome_t captured_q [NumEngines];
  logic [NumEngines-1:0] captured_valid_q;

  always_ff @(posedge clk_i) begin
    for (int unsigned e = 0; e < NumEngines; e++) begin
      if (start_i[e]) tag_q[e] <= start_tag_i;
      if (done_valid_i[e]) begin
        captured_q[e].verdict.error <= error_e'(done_error_i[e]);
        captured_q[e].verdict.fault <= done_fault_i[e];
        captured_q[e].checksum <= `NPU_FAULT_SEQ(cmd_checksum_engine, issued[tag_q[e]].seq, done_checksum_i[e], done_checksum_i[e == 2 ? 1 : e]);
        captured_q[e].end_cycle <= cycle_i;
      end
    end
  end

  logic store;
  logic [NumEngines-1:0] stored;  // engine whose capture is stored
  tag_t store_tag;
  logic store_failed;

  always_comb begin
    stored = '0;
    store = control_done_i;
    store_tag = control_tag_i;
    store_failed = control_verdict_i.error != ERR_NONE;
    for (int unsigned e = 0; e < NumEngines; e++) begin
      if (!store && captured_valid_q[e]) begin
        store = 1'b1;
        stored[e] = 1'b1;
        store_tag = tag_q[e];
        store_failed = captured_q[e].verdict.error != ERR_NONE;
      end
    end
  end

  always_ff @(posedge clk_i) begin : keep
    outcome_t ended;
    if (store) begin
      ended = '{verdict: control_verdict_i, checksum: control_checksum_i, end_cycle: cycle_i};
      for (int unsigned e = 0; e < NumEngines; e++) if (stored[e]) ended = captured_q[e];
      outcome[store_tag] <= ended;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      captured_valid_q <= '0;
      pending_o <= '0;
      failed_o <= 1'b0;
      done_q <= '0;
    end else begin
      failed_o <= store && store_failed;
      captured_valid_q <= (captured_valid_q & ~stored) | done_valid_i;
      // An engine counts as busy until its outcome has its place, so the next one cannot overtake it.
      pending_o <= (pending_o & ~`NPU_FAULT_SEQ(cmd_failed_busy, issued[store_tag].seq, stored, store_failed ? '0 : stored)) | start_i;
      if (store) done_q[store_tag] <= 1'b1;
      if (commit_o) done_q[committed_q[TagBits-1:0]] <= 1'b0;
    end
  end

  // --- Issue order --------------------------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (push_i) begin
      issued[tag_o] <= issued_i;
      start_cycle[tag_o] <= cycle_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      pushed_q <= '0;
    end else if (push_i) begin
      pushed_q <= pushed_q + 1'b1;
    end
  end

  // --- Records: sent in order as packets end --------------------------------------------------------

  send_state_e send_state_q;
  logic [31:0] record_count_q;  // of records sent
  // verilator lint_off UNUSEDSIGNAL
  issued_t send_issued_q;  // irq is not part of a record
  // verilator lint_on UNUSEDSIGNAL
  logic [63:0] send_start_q;
  outcome_t send_outcome_q;

  logic sendable;
  assign sendable = sent_q != pushed_q && done_q[sent_q[TagBits-1:0]];
  assign record_valid_o = send_state_q == SendWrite;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      send_state_q <= SendIdle;
      sent_q <= '0;
      record_count_q <= '0;
    end else begin
      case (send_state_q)
        SendIdle: if (sendable) send_state_q <= SendRead;
        SendRead: send_state_q <= SendBuild;
        SendBuild: send_state_q <= SendWrite;
        default: begin
          if (record_ready_i) begin
            send_state_q <= SendIdle;
            sent_q <= sent_q + 1'b1;
            record_count_q <= record_count_q + 1'b1;
          end
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (send_state_q == SendRead) begin
      send_issued_q <= issued[sent_q[TagBits-1:0]];
      send_start_q <= start_cycle[sent_q[TagBits-1:0]];
      send_outcome_q <= outcome[sent_q[TagBits-1:0]];
    end
  end

  always_ff @(posedge clk_i) begin : build
    completion_t record;
    if (send_state_q == SendBuild) begin
      record = '0;
      record.seq = send_issued_q.seq;
      record.error = send_outcome_q.verdict.error;
      record.opcode = send_issued_q.opcode;
      record.engine = `NPU_FAULT_SEQ(cmd_record_engine, send_issued_q.seq, send_issued_q.engine, ENGINE_CONTROL);
      record.start_cycle = send_start_q;
      record.cycles = send_outcome_q.end_cycle - send_start_q;
      if (send_outcome_q.verdict.error == ERR_NONE) record.checksum = send_outcome_q.checksum;
      else record.fault_addr = `NPU_FAULT_SEQ(cmd_fault_addr, send_issued_q.seq, send_outcome_q.verdict.fault, {send_outcome_q.verdict.fault[63:3], 3'd0});
      record_o <= record;
      record_addr_o <= ring_base_i + {{(AddrBits - 16 - $clog2(RecordBytes)){1'b0}}, `NPU_FAULT_SEQ(cmd_record_wrap, send_issued_q.seq, record_count_q[15:0] & ring_mask_i, record_count_q[15:0] & ring_mask_i & 16'h000f),
                                      {$clog2(RecordBytes){1'b0}}};
    end
  end

  // --- Counts: a record is visible once it was answered ---------------------------------------------

  commit_state_e commit_state_q;
  logic broken_q;  // a record is missing; none behind it may count

  assign commit_o = commit_state_q == CommitApply;
  assign busy_o = store || sendable || send_state_q != SendIdle || commit_state_q != CommitIdle ||
                  answered_q != committed_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      commit_state_q <= CommitIdle;
      answered_q <= '0;
      committed_q <= '0;
      cpl_tail_o <= '0;
      bus_error_o <= 1'b0;
      broken_q <= 1'b0;
    end else begin
      bus_error_o <= b_valid_i && b_err_i;
      if (b_valid_i && b_err_i) broken_q <= 1'b1;
      if (b_valid_i && !b_err_i && !broken_q) answered_q <= answered_q + 1'b1;
      case (commit_state_q)
        CommitIdle: if (answered_q != committed_q) commit_state_q <= CommitRead;
        CommitRead: commit_state_q <= CommitApply;
        default: begin
          commit_state_q <= CommitIdle;
          committed_q <= committed_q + 1'b1;
          cpl_tail_o <= cpl_tail_o + 1'b1;
        end
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : read_committed
    if (commit_state_q == CommitRead) begin
      commit_verdict_o <= outcome[committed_q[TagBits-1:0]].verdict;
      commit_seq_o <= issued[committed_q[TagBits-1:0]].seq;
      commit_irq_o <= issued[committed_q[TagBits-1:0]].irq;
    end
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!push_i || !full_o) else $error("a packet is issued without an entry for it");
      assert ((done_valid_i & ~pending_o) == '0) else $error("an engine ends a packet that it was not given");
      assert ((captured_valid_q & done_valid_i & ~stored) == '0) else $error("an engine ends two packets at once");
      assert (!b_valid_i || answered_q != sent_q || record_valid_o) else $error("a response without a record");
    end
  end
`endif

endmodule
