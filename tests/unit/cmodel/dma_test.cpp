// SPDX-License-Identifier: Apache-2.0
// COPY, FILL, GATHER and SCATTER_ADD against plain loops.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "reference.hpp"

namespace tandem::cmodel::test {
namespace {

using abi::Dtype;

constexpr std::uint64_t kMemoryBytes = 2 << 20;

/// Strides of four loops over a layout whose dimensions are nested in a random order and padded,
/// so that no byte belongs to two positions. Returns the bytes from first to last.
std::uint64_t random_layout(Random& random, const std::array<std::uint32_t, 4>& extents,
                            std::uint64_t elem_bytes, std::array<std::uint64_t, 4>& strides) {
  std::array<int, 4> order = {0, 1, 2, 3};  // outermost first
  if (random.one_in(2)) {
    for (int i = 3; i > 0; --i) std::swap(order[i], order[random.below(std::uint64_t(i) + 1)]);
  }
  std::uint64_t bytes = elem_bytes;
  for (int i = 3; i >= 0; --i) {
    const int d = order[i];
    strides[d] = bytes + (random.one_in(4) ? elem_bytes * random.below(4) : 0);
    bytes = strides[d] * extents[d];
  }
  return bytes;
}

Memory random_memory(Random& random, std::uint64_t bytes) {
  Memory memory((bytes + 4095) / 4096 * 4096);
  for (std::size_t i = 0; i + 4 <= memory.size(); i += 4) {
    const std::uint32_t word = random.word();
    std::memcpy(&memory[i], &word, 4);
  }
  return memory;
}

class DmaTest : public ::testing::TestWithParam<EngineSetup> {
 protected:
  template <class PacketType>
  void expect(const PacketType& packet, const Memory& before,
              Expected (*reference)(const PacketType&, Memory&)) {
    Memory expected = before;
    const Expected wanted = reference(packet, expected);
    Memory found = before;
    const driver::ExecutionResult result = device_.run(packet, found);
    EXPECT_EQ(result.error, wanted.error);
    EXPECT_EQ(result.fault_addr, wanted.fault_addr);
    if (wanted.error != abi::Fault::kNone) return;
    EXPECT_EQ(result.checksum, wanted.checksum);
    EXPECT_TRUE(expected == found) << first_difference(expected, found);
  }

  TestDevice device_{GetParam(), kMemoryBytes};
};

TEST_P(DmaTest, CopiesEveryLayout) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    const auto extent = [&] { return random.pick<std::uint32_t>({1, 1, 2, 3, 7, 16, 33}); };
    const std::array<std::uint32_t, 4> extents = {random.pick<std::uint32_t>({1, 2}), extent(),
                                                  extent(), extent()};
    std::array<std::uint64_t, 4> src{}, dst{};
    const auto bytes = random.pick<std::uint8_t>({1, 2, 4, 8});
    const std::uint64_t src_bytes = random_layout(random, extents, bytes, src);
    const std::uint64_t dst_bytes = random_layout(random, extents, bytes, dst);
    for (std::uint64_t& stride : src) {
      if (random.one_in(8)) stride = 0;
    }
    AddressSpace space;
    abi::CopyPacket p{.extent0 = extents[0],
                      .extent1 = extents[1],
                      .extent2 = extents[2],
                      .extent3 = extents[3],
                      .elem_bytes = bytes};
    p.src_addr = space.take(src_bytes) + bytes;
    p.src_stride0 = src[0], p.src_stride1 = src[1], p.src_stride2 = src[2], p.src_stride3 = src[3];
    space.take(64);
    p.dst_addr = space.take(dst_bytes) + bytes;
    p.dst_stride0 = dst[0], p.dst_stride1 = dst[1], p.dst_stride2 = dst[2], p.dst_stride3 = dst[3];
    space.take(64);
    expect(p, random_memory(random, space.used()), reference_copy);
    if (HasFailure()) return;
  }
}

TEST_P(DmaTest, CopiesLongRunsInParts) {
  Random random(1);
  abi::CopyPacket p{.extent0 = 1, .extent1 = 1, .extent2 = 1, .extent3 = 700'001, .elem_bytes = 1};
  p.src_addr = kBase + 3;
  p.src_stride3 = p.dst_stride3 = 1;
  p.dst_addr = kBase + 800'001;
  expect(p, random_memory(random, kMemoryBytes), reference_copy);
}

TEST_P(DmaTest, FillsEveryLayout) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    const auto extent = [&] { return random.pick<std::uint32_t>({1, 2, 3, 7, 40}); };
    const std::array<std::uint32_t, 4> extents = {1, extent(), extent(), extent()};
    std::array<std::uint64_t, 4> dst{};
    const auto bytes = random.pick<std::uint8_t>({1, 2, 4, 8});
    const std::uint64_t dst_bytes = random_layout(random, extents, bytes, dst);
    AddressSpace space;
    abi::FillPacket p{.extent0 = extents[0],
                      .extent1 = extents[1],
                      .extent2 = extents[2],
                      .extent3 = extents[3],
                      .elem_bytes = bytes};
    p.value = (std::uint64_t{random.word()} << 32) | random.word();
    if (bytes < 8) p.value &= (std::uint64_t{1} << (8 * bytes)) - 1;
    p.dst_addr = space.take(dst_bytes) + bytes;
    p.dst_stride0 = dst[0], p.dst_stride1 = dst[1], p.dst_stride2 = dst[2], p.dst_stride3 = dst[3];
    space.take(64);
    expect(p, random_memory(random, space.used()), reference_fill);
    if (HasFailure()) return;
  }
}

