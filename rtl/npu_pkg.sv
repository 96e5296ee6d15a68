// SPDX-License-Identifier: Apache-2.0
// Types and constants that several units of the NPU share.

package npu_pkg;

  // Physical addresses have 48 bits; the command processor refuses higher ones before an engine sees them.
  parameter int unsigned AddrBits = 48;
  typedef logic [AddrBits-1:0] addr_t;

  // Beats of the longest burst. 16 beats of 64 bytes are 1 KiB.
  parameter int unsigned MaxBurst = 16;

  // Read clients of the memory unit. The number is the AXI id, so responses of one client stay in order.
  parameter int unsigned NumReaders = 5;
  parameter int unsigned RdCmd = 0;
  parameter int unsigned RdMatrix = 1;
  parameter int unsigned RdVector = 2;
  parameter int unsigned RdDmaSource = 3;
  parameter int unsigned RdDmaIndex = 4;

  // Write clients of the memory unit; the number is the AXI id.
  parameter int unsigned NumWriters = 4;
  parameter int unsigned WrCmd = 0;
  parameter int unsigned WrMatrix = 1;
  parameter int unsigned WrVector = 2;
  parameter int unsigned WrDma = 3;

  parameter int unsigned AxiIdBits = 4;

endpackage
