// SPDX-License-Identifier: Apache-2.0
// Micro-programs on npu_vector and on the cmodel: bytes, checksums and errors.
#include <gtest/gtest.h>

#include "VVectorEngineEdge.h"
#include "VVectorEngineLarge.h"
#include "VVectorEngineTiny.h"
#include "rtl/support/engine_bench.hpp"
#include "vector_cases.hpp"

namespace tandem::rtltest {
namespace {

using cmodel::test::Random;

constexpr unsigned kSettings = 5;

rtlmodel::AxiSettings settings(unsigned which, std::uint64_t seed) {
  rtlmodel::AxiSettings settings = rtlmodel::AxiSettings::zero_wait();
  switch (which) {
    case 0:
      break;
    case 1:
      settings = rtlmodel::AxiSettings::realistic();
      break;
    case 2:
      settings.stall_percent = 40;
      settings.reorder = true;
      break;
    case 3:
      settings.latency = 17;
      settings.outstanding_per_id = 2;
      settings.stall_percent = 20;
      break;
    default:
      settings.latency = 200;
      settings.beats_per_cycle = 0.3;
      settings.reorder = true;
      break;
  }
  settings.seed = seed;
  return settings;
}

template <class Top>
std::uint32_t ucode_words() {
  return std::is_same_v<Top, VVectorEngineTiny>   ? 1024
         : std::is_same_v<Top, VVectorEngineEdge> ? 4096
                                                  : 8192;
}

template <class Top>
class VectorEngine : public testing::Test {
 public:
  using Bench = EngineBench<Top>;

  static void load_tables(Bench& bench, Random& random) {
    std::vector<std::uint32_t> table(abi::kTableWords);
    for (unsigned t = 0; t < 2; ++t) {
      for (std::uint32_t& word : table) word = random.float_pattern(true);
      bench.write(kUcodeBase + 4 * t, table);
      ASSERT_TRUE(bench.same(load_table(t, kUcodeBase + 4 * t)));
    }
  }

  /// Loads the program so that it starts at `start`, which is at most the number of words loaded.
  static void load(Bench& bench, VectorCase& c, std::uint32_t start) {
    c.packet.ucode_start = std::uint16_t(start);
    c.packet.ucode_words = std::uint16_t(c.program.size());
    bench.write(kUcodeBase, c.program);
    ASSERT_TRUE(bench.same(load_program(start, std::uint32_t(c.program.size()))));
  }

  static testing::AssertionResult run(Bench& bench, const VectorCase& c) {
    for (const VectorCase::Data& data : c.data) bench.write(data.addr, data.bytes);
    const testing::AssertionResult result = bench.same(c.packet);
    if (!result) {
      return testing::AssertionFailure() << result.message() << '\n'
                                         << abi::disassemble_ucode(c.program);
    }
    return result;
  }
};
using Tops = testing::Types<VVectorEngineTiny, VVectorEngineEdge, VVectorEngineLarge>;
TYPED_TEST_SUITE(VectorEngine, Tops);

TYPED_TEST(VectorEngine, GivesTheBitsOfTheCmodel) {
  for (unsigned which = 0; which < kSettings; ++which) {
    const std::uint64_t seed = 1 + which;
    EngineBench<TypeParam> bench(
        settings(which, seed),
        {.seed = seed, .ucode_words = ucode_words<TypeParam>(), .banks = vector_banks()});
    Random random(seed);
    this->load_tables(bench, random);
    std::uint32_t loaded = 0;
    for (unsigned i = 0; i < 60; ++i) {
      VectorCase c = random_vector_case(random, 700);
      const std::uint32_t start = loaded + c.program.size() < ucode_words<TypeParam>() ? loaded : 0;
      this->load(bench, c, start);
      loaded = std::max(loaded, start + std::uint32_t(c.program.size()));
      ASSERT_TRUE(this->run(bench, c)) << "packet " << i;
    }
  }
}

}  // namespace
}  // namespace tandem::rtltest
