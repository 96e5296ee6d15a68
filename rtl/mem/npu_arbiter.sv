// SPDX-License-Identifier: Apache-2.0
// Round-robin arbiter: of the requests, grants the first behind the one accepted last.
module npu_arbiter #(
  parameter int unsigned Num = 4,
  localparam int unsigned IndexBits = (Num > 1) ? $clog2(Num) : 1
) (
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic [Num-1:0]       request_i,
  output logic [Num-1:0]       grant_o,   // one-hot; 0 without a request
  output logic [IndexBits-1:0] index_o,   // of the grant
  input  logic                 accept_i   // the granted request is served
);

  logic [Num-1:0] behind_q;  // requests behind the one served last come first
  logic [Num-1:0] preferred, rest;
  assign preferred = request_i & behind_q;
  assign rest = (preferred != '0) ? preferred : request_i;
  assign grant_o = rest & (~rest + 1'b1);  // lowest

  always_comb begin
    index_o = '0;
    for (int unsigned i = 0; i < Num; i++) begin
      if (grant_o[i]) index_o = index_o | IndexBits'(i);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) behind_q <= '0;
    else if (accept_i) behind_q <= ~(grant_o | (grant_o - 1'b1));
  end

endmodule
