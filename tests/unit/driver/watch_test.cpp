// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/watch.hpp"

#include <gtest/gtest.h>

#include "support/errors.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::driver {
namespace {

abi::Packet strided_copy() {
  abi::CopyPacket packet;
  packet.seq = 7;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = 4;
  packet.elem_bytes = 4;
  packet.src_addr = 0x1000;
  packet.src_stride3 = 8;
  packet.dst_addr = 0x2000;
  packet.dst_stride3 = 16;
  return abi::to_packet(packet);
}

TEST(Watch, ParsesRanges) {
  const WatchRange both = parse_watch_range("0x1000+16");
  EXPECT_EQ(both.bytes.begin, 0x1000u);
  EXPECT_EQ(both.bytes.end, 0x1010u);
  EXPECT_TRUE(both.reads && both.writes);
  EXPECT_EQ(to_string(both), "0x1000+16");
  const WatchRange writes = parse_watch_range("w:4096");
  EXPECT_FALSE(writes.reads);
  EXPECT_EQ(to_string(writes), "w:0x1000+1");
  for (const char* bad : {"", "x", "0x", "1+", "1+0", "1+x", "q:1", "18446744073709551615+2"}) {
    tests::expect_error(ErrorCode::kInvalidArgument, {"expected ADDRESS"},
                        [&] { parse_watch_range(bad); });
  }
}

TEST(Watch, HitsExactBytesOnly) {
  const auto hit_of = [](const char* range) {
    const WatchRange ranges[] = {parse_watch_range(range)};
    return find_watch_hit(ranges, strided_copy());
  };
  EXPECT_FALSE(hit_of("0x1004+4"));
  EXPECT_FALSE(hit_of("w:0x1008"));
  EXPECT_FALSE(hit_of("r:0x2010"));
  const auto read = hit_of("0x1009");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->element, "src[0, 0, 0, 1]");
  EXPECT_TRUE(read->reads && !read->writes);
  const auto written = hit_of("0x2004+100");
  ASSERT_TRUE(written);
  EXPECT_EQ(written->addr, 0x2010u);
  const WatchStop stop(*written, "layer.0/copy", "tensor 'q'");
  EXPECT_STREQ(stop.what(),
               "watch 0x2004+100: COPY seq 7 (op layer.0/copy) writes dst[0, 0, 0, 1] at 0x2010; "
               "tensor 'q'; all packets before it have completed");
}

}  // namespace
}  // namespace tandem::driver
