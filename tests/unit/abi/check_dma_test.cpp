// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "samples.hpp"

namespace tandem::abi {
namespace {

template <class P, class Change>
CheckResult changed(P packet, Change&& change) {
  change(packet);
  return check_packet(to_packet(packet), kLimits);
}

void expect(const CheckResult& r, Fault fault, std::uint64_t at) {
  EXPECT_EQ(r.fault, fault);
  EXPECT_EQ(r.fault_addr, at);
}

TEST(CheckDma, ValuesFitTheirElement) {
  expect(changed(sample_signal(), [](auto& p) { p.value = 0x100000000; }), Fault::kBadField, 72);
  expect(changed(sample_signal(), [](auto& p) { p.value = ~0ull, p.elem_bytes = 8, p.addr = 8; }),
         Fault::kNone, 0);
  expect(changed(sample_fill(), [](auto& p) { p.value = 0x10000; }), Fault::kBadField, 64);
  expect(changed(sample_fill(), [](auto& p) { p.value = 0x100, p.elem_bytes = 1; }),
         Fault::kBadField, 64);
}

TEST(CheckDma, LoadUcodeStaysInsideTheMemoryWithoutGaps) {
  const auto load = [](auto change) { return changed(sample_load_ucode(), change); };
  expect(load([](auto& p) { p.dst_word = 101; }), Fault::kBadField, 20);
  expect(load([](auto& p) { p.words = 3996; }), Fault::kNone, 0);
  expect(load([](auto& p) { p.words = 3997; }), Fault::kBadShape, 16);
  expect(load([](auto& p) { p.words = 0xffffffff; }), Fault::kBadShape, 16);
  expect(load([](auto& p) { p.src_addr = 4; }), Fault::kMisaligned, 64);
  expect(load([](auto& p) { p.target = UcodeTarget::kTable1; }), Fault::kBadField, 20);
  expect(load([](auto& p) { p.target = UcodeTarget::kTable1, p.dst_word = 0; }), Fault::kBadShape,
         16);
  expect(load([](auto& p) {
           p.target = UcodeTarget::kTable1, p.dst_word = 0, p.words = 256, p.src_addr = 4;
         }),
         Fault::kNone, 0);
}

TEST(CheckDma, AlignmentOfEachOperandIsItsElement) {
  expect(changed(sample_gather(), [](auto& p) { p.index_stride1 = 4; }), Fault::kMisaligned, 160);
  expect(changed(sample_gather(), [](auto& p) { p.src_index_stride = 2; }), Fault::kMisaligned, 80);
  expect(changed(sample_scatter(), [](auto& p) { p.index_stride1 = 2; }), Fault::kMisaligned, 160);
  expect(changed(sample_scatter(), [](auto& p) { p.dst_index_stride = 2; }), Fault::kMisaligned,
         120);
  expect(changed(sample_copy(), [](auto& p) { p.dst_stride3 = 1; }), Fault::kMisaligned, 136);
  expect(changed(sample_wait(), [](auto& p) { p.addr = 2; }), Fault::kMisaligned, 64);
  expect(changed(sample_signal(), [](auto& p) { p.elem_bytes = 8; }), Fault::kMisaligned, 64);
}

TEST(CheckDma, IndexedOperandsCoverTheLimit) {
  expect(changed(sample_gather(), [](auto& p) { p.src_index_stride = 1ull << 60, p.limit = 17; }),
         Fault::kShapeOverflow, 64);
  expect(changed(sample_scatter(), [](auto& p) { p.dst_index_stride = 1ull << 60, p.limit = 17; }),
         Fault::kShapeOverflow, 104);
}

}  // namespace
}  // namespace tandem::abi
