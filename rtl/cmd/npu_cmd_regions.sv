// SPDX-License-Identifier: Apache-2.0
// Memory map: 16 regions as memories with one port for the registers and one for the extent check.

module npu_cmd_regions
  import npu_regs_pkg::*;
#(
  localparam int unsigned IndexBits = $clog2(MaxRegions)
) (
  input  logic                    clk_i,

  // Sets entry write_index_i to its reset value; the registers are idle meanwhile.
  input  logic                    clear_i,

  // Registers: one word of one region. Offsets are those inside the block of a region.
  input  logic                    write_i,
  input  logic [IndexBits-1:0]    write_index_i,
  input  logic [RegAddrWidth-1:0] write_offset_i,
  input  logic [31:0]             data_i,
  input  logic [3:0]              strb_i,
  input  logic                    read_i,
  input  logic [IndexBits-1:0]    read_index_i,
  input  logic [RegAddrWidth-1:0] read_offset_i,
  output logic [31:0]             data_o,      // the cycle after read_i

  input  logic                    look_i,
  input  logic [IndexBits-1:0]    look_index_i,
  output npu_cmd_pkg::region_t    look_region_o  // the cycle after look_i
);

  localparam int unsigned AttrBits = 2;

  logic [31:0] base_lo [MaxRegions];
  logic [31:0] base_hi [MaxRegions];
  logic [31:0] size_lo [MaxRegions];
  logic [31:0] size_hi [MaxRegions];
  logic [AttrBits-1:0] attr [MaxRegions];

  function automatic logic [31:0] merge(input logic [31:0] old, input logic [31:0] data, input logic [3:0] strb);
    logic [31:0] mask;
    mask = {{8{strb[3]}}, {8{strb[2]}}, {8{strb[1]}}, {8{strb[0]}}};
    return (old & ~mask) | (data & mask);
  endfunction

  always_ff @(posedge clk_i) begin
    if (clear_i) begin
      base_lo[write_index_i] <= '0;
      base_hi[write_index_i] <= '0;
      size_lo[write_index_i] <= '0;
      size_hi[write_index_i] <= '0;
      attr[write_index_i] <= '0;
    end else if (write_i) begin
      case (write_offset_i)
        RegRegionBaseLo: base_lo[write_index_i] <= merge(base_lo[write_index_i], data_i, strb_i);
        RegRegionBaseHi: base_hi[write_index_i] <= merge(base_hi[write_index_i], data_i, strb_i);
        RegRegionSizeLo: size_lo[write_index_i] <= merge(size_lo[write_index_i], data_i, strb_i);
        RegRegionSizeHi: size_hi[write_index_i] <= merge(size_hi[write_index_i], data_i, strb_i);
        RegRegionAttr: if (strb_i[0]) attr[write_index_i] <= data_i[AttrBits-1:0];
        default: ;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (read_i) begin
      case (read_offset_i)
        RegRegionBaseLo: data_o <= base_lo[read_index_i];
        RegRegionBaseHi: data_o <= base_hi[read_index_i];
        RegRegionSizeLo: data_o <= size_lo[read_index_i];
        RegRegionSizeHi: data_o <= size_hi[read_index_i];
        RegRegionAttr: data_o <= 32'(attr[read_index_i]);
        default: data_o <= '0;
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    if (look_i) begin
      look_region_o.base <= {base_hi[look_index_i], base_lo[look_index_i]};
      look_region_o.size <= {size_hi[look_index_i], size_lo[look_index_i]};
      look_region_o.valid <= attr[look_index_i][RegionAttrValidBit];
      look_region_o.writable <= attr[look_index_i][RegionAttrWritableBit];
    end
  end

endmodule
