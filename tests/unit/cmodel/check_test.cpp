// SPDX-License-Identifier: Apache-2.0
// Check mode: every kind of finding, what is no finding, and that results stay the same.
#include "check_device.hpp"

#include <fmt/format.h>

#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::cmodel::test {
namespace {

constexpr std::uint64_t kA = kMem;
constexpr std::uint64_t kB = kMem + 0x10000;
constexpr std::uint64_t kC = kMem + 0x20000;
constexpr std::uint64_t kD = kMem + 0x30000;
constexpr unsigned kWaitDma = 4;

TEST(CheckMode, ReadBeforeWriteNamesPacketOpTensorAndAddress) {
  CheckDevice device;
  device.allocate(kA, 4096, "a");
  device.allocate(kB, 4096, "b");
  device.allocate(kC, 4096, "c");
  device.tensor(kA + 0x40, 256, "x");
  device.upload(kA, 0x80);
  device.upload(kA + 0xc0, 0x100);
  device.upload(kB, 4096);
  device.op(1, ~std::uint64_t{0}, "layer.0/linear");
  device.run(matmul_of(kA + 0x40, kB, kC, 4, 4, 16));
  const std::string expected = fmt::format(
      "check: read-before-write: MATMUL seq 1, op layer.0/linear, operand a: reads 64 bytes at "
      "{:#x} (tensor 'x' + 0x40, allocation 'a' + 0x80) that nothing has written; upload or fill "
      "them first",
      kA + 0x80);
  EXPECT_EQ(device.take(), expected + "\n");
  EXPECT_EQ(device.take(), "");
}

TEST(CheckMode, AllocationForgetsWhatWasWritten) {
  CheckDevice device;
  device.allocate(kA, 64, "first");
  device.allocate(kB, 64, "b");
  device.upload(kA, 64);
  device.run(copy_of(kA, kB, 64));
  EXPECT_EQ(device.take(), "");
  device.free(kA);
  device.allocate(kA, 64, "second");
  device.run(copy_of(kA, kB, 64));
  EXPECT_EQ(device.take(),
            fmt::format("check: read-before-write: COPY seq 2, operand src: reads 64 bytes at "
                        "{:#x} (allocation 'second') that nothing has written; upload or fill "
                        "them first\n",
                        kA));
}

TEST(CheckMode, OutsideAllocationNamesTheNearest) {
  CheckDevice device;
  device.allocate(kA, 64, "a");
  device.allocate(kB, 64, "b");
  device.upload(kA, 64);
  device.run(copy_of(kA, kB + 12, 64));
  EXPECT_EQ(device.take(),
            fmt::format("check: outside-allocation: COPY seq 1, operand dst: writes 64 bytes at "
                        "{:#x}, of which byte {:#x} (0 bytes past allocation 'b' [{:#x}, {:#x})) "
                        "lies in no live allocation; correct address, strides or extents, or "
                        "allocate more\n",
                        kB + 12, kB + 64, kB, kB + 64));
  device.run(fill_of(kA + 0x8000, 4));
  EXPECT_NE(device.take().find(fmt::format("(32704 bytes past allocation 'a' [{:#x}", kA)),
            std::string::npos);
  device.free(kB);
  device.run(fill_of(kB, 4));
  EXPECT_NE(device.take().find("lies in no live allocation"), std::string::npos);
}

TEST(CheckMode, OperandsBetweenOtherAllocationsAreInside) {
  CheckDevice device;
  device.allocate(kA, 16, "a");
  device.allocate(kA + 64, 16, "b");
  abi::FillPacket packet = fill_of(kA, 16);
  packet.extent2 = 2;
  packet.dst_stride2 = 64;
  device.run(packet);
  EXPECT_EQ(device.take(), "");
}

TEST(CheckMode, MatmulResultOverItsOperand) {
  CheckDevice device;
  device.upload(kA, 4096);
  device.upload(kB, 4096);
  device.run(matmul_of(kA, kB, kA + 0xc0, 4, 4, 16));
  EXPECT_EQ(device.take(),
            fmt::format("check: overlap: MATMUL seq 1, operand c: shares byte {:#x} with operand "
                        "a; give the output bytes of its own\n",
                        kA + 0xc0));
  // Between the rows of A, whose hull it touches, C shares nothing.
  abi::MatmulPacket apart = matmul_of(kA, kB, kA + 64, 4, 4, 16);
  apart.a_row_stride = apart.c_row_stride = 128;
  device.run(apart);
  EXPECT_EQ(device.take(), "");
  abi::MatmulPacket accumulate = matmul_of(kA, kB, kC, 4, 4, 16);
  device.run(accumulate);
  accumulate.init_mode = abi::InitMode::kAccumulate;
  device.run(accumulate);
  EXPECT_EQ(device.take(), "");
}

TEST(CheckMode, VectorInPlaceOnlyIfReadInTheLastPhase) {
  CheckDevice device;
  device.upload(kA, 4096);
  const std::uint16_t late = device.load("phase\n ld v0, in0\n fadd v1, v0, 1.0\n st out0, v1\n");
  device.run(vector_of(late, kA, kA, 64));
  EXPECT_EQ(device.take(), "");
  device.run(vector_of(late, kA, kA + 4, 64));
  EXPECT_EQ(device.take(),
            fmt::format("check: overlap: VECTOR seq 3, operand out0: shares byte {:#x} with "
                        "operand in0; give the output bytes of its own\n",
                        kA + 4));
  const std::uint16_t early = device.load(
      "phase\n ld v0, in0\n rmax s0, v0\n"
      "phase\n ld v0, in0\n fsub v1, v0, s0\n st out0, v1\n");
  device.run(vector_of(early, kA, kB, 64));
  EXPECT_EQ(device.take(), "");
  device.run(vector_of(early, kA, kA, 64));
  EXPECT_EQ(device.take(),
            fmt::format("check: overlap: VECTOR seq 6, operand out0: shares byte {:#x} with "
                        "operand in0, which the program reads before its last phase; give the "
                        "output bytes of its own\n",
                        kA));
}

TEST(CheckMode, BytesWrittenTwice) {
  CheckDevice device;
  abi::FillPacket packet = fill_of(kA, 16);
  packet.extent2 = 4;
  packet.dst_stride2 = 8;
  device.run(packet);
  EXPECT_EQ(device.take(),
            fmt::format("check: written-twice: FILL seq 1, operand dst: writes byte {:#x} at two "
                        "positions; correct the strides\n",
                        kA + 8));
  packet.dst_stride2 = 0;
  device.run(packet);
  EXPECT_NE(device.take().find(fmt::format("writes byte {:#x} at two", kA)), std::string::npos);
  packet.extent3 = 8;
  packet.dst_stride3 = 4;  // interleaved: columns 4 bytes apart, rows 1 byte apart
  packet.dst_stride2 = 1;
  device.run(packet);
  EXPECT_EQ(device.take(), "");
}

TEST(CheckMode, UnorderedPackets) {
  CheckDevice device;
  device.upload(kA, 4096);
  device.upload(kB, 4096);
  abi::CopyPacket copy = copy_of(kA, kC, 256);
  abi::MatmulPacket matmul = matmul_of(kC, kB, kD, 4, 4, 16);
  matmul.wait_mask = 0;
  const auto submit_both = [&] {
    device.submit(copy);
    device.submit(matmul);
  };
  submit_both();
  EXPECT_EQ(device.take(),
            fmt::format("check: unordered: MATMUL seq 2, operand a: reads byte {:#x}, which "
                        "operand dst of COPY seq 1 writes, and nothing orders the two; add the "
                        "earlier packet's engine to wait_mask\n",
                        kC));
  matmul.wait_mask = kWaitDma;
  submit_both();
  EXPECT_EQ(device.take(), "");
  // Between the two a packet of another engine waits, and issue is in order.
  matmul.wait_mask = 0;
  abi::FencePacket fence;
  fence.wait_mask = kWaitDma;
  device.submit(copy);
  device.submit(fence);
  device.submit(matmul);
  EXPECT_EQ(device.take(), "");
  // The host has seen the first one complete before it announces the second.
  device.run(copy);
  device.run(matmul);
  EXPECT_EQ(device.take(), "");
  // Both read.
  matmul.a_addr = kA;
  submit_both();
  EXPECT_EQ(device.take(), "");
}

TEST(CheckMode, SignalWaitsForEveryEngine) {
  CheckDevice device;
  device.upload(kA, 4096);
  abi::SignalPacket signal;
  signal.wait_mask = 0;
  signal.elem_bytes = 4;
  signal.addr = kC;
  device.submit(copy_of(kA, kC, 64));
  device.submit(signal);
  EXPECT_EQ(device.take(), "");
}

/// A WAIT that holds the device until the host writes its word.
abi::WaitPacket gate() {
  abi::WaitPacket packet;
  packet.addr = kD;
  packet.mask = 1;
  packet.value = 1;
  packet.cycle_limit = 60'000'000'000;
  return packet;
}

TEST(CheckMode, HostAccessToPendingPackets) {
  CheckDevice device;
  device.upload(kA, 4096);
  device.upload(kB, 4096);
  device.upload_values(kD, std::vector<std::uint32_t>{0});
  device.submit(gate());
  const std::uint64_t seq = device.submit(copy_of(kA, kB, 64));
  device.driver().flush();
  device.download(kA, 64);       // both read
  device.upload(kA + 64, 64);    // bytes of no packet
  device.download(kB + 64, 64);  // likewise
  device.upload(kA + 32, 64);
  device.download(kB + 60, 8);
  device.upload_values(kD, std::vector<std::uint32_t>{1});
  EXPECT_EQ(device.take(),
            fmt::format("check: host-access: COPY seq {}, operand src: the host writes 64 bytes at "
                        "{:#x} while this packet, which reads byte {:#x}, has not completed; wait "
                        "for it first\n"
                        "check: host-access: COPY seq {}, operand dst: the host reads 8 bytes at "
                        "{:#x} while this packet, which writes byte {:#x}, has not completed; wait "
                        "for it first\n",
                        seq, kA + 32, kA + 32, seq, kB + 60, kB + 60));
}

TEST(CheckMode, GatherReadsOnlyWhatItsIndicesSelect) {
  CheckDevice device;
  device.upload(kA, 32);
  device.upload(kA + 64, 32);
  device.upload_values(kB, std::vector<std::int32_t>{0, 2});
  abi::GatherPacket packet;
  packet.extent0 = 1;
  packet.extent1 = 2;
  packet.extent2 = 8;
  packet.limit = 4;
  packet.elem_bytes = 4;
  packet.index_type = abi::Dtype::kI32;
  packet.src_addr = kA;
  packet.src_index_stride = 32;
  packet.src_stride2 = packet.dst_stride2 = 4;
  packet.index_addr = kB;
  packet.index_stride1 = 4;
  packet.dst_addr = kC;
  packet.dst_stride1 = 32;
  device.run(packet);
  EXPECT_EQ(device.take(), "");
  device.upload_values(kB, std::vector<std::int32_t>{0, 3});
  device.run(packet);
  EXPECT_EQ(device.take(),
            fmt::format("check: read-before-write: GATHER seq 2, operand src: reads 32 bytes at "
                        "{:#x} that nothing has written; upload or fill them first\n",
                        kA + 96));
}

TEST(CheckMode, ScatterAddReadsOnlyWhatItsIndicesSelect) {
  CheckDevice device;
  device.upload(kA, 64);
  device.upload(kC + 32, 32);
  device.upload_values(kB, std::vector<std::int32_t>{1, 1});
  abi::ScatterAddPacket packet;
  packet.extent0 = 1;
  packet.extent1 = 2;
  packet.extent2 = 8;
  packet.limit = 4;
  packet.elem_type = abi::Dtype::kI32;
  packet.index_type = abi::Dtype::kI32;
  packet.src_addr = kA;
  packet.src_stride1 = 32;
  packet.src_stride2 = packet.dst_stride2 = 4;
  packet.index_addr = kB;
  packet.index_stride1 = 4;
  packet.dst_addr = kC;
  packet.dst_index_stride = 32;
  device.op(1, 2, "sum");
  device.run(packet);
  EXPECT_EQ(device.take(), "");
  device.upload_values(kB, std::vector<std::int32_t>{1, 2});
  device.run(packet);
  EXPECT_EQ(device.take(),
            fmt::format("check: read-before-write: SCATTER_ADD seq 2, op sum, operand dst: reads "
                        "32 bytes at {:#x} that nothing has written; upload or fill them first\n",
                        kC + 64));
  // The additions have written it.
  device.run(packet);
  EXPECT_EQ(device.take(), "");
}

TEST(CheckMode, SameCauseIsToldOnce) {
  CheckDevice device;
  for (int i = 0; i < 3; ++i) device.run(copy_of(kA, kB, 64));
  const std::string findings = device.take();
  EXPECT_EQ(std::count(findings.begin(), findings.end(), '\n'), 2);
  EXPECT_NE(findings.find("\ncheck: 2 more findings of the same kinds"), std::string::npos);
}

TEST(CheckMode, UnusableOptionIsRefused) {
  EXPECT_THROW(driver::open_backend("cmodel:?check=maybe", check_config()), Error);
  EXPECT_EQ(CheckDevice().backend().window(PhysAddr(kMem), 64).size(), 0u);
}

/// Memory and completion checksums after a few packets of every engine.
std::pair<std::vector<std::byte>, std::vector<std::uint64_t>> small_program(std::string_view uri) {
  CheckDevice device(uri);
  device.allocate(kMem, kMemBytes, "all");
  device.upload(kA, 4096);
  device.upload(kB, 4096);
  const std::uint16_t words = device.load("phase\n ld v0, in0\n fmul v1, v0, 0.5\n st out0, v1\n");
  device.submit(matmul_of(kA, kB, kC, 8, 16, 16));
  device.submit(vector_of(words, kC, kC, 128));
  device.submit(copy_of(kC, kD, 512));
  device.submit(fill_of(kD + 512, 100));
  device.finish();
  EXPECT_EQ(device.take(), "") << uri;
  EXPECT_EQ(device.checksums.size(), 5u);
  return {device.download(kMem, 0x40000), device.checksums};
}

TEST(CheckMode, ResultsAreThoseWithoutIt) {
  const auto plain = small_program("cmodel:?threads=1");
  const auto checked = small_program("cmodel:?threads=1&check=1");
  EXPECT_EQ(plain.first, checked.first);
  EXPECT_EQ(plain.second, checked.second);
}

TEST(CheckMode, RuntimeIsClean) {
  runtime::Device device = runtime::Device::open("cmodel:tiny?threads=1&check=1");
  EXPECT_TRUE(device.check_mode());
  for (int round = 0; round < 3; ++round) {
    const runtime::Buffer src = device.malloc("activations", 4096, "src");
    const runtime::Buffer dst = device.malloc("activations", 4096, "dst");
    const std::vector<std::byte> sent(4096, std::byte(round + 1));
    device.copy_in(src.addr(), sent);
    device.queue().submit_packet(copy_of(src.addr().value, dst.addr().value, 4096));
    std::vector<std::byte> received(4096);
    device.copy_out(dst.addr(), received);
    EXPECT_EQ(sent, received);
  }
  EXPECT_EQ(device.take_findings(), "");
}

}  // namespace
}  // namespace tandem::cmodel::test
