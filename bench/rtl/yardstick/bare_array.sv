// SPDX-License-Identifier: Apache-2.0
// The yardstick of simulation speed: a 16 x 16 broadcast array of E8M10 multiply-add lanes and nothing
// else. Operands come decoded word by word from the ports; no memory, no packets, no output path.
//
// It holds its own copy of the lane on purpose. The model's array is measured against it, so it must not
// change with the model.
//
// A step takes two edges: operands are decoded on the first and multiplied on the second.

module bare_array (
    input logic clk_i,
    input logic step_i,  // a_i and b_i are the operands of a step
    input logic first_i,  // the step starts from +0
    input logic last_i,  // the sums of this step are results
    input logic [15:0] row_mask_i,  // rows that work
    input logic [511:0] a_i,  // a[row], fp32 words with 10 fraction bits
    input logic [511:0] b_i,  // b[column]
    input logic read_i,
    input logic [3:0] row_i,
    output logic [511:0] row_o  // results of row_i, one edge after read_i
);

  localparam int unsigned Rows = 16;
  localparam int unsigned Columns = 16;

  // [31] sign, [30] NaN, [29] infinite, [28] zero, [27:16] exponent, [10:0] significand
  function automatic logic [31:0] decode(input logic [31:0] v);
    logic [31:0] e, f, m, k, x;
    e = (v >> 23) & 32'hff;
    f = (v >> 13) & 32'h3ff;
    m = f | ((e != 0) ? 32'h400 : 32'd0);
    x = (e == 0) ? 32'd1 : e;
    k = (m < 32'h8) ? 32'd8 : 32'd0;
    m = m << k[4:0];
    x = x - k;
    k = (m < 32'h80) ? 32'd4 : 32'd0;
    m = m << k[4:0];
    x = x - k;
    k = (m < 32'h200) ? 32'd2 : 32'd0;
    m = m << k[4:0];
    x = x - k;
    k = (m < 32'h400) ? 32'd1 : 32'd0;
    m = m << k[4:0];
    x = x - k;
    x = (m == 0) ? -32'd600 : x;
    k = (e != 32'd255) ? 32'd0 : (f != 0) ? 32'h40000000 : 32'h20000000;
    k = k | ((m == 0) ? 32'h10000000 : 32'd0);
    decode = (v & 32'h80000000) | k | ((x & 32'hfff) << 16) | m;
  endfunction

  function automatic logic [31:0] leading_zeros(input logic [31:0] m);
    logic [31:0] x, n, k;
    k = (m < 32'h00010000) ? 32'd16 : 32'd0;
    x = m << k[4:0];
    n = k;
    k = (x < 32'h01000000) ? 32'd8 : 32'd0;
    x = x << k[4:0];
    n = n + k;
    k = (x < 32'h10000000) ? 32'd4 : 32'd0;
    x = x << k[4:0];
    n = n + k;
    k = (x < 32'h40000000) ? 32'd2 : 32'd0;
    x = x << k[4:0];
    n = n + k;
    leading_zeros = n + {31'd0, ~x[31]};
  endfunction

  function automatic logic [31:0] multiply_add(
      input logic [31:0] a, input logic [31:0] b, input logic [31:0] c);
    logic [31:0] ec, mc, p, ep, d, sh, x, y, ys, t, m, lb, lz, ls, n, r, sp, sb, sg;
    logic [31:0] w1, w2, w3, w4;
    ec = {24'd0, c[30:23]};
    mc = ((c & 32'h7fffff) << 6) | ((ec != 0) ? 32'h20000000 : 32'd0);
    ec = (ec == 0) ? 32'd1 : ec;
    p = ({21'd0, a[10:0]} * {21'd0, b[10:0]}) << 8;
    ep = {{20{a[27]}}, a[27:16]} + {{20{b[27]}}, b[27:16]} - 32'd126;
    d = ep - ec;
    sh = (d > 32'h7fffffff) ? -d : d;
    sh = (sh > 31) ? 32'd31 : sh;
    x = (d > 32'h7fffffff) ? mc : p;
    y = (d > 32'h7fffffff) ? p : mc;
    ys = y >> sh[4:0];
    ys = ys | (((ys << sh[4:0]) != y) ? 32'd1 : 32'd0);
    sp = a ^ b;
    sb = sp ^ c;
    t = (sb > 32'h7fffffff) ? x - ys : x + ys;
    m = (t > 32'h7fffffff) ? -t : t;
    sg = ((d > 32'h7fffffff) ? c : sp) ^ t;
    lb = (d > 32'h7fffffff) ? ec : ep;
    lz = leading_zeros(m) - 1;
    ls = (lz > lb) ? lb : lz;
    n = m << ls[4:0];
    r = ((lb - ls) << 23) + ((n + 32'd63 + {31'd0, n[7]}) >> 7);
    r = (r > 32'h7f800000) ? 32'h7f800000 : r;
    r = r | (sg & 32'h80000000);
    r = (m == 0) ? (sg & ~sb & 32'h80000000) : r;
    w1 = {c[30:0], 1'b0};
    w2 = (a | b) & 32'h20000000;
    w3 = ((a | b) & 32'h40000000) | ((a << 1) & (b << 2) & 32'h40000000)
         | ((b << 1) & (a << 2) & 32'h40000000);
    r = (w1 == 32'hff000000) ? c : r;
    w4 = (w1 == 32'hff000000) ? (sb & 32'h80000000) : 32'd0;
    r = (w2 != 0) ? ((sp & 32'h80000000) | 32'h7f800000) : r;
    w3 = w3 | ((w2 << 2) & w4);
    multiply_add = ((w3 != 0) || (w1 > 32'hff000000)) ? 32'h7fc00000 : r;
  endfunction

  logic [511:0] a_q, b_q;
  logic step_q, first_q, last_q;

  always_ff @(posedge clk_i) begin : edge_decode
    logic [511:0] na, nb;
    logic [31:0] j;
    na = '0;
    nb = '0;
    j = 0;
    step_q <= step_i;
    first_q <= first_i;
    last_q <= last_i;
    if (step_i) begin
      for (j = 0; j < Columns; j++) begin
        na[j*32+:32] = decode(a_i[j*32+:32]);
        nb[j*32+:32] = decode(b_i[j*32+:32]);
      end
      a_q <= na;
      b_q <= nb;
    end
  end

  // Results are captured, not read from the accumulators: reading those elsewhere makes Verilator keep
  // second copies, and the loops lose their vector form. Rows stand one by one for the same reason.
  always_ff @(posedge clk_i) begin
    if (read_i) begin
      case (row_i)
        4'd0: row_o <= gen_row[0].result;
        4'd1: row_o <= gen_row[1].result;
        4'd2: row_o <= gen_row[2].result;
        4'd3: row_o <= gen_row[3].result;
        4'd4: row_o <= gen_row[4].result;
        4'd5: row_o <= gen_row[5].result;
        4'd6: row_o <= gen_row[6].result;
        4'd7: row_o <= gen_row[7].result;
        4'd8: row_o <= gen_row[8].result;
        4'd9: row_o <= gen_row[9].result;
        4'd10: row_o <= gen_row[10].result;
        4'd11: row_o <= gen_row[11].result;
        4'd12: row_o <= gen_row[12].result;
        4'd13: row_o <= gen_row[13].result;
        4'd14: row_o <= gen_row[14].result;
        default: row_o <= gen_row[15].result;
      endcase
    end
  end

  for (genvar i = 0; i < Rows; i++) begin : gen_row
    logic [511:0] acc, result;

    always_ff @(posedge clk_i) begin : lanes
      logic [511:0] nx;
      logic [31:0] keep, j;
      nx = '0;
      j = 0;
      keep = first_q ? 32'd0 : 32'hffffffff;
      if (step_q & row_mask_i[i]) begin
        for (j = 0; j < Columns; j++) begin
          nx[j*32+:32] = multiply_add(a_q[i*32+:32], b_q[j*32+:32], acc[j*32+:32] & keep);
        end
        acc <= nx;
        if (last_q) result <= nx;
      end
    end
  end

endmodule
