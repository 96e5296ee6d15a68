// SPDX-License-Identifier: Apache-2.0
// Issues checked packets in order: each waits for the engines of its wait mask and for its own, then goes to its engine or is
// executed here (NOP, FENCE, SIGNAL, WAIT). A packet with an error takes the same way and executes nowhere.

`include "npu_fault.svh"

module npu_cmd_issue
  import npu_isa_pkg::*;
  import npu_packet_rules_pkg::*;
  import npu_pkg::*;
  import npu_cmd_pkg::*;
(
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    flush_i,         // drop a packet that was not issued
  input  logic                    allow_i,         // packets may be issued
  input  logic [63:0]             cycle_i,

  // Checked packets.
  input  logic                    valid_i,
  output logic                    take_o,
  input  logic [PacketBits-1:0]   packet_i,
  input  engine_e                 engine_i,
  input  verdict_t                verdict_i,
  input  verdict_t                late_verdict_i,
  output logic                    empty_o,         // holds no packet
  output logic                    busy_o,          // more than waiting for an input

  // Registers.
  input  logic [31:0]             cpl_head_i,
  input  logic [31:0]             cpl_entries_i,
  input  logic                    single_step_i,
  input  logic                    break_enable_i,
  input  logic [63:0]             break_seq_i,
  input  logic                    resume_break_i,  // one cycle: the packet at the break may issue once
  input  logic                    resume_i,        // one cycle: any other resume
  output logic                    break_o,         // the next packet is that of the break; all earlier ones completed
  output logic [31:0]             ring_head_o,     // packets issued
  output logic                    issue_wait_o,
  output logic                    record_wait_o,

  // Retire.
  output logic                    push_o,
  output issued_t                 issued_o,
  input  tag_t                    tag_i,
  input  logic                    full_i,
  input  logic                    retired_i,       // every issued packet has completed
  input  logic [NumEngines-1:0]   pending_i,
  output logic [NumEngines-1:0]   started_o,
  output tag_t                    tag_o,           // of the packet that is started or done
  output logic                    done_o,
  output verdict_t                done_verdict_o,
  output logic [63:0]             done_checksum_o,

  // Engines.
  output logic [NumEngines-1:0]   start_valid_o,
  input  logic [NumEngines-1:0]   start_ready_i,
  output logic [PacketBits-1:0]   packet_o,
  output logic [15:0]             check_error_o,
  output logic [63:0]             check_fault_o,
  output logic [NumWriters-1:0]   checksum_clear_o,

  // SIGNAL.
  output logic                    word_valid_o,
  input  logic                    word_ready_i,
  output addr_t                   word_addr_o,
  output logic                    word_wide_o,
  output logic [63:0]             word_o,
  output logic                    word_open_o,     // responses are SIGNAL's
  input  logic                    b_valid_i,
  input  logic                    b_err_i,
  input  logic [63:0]             checksum_i,      // of the command processor's writes

  // WAIT.
  output logic                    poll_o,
  output logic [AddrBits-1:2]     poll_addr_o,
  input  logic                    poll_done_i,
  input  logic [31:0]             poll_word_i,
  input  logic                    poll_error_i
);

  // Cycles between two polls: short beside a memory access, long enough to leave the port to others.
  localparam int unsigned PollGap = 16;
  localparam int unsigned GapBits = $clog2(PollGap);

  typedef enum logic [3:0] {
    Empty, Ready, Start, SignalWrite, SignalWait, PollStart, PollWait, PollPause, Finish
  } state_e;

  state_e state_q;
  logic [PacketBits-1:0] packet_q;
  engine_e engine_q;
  verdict_t verdict_q, late_verdict_q;
  logic [NumEngines-1:0] engine_mask_q, wait_mask_q;
  logic resume_break_q;
  logic [63:0] start_cycle_q;
  logic [63:0] elapsed_q;  // from the issue of a WAIT to the poll
  logic [GapBits-1:0] gap_q;

  logic [7:0] opcode;
  logic [63:0] seq;
  assign opcode = packet_q[7:0];
  assign seq = packet_q[8*PacketSeqAt +: 64];

  // --- When the packet may go ----------------------------------------------------------------------

  logic ready, has_record, in_order, at_break, go, accepted, sound;
  assign ready = state_q == Ready && !flush_i;
  assign accepted = take_o && valid_i;
  // RING_HEAD counts every packet that has or will have a record.
  assign has_record = ring_head_o - cpl_head_i < cpl_entries_i && !full_i;
  assign sound = verdict_q.error == ERR_NONE;
  assign in_order = `NPU_FAULT_SEQ(cmd_wait_mask, seq, ((wait_mask_q | engine_mask_q) & pending_i) == '0,
      (((ready ? wait_mask_q & ~NumEngines'(4) : wait_mask_q) | engine_mask_q) & pending_i) == '0) &&
                    (retired_i || (!single_step_i && !(sound && opcode == OP_SIGNAL)));
  assign at_break = break_enable_i && !resume_break_q && seq == break_seq_i;
  assign go = ready && allow_i && has_record && in_order && !at_break;
  assign break_o = ready && allow_i && has_record && retired_i && at_break;
  assign issue_wait_o = ready && allow_i && has_record && !in_order;
  assign record_wait_o = ready && allow_i && !has_record;

  assign take_o = state_q == Empty && !flush_i;
  assign empty_o = state_q == Empty;

  always_comb begin
    case (state_q)
      Empty: busy_o = accepted;
      Ready: busy_o = go || break_o || flush_i;
      SignalWait, PollWait: busy_o = 1'b0;
      default: busy_o = 1'b1;
    endcase
  end

  assign push_o = go;
  assign issued_o = '{seq: seq, opcode: opcode, engine: engine_q, irq: packet_q[8*PacketFlagsAt]};

  always_ff @(posedge clk_i) begin
    if (accepted) begin
      packet_q <= packet_i;
      engine_q <= engine_i;
      engine_mask_q <= engine_i == ENGINE_CONTROL ? '0 : NumEngines'(1) << engine_i[1:0];
      wait_mask_q <= packet_i[8*PacketWaitMaskAt +: NumEngines];
      late_verdict_q <= late_verdict_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ring_head_o <= '0;
      resume_break_q <= 1'b0;
    end else begin
      if (go) begin
        ring_head_o <= ring_head_o + 1'b1;
        if (break_enable_i && seq == break_seq_i) resume_break_q <= 1'b0;
      end
      if (resume_i) resume_break_q <= resume_break_i;
    end
  end

  // --- Life of a packet -----------------------------------------------------------------------------

  `NPU_FAULT_ISSUE(go, seq, engine_mask_q)

  assign start_valid_o = state_q == Start ? engine_mask_q : '0;
  assign started_o = start_valid_o & start_ready_i;
  assign packet_o = packet_q;
  assign check_error_o = late_verdict_q.error;
  assign check_fault_o = late_verdict_q.fault;

  assign word_valid_o = state_q == SignalWrite;
  assign word_open_o = state_q == SignalWrite || state_q == SignalWait;
  assign word_addr_o = packet_q[8*SignalAddrAt +: AddrBits];
  assign word_wide_o = packet_q[8*SignalElemBytesAt + 3];
  assign word_o = `NPU_FAULT_SEQ(cmd_signal_high, seq, packet_q[8*SignalValueAt +: 64],
      state_q == SignalWrite && word_wide_o ? 64'(packet_q[8*SignalValueAt +: 32]) : packet_q[8*SignalValueAt +: 64]);

  assign poll_o = state_q == PollWait;
  assign poll_addr_o = packet_q[8*WaitAddrAt + 2 +: AddrBits - 2];

  assign done_o = state_q == Finish;
  assign done_verdict_o = verdict_q;

  // Engines that write start with an empty sum; so does SIGNAL.
  always_comb begin
    checksum_clear_o = '0;
    if (go) begin
      checksum_clear_o[WrCmd] = engine_mask_q == '0;
      checksum_clear_o[WrMatrix] = engine_mask_q[2'(ENGINE_MATRIX)];
      checksum_clear_o[WrVector] = engine_mask_q[2'(ENGINE_VECTOR)];
      checksum_clear_o[WrDma] = engine_mask_q[2'(ENGINE_DMA)];
    end
  end

  logic poll_matches, poll_expired, poll_ends;
  assign poll_matches = `NPU_FAULT_SEQ(cmd_wait_compare, seq,
      (poll_word_i & packet_q[8*WaitMaskAt +: 32]) == packet_q[8*WaitValueAt +: 32],
      ((poll_word_i & packet_q[8*WaitMaskAt +: 32]) == packet_q[8*WaitValueAt +: 32] &&
       !(state_q == PollWait && poll_done_i && poll_word_i != packet_q[8*WaitValueAt +: 32])));
  // The time is that of the request, so a value that came within the limit is never missed.
  assign poll_expired = elapsed_q >= packet_q[8*WaitCycleLimitAt +: 64];
  assign poll_ends = poll_error_i || poll_matches || poll_expired;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Empty;
    end else begin
      case (state_q)
        Empty: if (accepted) state_q <= Ready;
        Ready: begin
          if (flush_i) begin
            state_q <= Empty;
          end else if (go) begin
            if (!sound) begin
              state_q <= Finish;
            end else begin
              case (opcode)
                OP_NOP, OP_FENCE: state_q <= Finish;
                OP_SIGNAL: state_q <= SignalWrite;
                OP_WAIT: state_q <= PollStart;
                default: state_q <= Start;
              endcase
            end
          end
        end
        Start: if ((engine_mask_q & start_ready_i) != '0) state_q <= Empty;
        SignalWrite: if (word_ready_i) state_q <= SignalWait;
        SignalWait: if (`NPU_FAULT_SEQ(cmd_signal_response, seq, b_valid_i, b_valid_i && !word_wide_o)) state_q <= Finish;
        PollStart: state_q <= PollWait;
        PollWait: if (poll_done_i) state_q <= poll_ends ? Finish : PollPause;
        PollPause: if (gap_q == '0) state_q <= PollStart;
        default: state_q <= Empty;
      endcase
    end
  end

  // --- What SIGNAL and WAIT end with ----------------------------------------------------------------

  always_ff @(posedge clk_i) begin
    if (accepted) begin
      verdict_q <= verdict_i;
    end else if (state_q == SignalWait && b_valid_i && b_err_i) begin
      verdict_q <= '{error: ERR_BUS_ERROR, fault: packet_q[8*SignalAddrAt +: 64]};
    end else if (state_q == PollWait && poll_done_i) begin
      if (poll_error_i) verdict_q <= '{error: ERR_BUS_ERROR, fault: packet_q[8*WaitAddrAt +: 64]};
      else if (!poll_matches && poll_expired) verdict_q <= '{error: ERR_WAIT_TIMEOUT, fault: packet_q[8*WaitAddrAt +: 64]};
    end
  end

  always_ff @(posedge clk_i) begin
    case (state_q)
      Ready: begin
        if (go) begin
          tag_o <= tag_i;
          start_cycle_q <= cycle_i;
          done_checksum_o <= '0;
        end
      end
      SignalWait: if (b_valid_i) done_checksum_o <= checksum_i;
      PollStart: elapsed_q <= cycle_i - start_cycle_q;
      PollWait: gap_q <= GapBits'(PollGap - 1);
      PollPause: gap_q <= gap_q - 1'b1;
      default: ;
    endcase
  end

`ifndef SYNTHESIS
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert ((start_valid_o & ~start_ready_i & pending_i) == '0) else $error("a start to an engine that has a packet");
    end
  end
`endif

endmodule
