// SPDX-License-Identifier: Apache-2.0
// Registers but for memory map and counters: identity, control, rings, interrupt, captured error.

`include "npu_fault.svh"

module npu_cmd_regs
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned ArrayRows = 16,
  parameter int unsigned ArrayCols = 16,
  parameter int unsigned VectorLanes = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned UcodeWords = 4096,
  parameter int unsigned AxiDataBits = 512,
  parameter logic [127:0] ConfigName = 128'h65676465  // first character in the low byte
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,

  input  logic                    write_i,
  input  logic [RegAddrWidth-1:0] write_addr_i,
  input  logic [31:0]             write_data_i,
  input  logic [3:0]              write_strb_i,
  input  logic                    read_i,
  input  logic [RegAddrWidth-1:0] read_addr_i,
  output logic [31:0]             read_data_o,      // the cycle after read_i; 0 where no register is

  output logic                    irq_o,

  // To the other parts.
  output logic                    enable_o,
  output logic                    halt_on_error_o,
  output logic                    single_step_o,
  output logic                    break_enable_o,
  output logic [63:0]             break_seq_o,
  output logic                    reset_o,          // one cycle
  output logic                    resume_o,         // one cycle
  output logic [63:0]             ring_base_o,
  output logic [31:0]             ring_entries_o,
  output logic [31:0]             ring_tail_o,
  output logic [63:0]             cpl_base_o,
  output logic [31:0]             cpl_entries_o,
  output logic [31:0]             cpl_head_o,
  output logic                    bad_doorbell_o,   // one cycle: more packets than the ring holds
  output logic [31:0]             bad_tail_o,

  // From them.
  input  logic                    rings_open_i,     // doorbells are checked
  input  logic [31:0]             ring_head_i,
  input  logic [31:0]             open_entries_i,   // of the ring that is open
  input  logic [31:0]             cpl_tail_i,
  input  device_state_e           state_i,
  input  logic [NumEngines-1:0]   busy_i,
  input  logic [2:0]              irq_set_i,
  input  logic                    capture_i,        // an error; the first since reset is kept
  input  error_e                  capture_error_i,
  input  logic [63:0]             capture_seq_i,
  input  logic [63:0]             capture_addr_i
);

  localparam int unsigned CtrlBits = 4;
  localparam int unsigned IrqBits = 3;
  localparam logic [31:0] Features = 32'd1 << FeaturesTimedBit;

  logic [CtrlBits-1:0] ctrl_q;
  logic [IrqBits-1:0] irq_status_q, irq_mask_q;
  error_e error_code_q;
  logic [63:0] error_seq_q, error_addr_q;

  assign enable_o = ctrl_q[CtrlEnableBit];
  assign halt_on_error_o = ctrl_q[CtrlHaltOnErrorBit];
  assign single_step_o = ctrl_q[CtrlSingleStepBit];
  assign break_enable_o = ctrl_q[CtrlBreakEnableBit];

  function automatic logic [31:0] merge(input logic [31:0] old, input logic [31:0] data, input logic [3:0] strb);
    logic [31:0] mask;
    mask = {{8{strb[3]}}, {8{strb[2]}}, {8{strb[1]}}, {8{strb[0]}}};
    return (old & ~mask) | (data & mask);
  endfunction

  always_ff @(posedge clk_i) begin : write
    logic [31:0] tail;
    if (!rst_ni) begin
      ctrl_q <= '0;
      break_seq_o <= '0;
      reset_o <= 1'b0;
      resume_o <= 1'b0;
      ring_base_o <= '0;
      ring_entries_o <= '0;
      ring_tail_o <= '0;
      cpl_base_o <= '0;
      cpl_entries_o <= '0;
      cpl_head_o <= '0;
      irq_mask_q <= '0;
      bad_doorbell_o <= 1'b0;
    end else begin
      reset_o <= 1'b0;
      resume_o <= 1'b0;
      bad_doorbell_o <= 1'b0;
      if (write_i) begin
        case (write_addr_i)
          RegCtrl: if (write_strb_i[0]) ctrl_q <= write_data_i[CtrlBits-1:0];
          RegCommand: begin
            reset_o <= write_strb_i[0] && write_data_i[CommandResetBit];
            resume_o <= write_strb_i[0] && write_data_i[CommandResumeBit] && !write_data_i[CommandResetBit];
          end
          RegBreakSeqLo: break_seq_o[31:0] <= merge(break_seq_o[31:0], write_data_i, write_strb_i);
          RegBreakSeqHi: break_seq_o[63:32] <= merge(break_seq_o[63:32], write_data_i, write_strb_i);
          RegRingTail: begin
            tail = merge(ring_tail_o, write_data_i, write_strb_i);
            bad_tail_o <= tail;
            if (rings_open_i && tail - ring_head_i > open_entries_i) bad_doorbell_o <= 1'b1;
            else ring_tail_o <= tail;
          end
          RegCplHead: cpl_head_o <= merge(cpl_head_o, write_data_i, write_strb_i);
          RegIrqMask: if (write_strb_i[0]) irq_mask_q <= write_data_i[IrqBits-1:0];
          default: ;
        endcase
        if (!enable_o) begin
          case (write_addr_i)
            RegRingBaseLo: ring_base_o[31:0] <= merge(ring_base_o[31:0], write_data_i, write_strb_i);
            RegRingBaseHi: ring_base_o[63:32] <= merge(ring_base_o[63:32], write_data_i, write_strb_i);
            RegRingEntries: ring_entries_o <= merge(ring_entries_o, write_data_i, write_strb_i);
            RegCplBaseLo: cpl_base_o[31:0] <= merge(cpl_base_o[31:0], write_data_i, write_strb_i);
            RegCplBaseHi: cpl_base_o[63:32] <= merge(cpl_base_o[63:32], write_data_i, write_strb_i);
            RegCplEntries: cpl_entries_o <= merge(cpl_entries_o, write_data_i, write_strb_i);
            default: ;
          endcase
        end
      end
    end
  end

  // Software that clears a bit in the cycle in which it is set again finds it set.
  logic clear_irq;
  assign clear_irq = write_i && write_addr_i == RegIrqStatus && write_strb_i[0];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      irq_status_q <= '0;
      irq_o <= 1'b0;
    end else begin
      if (clear_irq || irq_set_i != '0) begin
        irq_status_q <= (irq_status_q & ~(clear_irq ? write_data_i[IrqBits-1:0] : '0)) |
                        `NPU_FAULT(cmd_irq_lost, irq_set_i, irq_set_i == 3'b011 ? 3'b010 : irq_set_i);
      end
      irq_o <= `NPU_FAULT(cmd_irq_mask, (irq_status_q & irq_mask_q) != '0, irq_status_q != '0);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      error_code_q <= ERR_NONE;
      error_seq_q <= '0;
      error_addr_q <= '0;
    end else if (capture_i && `NPU_FAULT_SEQ(cmd_error_first, capture_seq_i, error_code_q == ERR_NONE, error_code_q == ERR_NONE || capture_i)) begin
      error_code_q <= capture_error_i;
      error_seq_q <= capture_seq_i;
      error_addr_q <= capture_addr_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (read_i) begin
      case (read_addr_i)
        RegMagic: read_data_o <= Magic;
        RegAbiVersion: read_data_o <= AbiVersion;
        RegAbiHashLo: read_data_o <= AbiHash[31:0];
        RegAbiHashHi: read_data_o <= AbiHash[63:32];
        RegArrayRows: read_data_o <= ArrayRows;
        RegArrayCols: read_data_o <= ArrayCols;
        RegVectorLanes: read_data_o <= VectorLanes;
        RegVectorLength: read_data_o <= VectorLength;
        RegUcodeWords: read_data_o <= UcodeWords;
        RegAxiDataBits: read_data_o <= AxiDataBits;
        RegFeatures: read_data_o <= Features;
        RegConfigName0: read_data_o <= ConfigName[31:0];
        RegConfigName1: read_data_o <= ConfigName[63:32];
        RegConfigName2: read_data_o <= ConfigName[95:64];
        RegConfigName3: read_data_o <= ConfigName[127:96];
        RegCtrl: read_data_o <= 32'(ctrl_q);
        RegStatus: read_data_o <= (32'(state_i) << StatusStateLsb) | (32'(busy_i) << StatusBusyLsb);
        RegBreakSeqLo: read_data_o <= break_seq_o[31:0];
        RegBreakSeqHi: read_data_o <= break_seq_o[63:32];
        RegRingBaseLo: read_data_o <= ring_base_o[31:0];
        RegRingBaseHi: read_data_o <= ring_base_o[63:32];
        RegRingEntries: read_data_o <= ring_entries_o;
        RegRingHead: read_data_o <= ring_head_i;
        RegRingTail: read_data_o <= ring_tail_o;
        RegCplBaseLo: read_data_o <= cpl_base_o[31:0];
        RegCplBaseHi: read_data_o <= cpl_base_o[63:32];
        RegCplEntries: read_data_o <= cpl_entries_o;
        RegCplHead: read_data_o <= cpl_head_o;
        RegCplTail: read_data_o <= cpl_tail_i;
        RegIrqStatus: read_data_o <= 32'(irq_status_q);
        RegIrqMask: read_data_o <= 32'(irq_mask_q);
        RegErrorCode: read_data_o <= 32'(error_code_q);
        RegErrorSeqLo: read_data_o <= error_seq_q[31:0];
        RegErrorSeqHi: read_data_o <= error_seq_q[63:32];
        RegErrorAddrLo: read_data_o <= error_addr_q[31:0];
        RegErrorAddrHi: read_data_o <= error_addr_q[63:32];
        default: read_data_o <= '0;
      endcase
    end
  end

endmodule
