// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "samples.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi {
namespace {

CheckResult check(const VectorPacket& packet) { return check_packet(to_packet(packet), kLimits); }

void expect(const char* what, const std::function<void(VectorPacket&)>& change, Fault fault,
            std::uint64_t at) {
  VectorPacket p = sample_vector();
  change(p);
  EXPECT_EQ(check(p).fault, fault) << what << " at " << check(p).fault_addr;
  EXPECT_EQ(check(p).fault_addr, at) << what;
}

TEST(CheckVector, MasksNamePresentOutputsOnly) {
  expect(
      "scalar of absent", [](auto& p) { p.out_scalar |= 4; }, Fault::kBadField, 32);
  expect(
      "saturate bf16", [](auto& p) { p.saturate |= 1; }, Fault::kBadField, 33);
  expect(
      "saturate absent", [](auto& p) { p.saturate |= 4; }, Fault::kBadField, 33);
  expect(
      "no saturation", [](auto& p) { p.saturate = 0; }, Fault::kNone, 0);
  expect(
      "e5m2", [](auto& p) { p.out1_type = Dtype::kE5M2; }, Fault::kNone, 0);
  expect(
      "scalar first", [](auto& p) { p.saturate |= 4, p.out_scalar |= 4; }, Fault::kBadField, 32);
}

TEST(CheckVector, ColumnStridesOfAbsentAndScalarStreamsAreZero) {
  expect(
      "in2", [](auto& p) { p.in2_col_stride = 4; }, Fault::kBadField, 52);
  expect(
      "out1", [](auto& p) { p.out1_col_stride = 1; }, Fault::kBadField, 58);
  expect(
      "out2", [](auto& p) { p.out2_col_stride = 1; }, Fault::kBadField, 60);
  expect(
      "in0 odd", [](auto& p) { p.in0_col_stride = 6; }, Fault::kMisaligned, 48);
}

TEST(CheckVector, AbsentStreamsHaveNoAddress) {
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    if (vector_stream(sample_vector(), s).type != Dtype::kNone) continue;
    const auto set = [s](auto member) {
      return [s, member](VectorPacket& p) {
        VectorStream stream;
        stream.*member = 64;
        set_vector_stream(p, s, stream);
      };
    };
    expect("addr", set(&VectorStream::addr), Fault::kBadField, stream_addr_at(s));
    expect("row1", set(&VectorStream::row1_stride), Fault::kBadField, stream_row1_stride_at(s));
    expect("row0", set(&VectorStream::row0_stride), Fault::kBadField, stream_row0_stride_at(s));
  }
}

TEST(CheckVector, AlignmentIsAscendingByOffset) {
  expect(
      "row stride", [](auto& p) { p.in1_row1_stride = 1; }, Fault::kMisaligned, 112);
  expect(
      "column stride first", [](auto& p) { p.in0_addr += 1, p.out0_col_stride = 1; },
      Fault::kMisaligned, 56);
  expect(
      "i64", [](auto& p) { p.in0_type = Dtype::kI64; }, Fault::kMisaligned, 48);
}

TEST(CheckVector, StreamsReadBackWhatWasSet) {
  VectorPacket p = sample_vector();
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    const VectorStream stream{Dtype::kU16, 1000 + s, 2 * s, 100 + s, 200 + s};
    set_vector_stream(p, s, stream);
    const VectorStream back = vector_stream(p, s);
    EXPECT_EQ(back.type, stream.type);
    EXPECT_EQ(back.addr, stream.addr);
    EXPECT_EQ(back.col_stride, stream.col_stride);
    EXPECT_EQ(back.row1_stride, stream.row1_stride);
    EXPECT_EQ(back.row0_stride, stream.row0_stride);
  }
  EXPECT_EQ(p.in1_addr, 1001u);
  EXPECT_EQ(p.out2_row0_stride, 206u);
  EXPECT_EQ(p.out0_col_stride, 8u);
}

}  // namespace
}  // namespace tandem::abi
