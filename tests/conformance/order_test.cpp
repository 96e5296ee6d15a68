// SPDX-License-Identifier: Apache-2.0
// Packets of several engines: what the wait masks promise.
#include <gtest/gtest.h>

#include "conformance/functional.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;

constexpr std::uint8_t kMatrixBit = 1;
constexpr std::uint8_t kVectorBit = 2;
constexpr std::uint8_t kDmaBit = 4;

class Order : public Functional {
 protected:
  static constexpr std::uint32_t kCount = 2048;

  void load_doubling() {
    ASSERT_EQ(device()
                  .load_program(abi::assemble_ucode("phase\nld v0, in0\nfadd v1, v0, v0\n"
                                                    "st out0, v1\n"))
                  .error,
              abi::Fault::kNone);
  }

  static abi::FillPacket fill(std::uint64_t dst, float value, std::uint8_t wait_mask) {
    abi::FillPacket p;
    p.wait_mask = wait_mask;
    p.extent0 = p.extent1 = p.extent2 = 1;
    p.extent3 = kCount;
    p.elem_bytes = 4;
    p.value = std::bit_cast<std::uint32_t>(value);
    p.dst_addr = dst;
    p.dst_stride3 = 4;
    return p;
  }
  static abi::CopyPacket copy(std::uint64_t dst, std::uint64_t src, std::uint8_t wait_mask) {
    abi::CopyPacket p;
    p.wait_mask = wait_mask;
    p.extent0 = p.extent1 = p.extent2 = 1;
    p.extent3 = kCount;
    p.elem_bytes = 4;
    p.src_addr = src;
    p.dst_addr = dst;
    p.src_stride3 = p.dst_stride3 = 4;
    return p;
  }
  static abi::VectorPacket doubled(std::uint64_t dst, std::uint64_t src, std::uint8_t wait_mask) {
    abi::VectorPacket p;
    p.wait_mask = wait_mask;
    p.cols = kCount;
    p.rows0 = p.rows1 = 1;
    p.ucode_words = 4;
    set_vector_stream(p, 0, {Dtype::kF32, src, 4, 0, 0});
    set_vector_stream(p, 4, {Dtype::kF32, dst, 4, 0, 0});
    return p;
  }
  /// Row sums of `src` as 32 x 64, times 1 x 64 columns: C[32, 64] = A[32, 64] x ones[64, 64].
  static abi::MatmulPacket sums(std::uint64_t dst, std::uint64_t src, std::uint64_t ones,
                                std::uint8_t wait_mask) {
    abi::MatmulPacket p;
    p.wait_mask = wait_mask;
    p.m = 32;
    p.n = p.k = 64;
    p.batch0 = p.batch1 = 1;
    p.a_type = p.b_type = p.c_type = Dtype::kF32;
    p.a_addr = src;
    p.b_addr = ones;
    p.c_addr = dst;
    p.a_row_stride = p.c_row_stride = 256;  // B broadcasts one row of ones
    return p;
  }
  void expect_all(std::uint64_t addr, float value) {
    EXPECT_EQ(device().read<float>(addr, kCount), std::vector<float>(kCount, value));
  }
  void expect_all_succeed(std::uint32_t count) {
    device().ring();
    for (std::uint32_t i = 0; i < count; ++i) {
      const abi::Completion record = device().next();
      EXPECT_EQ(record.error, abi::Fault::kNone) << record.seq;
      EXPECT_EQ(record.seq, device().seq() - count + i + 1) << "completions keep the order";
    }
  }
};

class EngineOrder : public Order {};
TANDEM_CONFORMANCE_FIXTURE(EngineOrder);

