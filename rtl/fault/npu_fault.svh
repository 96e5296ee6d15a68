// SPDX-License-Identifier: Apache-2.0
// Faults on purpose (faults.yml), for builds of their own: NPU_FAULTS is defined for those models alone. Everywhere else the
// macros leave the good value and nothing besides.
//
//   `NPU_FAULT(ID, GOOD, BAD)           GOOD; BAD while fault ID is selected
//   `NPU_FAULT_SEQ(ID, SEQ, GOOD, BAD)  the same, and SEQ is the packet that a difference belongs to
//   `NPU_FAULT_ISSUE(VALID, SEQ, MASK)  packet SEQ goes to the engines of MASK (none: the command processor)
//
// The model notes the first cycle in which GOOD and BAD of the selected fault differ; rtlmodel/src/fault_hooks.hpp has the
// functions. So a value that does not count (payload without its valid) must not differ: write BAD accordingly.
`ifndef NPU_FAULT_SVH
`define NPU_FAULT_SVH
`ifdef NPU_FAULTS
`define NPU_FAULT(ID, GOOD, BAD) \
  ($c1(`"npu_fault(vlSymsp, NPU_FAULT_``ID, `", (GOOD) != (BAD), ")") ? (BAD) : (GOOD))
`define NPU_FAULT_SEQ(ID, SEQ, GOOD, BAD) \
  ($c1(`"npu_fault(vlSymsp, NPU_FAULT_``ID, `", (GOOD) != (BAD), ",", SEQ, ")") ? (BAD) : (GOOD))
`define NPU_FAULT_ISSUE(VALID, SEQ, MASK) \
  always_ff @(posedge clk_i) if (VALID) $c("npu_fault_issue(vlSymsp,", SEQ, ",", MASK, ");");
`else
`define NPU_FAULT(ID, GOOD, BAD) (GOOD)
`define NPU_FAULT_SEQ(ID, SEQ, GOOD, BAD) (GOOD)
`define NPU_FAULT_ISSUE(VALID, SEQ, MASK)
`endif
`endif
