// SPDX-License-Identifier: Apache-2.0
// The parts of check mode against plain sets of bytes.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "check/findings.hpp"
#include "check/layout.hpp"
#include "check/written_map.hpp"
#include "tandem/base/log.hpp"
#include "test_device.hpp"

namespace tandem::cmodel::test {
namespace {

/// How often an operand touches each byte.
std::map<std::uint64_t, int> touches(const abi::Operand& operand) {
  std::map<std::uint64_t, int> bytes;
  std::array<std::uint64_t, abi::Operand::kMaxDims> i{};
  const auto& d = operand.dims;
  for (i[0] = 0; i[0] < d[0].extent; ++i[0]) {
    for (i[1] = 0; i[1] < d[1].extent; ++i[1]) {
      for (i[2] = 0; i[2] < d[2].extent; ++i[2]) {
        const std::uint64_t addr =
            operand.base + i[0] * d[0].stride + i[1] * d[1].stride + i[2] * d[2].stride;
        for (std::uint64_t b = 0; b < operand.run_bytes; ++b) ++bytes[addr + b];
      }
    }
  }
  return bytes;
}

abi::Operand random_operand(Random& random) {
  abi::Operand operand;
  operand.base = 1000 + random.below(60);
  operand.run_bytes = 1 + random.below(4);
  operand.num_dims = 3;
  for (int d = 0; d < 3; ++d) {
    operand.dims[std::size_t(d)] = {1 + random.below(4), random.below(13)};
  }
  return operand;
}

TEST(CheckLayout, RunsAreTheBytesOfTheOperand) {
  constexpr std::uint64_t kSeed = 7;
  RecordProperty("seed", int(kSeed));
  Random random(kSeed);
  for (int i = 0; i < 2000; ++i) {
    const abi::Operand operand = random_operand(random);
    const auto expected = touches(operand);
    const Layout layout(operand);
    EXPECT_EQ(layout.hull().begin, expected.begin()->first);
    EXPECT_EQ(layout.hull().end, expected.rbegin()->first + 1);
    std::map<std::uint64_t, int> found;
    std::uint64_t runs = 0;
    layout.for_each_run([&](std::uint64_t begin, std::uint64_t num_bytes) {
      ++runs;
      for (std::uint64_t b = 0; b < num_bytes; ++b) ++found[begin + b];
      return true;
    });
    EXPECT_EQ(runs, layout.num_runs());
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), found.begin(), found.end(),
                           [](auto& a, auto& b) { return a.first == b.first; }))
        << "seed " << kSeed << " round " << i;
  }
}

TEST(CheckLayout, SharedAndRepeatedBytes) {
  constexpr std::uint64_t kSeed = 8;
  Random random(kSeed);
  int shared_pairs = 0;
  int repeated_operands = 0;
  for (int i = 0; i < 4000; ++i) {
    const abi::Operand a = random_operand(random);
    const abi::Operand b = random_operand(random);
    const auto bytes_a = touches(a);
    const auto bytes_b = touches(b);
    const bool shared = std::any_of(bytes_a.begin(), bytes_a.end(),
                                    [&](auto& byte) { return bytes_b.contains(byte.first); });
    const bool repeated =
        std::any_of(bytes_a.begin(), bytes_a.end(), [](auto& byte) { return byte.second > 1; });
    const Shared found = shared_bytes(Layout(a), Layout(b));
    ASSERT_EQ(found.answer == Answer::kYes, shared) << "seed " << kSeed << " round " << i;
    if (shared) {
      EXPECT_TRUE(bytes_a.contains(found.addr) && bytes_b.contains(found.addr));
    }
    const Shared twice = repeated_bytes(a);
    ASSERT_EQ(twice.answer == Answer::kYes, repeated) << "seed " << kSeed << " round " << i;
    if (repeated) {
      EXPECT_GT(bytes_a.at(twice.addr), 1);
    }
    shared_pairs += shared;
    repeated_operands += repeated;
  }
  // Both answers occur often enough to mean something.
  EXPECT_GT(shared_pairs, 400);
  EXPECT_LT(shared_pairs, 3900);
  EXPECT_GT(repeated_operands, 400);
  EXPECT_LT(repeated_operands, 3900);
}

TEST(CheckLayout, TooManyRunsAreSaidSo) {
  abi::Operand a;
  a.run_bytes = 1;
  a.num_dims = 2;
  a.dims[0] = {kMaxRuns + 1, 4};
  abi::Operand b = a;
  b.base = 2;
  b.dims[0].stride = 6;
  EXPECT_EQ(shared_bytes(Layout(a), Layout(b)).answer, Answer::kTooMany);
  EXPECT_EQ(shared_bytes(Layout(a), Layout(a)).answer, Answer::kYes);
  a.dims[1] = {4, 3};
  EXPECT_EQ(repeated_bytes(a).answer, Answer::kTooMany);
}

TEST(CheckWrittenMap, AgreesWithOneFlagAByte) {
  constexpr std::uint64_t kSeed = 9;
  constexpr std::uint64_t kFirst = (1 << 20) - 3 * 4096;  // across a chunk of 1 MiB
  constexpr std::uint64_t kBytes = 6 * 4096;
  Random random(kSeed);
  WrittenMap map;
  std::vector<bool> flags(kBytes);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t at = random.below(kBytes);
    const std::uint64_t limit = random.one_in(8) ? kBytes : 200;
    const std::uint64_t count = random.below(std::min(limit, kBytes - at) + 1);
    const bool value = !random.one_in(3);
    value ? map.mark(kFirst + at, count) : map.clear(kFirst + at, count);
    std::fill_n(flags.begin() + std::ptrdiff_t(at), count, value);
    const std::uint64_t from = random.below(kBytes);
    for (const bool wanted : {false, true}) {
      const auto hit = std::find(flags.begin() + std::ptrdiff_t(from), flags.end(), wanted);
      const std::uint64_t expected = kFirst + std::uint64_t(hit - flags.begin());
      const std::uint64_t found = wanted ? map.first_written(kFirst + from, kBytes - from)
                                         : map.first_unwritten(kFirst + from, kBytes - from);
      ASSERT_EQ(found, expected) << "seed " << kSeed << " round " << i;
    }
  }
}

TEST(CheckFindings, OneLineACauseBoundedAndLogged) {
  const log::Level level = log::level();
  log::set_level(log::Level::kWarning);
  std::vector<std::string> logged;
  log::set_sink([&](log::Level, std::string_view line) { logged.emplace_back(line); });
  Findings findings;
  EXPECT_EQ(findings.take(), "");
  findings.add("cause", "first");
  findings.add("cause", "second");
  findings.add("other", "third");
  EXPECT_EQ(logged, (std::vector<std::string>{"first", "third"}));
  EXPECT_EQ(findings.take(),
            "first\nthird\ncheck: 1 more findings of the same kinds, packets and operands; 0 "
            "operands had too many runs to examine\n");
  EXPECT_EQ(findings.take(), "");
  for (int i = 0; i < 1500; ++i) findings.add(fmt::format("{}", i), "line");
  const std::string lines = findings.take();
  log::set_sink({});
  log::set_level(level);
  EXPECT_EQ(std::size_t(std::count(lines.begin(), lines.end(), '\n')), Findings::kMaxLines + 1);
  EXPECT_NE(lines.find("check: 500 more"), std::string::npos);
}

}  // namespace
}  // namespace tandem::cmodel::test
