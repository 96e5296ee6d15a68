// SPDX-License-Identifier: Apache-2.0
// Overlap of strided operands against marking every byte.
#include "overlap.hpp"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace tandem::ops {
namespace {

std::set<std::uint64_t> bytes_of(const Footprint& x) {
  std::set<std::uint64_t> starts = {x.base};
  for (int i = 0; i < x.num_dims; ++i) {
    std::set<std::uint64_t> next;
    const Footprint::Dim& dim = x.dims[static_cast<std::size_t>(i)];
    for (const std::uint64_t start : starts) {
      for (std::uint64_t j = 0; j < dim.extent; ++j) next.insert(start + j * dim.stride);
    }
    starts = next;
  }
  std::set<std::uint64_t> bytes;
  for (const std::uint64_t start : starts) {
    for (std::uint64_t j = 0; j < x.elem_bytes; ++j) bytes.insert(start + j);
  }
  return bytes;
}

bool share_bytes(const Footprint& a, const Footprint& b) {
  const auto first = bytes_of(a), second = bytes_of(b);
  for (const std::uint64_t byte : first) {
    if (second.contains(byte)) return true;
  }
  return false;
}

Footprint make(std::uint64_t base, std::uint64_t elem, std::initializer_list<Footprint::Dim> dims) {
  Footprint result{.base = base, .elem_bytes = elem};
  for (const Footprint::Dim& dim : dims) result.add(dim.extent, dim.stride);
  return result;
}

TEST(Overlap, NeverMissesASharedByte) {
  std::mt19937 random(3);
  int apart = 0;
  for (int i = 0; i < 20000; ++i) {
    const auto any = [&](std::uint64_t n) { return random() % n; };
    const std::uint64_t elem = std::uint64_t{1} << any(3);
    const auto footprint = [&] {
      return make(1000 + elem * any(40), elem,
                  {{1 + any(4), elem * any(20)}, {1 + any(5), elem * any(5)}});
    };
    const Footprint a = footprint(), b = footprint();
    const bool shared = share_bytes(a, b);
    EXPECT_TRUE(may_overlap(a, b) || !shared) << i;
    if (!may_overlap(a, b)) ++apart;
  }
  EXPECT_GT(apart, 1000);
}

TEST(Overlap, LayoutsOfOpsAreToldApart) {
  // Halves and interleaved pairs of heads, as rotary turns them in place.
  EXPECT_FALSE(
      may_overlap(make(0x1000, 4, {{12, 256}, {32, 4}}), make(0x1080, 4, {{12, 256}, {32, 4}})));
  EXPECT_FALSE(
      may_overlap(make(0x1000, 4, {{12, 256}, {32, 8}}), make(0x1004, 4, {{12, 256}, {32, 8}})));
  // Low and high words of 64-bit elements.
  EXPECT_FALSE(may_overlap(make(0x1000, 4, {{100, 8}}), make(0x1004, 4, {{100, 8}})));
  // Query and value columns of one projection.
  EXPECT_FALSE(may_overlap(make(0x1000, 4, {{5, 3840}, {576, 4}}),
                           make(0x1000 + 3072, 4, {{5, 3840}, {192, 4}})));
  EXPECT_TRUE(
      may_overlap(make(0x1000, 4, {{12, 256}, {33, 4}}), make(0x1080, 4, {{12, 256}, {32, 4}})));
  EXPECT_FALSE(may_overlap(make(0x1000, 4, {{8, 4}}), make(0x1020, 4, {{8, 4}})));
}

}  // namespace
}  // namespace tandem::ops
