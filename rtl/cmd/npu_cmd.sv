// SPDX-License-Identifier: Apache-2.0
// Command processor: registers, and the life of packets from the command ring to the completion ring
// (docs/design/rtl.md, docs/design/device.md). The core, whose clock stands while it waits, and the counters.

module npu_cmd
  import npu_isa_pkg::*;
  import npu_regs_pkg::*;
  import npu_pkg::*;
  import npu_cmd_pkg::*;
#(
  parameter int unsigned ArrayRows = 16,
  parameter int unsigned ArrayCols = 16,
  parameter int unsigned VectorLanes = 16,
  parameter int unsigned VectorLength = 256,
  parameter int unsigned UcodeWords = 4096,
  parameter int unsigned AxiDataBits = 512,
  parameter logic [127:0] ConfigName = 128'h65676465,  // first character in the low byte
  parameter int unsigned SlotsBits = 16,
  localparam int unsigned BeatBytes = AxiDataBits / 8
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic [RegAddrWidth-1:0]     s_axil_awaddr,
  input  logic                        s_axil_awvalid,
  output logic                        s_axil_awready,
  input  logic [31:0]                 s_axil_wdata,
  input  logic [3:0]                  s_axil_wstrb,
  input  logic                        s_axil_wvalid,
  output logic                        s_axil_wready,
  output logic [1:0]                  s_axil_bresp,
  output logic                        s_axil_bvalid,
  input  logic                        s_axil_bready,
  input  logic [RegAddrWidth-1:0]     s_axil_araddr,
  input  logic                        s_axil_arvalid,
  output logic                        s_axil_arready,
  output logic [31:0]                 s_axil_rdata,
  output logic [1:0]                  s_axil_rresp,
  output logic                        s_axil_rvalid,
  input  logic                        s_axil_rready,

  output logic                        irq_o,

  // Memory unit: clients RdCmd and WrCmd.
  output logic                        ar_valid_o,
  input  logic                        ar_ready_i,
  output addr_t                       ar_addr_o,
  output logic [7:0]                  ar_len_o,
  input  logic                        r_valid_i,
  input  logic [AxiDataBits-1:0]      r_data_i,
  input  logic                        r_last_i,
  input  logic                        r_err_i,
  output logic                        aw_valid_o,
  input  logic                        aw_ready_i,
  output addr_t                       aw_addr_o,
  output logic [7:0]                  aw_len_o,
  output logic                        w_valid_o,
  input  logic                        w_ready_i,
  output logic [AxiDataBits-1:0]      w_data_o,
  output logic [BeatBytes-1:0]        w_strb_o,
  output logic                        w_last_o,
  input  logic                        b_valid_i,
  input  logic                        b_err_i,

  output logic                        quiesce_o,
  input  logic                        quiet_i,
  output logic                        counter_clear_o,
  output logic [NumWriters-1:0]       checksum_clear_o,
  input  logic [NumWriters-1:0][63:0] checksum_i,
  input  logic [NumReaders-1:0][63:0] read_beats_i,
  input  logic [NumWriters-1:0][63:0] write_bytes_i,
  input  logic [63:0]                 total_read_beats_i,
  input  logic [63:0]                 total_write_beats_i,
  input  logic [63:0]                 read_open_i,

  // Engines by number: matrix, vector, DMA.
  output logic                        engine_rst_no,
  output logic [NumEngines-1:0]       start_valid_o,
  input  logic [NumEngines-1:0]       start_ready_i,
  output logic [PacketBits-1:0]       packet_o,          // of all engines
  output logic [15:0]                 check_error_o,     // vector engine: see docs/design/rtl.md
  output logic [63:0]                 check_fault_o,
  input  logic [NumEngines-1:0]       done_valid_i,
  input  logic [NumEngines-1:0][15:0] done_error_i,
  input  logic [NumEngines-1:0][63:0] done_fault_i,
  input  logic [NumEngines-1:0]       busy_i,
  input  logic [NumEngines-1:0]       stall_i,
  input  logic [31:0]                 loaded_words_i,    // micro-program words loaded since reset
  input  logic                        array_active_i,    // the array makes a step
  input  logic [SlotsBits-1:0]        array_slots_i      // its multiply-adds that belong to a result
);

  // --- Clock -----------------------------------------------------------------------------------------

  // The core's clock stands while nothing can change in it, which is most of the time that engines execute. Its busy flag is a
  // register, and effects pass through up to two more, so a few edges follow every reason to run.
  localparam int unsigned TailEdges = 4;

  logic core_clk, core_busy, wake;
  logic [TailEdges-1:0] tail_q;
  assign wake = !rst_ni || core_busy || s_axil_awvalid || s_axil_wvalid || s_axil_arvalid || r_valid_i || b_valid_i ||
                done_valid_i != '0;

  always_ff @(posedge clk_i) tail_q <= {tail_q[TailEdges-2:0], wake};

  npu_clock_gate u_gate (.clk_i, .enable_i(wake || tail_q != '0), .clk_o(core_clk));

  // --- Core and counters ------------------------------------------------------------------------------

  logic [63:0] cycle;
  logic commit, fetch_wait, issue_wait, record_wait, counter_read;
  logic [RegAddrWidth-1:0] counter_addr;
  logic [31:0] counter_data;

  npu_cmd_core #(
    .ArrayRows(ArrayRows), .ArrayCols(ArrayCols), .VectorLanes(VectorLanes), .VectorLength(VectorLength),
    .UcodeWords(UcodeWords), .AxiDataBits(AxiDataBits), .ConfigName(ConfigName)
  ) u_core (
    .clk_i(core_clk), .rst_ni,
    .s_axil_awaddr, .s_axil_awvalid, .s_axil_awready, .s_axil_wdata, .s_axil_wstrb, .s_axil_wvalid, .s_axil_wready,
    .s_axil_bresp, .s_axil_bvalid, .s_axil_bready, .s_axil_araddr, .s_axil_arvalid, .s_axil_arready, .s_axil_rdata,
    .s_axil_rresp, .s_axil_rvalid, .s_axil_rready, .irq_o,
    .ar_valid_o, .ar_ready_i, .ar_addr_o, .ar_len_o, .r_valid_i, .r_data_i, .r_last_i, .r_err_i,
    .aw_valid_o, .aw_ready_i, .aw_addr_o, .aw_len_o, .w_valid_o, .w_ready_i, .w_data_o, .w_strb_o, .w_last_o,
    .b_valid_i, .b_err_i,
    .quiesce_o, .quiet_i, .counter_clear_o, .checksum_clear_o, .checksum_i,
    .engine_rst_no, .start_valid_o, .start_ready_i, .packet_o, .check_error_o, .check_fault_o,
    .done_valid_i, .done_error_i, .done_fault_i, .loaded_words_i,
    .busy_o(core_busy), .cycle_i(cycle), .commit_o(commit), .fetch_wait_o(fetch_wait), .issue_wait_o(issue_wait),
    .record_wait_o(record_wait), .counter_read_o(counter_read), .counter_addr_o(counter_addr),
    .counter_data_i(counter_data)
  );

  npu_cmd_counters #(.AxiDataBits(AxiDataBits), .SlotsBits(SlotsBits)) u_counters (
    .clk_i, .rst_ni(engine_rst_no), .cycle_o(cycle), .commit_i(commit), .busy_i, .stall_i, .array_active_i,
    .array_slots_i, .fetch_wait_i(fetch_wait), .issue_wait_i(issue_wait), .record_wait_i(record_wait), .read_beats_i,
    .write_bytes_i, .total_read_beats_i, .total_write_beats_i, .read_open_i, .read_i(counter_read),
    .addr_i(counter_addr), .data_o(counter_data)
  );

endmodule
