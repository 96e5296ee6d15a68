// SPDX-License-Identifier: Apache-2.0
// Extents against the memory map: for each hull in order, the lowest byte that no region holds or that must not be
// written. Regions are read one a cycle, from the one that served the same operand of the last packet on.

`include "npu_fault.svh"

module npu_cmd_extents
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_cmd_pkg::*;
#(
  localparam int unsigned IndexBits = $clog2(MaxRegions)
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,

  input  logic                 start_i,      // forget the last verdict
  input  logic                 abort_i,
  input  logic                 hull_valid_i, // at most 8 between two starts
  input  hull_t                hull_i,
  output logic                 busy_o,
  output verdict_t             verdict_o,    // of the hulls so far, once busy_o has fallen

  output logic                 look_o,
  output logic [IndexBits-1:0] look_index_o,
  input  region_t              look_region_i
);

  localparam int unsigned Depth = 1 << OperandBits;
  localparam logic [63:0] AddressEnd = 64'd1 << PhysAddrWidth;

  typedef enum logic [1:0] {Idle, Look, Match} state_e;

  state_e state_q;
  hull_t queue [Depth];
  logic [OperandBits:0] put_q, take_q;
  logic [63:0] last_q;                  // of the hull that is looked at
  logic written_q;
  logic [OperandBits-1:0] operand_q;
  logic [63:0] addr_q;                  // first byte that is not known to be held
  logic [IndexBits-1:0] index_q;        // region that is read in this cycle
  logic [IndexBits-1:0] misses_q;       // regions that do not hold addr_q
  logic read_only_q;                    // one of them does, but must not be written
  logic [IndexBits-1:0] hint [Depth];   // region that served the operand last; any value is right

  logic empty;
  assign empty = put_q == take_q;
  assign busy_o = state_q != Idle || !empty;
  assign look_o = state_q != Idle;
  assign look_index_o = index_q;

  always_ff @(posedge clk_i) begin
    if (hull_valid_i) queue[put_q[OperandBits-1:0]] <= hull_i;
  end

  always_ff @(posedge clk_i) begin : match
    hull_t next;
    logic [IndexBits-1:0] held;
    logic [63:0] offset, room, following;
    logic holds, usable, whole;
    if (!rst_ni || abort_i || start_i) begin
      state_q <= Idle;
      put_q <= '0;
      take_q <= '0;
      verdict_o <= '{error: ERR_NONE, fault: '0};
    end else begin
      if (hull_valid_i) put_q <= put_q + 1'b1;
      case (state_q)
        Idle: begin
          if (!empty) begin
            next = queue[take_q[OperandBits-1:0]];
            last_q <= next.last;
            written_q <= next.written;
            operand_q <= next.operand;
            addr_q <= next.base;
            index_q <= hint[next.operand];
            misses_q <= '0;
            read_only_q <= 1'b0;
            take_q <= take_q + 1'b1;
            // The first fault is the verdict; later operands do not matter.
            if (verdict_o.error == ERR_NONE) state_q <= Look;
          end
        end
        Look: begin
          index_q <= index_q + 1'b1;
          state_q <= Match;
        end
        default: begin
          index_q <= index_q + 1'b1;
          held = index_q - 1'b1;
          offset = addr_q - look_region_i.base;
          holds = look_region_i.valid && addr_q >= look_region_i.base && offset < look_region_i.size &&
                  addr_q < AddressEnd;
          usable = holds && (look_region_i.writable || !written_q);
          // Bytes from base on that count: those below 2^48.
          room = AddressEnd - look_region_i.base;
          if (look_region_i.size < room) room = look_region_i.size;
          following = look_region_i.base + room;
          whole = `NPU_FAULT_SEQ(cmd_extent_end, npu_cmd_check.packet_q[8*npu_packet_rules_pkg::PacketSeqAt +: 64], last_q < following, usable ? last_q <= following : last_q < following);
          if (usable) begin
            hint[operand_q] <= held;
            misses_q <= '0;
            read_only_q <= 1'b0;
            addr_q <= following;
            if (whole) state_q <= Idle;
          end else begin
            misses_q <= misses_q + 1'b1;
            read_only_q <= read_only_q || holds;
            if (misses_q == IndexBits'(MaxRegions - 1) || addr_q >= AddressEnd) begin
              state_q <= Idle;
              verdict_o <= '{error: read_only_q || holds ? ERR_READ_ONLY : ERR_UNMAPPED, fault: addr_q};
            end
          end
        end
      endcase
    end
  end

endmodule
