// SPDX-License-Identifier: Apache-2.0
// Every micro-operation against its definition.
#include <gtest/gtest.h>

#include "conformance/vector_fixture.hpp"

namespace tandem::tests {
namespace {

using abi::Dtype;
using abi::VectorPacket;

class MicroOps : public VectorFixture {};
TANDEM_CONFORMANCE_FIXTURE(MicroOps);

/// Arithmetic operations with their number of sources.
std::vector<std::pair<const abi::MicroOpInfo*, int>> arithmetic() {
  std::vector<std::pair<const abi::MicroOpInfo*, int>> found;
  for (const abi::MicroOpInfo& info : abi::micro_ops()) {
    if (info.d == 'd' && info.op != abi::MicroOp::kTab) {
      found.emplace_back(&info, info.c != '-' ? 3 : info.b != '-' ? 2 : 1);
    }
  }
  return found;
}

TEST_P(MicroOps, EveryOneOnEveryPairOfSpecialWords) {
  // Row r pairs word r with all words; the third source runs against the columns.
  const auto n = static_cast<std::uint32_t>(kSpecialWords.size());
  const std::vector<std::uint32_t> reversed(kSpecialWords.rbegin(), kSpecialWords.rend());
  for (const auto& [info, sources] : arithmetic()) {
    SCOPED_TRACE(info->name);
    VectorPacket p = shape(n, n);
    set_vector_stream(p, 0, {Dtype::kI32, kA, 0, 4, 0});
    set_vector_stream(p, 1, {Dtype::kI32, kA, 4, 0, 0});
    set_vector_stream(p, 2, {Dtype::kI32, kA + 0x1000, 4, 0, 0});
    set_vector_stream(p, 4, stream(Dtype::kI32, kB, n));
    const char* operands = sources == 3 ? "v0, v1, v2" : sources == 2 ? "v0, v1" : "v0";
    load(fmt::format("phase\nld v0, in0\nld v1, in1\nld v2, in2\n{} v3, {}\nst out0, v3\n",
                     info->name, operands),
         p);
    device().write(kA, kSpecialWords);
    device().write(kA + 0x1000, reversed);
    compare_vector(p);
  }
}

TEST_P(MicroOps, EveryOneAsScalarOperation) {
  for (const auto& [info, sources] : arithmetic()) {
    SCOPED_TRACE(info->name);
    VectorPacket p = shape(3, 5);
    p.out_scalar = 1;
    p.param0 = 0x4048'f5c3;
    p.param1 = 0x0000'0011;
    p.param2 = 0xc1a0'0000;
    p.param3 = 0x3f80'0001;
    set_vector_stream(p, 4, {Dtype::kI32, kB, 0, 4, 0});
    const char* operands = sources == 3 ? "p0, p1, p2" : sources == 2 ? "p0, row1" : "p2";
    load(
        fmt::format("phase\n{} s0, {}\n{} s1, {}\nsts out0, s1\n", info->name, operands, info->name,
                    sources == 3   ? "s0, p3, s0"
                    : sources == 2 ? "p3, s0"
                                   : "s0"),
        p);
    scramble();
    compare_vector(p);
  }
}

TEST_P(MicroOps, RandomWords) {
  for (const auto& [info, sources] : arithmetic()) {
    SCOPED_TRACE(info->name);
    VectorPacket p = shape(777, 2);
    for (unsigned i = 0; i < 3; ++i) {
      set_vector_stream(p, i, stream(Dtype::kI32, kA + 0x4000 * i, 777));
    }
    set_vector_stream(p, 4, stream(Dtype::kI32, kC, 777));
    const char* operands = sources == 3 ? "v0, v1, v2" : sources == 2 ? "v0, v1" : "v0";
    load(fmt::format("phase\nld v0, in0\nld v1, in1\nld v2, in2\n{} v3, {}\nst out0, v3\n",
                     info->name, operands),
         p);
    scramble();
    compare_vector(p);
  }
}

TEST_P(MicroOps, TablesByTheLowByte) {
  oracle::Table first;
  oracle::Table second;
  for (std::uint32_t i = 0; i < abi::kTableWords; ++i) {
    first[i] = i * 0x9e37'79b9;
    second[i] = ~i;
  }
  load_table(0, first);
  load_table(1, second);
  VectorPacket p = shape(300, 2);
  set_vector_stream(p, 0, stream(Dtype::kI32, kA, 300));
  set_vector_stream(p, 4, stream(Dtype::kI32, kB, 300));
  set_vector_stream(p, 5, stream(Dtype::kI32, kC, 300));
  load("phase\nld v0, in0\ntab v1, v0, t0\ntab v2, v0, t1\nst out0, v1\nst out1, v2\n", p);
  scramble();
  compare_vector(p);
}

}  // namespace
}  // namespace tandem::tests
