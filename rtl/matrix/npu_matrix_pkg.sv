// SPDX-License-Identifier: Apache-2.0
// Types that the units of the matrix engine share.
//
// Inside the engine every operand has the panel format: 32 columns wide, row after row,
//
//   byte of element (row k, column c) of a panel = (k * 32 + c) * element bits / 8
//
// in lines of 64 bytes. B comes so from memory (PANELS) or is brought into it on the way; A is treated as its transpose
// (32 rows of A are the columns of a panel), and so are group scales, bias, the old C and column scales.

package npu_matrix_pkg;

  // verilator lint_off UNUSEDPARAM
  parameter int unsigned LineBits = 512;
  parameter int unsigned PanelCols = 32;

  // Chunks of k that the operand buffers hold: loads run ahead of the array by up to so many.
  parameter int unsigned ChunkSlots = 4;
  parameter int unsigned ChunkSlotBits = $clog2(ChunkSlots);
  // Line pairs (128 bytes) of a chunk in a bank of the operand buffers and of the scale buffers.
  parameter int unsigned ChunkPairs = 64;
  parameter int unsigned ScalePairs = 16;
  // The longest chunk has 2^MaxChunkLog2 steps of k.
  parameter int unsigned MaxChunkLog2 = 7;
  // Lines of one lane in a chunk: 2^7 steps of 2 bytes, or fewer of 4.
  parameter int unsigned LaneLines = 4;

  // verilator lint_on UNUSEDPARAM

  // Where loaded bytes go.
  typedef enum logic [2:0] {
    DEST_A,
    DEST_B,
    DEST_SCALE,
    DEST_MIN,
    DEST_INIT,       // bias or old C
    DEST_COL_SCALE,
    DEST_ROW_SCALE
  } dest_e;

  // How an operand lies in memory.
  typedef enum logic [1:0] {
    LOAD_ROWS,   // row k of the panels is contiguous
    LOAD_LANES,  // column c of the panels is contiguous: transposed on the way
    LOAD_PANELS  // panel format
  } load_layout_e;

  // How rows of the array are used: parts of them on blocks of columns side by side.
  typedef enum logic [1:0] {
    SPLIT_1,  // all rows on one block of columns
    SPLIT_2,  // two halves of the rows on two blocks
    SPLIT_4   // four quarters on four blocks
  } split_e;

  // One operand of one chunk or tile.
  typedef struct packed {
    dest_e dest;
    load_layout_e layout;
    logic [ChunkSlotBits-1:0] slot;  // of the operand buffer; for tile operands the parity of the tile
    split_e split;                   // of the tile: its superlines share the slot
    logic [2:0] log2_bits;           // element size: 2 to 5
    npu_pkg::addr_t addr;
    npu_pkg::addr_t stride;          // bytes between rows, lanes or panels
    logic [7:0] rows;                // rows of the panels: steps of k, groups, rows of C
    logic [10:0] cols;               // columns over all panels
    logic final_load;                // of its chunk or of the operands of its tile
  } load_t;

  // A line or half line for a buffer; of DEST_ROW_SCALE `line` counts lines of 16 words.
  typedef struct packed {
    logic valid;
    dest_e dest;
    logic [ChunkSlotBits-1:0] slot;
    logic [1:0] bank;  // panel within its superline (B) or of A
    logic [7:0] line;  // within the slot
    logic [1:0] half;
  } place_t;

  // log2 of the lines of a slot in a bank of the destination. Superlines of a tile share the slot.
  function automatic logic [3:0] slot_line_bits(input dest_e dest, input logic [3:0] init_line_bits);
    case (dest)
      DEST_A, DEST_B: slot_line_bits = 4'($clog2(2 * ChunkPairs));
      DEST_SCALE, DEST_MIN: slot_line_bits = 4'($clog2(2 * ScalePairs));
      DEST_COL_SCALE: slot_line_bits = 4'd3;
      default: slot_line_bits = init_line_bits;
    endcase
  endfunction

  // Line within the slot of line `line` of superline `group`.
  function automatic logic [7:0] slot_line(input logic [7:0] line, input logic [5:0] group, input split_e split,
                                           input logic [3:0] line_bits);
    slot_line = line | 8'({10'd0, group} << (line_bits - {2'd0, split}));
  endfunction

  // Pair of lines of a bank that holds a row of elements.
  function automatic logic [7:0] pair_of(input logic [7:0] row, input logic [2:0] log2_size);
    pair_of = row >> (3'd5 - log2_size);
  endfunction

  // A tile of C, as the array and the drain see it.
  typedef struct packed {
    split_e split;
    logic two_groups;     // more rows than the array has: two accumulators for each block of columns
    logic [7:0] rows;
    logic [10:0] cols;
    npu_pkg::addr_t addr; // of its first element in C
  } tile_t;

  // A chunk in the operand buffers.
  typedef struct packed {
    logic [7:0] rows;  // steps of k
    logic last;        // of its tile
  } chunk_t;

  // What a packet asks for, constant while it executes.
  typedef struct packed {
    npu_isa_pkg::dtype_e a_type;
    npu_isa_pkg::dtype_e b_type;
    npu_isa_pkg::dtype_e c_type;
    npu_isa_pkg::dtype_e scale_type;
    logic integer_sums;                // I8 x I8
    logic group;                       // group-quantised B
    logic [2:0] log2_group;            // 4 to 7
    logic row_col;                     // ROW_COL scaling
    npu_isa_pkg::init_mode_e init_mode;
  } mode_t;

  // log2 of the element size in bits.
  function automatic logic [2:0] log2_bits(input npu_isa_pkg::dtype_e dtype);
    case (dtype)
      npu_isa_pkg::DTYPE_F32, npu_isa_pkg::DTYPE_I32: log2_bits = 3'd5;
      npu_isa_pkg::DTYPE_BF16, npu_isa_pkg::DTYPE_F16: log2_bits = 3'd4;
      npu_isa_pkg::DTYPE_U4: log2_bits = 3'd2;
      default: log2_bits = 3'd3;
    endcase
  endfunction

endpackage
