// SPDX-License-Identifier: Apache-2.0
#include "tandem/models/llama/kv_cache.hpp"

#include <gtest/gtest.h>

#include <numeric>

#include "support/errors.hpp"
#include "tandem/ops/move.hpp"
#include "test_model.hpp"

namespace tandem::tests {
namespace {

using models::KvCache;

class KvCacheTest : public testing::Test {
 protected:
  // Writes `value` to all of a view and reads a view back as 16-bit patterns.
  void fill(const ops::Tensor& view, std::uint16_t value) { ops::fill_bits(context_, view, value); }
  std::vector<std::uint16_t> read(const ops::Tensor& view) {
    std::vector<std::uint64_t> shape(view.shape.begin(), view.shape.begin() + view.rank);
    runtime::Buffer buffer = device_.malloc("activations", view.numel() * 2, "copy");
    ops::copy(context_, view, ops::Tensor(buffer.addr(), view.dtype, shape));
    std::vector<std::uint16_t> values(view.numel());
    device_.copy_out(buffer.addr(), std::as_writable_bytes(std::span(values)));
    return values;
  }

  models::LlamaConfig config_ = tiny_config();
  runtime::Device device_ = runtime::Device::open("cmodel:");
  ops::Context context_{device_};
};

TEST_F(KvCacheTest, LaysHeadsOfASequenceSideBySide) {
  KvCache cache(context_, config_, 3);
  cache.reserve(1);
  EXPECT_EQ(cache.capacity(), KvCache::kFirstCapacity);
  const ops::Tensor keys = cache.keys(1, 1, 2, 4, 10);
  EXPECT_EQ(keys.describe(), "f16[2, 2, 10, 8]");
  EXPECT_EQ(keys.stride[3], 2u);
  EXPECT_EQ(keys.stride[2], 16u);
  EXPECT_EQ(keys.stride[1], 16u * cache.capacity());
  EXPECT_EQ(cache.num_bytes(), 2u * 2 * 3 * 2 * KvCache::kFirstCapacity * 8 * 2);
}

TEST_F(KvCacheTest, GrowsByDoublingAndKeepsWhatIsFilled) {
  KvCache cache(context_, config_, 2);
  cache.reserve(5);
  for (std::uint32_t s = 0; s < 2; ++s) {
    const std::uint32_t length = 3 + 2 * s;
    for (std::uint32_t layer = 0; layer < 2; ++layer) {
      fill(cache.keys(layer, s, 1, 0, length), static_cast<std::uint16_t>(100 + 10 * layer + s));
      fill(cache.values(layer, s, 1, 0, length), static_cast<std::uint16_t>(200 + 10 * layer + s));
    }
    cache.advance(s, length);
  }
  cache.reserve(3 * KvCache::kFirstCapacity);
  EXPECT_EQ(cache.capacity(), 4 * KvCache::kFirstCapacity);
  for (std::uint32_t s = 0; s < 2; ++s) {
    for (std::uint32_t layer = 0; layer < 2; ++layer) {
      for (const std::uint16_t value : read(cache.keys(layer, s, 1, 0, cache.length(s)))) {
        ASSERT_EQ(value, 100 + 10 * layer + s);
      }
      for (const std::uint16_t value : read(cache.values(layer, s, 1, 0, cache.length(s)))) {
        ASSERT_EQ(value, 200 + 10 * layer + s);
      }
    }
  }
}

TEST_F(KvCacheTest, CopiesASequenceToOthers) {
  KvCache cache(context_, config_, 4);
  cache.reserve(4);
  for (std::uint32_t layer = 0; layer < 2; ++layer) {
    for (std::uint32_t p = 0; p < 4; ++p) {
      fill(cache.keys(layer, 0, 1, p, 1), static_cast<std::uint16_t>(10 * layer + p));
      fill(cache.values(layer, 0, 1, p, 1), static_cast<std::uint16_t>(100 + 10 * layer + p));
    }
  }
  cache.advance(0, 4);
  const std::uint64_t before = context_.packets();
  cache.copy_sequence(0, 2, 2);
  EXPECT_EQ(context_.packets() - before, 4u) << "one COPY per buffer";
  for (const std::uint32_t to : {2u, 3u}) {
    EXPECT_EQ(cache.length(to), 4u);
    for (std::uint32_t layer = 0; layer < 2; ++layer) {
      EXPECT_EQ(read(cache.keys(layer, to, 1, 0, 4)), read(cache.keys(layer, 0, 1, 0, 4)));
      EXPECT_EQ(read(cache.values(layer, to, 1, 0, 4)), read(cache.values(layer, 0, 1, 0, 4)));
    }
  }
  EXPECT_EQ(cache.length(1), 0u);
}

TEST_F(KvCacheTest, TruncatesButNeverExtends) {
  KvCache cache(context_, config_, 1);
  cache.reserve(9);
  cache.advance(0, 9);
  cache.truncate(0, 4);
  EXPECT_EQ(cache.length(0), 4u);
  cache.truncate(0, 8);
  EXPECT_EQ(cache.length(0), 4u);
}

TEST_F(KvCacheTest, SaysWhatItCouldNotHold) {
  expect_error(ErrorCode::kInvalidArgument, {"KV cache", "0 sequences"},
               [&] { KvCache(context_, config_, 0); });
  expect_error(ErrorCode::kInvalidArgument, {"type i8", "f16, bf16 or f32"},
               [&] { KvCache(context_, config_, 1, abi::Dtype::kI8); });
  KvCache cache(context_, config_, 1);
  cache.reserve(2);
  fill(cache.keys(0, 0, 1, 0, 2), 3);
  for (const std::uint32_t layer : {0u, 1u}) {
    fill(cache.keys(layer, 0, 1, 0, 2), 3);
    fill(cache.values(layer, 0, 1, 0, 2), 4);
  }
  cache.advance(0, 2);
  expect_error(ErrorCode::kOutOfMemory, {"growing the KV cache of 1 sequences from 256"},
               [&] { cache.reserve(4'000'000'000u); });
  EXPECT_EQ(cache.capacity(), KvCache::kFirstCapacity);
  EXPECT_EQ(read(cache.keys(0, 0, 1, 0, 2)).back(), 3);
}

}  // namespace
}  // namespace tandem::tests
