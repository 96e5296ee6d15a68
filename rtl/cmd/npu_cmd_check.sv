// SPDX-License-Identifier: Apache-2.0
// Takes fetched packets and finds each one's first error in the contract's order (docs/design/device.md, section 5).
//
// The rules are independent of each other, so their units walk the packet at the same time, and the order is that in which
// their results are looked at. The micro-program of a VECTOR is checked by the engine.

module npu_cmd_check
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_packet_rules_pkg::*;
  import npu_cmd_pkg::*;
  import npu_cmd_traits_pkg::*;
  import npu_cmd_operands_pkg::*;
#(
  parameter int unsigned AxiDataBits = 512,
  parameter int unsigned UcodeWords = 4096,
  localparam int unsigned RegionBits = $clog2(MaxRegions)
) (
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic                   flush_i,         // drop the packet

  input  logic                   packet_valid_i,
  output logic                   read_o,
  input  logic [AxiDataBits-1:0] beat_i,

  // LOAD_UCODE is checked against what all earlier packets loaded.
  input  logic                   ucode_settled_i,
  input  logic [31:0]            loaded_words_i,

  // Checked packets.
  output logic                   valid_o,
  input  logic                   take_i,
  output logic [PacketBits-1:0]  packet_o,
  output engine_e                engine_o,
  output verdict_t               verdict_o,
  output verdict_t               late_verdict_o,  // of the checks behind that of the micro-program

  // Extents of the rings, while flush_i is high.
  input  logic                   ring_open_i,     // the unit is the rings'
  input  logic                   ring_start_i,    // before the first hull
  input  logic                   ring_valid_i,
  input  hull_t                  ring_hull_i,
  output logic                   ring_busy_o,
  output logic                   ring_bad_o,

  output logic                   busy_o,          // more than waiting for an input

  output logic                   look_o,
  output logic [RegionBits-1:0]  look_index_o,
  input  region_t                look_region_i
);

  localparam int unsigned Beats = PacketBits / AxiDataBits;
  localparam int unsigned BeatBits = $clog2(Beats);
  localparam int unsigned BeatWords = AxiDataBits / 64;

  typedef enum logic [2:0] {Idle, Load, Loaded, Settle, Start, Walk, Decide, Give} state_e;

  state_e state_q;
  logic [BeatBits-1:0] beat_q;
  logic shift_q;
  logic [PacketBits-1:0] packet_q;
  logic [PacketWords-1:0] word_nonzero_q;
  traits_t traits_q;

  logic extents_busy;
  logic start;
  logic fields_busy, bad_field, bad_extent;
  logic [7:0] field_at, extent_at;
  logic bad_combination, bad_words;
  logic [7:0] combination_at;
  logic align_busy, absent_set, misaligned;
  logic [7:0] absent_at, misaligned_at;
  logic hulls_busy, overflow, hull_valid;
  logic [7:0] overflow_at;
  hull_t hull;
  verdict_t extents_verdict;

  assign start = state_q == Start;
  assign read_o = state_q == Load;
  assign busy_o = (state_q == Idle && packet_valid_i) || (state_q == Settle && ucode_settled_i) ||
                  (state_q == Give && take_i) || extents_busy ||
                  (state_q != Idle && state_q != Settle && state_q != Give);
  assign valid_o = state_q == Give;
  assign packet_o = packet_q;

  npu_cmd_fields u_fields (
    .clk_i, .rst_ni, .start_i(start), .abort_i(flush_i), .packet_i(packet_q), .word_nonzero_i(word_nonzero_q),
    .busy_o(fields_busy), .bad_field_o(bad_field), .bad_extent_o(bad_extent), .field_at_o(field_at),
    .extent_at_o(extent_at)
  );

  npu_cmd_combine #(.UcodeWords(UcodeWords)) u_combine (
    .clk_i, .start_i(start), .packet_i(packet_q), .loaded_words_i, .bad_field_o(bad_combination),
    .field_at_o(combination_at), .bad_words_o(bad_words)
  );

  npu_cmd_align u_align (
    .clk_i, .rst_ni, .start_i(start && has_operands(traits_q.opcode)), .abort_i(flush_i), .packet_i(packet_q),
    .traits_i(traits_q), .busy_o(align_busy), .absent_set_o(absent_set), .misaligned_o(misaligned),
    .absent_at_o(absent_at), .misaligned_at_o(misaligned_at)
  );

  npu_cmd_hulls u_hulls (
    .clk_i, .rst_ni, .start_i(start && has_operands(traits_q.opcode)), .abort_i(flush_i), .packet_i(packet_q),
    .traits_i(traits_q), .busy_o(hulls_busy), .hull_valid_o(hull_valid), .hull_o(hull), .overflow_o(overflow),
    .overflow_at_o(overflow_at)
  );

  npu_cmd_extents u_extents (
    .clk_i, .rst_ni, .start_i(start || ring_start_i), .abort_i(flush_i && !ring_open_i),
    .hull_valid_i(hull_valid || ring_valid_i), .hull_i(ring_open_i ? ring_hull_i : hull), .busy_o(extents_busy),
    .verdict_o(extents_verdict), .look_o, .look_index_o,
    .look_region_i
  );

  assign ring_busy_o = extents_busy;
  assign ring_bad_o = extents_verdict.error != ERR_NONE;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || flush_i) begin
      state_q <= Idle;
      shift_q <= 1'b0;
    end else begin
      shift_q <= read_o;
      case (state_q)
        Idle: begin
          beat_q <= '0;
          if (packet_valid_i) state_q <= Load;
        end
        Load: begin
          beat_q <= beat_q + 1'b1;
          if (&beat_q) state_q <= Loaded;
        end
        // The last beat moves in.
        Loaded: state_q <= Settle;
        Settle: if (packet_q[7:0] != OP_LOAD_UCODE || ucode_settled_i) state_q <= Start;
        Start: state_q <= known_opcode(traits_q.opcode) ? Walk : Decide;
        Walk: if (!(fields_busy || align_busy || hulls_busy || hull_valid || extents_busy)) state_q <= Decide;
        Decide: state_q <= Give;
        default: if (take_i) state_q <= Idle;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin : shift
    logic [BeatWords-1:0] nonzero;
    nonzero = '0;
    if (shift_q) begin
      for (int unsigned i = 0; i < BeatWords; i++) nonzero[i] = beat_i[64*i +: 64] != '0;
      packet_q <= {beat_i, packet_q[PacketBits-1:AxiDataBits]};
      word_nonzero_q <= {nonzero, word_nonzero_q[PacketWords-1:BeatWords]};
    end
  end

  always_ff @(posedge clk_i) begin
    if (state_q == Settle) traits_q <= traits_of(packet_q);
  end

  function automatic verdict_t at_field(input error_e error, input logic [7:0] at);
    return '{error: error, fault: 64'(at)};
  endfunction

  always_ff @(posedge clk_i) begin : decide
    verdict_t early;
    if (state_q == Decide) begin
      early = '{error: ERR_NONE, fault: '0};
      if (!known_opcode(traits_q.opcode)) early = at_field(ERR_UNKNOWN_OPCODE, '0);
      else if (bad_field) early = at_field(ERR_BAD_FIELD, field_at);
      else if (bad_combination) early = at_field(ERR_BAD_FIELD, combination_at);
      else if (has_operands(traits_q.opcode) && absent_set) early = at_field(ERR_BAD_FIELD, absent_at);
      else if (bad_extent) early = at_field(ERR_BAD_SHAPE, extent_at);
      else if (bad_words) early = at_field(ERR_BAD_SHAPE, LoadUcodeWordsAt);
      else if (has_operands(traits_q.opcode) && overflow) early = at_field(ERR_SHAPE_OVERFLOW, overflow_at);
      else if (has_operands(traits_q.opcode) && misaligned) early = at_field(ERR_MISALIGNED, misaligned_at);
      verdict_o <= early;
      late_verdict_o <= extents_verdict;
      if (early.error == ERR_NONE && traits_q.opcode != OP_VECTOR) verdict_o <= extents_verdict;
      engine_o <= engine_of(traits_q.opcode);
    end
  end

endmodule