TEST_P(EngineOrder, DefaultMaskIsInOrder) {
  load_doubling();
  device().post(fill(kD, 1.0f, abi::kWaitAll));
  device().post(fill(kA, 0.5f, abi::kWaitAll));
  device().post(doubled(kB, kA, abi::kWaitAll));
  device().post(sums(kC, kB, kD, abi::kWaitAll));
  device().post(copy(kA, kC, abi::kWaitAll));
  device().post(doubled(kA, kA, abi::kWaitAll));
  expect_all_succeed(6);
  expect_all(kB, 1.0f);
  expect_all(kA, 128.0f);
}

TEST_P(EngineOrder, MaskOfTheProducerIsEnough) {
  load_doubling();
  device().post(fill(kD, 1.0f, 0));
  device().post(fill(kA, 0.5f, 0));
  device().post(doubled(kB, kA, kDmaBit));
  device().post(sums(kC, kB, kD, kVectorBit | kDmaBit));
  device().post(copy(kA, kC, kMatrixBit | kVectorBit));
  expect_all_succeed(5);
  expect_all(kA, 64.0f);
}

TEST_P(EngineOrder, FenceOrdersEverythingBehindIt) {
  load_doubling();
  device().post(fill(kA, 3.0f, 0));
  abi::FencePacket fence;
  fence.wait_mask = kDmaBit;
  device().post(fence);
  device().post(doubled(kB, kA, 0));
  fence.wait_mask = kVectorBit;
  device().post(fence);
  device().post(copy(kC, kB, 0));
  expect_all_succeed(5);
  expect_all(kC, 6.0f);
}

TEST_P(EngineOrder, OneEngineNeedsNoMask) {
  device().post(fill(kA, 3.0f, 0));
  device().post(copy(kB, kA, 0));
  device().post(copy(kC, kB, 0));
  device().post(fill(kB, 4.0f, 0));
  expect_all_succeed(4);
  expect_all(kC, 3.0f);
  expect_all(kB, 4.0f);
}

TEST_P(EngineOrder, IndependentPacketsCompleteInSequenceOrder) {
  load_doubling();
  device().post(fill(kD, 1.0f, 0));
  device().post(fill(kA, 2.0f, 0));
  device().post(abi::FencePacket{});
  for (int i = 0; i < 8; ++i) {
    device().post(sums(kC, kA, kD, 0));
    device().post(doubled(kB, kA, 0));
    device().post(copy(kD + 0x8000, kA, 0));
    device().post(abi::NopPacket{.wait_mask = 0});
  }
  expect_all_succeed(35);
  expect_all(kC, 128.0f);
  expect_all(kB, 4.0f);
  expect_all(kD + 0x8000, 2.0f);
}

TEST_P(EngineOrder, UcodeIsNotReplacedUnderAVectorPacket) {
  load_doubling();
  device().post(fill(kA, 3.0f, 0));
  device().post(doubled(kB, kA, kDmaBit));
  const auto square = abi::assemble_ucode("phase\nld v0, in0\nfmul v1, v0, v0\nst out0, v1\n");
  device().write(map::kData + 0x90'0000, std::span<const std::uint64_t>(square));
  abi::LoadUcodePacket load;
  load.wait_mask = 0;
  load.words = 4;
  load.src_addr = map::kData + 0x90'0000;
  device().post(load);
  device().post(doubled(kC, kA, 0));
  expect_all_succeed(4);
  expect_all(kB, 6.0f);
  expect_all(kC, 9.0f);
}

TEST_P(EngineOrder, SignalFollowsAllEngines) {
  load_doubling();
  device().write_one<std::uint32_t>(map::kData + 0xa0'0000, 0);
  device().post(fill(kA, 3.0f, 0));
  device().post(doubled(kB, kA, kDmaBit));
  abi::SignalPacket signal;
  signal.wait_mask = 0;
  signal.elem_bytes = 4;
  signal.addr = map::kData + 0xa0'0000;
  signal.value = 1;
  device().send(signal);
  device().wait_until([&] { return device().read_one<std::uint32_t>(signal.addr) == 1; },
                      "the signal");
  expect_all(kB, 6.0f);
}

}  // namespace
}  // namespace tandem::tests
