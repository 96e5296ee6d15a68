// SPDX-License-Identifier: Apache-2.0
// Two devices side by side: agreement, and every kind of difference found where it is.
#include <gtest/gtest.h>

#include <bit>
#include <string>
#include <vector>

#include "support/environment.hpp"
#include "support/errors.hpp"
#include "support/small_packets.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/ops/reduce.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::lockstep {
namespace {

using abi::Dtype;
using tests::expect_error;

constexpr std::uint32_t kRows = 5;
constexpr std::uint32_t kCols = 7;
constexpr std::uint32_t kDepth = 9;

/// A small matrix product, the third packet, between copies.
class Program {
 public:
  explicit Program(const std::string& uri) : device_(runtime::Device::open(uri)) {
    a_ = take("a", kRows * kDepth * 2);
    b_ = take("b", kDepth * kCols * 2);
    c_ = take("c", kRows * kCols * 4);
    std::vector<std::uint16_t> ones(kRows * kDepth, 0x3f80);
    device_.copy_in(PhysAddr(a_), std::as_bytes(std::span(ones)));
    ones.resize(kDepth * kCols, 0x3f80);
    device_.copy_in(PhysAddr(b_), std::as_bytes(std::span(ones)));
  }

  runtime::Device& device() { return device_; }
  std::uint64_t c() const { return c_; }

