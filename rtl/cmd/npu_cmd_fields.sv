// SPDX-License-Identifier: Apache-2.0
// Rules of single fields: walks the generated table of the opcode, one rule a cycle, to the first field that is wrong.

module npu_cmd_fields
  import npu_packet_rules_pkg::*;
  import npu_cmd_pkg::*;
(
  input  logic                   clk_i,
  input  logic                   rst_ni,

  input  logic                   start_i,         // of a known opcode
  input  logic                   abort_i,
  input  logic [PacketBits-1:0]  packet_i,
  input  logic [PacketWords-1:0] word_nonzero_i,
  output logic                   busy_o,

  // Valid once busy_o has fallen.
  output logic                   bad_field_o,
  output logic                   bad_extent_o,
  output logic [7:0]             field_at_o,
  output logic [7:0]             extent_at_o
);

  localparam int unsigned WordBits = $clog2(PacketWords);

  typedef enum logic [1:0] {Idle, Walk, Locate} state_e;

  state_e state_q;
  logic [FieldRuleWidth-1:0] index_q;  // of the rule behind rule_q
  field_rule_t rule_q;
  logic rule_valid_q;

  assign busy_o = state_q != Idle;

  function automatic logic [7:0] byte_nonzero(input logic [63:0] word);
    for (int unsigned i = 0; i < 8; i++) byte_nonzero[i] = |word[8*i +: 8];
  endfunction

  function automatic logic [2:0] lowest_byte(input logic [7:0] bits);
    lowest_byte = '0;
    for (int unsigned i = 8; i > 0; i--) if (bits[i-1]) lowest_byte = 3'(i - 1);
  endfunction

  function automatic logic [WordBits-1:0] lowest_word(input logic [PacketWords-1:0] bits);
    lowest_word = '0;
    for (int unsigned i = PacketWords; i > 0; i--) if (bits[i-1]) lowest_word = WordBits'(i - 1);
  endfunction

  always_ff @(posedge clk_i) begin : walk
    logic [63:0] word;
    logic [63:0] field;
    logic [7:0] bytes;
    logic [PacketWords-1:0] words;
    logic bad;
    if (!rst_ni || abort_i) begin
      state_q <= Idle;
      rule_valid_q <= 1'b0;
    end else if (start_i) begin
      state_q <= Walk;
      index_q <= first_field_rule(packet_i[7:0]);
      rule_valid_q <= 1'b0;
      bad_field_o <= 1'b0;
      bad_extent_o <= 1'b0;
    end else if (state_q != Idle) begin
      word = packet_i[{rule_q.at[7:3], 6'b0} +: 64];
      field = word >> {rule_q.at[2:0], 3'b0};
      bytes = byte_nonzero(word) & rule_q.arg[7:0];
      words = word_nonzero_i & ({PacketWords{1'b1}} << rule_q.at[7:3]) &
              ({PacketWords{1'b1}} >> (~rule_q.arg[WordBits-1:0]));
      bad = 1'b0;
      case (rule_q.kind)
        RULE_ZERO_BYTES: bad = |bytes;
        RULE_MASK: bad = |(field[7:0] & ~rule_q.arg[7:0]);
        RULE_LISTED: bad = |field[7:4] || !rule_q.arg[field[3:0]];
        RULE_LISTED_WIDE: bad = |field[15:8] || |field[3:0] || !rule_q.arg[field[7:4]];
        RULE_NONZERO16: bad = field[15:0] == '0;
        RULE_NONZERO64: bad = field == '0;
        default: ;
      endcase
      if (state_q == Locate) begin
        // rule_q became that of the bytes of one word.
        state_q <= Idle;
        bad_field_o <= 1'b1;
        field_at_o <= {rule_q.at[7:3], lowest_byte(bytes)};
      end else begin
        rule_q <= FieldRules[index_q];
        rule_valid_q <= 1'b1;
        index_q <= index_q + 1'b1;
        if (rule_valid_q) begin
          if (rule_q.last) state_q <= Idle;
          if (rule_q.kind == RULE_EXTENT && field[31:0] == '0 && !bad_extent_o) begin
            bad_extent_o <= 1'b1;
            extent_at_o <= rule_q.at;
          end
          if (rule_q.kind == RULE_ZERO_WORDS && |words) begin
            state_q <= Locate;
            rule_q.at <= {lowest_word(words), 3'b0};
            rule_q.arg <= '1;
          end
          if (bad) begin
            state_q <= Idle;
            bad_field_o <= 1'b1;
            field_at_o <= rule_q.kind == RULE_ZERO_BYTES ? {rule_q.at[7:3], lowest_byte(bytes)} : rule_q.at;
          end
        end
      end
    end
  end

endmodule
