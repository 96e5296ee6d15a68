// SPDX-License-Identifier: Apache-2.0
// Types that the parts of the DMA engine share.

package npu_dma_pkg;

  // Longest segment, 32 KiB. It bounds what is read in vain after a bad index.
  parameter int unsigned SegmentBits = 15;

  typedef logic [SegmentBits:0] seg_bytes_t;

  typedef struct packed {
    npu_pkg::addr_t addr;
    seg_bytes_t bytes;
  } segment_t;

  // Dimensions of a walk; 0 is the outermost.
  parameter int unsigned Dims = 4;

  // The bytes addr + sum(i[d] * stride[d]) + [0, run) for all i[d] < extent[d], i[0] outermost. What
  // passed the packet checks lies below 2^48 wherever an extent is above 1; addresses are modulo 2^48.
  typedef struct packed {
    npu_pkg::addr_t addr;
    npu_pkg::addr_t run;
    logic [Dims-1:0][31:0] extent;
    npu_pkg::addr_t [Dims-1:0] stride;
    // Runs that adjoin count as one.
    logic merge;
  } walk_t;

  // How a packet is executed; its walks go beside it.
  typedef struct packed {
    logic fill;
    logic gather;
    logic scatter;     // SCATTER_ADD
    logic index_wide;  // indices have 64 bits
    logic serial;      // SCATTER_ADD: rows of different indices may overlap
    logic planes;      // SCATTER_ADD: rows of different i may overlap
  } mode_t;

endpackage
