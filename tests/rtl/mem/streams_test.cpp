// SPDX-License-Identifier: Apache-2.0
// Read and write streams with the memory unit: every length and offset, stalls, latencies, orders,
// throughput.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "VMemStreams128.h"
#include "VMemStreams256.h"
#include "VMemStreams512.h"
#include "streams_bench.hpp"

namespace tandem::rtltest {
namespace {

template <class Top>
class Streams : public testing::Test {
 protected:
  using Bench = StreamsBench<Top>;
  static constexpr unsigned kLine = Bench::kLineBytes;

  /// `count` segments of up to `max_bytes`, of which many begin near the end of the one before.
  static std::vector<Segment> random_segments(Bench& bench, std::uint64_t base, std::uint64_t size,
                                              unsigned count, std::uint32_t max_bytes) {
    std::vector<Segment> segments;
    std::uint64_t behind = base;
    for (unsigned i = 0; i < count; ++i) {
      Segment segment;
      segment.bytes = 1 + bench.below(bench.below(4) == 0 ? 8 : max_bytes);
      segment.addr = base + bench.below(static_cast<std::uint32_t>(size - segment.bytes));
      if (bench.below(2) == 0) segment.addr = behind + bench.below(3);
      if (bench.below(8) == 0)
        segment.addr = (segment.addr & ~std::uint64_t{4095}) + 4096 - bench.below(2 * kLine);
      if (segment.addr + segment.bytes > base + size) segment.addr = base + size - segment.bytes;
      behind = segment.addr + segment.bytes;
      segments.push_back(segment);
    }
    return segments;
  }
};

using Tops = testing::Types<VMemStreams128, VMemStreams256, VMemStreams512>;
TYPED_TEST_SUITE(Streams, Tops);

TYPED_TEST(Streams, EveryOffsetAndShortLength) {
  typename TestFixture::Bench bench(rtlmodel::AxiSettings{.latency = 3});
  std::vector<Segment> reads, writes;
  constexpr std::uint32_t kLine = TestFixture::kLine;
  std::uint64_t slot = 0;
  for (std::uint32_t offset = 0; offset < kLine; ++offset) {
    for (std::uint32_t bytes = 1; bytes <= 2 * kLine + 2; bytes += kLine > 32 ? 3 : 1) {
      reads.push_back({TestFixture::Bench::kReadBase + slot + offset, bytes});
      writes.push_back({TestFixture::Bench::write_base(0) + slot + offset, bytes});
      slot = (slot + 4 * kLine) % (TestFixture::Bench::kWriteBytes / 2);
    }
  }
  bench.read(0, reads);
  bench.write(0, writes);
  bench.run();
  bench.expect_written();
}

TYPED_TEST(Streams, RandomWithStallsLatenciesAndOrders) {
  for (const std::uint32_t latency : {1u, 7u, 80u}) {
    for (const std::uint32_t stall : {0u, 30u, 70u}) {
      const std::uint64_t seed = 100 * latency + stall;
      SCOPED_TRACE(seed);
      rtlmodel::AxiSettings settings{.latency = latency,
                                     .outstanding_per_id = 1 + stall % 13,
                                     .stall_percent = stall,
                                     .reorder = stall != 0,
                                     .seed = seed};
      typename TestFixture::Bench bench(settings, seed);
      for (unsigned round = 0; round < 3; ++round) {
        for (unsigned c = 0; c < bench.kClients; ++c) {
          const ClientStalls stalls{.segment_percent = 25 * round,
                                    .line_percent = (round + c) % 3 * 30};
          bench.read(c, this->random_segments(bench, bench.kReadBase, bench.kReadBytes, 60, 3000),
                     stalls);
          bench.write(
              c, this->random_segments(bench, bench.write_base(c), bench.kWriteBytes, 60, 3000),
              stalls);
        }
        bench.clear_checksums();
        bench.run();
        ASSERT_NO_FATAL_FAILURE(bench.expect_written());
        ASSERT_FALSE(this->HasFailure());
      }
      EXPECT_EQ(bench.top().rd_err_valid_o, 0);
      EXPECT_EQ(bench.top().wr_err_valid_o, 0);
    }
  }
}

TYPED_TEST(Streams, ManyTinySegments) {
  for (const std::uint32_t stall : {0u, 40u}) {
    typename TestFixture::Bench bench(
        rtlmodel::AxiSettings{.latency = 20, .stall_percent = stall, .reorder = true});
    for (unsigned c = 0; c < bench.kClients; ++c) {
      bench.read(c, this->random_segments(bench, bench.kReadBase, 1 << 12, 800, 4), {stall, stall});
      bench.write(c, this->random_segments(bench, bench.write_base(c), 1 << 12, 800, 4),
                  {stall, stall});
    }
    bench.run();
    bench.expect_written();
  }
}

// Throughput in cycles: with a memory that answers at once the port is the only limit.
TYPED_TEST(Streams, LongSegmentsMoveALineACycle) {
  for (const unsigned offset : {0u, 5u}) {
    for (const unsigned latency : {1u, 40u}) {
      SCOPED_TRACE(offset);
      typename TestFixture::Bench bench(rtlmodel::AxiSettings{.latency = latency});
      constexpr std::uint32_t kLines = 2000;
      bench.read(0, {{bench.kReadBase + offset, kLines * bench.kLineBytes}});
      EXPECT_LE(bench.run(), kLines + latency + 20);
      bench.write(0, {{bench.write_base(0) + offset, kLines * bench.kLineBytes}});
      EXPECT_LE(bench.run(), kLines + latency + 40);
      bench.expect_written();
    }
  }
}

TYPED_TEST(Streams, ShortSegmentsMoveOneACycle) {
  typename TestFixture::Bench bench(rtlmodel::AxiSettings{.latency = 20});
  constexpr unsigned kCount = 1000;
  std::vector<Segment> apart, dense, writes;
  for (unsigned i = 0; i < kCount; ++i) {
    apart.push_back({bench.kReadBase + i * 3 * bench.kLineBytes + 4 * (i % 4), 4});
    dense.push_back({bench.kReadBase + 8 * i, 4});
    writes.push_back({bench.write_base(0) + 8 * i, 4});
  }
  bench.read(0, apart);
  EXPECT_LE(bench.run(), kCount + 50);
  EXPECT_EQ(bench.read_beats(0), kCount);
  bench.read(0, dense);
  EXPECT_LE(bench.run(), kCount + 50);
  EXPECT_EQ(bench.read_beats(0), kCount + kCount * 8 / bench.kLineBytes);
  bench.write(0, writes);
  EXPECT_LE(bench.run(), kCount + 60);
  EXPECT_EQ(bench.write_beats(0), kCount * 8 / bench.kLineBytes);
  bench.expect_written();
}

TYPED_TEST(Streams, FiveClientsShareThePort) {
  typename TestFixture::Bench bench(rtlmodel::AxiSettings{.latency = 30});
  constexpr std::uint32_t kLines = 600;
  for (unsigned c = 0; c < bench.kClients; ++c) {
    // Reader 2 has one burst in flight: latency limits it.
    if (c < 2) bench.read(c, {{bench.kReadBase + 4096 * c, kLines * bench.kLineBytes}});
    bench.write(c, {{bench.write_base(c), kLines * bench.kLineBytes}});
  }
  EXPECT_LE(bench.run(), 3 * kLines + 200);
  bench.expect_written();
}

}  // namespace
}  // namespace tandem::rtltest
