// SPDX-License-Identifier: Apache-2.0
// Counters since reset, and the registers that show them with those of the memory unit.

`include "npu_fault.svh"

module npu_cmd_counters
  import npu_pkg::*;
  import npu_regs_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned AxiDataBits = 512,
  parameter int unsigned SlotsBits = 16
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  output logic [63:0]                 cycle_o,

  // Events of this cycle.
  input  logic                        commit_i,
  input  logic [NumEngines-1:0]       busy_i,
  input  logic [NumEngines-1:0]       stall_i,
  input  logic                        array_active_i,
  input  logic [SlotsBits-1:0]        array_slots_i,
  input  logic                        fetch_wait_i,
  input  logic                        issue_wait_i,
  input  logic                        record_wait_i,

  // Of the memory unit.
  input  logic [NumReaders-1:0][63:0] read_beats_i,
  input  logic [NumWriters-1:0][63:0] write_bytes_i,
  input  logic [63:0]                 total_read_beats_i,
  input  logic [63:0]                 total_write_beats_i,
  input  logic [63:0]                 read_open_i,

  input  logic                        read_i,
  input  logic [RegAddrWidth-1:0]     addr_i,
  output logic [31:0]                 data_o         // the cycle after read_i; 0 where no counter is
);

  localparam int unsigned BeatByteBits = $clog2(AxiDataBits / 8);
  localparam logic [RegAddrWidth-1:0] HighWord = RegPacketsHi - RegPacketsLo;

  logic [63:0] packets_q;
  logic [63:0] busy_q [NumEngines];
  logic [63:0] stall_q [NumEngines];
  logic [63:0] array_active_q, array_slots_q;
  logic [63:0] fetch_wait_q, issue_wait_q, record_wait_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cycle_o <= '0;
    else cycle_o <= cycle_o + 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      for (int unsigned e = 0; e < NumEngines; e++) begin
        busy_q[e] <= '0;
        stall_q[e] <= '0;
      end
    end else if (|busy_i) begin
      for (int unsigned e = 0; e < NumEngines; e++) begin
        if (busy_i[e]) busy_q[e] <= busy_q[e] + 1'b1;
        if (busy_i[e] && stall_i[e]) stall_q[e] <= stall_q[e] + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      packets_q <= `NPU_FAULT(cmd_packets_reset, '0, packets_q);
      array_active_q <= '0;
      array_slots_q <= '0;
      fetch_wait_q <= '0;
      issue_wait_q <= '0;
      record_wait_q <= '0;
    end else begin
      if (commit_i) packets_q <= `NPU_FAULT(cmd_packets_wrap, packets_q + 1'b1, {packets_q[63:4], packets_q[3:0] + 4'd1});
      if (array_active_i) begin
        array_active_q <= array_active_q + 1'b1;
        array_slots_q <= array_slots_q + 64'(array_slots_i);
      end
      if (fetch_wait_i) fetch_wait_q <= fetch_wait_q + 1'b1;
      if (issue_wait_i) issue_wait_q <= issue_wait_q + 1'b1;
      if (record_wait_i) record_wait_q <= record_wait_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin : show
    logic [63:0] value, read_beats;
    logic [RegAddrWidth-1:0] low_addr, engine_addr;
    logic [$clog2(NumEngines)-1:0] engine;
    if (read_i) begin
      value = '0;
      low_addr = addr_i & ~HighWord;
      engine_addr = low_addr - RegEngineBase;
      engine = engine_addr[$clog2(RegEngineStride) +: $clog2(NumEngines)];
      case (low_addr)
        RegPacketsLo: value = packets_q;
        RegCyclesLo: value = cycle_o;
        RegPerfArrayActiveLo: value = array_active_q;
        RegPerfArraySlotsLo: value = array_slots_q;
        RegPerfReadBeatsLo: value = total_read_beats_i;
        RegPerfWriteBeatsLo: value = total_write_beats_i;
        RegPerfReadOpenLo: value = read_open_i;
        RegPerfFetchWaitLo: value = fetch_wait_q;
        RegPerfIssueWaitLo: value = issue_wait_q;
        RegPerfRecordWaitLo: value = record_wait_q;
        default: ;
      endcase
      if (low_addr >= RegEngineBase && engine_addr < RegEngineStride * RegAddrWidth'(NumEngines)) begin
        case (engine)
          2'd0: read_beats = read_beats_i[RdMatrix];
          2'd1: read_beats = read_beats_i[RdVector];
          default: read_beats = read_beats_i[RdDmaSource] + read_beats_i[RdDmaIndex];
        endcase
        case (engine_addr & (RegEngineStride - 1'b1))
          RegEngineBusyLo: value = busy_q[engine];
          RegEngineStallLo: value = stall_q[engine];
          RegEngineReadLo: value = read_beats << BeatByteBits;
          default: value = write_bytes_i[32'(engine) + WrMatrix];
        endcase
      end
      data_o <= (addr_i & HighWord) != '0 ? value[63:32] : value[31:0];
    end
  end

endmodule