/// Writes indices below `limit`, or one bad one, and returns the address of the operand's end.
template <class PacketType>
void place_indices(Random& random, PacketType& p, AddressSpace& space, Memory& memory, bool bad) {
  const std::uint64_t bytes = p.index_type == Dtype::kI64 ? 8 : 4;
  std::array<std::uint64_t, 4> strides{};
  const std::uint64_t size =
      random_layout(random, {1, p.extent0, p.extent1, p.extent2}, bytes, strides);
  p.index_stride0 = strides[1], p.index_stride1 = strides[2], p.index_stride2 = strides[3];
  if (random.one_in(2)) p.index_stride2 = 0;
  if (random.one_in(4)) p.index_stride0 = 0;
  p.index_addr = space.take(size);
  memory.resize((space.used() + 4096 + 4095) / 4096 * 4096);
  for (std::uint64_t at = 0; at + bytes <= size; at += bytes) {
    std::int64_t index = std::int64_t(random.below(p.limit));
    if (bad && random.one_in(9)) index = random.pick<std::int64_t>({-1, p.limit, INT32_MIN});
    std::memcpy(&memory[p.index_addr - kBase + at], &index, bytes);
  }
}

TEST_P(DmaTest, GathersAndReportsTheFirstBadIndex) {
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    const auto extent = [&] { return random.pick<std::uint32_t>({1, 2, 5, 24}); };
    abi::GatherPacket p{.extent0 = extent(), .extent1 = extent(), .extent2 = extent(), .limit = 9};
    p.elem_bytes = random.pick<std::uint8_t>({1, 2, 4, 8});
    p.index_type = random.pick({Dtype::kI32, Dtype::kI64});
    std::array<std::uint64_t, 4> s{}, d{};
    const std::uint64_t src =
        random_layout(random, {1, p.extent0, p.limit, p.extent2}, p.elem_bytes, s);
    const std::uint64_t dst =
        random_layout(random, {1, p.extent0, p.extent1, p.extent2}, p.elem_bytes, d);
    AddressSpace space;
    p.src_addr = space.take(src);
    p.src_stride0 = s[1], p.src_index_stride = s[2], p.src_stride2 = s[3];
    p.dst_addr = space.take(dst);
    p.dst_stride0 = d[1], p.dst_stride1 = d[2], p.dst_stride2 = d[3];
    Memory memory = random_memory(random, space.used());
    place_indices(random, p, space, memory, seed % 4 == 0);
    expect(p, memory, reference_gather);
    if (HasFailure()) return;
  }
}

TEST_P(DmaTest, ScattersInIndexOrderAndReportsTheFirstBadIndex) {
  for (std::uint64_t seed = 1; seed <= 80; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    Random random(seed);
    const auto extent = [&] { return random.pick<std::uint32_t>({1, 2, 5, 24}); };
    abi::ScatterAddPacket p{
        .extent0 = extent(), .extent1 = extent(), .extent2 = extent(), .limit = 5};
    p.elem_type = random.pick({Dtype::kF32, Dtype::kI32});
    p.index_type = random.pick({Dtype::kI32, Dtype::kI64});
    std::array<std::uint64_t, 4> s{}, d{};
    const std::uint64_t src = random_layout(random, {1, p.extent0, p.extent1, p.extent2}, 4, s);
    const std::uint64_t dst = random_layout(random, {1, p.extent0, p.limit, p.extent2}, 4, d);
    AddressSpace space;
    p.src_addr = space.take(src);
    p.src_stride0 = s[1], p.src_stride1 = s[2], p.src_stride2 = s[3];
    p.dst_addr = space.take(dst);
    p.dst_stride0 = d[1], p.dst_index_stride = d[2], p.dst_stride2 = d[3];
    Memory memory((space.used() + 4095) / 4096 * 4096);
    fill_random(random, Dtype::kF32, seed % 3 == 0, memory.data(), memory.size() / 4);
    place_indices(random, p, space, memory, seed % 4 == 0);
    expect(p, memory, reference_scatter_add);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, DmaTest, ::testing::ValuesIn(engine_setups()), setup_name);

}  // namespace
}  // namespace tandem::cmodel::test
