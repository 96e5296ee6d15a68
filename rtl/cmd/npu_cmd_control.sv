// SPDX-License-Identifier: Apache-2.0
// State of the device: reset, opening of the rings, halts, unusable rings.
//
// COMMAND.RESET quiesces the memory unit first, so that no burst of an abandoned packet is left half done, and then holds
// everything in reset while the memory map is cleared. The same walk follows the reset of the chip.

module npu_cmd_control
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_pkg::*;
  import npu_cmd_pkg::*;
#(
  localparam int unsigned RegionBits = $clog2(MaxRegions)
) (
  input  logic                  clk_i,
  input  logic                  rst_ni,

  // Memory unit, engines and the other parts of the command processor.
  output logic                  quiesce_o,
  input  logic                  quiet_i,
  output logic                  engine_rst_no,
  output logic                  clear_o,          // region clear_index_o takes its reset value
  output logic [RegionBits-1:0] clear_index_o,

  output logic                  busy_o,           // more than waiting for an input

  // Register accesses.
  output logic                  block_o,          // none may start
  output logic                  hold_o,           // a write waits for its effect

  // Registers.
  input  logic                  enable_i,
  input  logic                  halt_on_error_i,
  input  logic                  single_step_i,
  input  logic                  reset_i,
  input  logic                  resume_i,
  input  logic [63:0]           ring_base_i,
  input  logic [31:0]           ring_entries_i,
  input  logic [31:0]           ring_tail_i,
  input  logic [31:0]           ring_head_i,
  input  logic [63:0]           cpl_base_i,
  input  logic [31:0]           cpl_entries_i,
  input  logic [31:0]           cpl_tail_i,
  input  logic                  bad_doorbell_i,
  input  logic [31:0]           bad_tail_i,
  output device_state_e         state_o,
  output logic                  resume_break_o,
  output logic                  irq_halt_o,       // one cycle
  output logic                  ring_error_o,     // one cycle: BAD_RING
  output logic [63:0]           ring_error_addr_o,

  // The rings as they were when the device was enabled.
  output logic                  rings_open_o,
  output addr_t                 ring_base_o,
  output logic [31:0]           ring_entries_o,
  output addr_t                 cpl_base_o,
  output logic [31:0]           cpl_entries_o,

  // Fetch, check, issue, retire.
  output logic                  flush_o,
  output logic                  allow_o,
  input  logic                  break_i,
  input  logic                  issue_empty_i,
  input  logic                  retired_i,
  input  logic                  failed_i,         // a packet ended with an error
  input  logic                  commit_i,
  input  logic                  fetch_error_i,
  input  logic                  record_error_i,
  output logic                  ring_check_o,     // the extent check is the rings'
  output logic                  ring_start_o,     // before the first
  output logic                  ring_valid_o,
  output hull_t                 ring_hull_o,
  input  logic                  ring_busy_i,
  input  logic                  ring_bad_i
);

  localparam int unsigned MaxEntriesLog2 = 16;
  localparam int unsigned PacketByteBits = $clog2(PacketBytes);
  localparam int unsigned RecordByteBits = $clog2(RecordBytes);

  typedef enum logic [3:0] {
    Clear, Off, OpenRing, OpenRingWait, OpenRecords, OpenRecordsWait, OpenTail, Run, Halted, Failed, Quiesce
  } state_e;

  state_e state_q;
  logic [RegionBits-1:0] clear_q;
  device_state_e halt_q;     // why the device stands, or is to stand once all packets have completed; DISABLED: it is not
  logic settle_q;            // the extent check has taken the hull

  assign quiesce_o = state_q == Quiesce || state_q == Clear;
  assign engine_rst_no = rst_ni && state_q != Clear;
  assign clear_o = state_q == Clear;
  assign clear_index_o = clear_q;
  assign block_o = state_q == Quiesce || state_q == Clear || reset_i;

  logic opens, opening;
  assign opens = state_q == Off && enable_i && retired_i && issue_empty_i;
  assign opening = state_q == OpenRing || state_q == OpenRingWait || state_q == OpenRecords ||
                   state_q == OpenRecordsWait || state_q == OpenTail;
  assign hold_o = block_o || opens || opening;

  assign busy_o = opens || opening || state_q == Clear || state_q == Quiesce ||
                  (state_q == Run && (break_i || !enable_i || (halt_q != DEVICE_STATE_DISABLED && retired_i)));

  assign flush_o = state_q != Run;
  assign allow_o = state_q == Run && enable_i && halt_q == DEVICE_STATE_DISABLED && !(failed_i && halt_on_error_i);
  assign ring_check_o = opening;
  assign ring_start_o = state_q == OpenRing;
  assign resume_break_o = state_q == Halted && halt_q == DEVICE_STATE_BREAK;

  always_comb begin
    if (state_q == Halted) state_o = halt_q;
    else if (state_q == Failed) state_o = DEVICE_STATE_ERROR;
    else if (!enable_i) state_o = ring_head_i == cpl_tail_i ? DEVICE_STATE_DISABLED : DEVICE_STATE_RUNNING;
    else state_o = ring_tail_i == cpl_tail_i ? DEVICE_STATE_IDLE : DEVICE_STATE_RUNNING;
  end

  function automatic logic entries_ok(input logic [31:0] entries);
    return entries > 32'd1 && entries <= 32'd1 << MaxEntriesLog2 && (entries & (entries - 32'd1)) == '0;
  endfunction

  function automatic hull_t ring_hull(input logic [63:0] base, input logic [63:0] bytes, input logic written);
    return '{base: base, last: base + bytes - 64'd1, written: written, operand: '1};
  endfunction

  // Errors of the rings; a base beyond physical addresses cannot wrap around.
  logic bad_ring, bad_records, bad_tail;
  assign bad_ring = !entries_ok(ring_entries_i) || ring_base_i[PacketByteBits-1:0] != '0 ||
                    ring_base_i[63:AddrBits] != '0;
  assign bad_records = !entries_ok(cpl_entries_i) || cpl_base_i[RecordByteBits-1:0] != '0 ||
                       cpl_base_i[63:AddrBits] != '0;
  assign bad_tail = ring_tail_i - ring_head_i > ring_entries_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      state_q <= Clear;
      clear_q <= '0;
      halt_q <= DEVICE_STATE_DISABLED;
      rings_open_o <= 1'b0;
      ring_valid_o <= 1'b0;
      irq_halt_o <= 1'b0;
      ring_error_o <= 1'b0;
    end else begin
      ring_valid_o <= 1'b0;
      irq_halt_o <= 1'b0;
      ring_error_o <= 1'b0;
      settle_q <= ring_valid_o;

      case (state_q)
        Clear: begin
          clear_q <= clear_q + 1'b1;
          halt_q <= DEVICE_STATE_DISABLED;
          rings_open_o <= 1'b0;
          if (&clear_q) state_q <= Off;
        end
        Off: if (opens) state_q <= OpenRing;
        OpenRing: begin
          ring_hull_o <= ring_hull(ring_base_i, 64'(ring_entries_i) << PacketByteBits, 1'b0);
          ring_valid_o <= !bad_ring;
          state_q <= OpenRingWait;
          if (bad_ring) begin
            state_q <= Failed;
            ring_error_o <= 1'b1;
            ring_error_addr_o <= ring_base_i;
          end
        end
        OpenRingWait: begin
          if (!ring_valid_o && !settle_q && !ring_busy_i) begin
            state_q <= OpenRecords;
            if (ring_bad_i) begin
              state_q <= Failed;
              ring_error_o <= 1'b1;
              ring_error_addr_o <= ring_base_i;
            end
          end
        end
        OpenRecords: begin
          ring_hull_o <= ring_hull(cpl_base_i, 64'(cpl_entries_i) << RecordByteBits, 1'b1);
          ring_valid_o <= !bad_records;
          state_q <= OpenRecordsWait;
          if (bad_records) begin
            state_q <= Failed;
            ring_error_o <= 1'b1;
            ring_error_addr_o <= cpl_base_i;
          end
        end
        OpenRecordsWait: begin
          if (!ring_valid_o && !settle_q && !ring_busy_i) begin
            state_q <= OpenTail;
            if (ring_bad_i) begin
              state_q <= Failed;
              ring_error_o <= 1'b1;
              ring_error_addr_o <= cpl_base_i;
            end
          end
        end
        OpenTail: begin
          ring_base_o <= ring_base_i[AddrBits-1:0];
          ring_entries_o <= ring_entries_i;
          cpl_base_o <= cpl_base_i[AddrBits-1:0];
          cpl_entries_o <= cpl_entries_i;
          halt_q <= DEVICE_STATE_DISABLED;
          state_q <= Run;
          rings_open_o <= !bad_tail;
          if (bad_tail) begin
            state_q <= Failed;
            ring_error_o <= 1'b1;
            ring_error_addr_o <= 64'(ring_tail_i);
          end
        end
        Run: begin
          if (failed_i && halt_on_error_i) halt_q <= DEVICE_STATE_ERROR;
          else if (commit_i && single_step_i && halt_q == DEVICE_STATE_DISABLED) halt_q <= DEVICE_STATE_STEP;
          if (halt_q != DEVICE_STATE_DISABLED && retired_i) begin
            state_q <= Halted;
            irq_halt_o <= 1'b1;
          end else if (break_i) begin
            state_q <= Halted;
            halt_q <= DEVICE_STATE_BREAK;
            irq_halt_o <= 1'b1;
          end
        end
        Halted: begin
          if (resume_i) begin
            state_q <= Run;
            halt_q <= DEVICE_STATE_DISABLED;
          end
        end
        Failed: ;
        default: begin  // Quiesce
          if (quiet_i) begin
            state_q <= Clear;
            clear_q <= '0;
          end
        end
      endcase

      if (!enable_i && state_q != Clear && state_q != Quiesce) begin
        rings_open_o <= 1'b0;
        halt_q <= DEVICE_STATE_DISABLED;
        if (state_q != Failed && state_q != Off) state_q <= Off;
      end
      // Memory refused a ring that the map holds: as if the map did not hold it.
      if ((fetch_error_i || record_error_i) && (state_q == Off || state_q == Run || state_q == Halted)) begin
        state_q <= Failed;
        ring_error_o <= 1'b1;
        ring_error_addr_o <= fetch_error_i ? 64'(ring_base_o) : 64'(cpl_base_o);
      end
      if (bad_doorbell_i) begin
        state_q <= Failed;
        ring_error_o <= 1'b1;
        ring_error_addr_o <= 64'(bad_tail_i);
      end
      if (reset_i) state_q <= Quiesce;
    end
  end

endmodule
