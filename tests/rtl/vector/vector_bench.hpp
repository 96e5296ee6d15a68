// SPDX-License-Identifier: Apache-2.0
// npu_vector beside the cmodel: what the tests of the vector engine share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "VVectorEngineEdge.h"
#include "VVectorEngineLarge.h"
#include "VVectorEngineTiny.h"
#include "packetgen/vector_cases.hpp"
#include "rtl/support/engine_bench.hpp"

namespace tandem::rtltest {

using namespace packetgen;

using VectorTops = testing::Types<VVectorEngineTiny, VVectorEngineEdge, VVectorEngineLarge>;

template <class Top>
constexpr std::uint32_t kUcodeWords = 4096;
template <>
inline constexpr std::uint32_t kUcodeWords<VVectorEngineTiny> = 1024;
template <>
inline constexpr std::uint32_t kUcodeWords<VVectorEngineLarge> = 8192;

template <class Top>
class VectorBench {
 public:
  explicit VectorBench(std::uint64_t seed, rtlmodel::AxiSettings settings = {})
      : random(seed),
        engine(std::move(settings),
               {.seed = seed, .ucode_words = kUcodeWords<Top>, .banks = vector_banks()}) {}

  /// Random contents for both tables.
  testing::AssertionResult load_tables() {
    std::vector<std::uint32_t> table(abi::kTableWords);
    for (unsigned t = 0; t < 2; ++t) {
      for (std::uint32_t& word : table) word = random.float_pattern(true);
      engine.write(kUcodeBase + 4 * t, table);
      if (auto result = engine.same(load_table(t, kUcodeBase + 4 * t)); !result) return result;
    }
    return testing::AssertionSuccess();
  }

  /// Loads the program of the case behind those loaded before, or from 0 on where the memory ends.
  testing::AssertionResult load(VectorCase& c) {
    const auto words = std::uint32_t(c.program.size());
    const std::uint32_t start = loaded_ + words <= kUcodeWords<Top> ? loaded_ : 0;
    loaded_ = std::max(loaded_, start + words);
    c.packet.ucode_start = std::uint16_t(start);
    c.packet.ucode_words = std::uint16_t(words);
    engine.write(kUcodeBase, c.program);
    return engine.same(load_program(start, words));
  }

  /// Runs the packet of the case, whose program is loaded, on both.
  testing::AssertionResult same(const VectorCase& c) {
    for (const VectorCase::Data& data : c.data) engine.write(data.addr, data.bytes);
    testing::AssertionResult result = engine.same(c.packet);
    if (!result) result << '\n' << abi::disassemble_ucode(c.program);
    return result;
  }

  testing::AssertionResult load_and_same(VectorCase& c) {
    if (auto result = load(c); !result) return result;
    return same(c);
  }

  /// As `same`, and the packet succeeds.
  testing::AssertionResult run(const VectorCase& c) {
    if (auto result = same(c); !result) return result;
    if (engine.last().error == abi::Fault::kNone) return testing::AssertionSuccess();
    return testing::AssertionFailure()
           << "the case is not valid: " << abi::to_string(engine.last().error) << " at "
           << engine.last().fault_addr << '\n'
           << abi::disassemble(abi::to_packet(c.packet)) << '\n'
           << abi::disassemble_ucode(c.program);
  }
  testing::AssertionResult load_and_run(VectorCase& c) {
    if (auto result = load(c); !result) return result;
    return run(c);
  }

  void reset() {
    engine.reset();
    loaded_ = 0;
  }

  Random random;
  EngineBench<Top> engine;

 private:
  std::uint32_t loaded_ = 0;  // program words
};

}  // namespace tandem::rtltest
