// SPDX-License-Identifier: Apache-2.0
// MATMUL: every type in every layout as a product of matrices and of a matrix with a vector, the
// shapes of attention, initial values, scales.
#include <fmt/format.h>

#include "rtl/cycles/cases.hpp"

namespace tandem::rtltest {
namespace {

using abi::ALayout;
using abi::BLayout;
using abi::Dtype;
using abi::InitMode;
using abi::ScaleMode;

struct Product {
  std::string name;
  std::uint32_t m, n, k;
  Dtype a_type, b_type, c_type = Dtype::kF32;
  ALayout a_layout = ALayout::kRows;
  BLayout b_layout = BLayout::kPanels;
  ScaleMode scale = ScaleMode::kNone;
  Dtype scale_type = Dtype::kNone;
  std::uint16_t group = 0;
  InitMode init = InitMode::kZero;
  std::uint32_t batch0 = 1, batch1 = 1;
  bool shared_b = false;   ///< All inner batches use one B, as grouped query heads do.
  std::uint64_t skew = 0;  ///< Elements by which operands miss their natural alignment.
};

std::uint64_t bits(Dtype type) {
  switch (type) {
    case Dtype::kU4:
      return 4;
    case Dtype::kE4M3:
    case Dtype::kE5M2:
    case Dtype::kI8:
      return 8;
    case Dtype::kBF16:
    case Dtype::kF16:
      return 16;
    default:
      return 32;
  }
}

std::uint64_t row_bytes(std::uint64_t elements, Dtype type) {
  return (elements * bits(type) + 7) / 8;
}

void place_scales(CycleDevice& device, const Product& p, abi::MatmulPacket& packet) {
  packet.scale_mode = p.scale;
  packet.scale_type = p.scale_type;
  if (p.scale == ScaleMode::kRowCol) {
    packet.a_scale_addr = device.memory(row_bytes(p.m, p.scale_type));
    packet.b_scale_addr = device.memory(row_bytes(p.n, p.scale_type));
    return;
  }
  packet.group_size = p.group;
  const std::uint64_t groups = (p.k + p.group - 1) / p.group;
  const bool panels = p.b_layout == BLayout::kPanels;
  const std::uint64_t rows = panels ? (p.n + abi::kPanelColumns - 1) / abi::kPanelColumns : p.n;
  packet.b_scale_row_stride =
      row_bytes(panels ? groups * abi::kPanelColumns : groups, p.scale_type);
  packet.b_scale_addr = device.memory(rows * packet.b_scale_row_stride);
  packet.b_min_addr = device.memory(rows * packet.b_scale_row_stride);
}

std::uint64_t run(CycleDevice& device, const Product& p) {
  abi::MatmulPacket packet;
  packet.m = p.m;
  packet.n = p.n;
  packet.k = p.k;
  packet.batch0 = p.batch0;
  packet.batch1 = p.batch1;
  packet.a_type = p.a_type;
  packet.b_type = p.b_type;
  packet.c_type = p.c_type;
  packet.a_layout = p.a_layout;
  packet.b_layout = p.b_layout;
  packet.init_mode = p.init;

  // Places a matrix for every batch; `skew` elements lie before it and between rows.
  const auto place = [&](std::uint64_t rows, std::uint64_t cols, Dtype type, bool shared,
                         std::uint64_t& row, std::uint64_t& batch0, std::uint64_t& batch1) {
    const std::uint64_t skew = row_bytes(p.skew, type);
    row = row_bytes(cols, type) + skew;
    const std::uint64_t matrix = rows * row;
    batch1 = p.batch1 == 1 || shared ? 0 : matrix;
    const std::uint64_t inner = shared ? 1 : p.batch1;
    batch0 = p.batch0 == 1 ? 0 : matrix * inner;
    return device.memory(skew + matrix * inner * p.batch0) + skew;
  };
  const bool a_rows = p.a_layout == ALayout::kRows;
  packet.a_addr = place(a_rows ? p.m : p.k, a_rows ? p.k : p.m, p.a_type, false,
                        packet.a_row_stride, packet.a_batch0_stride, packet.a_batch1_stride);
  std::uint64_t b_rows = p.k, b_cols = p.n;
  if (p.b_layout == BLayout::kNk) std::swap(b_rows, b_cols);
  if (p.b_layout == BLayout::kPanels) {
    b_rows = (p.n + abi::kPanelColumns - 1) / abi::kPanelColumns;
    b_cols = std::uint64_t{p.k} * abi::kPanelColumns;
  }
  packet.b_addr = place(b_rows, b_cols, p.b_type, p.shared_b, packet.b_row_stride,
                        packet.b_batch0_stride, packet.b_batch1_stride);
  packet.c_addr = place(p.m, p.n, p.c_type, false, packet.c_row_stride, packet.c_batch0_stride,
                        packet.c_batch1_stride);
  if (p.init == InitMode::kBias) packet.bias_addr = device.memory(std::uint64_t{p.n} * 4);
  if (p.scale != ScaleMode::kNone) place_scales(device, p, packet);
  return device.run(packet);
}

struct Types {
  const char* name;
  Dtype a, b, c;
};
constexpr Types kTypes[] = {
    {"bf16", Dtype::kBF16, Dtype::kBF16, Dtype::kF32},
    {"f16", Dtype::kF16, Dtype::kF16, Dtype::kF32},
    {"f32 x f16", Dtype::kF32, Dtype::kF16, Dtype::kF32},
    {"e4m3", Dtype::kE4M3, Dtype::kE4M3, Dtype::kF32},
    {"e5m2", Dtype::kE5M2, Dtype::kE5M2, Dtype::kBF16},
    {"int8", Dtype::kI8, Dtype::kI8, Dtype::kI32},
};
struct LayoutB {
  const char* name;
  BLayout layout;
};
constexpr LayoutB kLayouts[] = {
    {"kn", BLayout::kKn}, {"nk", BLayout::kNk}, {"panels", BLayout::kPanels}};

void add_types(std::vector<Product>& products) {
  for (const Types& t : kTypes) {
    for (const LayoutB& b : kLayouts) {
      for (const ALayout a : {ALayout::kRows, ALayout::kCols}) {
        products.push_back(
            {fmt::format("gemm {} {} {}", t.name, a == ALayout::kRows ? "rows" : "cols", b.name),
             32, 96, 48, t.a, t.b, t.c, a, b.layout});
      }
      products.push_back({fmt::format("gemv {} {}", t.name, b.name), 1, 160, 192, t.a, t.b, t.c,
                          ALayout::kRows, b.layout});
    }
  }
}

void add_scaled(std::vector<Product>& products) {
  for (const LayoutB& b : {kLayouts[1], kLayouts[2]}) {
    for (const auto& [name, type] :
         {std::pair{"int4 groups", Dtype::kU4}, {"int8 groups", Dtype::kI8}}) {
      Product p{.m = 32, .n = 96, .k = 128, .a_type = Dtype::kF32, .b_type = type};
      p.b_layout = b.layout;
      p.scale = ScaleMode::kGroup;
      p.scale_type = Dtype::kF16;
      p.group = 32;
      p.name = fmt::format("gemm {} {}", name, b.name);
      products.push_back(p);
      p.m = 1;
      p.name = fmt::format("gemv {} {}", name, b.name);
      products.push_back(p);
    }
  }
  Product w8a8{.name = "gemm int8 row and column scales", .m = 32, .n = 96, .k = 64};
  w8a8.a_type = w8a8.b_type = Dtype::kI8;
  w8a8.scale = ScaleMode::kRowCol;
  w8a8.scale_type = Dtype::kF32;
  products.push_back(w8a8);
}

void add_attention(std::vector<Product>& products) {
  for (const std::uint32_t tokens : {1u, 8u}) {
    Product scores{.name = fmt::format("attention scores, {} of 40 tokens", tokens),
                   .m = tokens,
                   .n = 40,
                   .k = 32,
                   .a_type = Dtype::kF32,
                   .b_type = Dtype::kF16};
    scores.b_layout = BLayout::kNk;
    scores.batch0 = 2;
    scores.batch1 = 3;
    scores.shared_b = true;
    products.push_back(scores);
    Product values = scores;
    values.name = fmt::format("attention values, {} of 40 tokens", tokens);
    values.n = 32;
    values.k = 40;
    values.a_type = Dtype::kF16;
    values.b_layout = BLayout::kKn;
    products.push_back(values);
  }
}

void add_others(std::vector<Product>& products) {
  const Product plain{.m = 32, .n = 96, .k = 48, .a_type = Dtype::kBF16, .b_type = Dtype::kBF16};
  Product p = plain;
  p.name = "gemm bf16 bias";
  p.init = InitMode::kBias;
  products.push_back(p);
  p.name = "gemm bf16 accumulate";
  p.init = InitMode::kAccumulate;
  products.push_back(p);
  p = plain;
  p.name = "gemm bf16 unaligned kn";
  p.b_layout = BLayout::kKn;
  p.skew = 3;
  products.push_back(p);
  p.name = "gemm bf16 unaligned nk, odd shape";
  p.b_layout = BLayout::kNk;
  p.m = 19;
  p.n = 45;
  p.k = 37;
  products.push_back(p);
  p = plain;
  p.name = "gemm bf16, long k";
  p.m = 8;
  p.n = 32;
  p.k = 700;
  products.push_back(p);
}

// Large enough that the steady state counts, not the start.
void add_long(std::vector<Product>& products) {
  products.push_back({"gemm bf16 64 x 256 x 256", 64, 256, 256, Dtype::kBF16, Dtype::kBF16});
  Product p{.m = 1, .n = 512, .k = 512, .a_type = Dtype::kF32};
  for (const auto& [name, type] :
       {std::pair{"f16", Dtype::kF16}, {"e4m3", Dtype::kE4M3}, {"int4 groups", Dtype::kU4}}) {
    p.name = fmt::format("gemv {} 512 x 512", name);
    p.b_type = type;
    if (type == Dtype::kU4) {
      p.scale = ScaleMode::kGroup;
      p.scale_type = Dtype::kF16;
      p.group = 32;
    }
    products.push_back(p);
  }
}

}  // namespace

std::vector<CycleCase> matmul_cases() {
  std::vector<Product> products;
  add_types(products);
  add_scaled(products);
  add_attention(products);
  add_others(products);
  add_long(products);
  std::vector<CycleCase> cases;
  for (const Product& product : products) {
    cases.push_back({"matmul " + product.name,
                     [product](CycleDevice& device) { return run(device, product); }});
  }
  return cases;
}

}  // namespace tandem::rtltest