  void fill(std::uint64_t dst, std::uint32_t words, std::uint32_t value) {
    device_.queue().submit_packet(tests::fill_words(dst, words, value));
  }
  void matmul() {
    const runtime::OpScope scope(device_.queue(), "product");
    device_.queue().submit_packet(
        tests::small_product(kRows, kCols, kDepth, Dtype::kBF16, a_, b_, c_));
  }
  /// Packets 1 and 2 write other bytes, 3 is the product, 4 and 5 write over its result.
  void submit_all() {
    fill(a_ + 4096, 4, 1);
    fill(a_ + 4096, 4, 2);
    matmul();
    fill(c_, kRows * kCols, 0x3f800000);
    fill(c_, kRows * kCols, 0x40000000);
  }
  void run() {
    submit_all();
    device_.queue().finish();
  }
  float result(std::uint32_t index) {
    float value = 0;
    device_.copy_out(PhysAddr(c_ + 4 * index), std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }

 private:
  std::uint64_t take(const char* name, std::uint64_t bytes) {
    buffers_.push_back(device_.malloc("activations", bytes + 8192, name));
    const PhysAddr addr = buffers_.back().addr();
    device_.name_tensor(addr, bytes, std::string("tensor_") + name);
    return addr.value;
  }

  runtime::Device device_;
  std::vector<runtime::Buffer> buffers_;
  std::uint64_t a_ = 0;
  std::uint64_t b_ = 0;
  std::uint64_t c_ = 0;
};

void run(const std::string& uri) { Program(uri).run(); }

TEST(Lockstep, EqualDevicesAgree) {
  Program program("lockstep:cmodel:tiny,cmodel:tiny?threads=1&simd=portable");
  for (int i = 0; i < 50; ++i) program.run();
  EXPECT_EQ(program.result(3), 2.0f);
  program.matmul();
  EXPECT_EQ(program.result(3), float(kDepth));
  EXPECT_EQ(program.device().backend_name(), "lockstep:cmodel:tiny,cmodel:tiny");
}

// Element (1, 3) of C is number 10; later packets in the same doorbell write over it.
TEST(Lockstep, NamesPacketElementAndBothValues) {
  const std::string bit = std::to_string(8 * 4 * 10 + 22);
  for (const bool first : {false, true}) {
    const std::string faulty = "faulty:tiny?seq=3&bit=" + bit;
    SCOPED_TRACE(first);
    expect_error(
        ErrorCode::kMismatch,
        {"MATMUL seq 3", "(op product)", "1 of 35 elements of c differ", "c[0, 0, 1, 3] at 0x",
         "tensor 'tensor_c' + 0x28",
         first ? "f32 13 (0x41500000) on faulty:tiny, 9 (0x41100000) on cmodel:tiny"
               : "f32 9 (0x41100000) on cmodel:tiny, 13 (0x41500000) on faulty:tiny",
         "error NONE", "checksum", "packet: MATMUL seq=3"},
        [&] {
          run(first ? "lockstep:" + faulty + ",cmodel:tiny" : "lockstep:cmodel:tiny," + faulty);
        });
  }
}

TEST(Lockstep, MovedElementsAreShownAsBits) {
  expect_error(ErrorCode::kMismatch,
               {"FILL seq 2", "1 of 4 elements of dst differ, first dst[0, 0, 0, 1]",
                "allocation 'a'", "0x2 on cmodel:tiny, 0x3 on faulty:tiny"},
               [] { run("lockstep:cmodel:tiny,faulty:tiny?seq=2&bit=32"); });
}

TEST(Lockstep, OutcomesDiffer) {
  expect_error(ErrorCode::kMismatch,
               {"MATMUL seq 3", "cmodel:tiny: error NONE", "faulty:tiny: error BUS_ERROR"},
               [] { run("lockstep:cmodel:tiny,faulty:tiny?seq=3&refuse=1"); });
  expect_error(ErrorCode::kMismatch, {"MATMUL seq 3", "a checksum is wrong"},
               [] { run("lockstep:cmodel:tiny,faulty:tiny?seq=3&only_checksum=1"); });
}

TEST(Lockstep, BothFailAlike) {
  Program program("lockstep:cmodel:tiny,cmodel:tiny");
  abi::FillPacket bad;
  bad.extent0 = bad.extent1 = bad.extent2 = bad.extent3 = 1;
  bad.elem_bytes = 4;
  bad.dst_addr = 0x7'0000'0000;
  program.device().queue().submit_packet(bad);
  expect_error(ErrorCode::kDeviceFault, {"UNMAPPED"}, [&] { program.device().queue().finish(); });
  program.run();
}

// Indices in front of a bad one may have been written or not: that is no difference.
TEST(Lockstep, WhatAFailedPacketLeavesIsNotCompared) {
  Program program("lockstep:cmodel:tiny,faulty:tiny?seq=1&bit=7&refuse=1");
  expect_error(ErrorCode::kMismatch, {"BUS_ERROR"}, [&] { program.run(); });
  Program both("lockstep:faulty:tiny?seq=3&refuse=1,faulty:tiny?seq=3&refuse=1");
  both.submit_all();
  expect_error(ErrorCode::kDeviceFault, {"BUS_ERROR"}, [&] { both.device().queue().finish(); });
  both.matmul();
  EXPECT_EQ(both.result(0), float(kDepth));
}

TEST(Lockstep, ADifferenceStaysUntilReset) {
  Program program("lockstep:cmodel:tiny,faulty:tiny?seq=3&bit=0");
  expect_error(ErrorCode::kMismatch, {"seq 3"}, [&] { program.run(); });
  expect_error(ErrorCode::kMismatch, {"seq 3"}, [&] { program.device().driver().poll(); });
  program.device().driver().restart();
  program.matmul();
  EXPECT_EQ(program.result(0), float(kDepth));
}

TEST(Lockstep, ASecondDeviceThatHangs) {
  const tests::ScopedEnvironment limit("TANDEM_TIMEOUT_S", "0.3");
  expect_error(ErrorCode::kDeadlineExceeded,
               {"faulty:tiny did not complete MATMUL seq 3", "cmodel:tiny did: error NONE",
                "TANDEM_TIMEOUT_S"},
               [] { run("lockstep:cmodel:tiny,faulty:tiny?seq=3&hang=1"); });
}

TEST(Lockstep, AFirstDeviceThatHangs) {
  const tests::ScopedEnvironment limit("TANDEM_TIMEOUT_S", "0.3");
  expect_error(ErrorCode::kDeadlineExceeded, {"MATMUL seq 3"},
               [] { run("lockstep:faulty:tiny?seq=3&hang=1,cmodel:tiny"); });
}

// A has stored part of a packet that a reset abandons; what comes after reads the same on both.
TEST(Lockstep, AbandonedPacketsLeaveEqualMemory) {
  const tests::ScopedEnvironment limit("TANDEM_TIMEOUT_S", "0.3");
  Program program("lockstep:faulty:tiny?seq=3&hang=1,cmodel:tiny");
  expect_error(ErrorCode::kDeadlineExceeded, {"seq 3"}, [&] { program.run(); });
  abi::CopyPacket copy;
  copy.extent0 = copy.extent1 = copy.extent2 = 1;
  copy.extent3 = kRows * kCols;
  copy.elem_bytes = 4;
  copy.src_addr = program.c();
  copy.dst_addr = program.c() + 4096;
  copy.src_stride3 = copy.dst_stride3 = 4;
  program.device().queue().submit_packet(copy);
  program.device().queue().finish();
}

#ifdef TANDEM_HAVE_RTL
TEST(Lockstep, CmodelAndRtl) {
  for (const char* uri :
       {"lockstep:cmodel:tiny,rtl:tiny?stalls=3", "lockstep:rtl:tiny,cmodel:tiny"}) {
    SCOPED_TRACE(uri);
    Program program(uri);
    program.run();
    program.matmul();
    EXPECT_EQ(program.result(7), float(kDepth));
    ops::Context context(program.device());
    const auto buffer = program.device().malloc("activations", 4096, "values");
    const ops::Tensor x(buffer.addr(), Dtype::kF32, {3, 40});
    const ops::Tensor y(buffer.addr() + 2048, Dtype::kF32, {3});
    std::vector<float> values(120, 0.5f);
    program.device().copy_in(buffer.addr(), std::as_bytes(std::span(values)));
    const int axis = 1;
    ops::reduce(context, ops::ReduceOp::kSum, x, {&axis, 1}, y);
    float total = 0;
    program.device().copy_out(buffer.addr() + 2048, std::as_writable_bytes(std::span(&total, 1)));
    EXPECT_EQ(total, 20.0f);
  }
}
#endif

}  // namespace
}  // namespace tandem::lockstep
