// SPDX-License-Identifier: Apache-2.0
// Lowest and highest byte of each operand in the contract's order: base + run - 1 + sum of (extent - 1) * stride.
// One part of an operand enters the pipeline a cycle: decode, read, multiply, add.

module npu_cmd_hulls
  import npu_cmd_pkg::*;
  import npu_cmd_traits_pkg::*;
  import npu_cmd_operands_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,

  input  logic                  start_i,        // a packet that has operands
  input  logic                  abort_i,
  input  logic [PacketBits-1:0] packet_i,
  input  traits_t               traits_i,
  output logic                  busy_o,

  output logic                  hull_valid_o,   // one cycle an operand, its end not beyond 2^64 - 1
  output hull_t                 hull_o,

  // Valid once busy_o has fallen: the first operand that ends beyond 2^64 - 1.
  output logic                  overflow_o,
  output logic [7:0]            overflow_at_o   // its address field
);

  localparam int unsigned RunBits = 40;  // 2^32 elements in a panel of 128 bytes

  // Decode.
  logic walking_q;
  operand_t operand_q;
  part_t part_q;

  // Read.
  logic read_valid_q;
  // verilator lint_off UNUSEDSIGNAL
  hull_step_t read_q;  // `present` was looked at before; counts lie at whole words
  // verilator lint_on UNUSEDSIGNAL
  logic read_run_q;
  operand_t read_operand_q;

  // Multiply.
  logic mul_valid_q, mul_run_q, mul_last_q, mul_written_q;
  operand_t mul_operand_q;
  logic [7:0] mul_at_q;
  logic [31:0] mul_count_q;
  logic [RunBits-1:0] mul_run_last_q;
  logic [63:0] mul_value_q;

  // Add.
  logic add_valid_q, add_run_q, add_last_q, add_written_q;
  operand_t add_operand_q;
  logic [7:0] add_at_q;
  logic [63:0] add_low_q, add_high_q, add_base_q;

  logic [63:0] base_q, sum_q;
  logic beyond_q;
  logic [7:0] at_q;

  assign busy_o = walking_q || read_valid_q || mul_valid_q || add_valid_q;

  always_ff @(posedge clk_i) begin : decode
    hull_step_t step;
    if (!rst_ni || abort_i) begin
      walking_q <= 1'b0;
      read_valid_q <= 1'b0;
    end else if (start_i) begin
      walking_q <= 1'b1;
      operand_q <= '0;
      part_q <= '0;
    end else begin
      read_valid_q <= 1'b0;
      if (walking_q) begin
        step = hull_step(traits_i, operand_q, part_q);
        read_valid_q <= step.present;
        read_q <= step;
        read_run_q <= part_q == '0;
        read_operand_q <= operand_q;
        part_q <= part_q + 1'b1;
        if (step.last || !step.present) begin
          part_q <= '0;
          operand_q <= operand_q + 1'b1;
          if (operand_q == last_operand(traits_i.opcode)) walking_q <= 1'b0;
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin : read
    logic [63:0] value;
    logic [32:0] count;
    if (!rst_ni || abort_i) begin
      mul_valid_q <= 1'b0;
    end else begin
      mul_valid_q <= read_valid_q;
      if (read_valid_q) begin
        value = packet_i[{read_q.value_at[7:3], 6'b0} +: 64];
        if (read_q.half) value = 64'(16'(value >> {read_q.value_at[2:0], 3'b0}));
        count = 33'(packet_i[{read_q.count_at[7:2], 5'b0} +: 32]);
        count = (count + ((33'd1 << read_q.round) - 33'd1)) >> read_q.round;
        if (read_q.one) count = 33'd1;
        mul_run_q <= read_run_q;
        mul_last_q <= read_q.last;
        mul_written_q <= read_q.written;
        mul_operand_q <= read_operand_q;
        mul_at_q <= read_q.value_at;
        mul_value_q <= value;
        mul_count_q <= count[31:0] - 32'd1;
        mul_run_last_q <= (RunBits'(count) << read_q.shift) - RunBits'(1);
      end
    end
  end

  always_ff @(posedge clk_i) begin : multiply
    if (!rst_ni || abort_i) begin
      add_valid_q <= 1'b0;
    end else begin
      add_valid_q <= mul_valid_q;
      if (mul_valid_q) begin
        add_run_q <= mul_run_q;
        add_last_q <= mul_last_q;
        add_written_q <= mul_written_q;
        add_operand_q <= mul_operand_q;
        add_at_q <= mul_at_q;
        add_base_q <= mul_value_q;
        // 32 x 64 bits as two products whose sum is the result.
        add_low_q <= mul_run_q ? 64'(mul_run_last_q) : 64'(mul_count_q) * 64'(mul_value_q[31:0]);
        add_high_q <= mul_run_q ? '0 : 64'(mul_count_q) * 64'(mul_value_q[63:32]);
      end
    end
  end

  always_ff @(posedge clk_i) begin : add
    logic [63:0] base, old_sum;
    logic [64:0] high, sum;
    logic beyond;
    logic [7:0] at;
    if (!rst_ni || abort_i) begin
      hull_valid_o <= 1'b0;
    end else if (start_i) begin
      hull_valid_o <= 1'b0;
      overflow_o <= 1'b0;
    end else begin
      hull_valid_o <= 1'b0;
      if (add_valid_q) begin
        base = add_run_q ? add_base_q : base_q;
        old_sum = add_run_q ? add_base_q : sum_q;
        at = add_run_q ? add_at_q : at_q;
        high = 65'(add_high_q) + 65'(add_low_q[63:32]);
        sum = 65'(old_sum) + {1'b0, high[31:0], add_low_q[31:0]};
        beyond = (!add_run_q && beyond_q) || high[64:32] != '0 || sum[64];
        base_q <= base;
        sum_q <= sum[63:0];
        beyond_q <= beyond;
        at_q <= at;
        if (add_last_q) begin
          hull_valid_o <= !beyond;
          hull_o <= '{base: base, last: sum[63:0], written: add_written_q, operand: add_operand_q};
          if (beyond && !overflow_o) begin
            overflow_o <= 1'b1;
            overflow_at_o <= at;
          end
        end
      end
    end
  end

endmodule
