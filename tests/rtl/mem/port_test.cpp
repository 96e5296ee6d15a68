// SPDX-License-Identifier: Apache-2.0
// The port as a whole: bus errors, resets with transfers in flight, counters.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "VMemStreams128.h"
#include "VMemStreams512.h"
#include "streams_bench.hpp"

namespace tandem::rtltest {
namespace {

template <class Top>
class Port : public testing::Test {
 protected:
  using Bench = StreamsBench<Top>;
  static constexpr unsigned kLine = Bench::kLineBytes;

  /// Long and short segments of client `client` all over its memory.
  static std::vector<Segment> mixed(Bench& bench, std::uint64_t base, unsigned count) {
    std::vector<Segment> segments;
    for (unsigned i = 0; i < count; ++i) {
      const std::uint32_t bytes = 1 + bench.below(i % 3 == 0 ? 5000 : 40);
      segments.push_back(
          {base + bench.below(static_cast<std::uint32_t>(Bench::kWriteBytes) - bytes), bytes});
    }
    return segments;
  }
};

using Tops = testing::Types<VMemStreams128, VMemStreams512>;
TYPED_TEST_SUITE(Port, Tops);

TYPED_TEST(Port, ReadErrorNamesTheFirstFaultingBeat) {
  using Bench = typename TestFixture::Bench;
  constexpr std::uint64_t kLine = TestFixture::kLine;
  const std::uint64_t base = Bench::kReadBase;
  for (const std::uint64_t bad : {base + 4 * kLine, base + 21 * kLine, base + 250 * kLine}) {
    rtlmodel::AxiSettings settings{.latency = 9, .reorder = true};
    settings.faults = {{bad + 3, bad + 4, rtlmodel::AxiResponse::kSlverr},
                       {bad + 30 * kLine, bad + 31 * kLine}};
    Bench bench(settings);
    bench.ignore_data();
    bench.read(0, {{base + 1, 50}, {base + 7, 300 * kLine}, {base, 64}});
    bench.read(1, {{base + 0x8'0000, 100 * kLine}});
    bench.run();
    EXPECT_TRUE(bench.read_error(0));
    EXPECT_EQ(bench.top().rd_err_addr_o[0], bad);
    EXPECT_FALSE(bench.read_error(1)) << "the error is another client's";
    bench.top().err_clear_i = 1;
    bench.cycle();
    bench.top().err_clear_i = 0;
    bench.top().eval();
    EXPECT_FALSE(bench.read_error(0));
    bench.read(0, {{bad, 1}});
    bench.run();
    EXPECT_EQ(bench.top().rd_err_addr_o[0], bad) << "errors are taken again after err_clear_i";
  }
}

TYPED_TEST(Port, WriteErrorNamesTheBurst) {
  using Bench = typename TestFixture::Bench;
  constexpr std::uint64_t kLine = TestFixture::kLine;
  const std::uint64_t base = Bench::write_base(1);
  const std::uint64_t bad = base + 37 * kLine;  // in the third group of 16 beats
  rtlmodel::AxiSettings settings{.latency = 9, .reorder = true};
  settings.faults = {{bad, bad + 1, rtlmodel::AxiResponse::kDecerr},
                     {bad + 99 * kLine, bad + 100 * kLine}};
  Bench bench(settings);
  bench.write(1, {{base + 5, 200 * kLine}});
  bench.write(0, {{Bench::write_base(0), 40 * kLine}});
  bench.run();
  EXPECT_TRUE(bench.write_error(1));
  EXPECT_EQ(bench.top().wr_err_addr_o[1], base + 32 * kLine);
  EXPECT_FALSE(bench.write_error(0));
  bench.accept_memory();
  bench.clear_checksums();
  bench.memory().set_faults({});
  bench.write(1, {{base, 3 * kLine}});
  bench.write(0, {});
  bench.run();
  EXPECT_EQ(bench.top().wr_err_addr_o[1], base + 32 * kLine) << "kept until err_clear_i";
  bench.expect_written();
}

TYPED_TEST(Port, ResetOfClientsInFlight) {
  using Bench = typename TestFixture::Bench;
  for (const std::uint32_t stall : {0u, 50u}) {
    Bench bench(rtlmodel::AxiSettings{.latency = 25, .stall_percent = stall, .reorder = stall != 0},
                7 + stall);
    for (unsigned cycles = 0; cycles < 90; cycles += 1 + bench.below(6)) {
      SCOPED_TRACE(cycles);
      for (unsigned c = 0; c < bench.kClients; ++c) {
        bench.read(c, this->mixed(bench, bench.kReadBase, 30));
        bench.write(c, this->mixed(bench, bench.write_base(c), 30));
      }
      bench.start();
      for (unsigned i = 0; i < cycles; ++i) bench.cycle();
      bench.reset_clients();
      // Everything works afterwards.
      bench.read(0, {{bench.kReadBase + 3, 700}});
      bench.write(2, {{bench.write_base(2) + 9, 900}});
      bench.run();
      ASSERT_NO_FATAL_FAILURE(bench.expect_written());
      ASSERT_FALSE(this->HasFailure());
    }
  }
}

TYPED_TEST(Port, CountersCountBeatsAndBytes) {
  using Bench = typename TestFixture::Bench;
  constexpr std::uint32_t kLine = TestFixture::kLine;
  Bench bench(rtlmodel::AxiSettings{.latency = 5});
  bench.read(0, {{bench.kReadBase, 10 * kLine}});
  bench.read(1, {{bench.kReadBase + 1, kLine}});
  bench.write(0, {{bench.write_base(0) + 1, 3 * kLine}});
  bench.write(2, {{bench.write_base(2) + 5, 2}});
  bench.run();
  EXPECT_EQ(bench.read_beats(0), 10u);
  EXPECT_EQ(bench.read_beats(1), 2u);
  EXPECT_EQ(bench.top().total_read_beats_o, 12u);
  EXPECT_EQ(bench.write_beats(0), 4u);
  EXPECT_EQ(bench.write_bytes(0), 3u * kLine);
  EXPECT_EQ(bench.write_beats(2), 1u);
  EXPECT_EQ(bench.write_bytes(2), 2u);
  EXPECT_EQ(bench.top().total_write_beats_o, 5u);
  EXPECT_GE(bench.top().read_open_o, 12u + 4u);
  EXPECT_LE(bench.top().read_open_o, 12u + 4u + 10u);
  bench.top().counter_clear_i = 1;
  bench.cycle();
  bench.top().counter_clear_i = 0;
  bench.cycle();
  EXPECT_EQ(
      bench.top().total_read_beats_o + bench.top().total_write_beats_o + bench.top().read_open_o,
      0u);
  EXPECT_EQ(bench.read_beats(0) + bench.write_beats(0) + bench.write_bytes(0), 0u);
}

TYPED_TEST(Port, QuiesceLetsNothingNewThrough) {
  using Bench = typename TestFixture::Bench;
  Bench bench(rtlmodel::AxiSettings{.latency = 10});
  bench.read(0, {{bench.kReadBase, 4000}});
  bench.write(1, {{bench.write_base(1), 4000}});
  bench.top().quiesce_i = 1;
  bench.start();
  for (unsigned i = 0; i < 200; ++i) {
    bench.cycle();
    ASSERT_TRUE(bench.top().quiet_o);
  }
  EXPECT_EQ(bench.memory().counts().handshakes(), 0u);
  bench.top().quiesce_i = 0;
  bench.top().eval();
  EXPECT_FALSE(bench.top().quiet_o);
  bench.run();
  bench.expect_written();
}

}  // namespace
}  // namespace tandem::rtltest
