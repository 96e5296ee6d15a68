// SPDX-License-Identifier: Apache-2.0
// MATMUL packets on npu_matrix and on the cmodel: bytes, checksums and errors.
#include <gtest/gtest.h>

#include "VMatrixEngineEdge.h"
#include "VMatrixEngineLarge.h"
#include "VMatrixEngineTiny.h"
#include "packetgen/matrix_cases.hpp"
#include "rtl/support/engine_bench.hpp"

namespace tandem::rtltest {

using namespace packetgen;

namespace {

template <class Top>
class MatrixEngine : public testing::Test {
 public:
  static testing::AssertionResult run(EngineBench<Top>& bench, const MatrixCase& c) {
    for (const MatrixCase::Data& data : c.data) bench.write(data.addr, data.bytes);
    return bench.same(c.packet);
  }
};
using Tops = testing::Types<VMatrixEngineTiny, VMatrixEngineEdge, VMatrixEngineLarge>;
TYPED_TEST_SUITE(MatrixEngine, Tops);

TYPED_TEST(MatrixEngine, GivesTheBitsOfTheCmodel) {
  for (unsigned which = 0; which < kMemorySettings; ++which) {
    const std::uint64_t seed = 1 + which;
    EngineBench<TypeParam> bench(memory_settings(which, seed), {.seed = seed});
    std::mt19937_64 random(seed);
    for (unsigned i = 0; i < 150; ++i) {
      SCOPED_TRACE(testing::Message() << "case " << i << " of seed " << seed);
      ASSERT_TRUE(this->run(bench, random_matrix_case(random, {})));
      ASSERT_EQ(bench.last().error, abi::Fault::kNone);
    }
  }
}

// Several row tiles, column tiles and chunks, and so every change of split within a packet.
TYPED_TEST(MatrixEngine, LargeShapes) {
  EngineBench<TypeParam> bench(
      memory_settings(1, 7),
      {.seed = 7, .banks = {{0x1000'0000, 0x80'0000}, {0x12'3456'0000, 0x80'0000}}});
  std::mt19937_64 random(7);
  for (unsigned i = 0; i < 12; ++i) {
    SCOPED_TRACE(testing::Message() << "case " << i);
    ASSERT_TRUE(this->run(bench, random_matrix_case(random, {.m = 150, .n = 600, .k = 700})));
    ASSERT_EQ(bench.last().error, abi::Fault::kNone);
  }
}

// A row of ones times every code of the type.
TYPED_TEST(MatrixEngine, EveryCodeOfTheNarrowTypes) {
  EngineBench<TypeParam> bench(memory_settings(0, 1), {.seed = 1});
  for (const abi::Dtype type :
       {abi::Dtype::kF16, abi::Dtype::kBF16, abi::Dtype::kE4M3, abi::Dtype::kE5M2}) {
    SCOPED_TRACE(testing::Message() << "type " << static_cast<int>(type));
    const bool wide = type == abi::Dtype::kF16 || type == abi::Dtype::kBF16;
    const std::uint32_t codes = wide ? 0x1'0000 : 0x100;
    std::vector<std::uint8_t> bytes;
    for (std::uint32_t code = 0; code < codes; ++code) {
      bytes.push_back(static_cast<std::uint8_t>(code));
      if (wide) bytes.push_back(static_cast<std::uint8_t>(code >> 8));
    }
    abi::MatmulPacket packet;
    packet.m = packet.k = packet.batch0 = packet.batch1 = 1;
    packet.n = codes;
    packet.a_type = abi::Dtype::kF32;
    packet.b_type = type;
    packet.c_type = abi::Dtype::kF32;
    packet.a_addr = 0x1000'0000;
    packet.b_addr = 0x1000'1000;
    packet.c_addr = 0x12'3456'0000;
    bench.write(packet.a_addr, std::vector<std::uint32_t>{0x3f80'0000});
    bench.write(packet.b_addr, bytes);
    ASSERT_TRUE(bench.same(packet));
    ASSERT_EQ(bench.last().error, abi::Fault::kNone);
  }
}

TYPED_TEST(MatrixEngine, ResetInFlight) {
  const std::uint64_t seed = 9;
  EngineBench<TypeParam> bench(memory_settings(3, seed), {.seed = seed});
  std::mt19937_64 random(seed);
  for (unsigned i = 0; i < 40; ++i) {
    SCOPED_TRACE(testing::Message() << "case " << i);
    const MatrixCase abandoned = random_matrix_case(random, {});
    bench.reset_in_flight(abandoned.packet, 1 + unsigned(random() % 3000));
    ASSERT_TRUE(this->run(bench, random_matrix_case(random, {.m = 20, .n = 70, .k = 40})));
  }
}

}  // namespace
}  // namespace tandem::rtltest
