// SPDX-License-Identifier: Apache-2.0
// The runtime on the real model: traces and snapshots carry programs and results across devices.
#include <gtest/gtest.h>

#include <numeric>
#include <span>

#include "tandem/abi/asm.hpp"
#include "tandem/runtime/trace.hpp"
#include "toy_device.hpp"

namespace tandem::runtime {
namespace {

using namespace tandem::runtime::testing;

constexpr std::uint32_t kElements = 1000;

/// y = x * x + x, and the row sum of it.
std::vector<std::uint64_t> square_program() {
  return abi::assemble_ucode(
      "phase\n ld v0, in0\n fma v1, v0, v0, v0\n rsum s0, v1\n"
      "phase\n sts out1, s0\n ld v0, in0\n fma v1, v0, v0, v0\n st out0, v1\n");
}

struct Squares {
  Buffer x;
  Buffer y;
  Buffer sum;

  explicit Squares(Device& device)
      : x(device.malloc("weights", kElements * 4, "x")),
        y(device.malloc("activations", kElements * 4, "y")),
        sum(device.malloc("activations", 4, "sum")) {}

  void step(Device& device) const {
    const auto words = square_program();
    const OpScope scope(device.queue(), "square");
    abi::VectorPacket packet;
    packet.cols = kElements;
    packet.rows0 = packet.rows1 = 1;
    packet.ucode_start = device.queue().program(words);
    packet.ucode_words = static_cast<std::uint16_t>(words.size());
    packet.in0_type = packet.out0_type = packet.out1_type = abi::Dtype::kF32;
    packet.out_scalar = 2;
    packet.in0_col_stride = packet.out0_col_stride = 4;
    packet.in0_addr = x.addr().value;
    packet.out0_addr = y.addr().value;
    packet.out1_addr = sum.addr().value;
    device.queue().submit_packet(packet);
    device.queue().submit_packet(copy_bytes(y.addr(), x.addr(), kElements * 4));
  }
  float result(Device& device) const {
    float value = 0;
    device.copy_out(sum.addr(), std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
};

void load(Device& device, const Squares& run) {
  std::vector<float> x(kElements);
  std::iota(x.begin(), x.end(), 0.0f);
  for (float& value : x) {
    value *= 1e-3f;
  }
  device.copy_in(run.x.addr(), std::as_bytes(std::span(x)));
}

TEST(RuntimeOnCmodel, TraceReplaysOnEveryPath) {
  const ScratchFile file("cmodel.trace");
  Device device = Device::open("cmodel:tiny?threads=1");
  const Squares run(device);
  load(device, run);
  run.step(device);
  device.start_recording(file.path());
  run.step(device);
  run.step(device);
  device.stop_recording();
  EXPECT_GT(run.result(device), 0.0f);
  for (const char* uri : {"cmodel:tiny?threads=2", "cmodel:tiny?simd=portable"}) {
    Device other = Device::open(uri);
    TraceReader reader(file.path());
    const ReplayResult result = replay(reader, other);
    EXPECT_EQ(result.compared, 5u) << uri;
    EXPECT_EQ(result.differences, 0u) << uri << "\n" << (result.first ? result.first->text : "");
  }
}

TEST(RuntimeOnCmodel, SnapshotContinuesElsewhere) {
  const ScratchFile file("cmodel.snap");
  Device device = Device::open("cmodel:tiny");
  const Squares run(device);
  load(device, run);
  run.step(device);
  device.snapshot(file.path());
  run.step(device);
  Device other = Device::open("cmodel:tiny");
  const Squares same(other);
  other.restore(file.path());
  same.step(other);
  EXPECT_EQ(same.result(other), run.result(device));
  EXPECT_NE(run.result(device), 0.0f);
}

}  // namespace
}  // namespace tandem::runtime
