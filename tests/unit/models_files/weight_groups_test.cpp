// SPDX-License-Identifier: Apache-2.0
// Integer groups mean the same weights as dequantisation.
#include "tandem/models/files/weight_groups.hpp"

#include <cmath>
#include <random>

#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::expect_error;

constexpr StoredType kQuantised[] = {StoredType::kQ4_0, StoredType::kQ4_1, StoredType::kQ5_0,
                                     StoredType::kQ5_1, StoredType::kQ8_0, StoredType::kQ4_K,
                                     StoredType::kQ5_K, StoredType::kQ6_K};

/// Random blocks whose f16 fields are finite: every byte but the exponents is arbitrary.
std::vector<std::byte> random_blocks(StoredType type, std::size_t count, std::mt19937& random) {
  std::vector<std::byte> bytes(count * bytes_per_block(type));
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const bool scale_last = type == StoredType::kQ6_K;
  const bool two = type == StoredType::kQ4_1 || type == StoredType::kQ5_1 ||
                   type == StoredType::kQ4_K || type == StoredType::kQ5_K;
  for (std::size_t b = 0; b < count; ++b) {
    std::byte* block = bytes.data() + b * bytes_per_block(type);
    std::byte* scale = scale_last ? block + 208 : block;
    // Bit 6 of the upper byte cleared: an exponent below 16, subnormals and both signs included.
    scale[1] &= std::byte{0xBF};
    if (two) scale[3] &= std::byte{0xBF};
  }
  return bytes;
}

TEST(WeightGroups, FmaOfScaleIntegerAndMinimumIsTheWeight) {
  const unsigned seed = 20240611;
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  for (const StoredType type : kQuantised) {
    const std::size_t blocks = 200;
    const std::size_t count = blocks * elements_per_block(type);
    const auto bytes = random_blocks(type, blocks, random);
    const GroupLayout layout = group_layout(type).value();
    std::vector<float> expected(count);
    widen_to_f32(type, bytes, expected);
    std::vector<std::int8_t> q(count);
    std::vector<float> scales(count / layout.group_size), mins(scales.size(), NAN);
    unpack_groups(type, bytes, q, scales, mins);
    const bool narrow = layout.code == GroupLayout::Code::kUnsigned4;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t g = i / layout.group_size;
      ASSERT_EQ(std::fma(scales[g], static_cast<float>(q[i]), mins[g]), expected[i])
          << to_string(type) << " element " << i;
      if (narrow) {
        ASSERT_TRUE(q[i] >= 0 && q[i] <= 15) << to_string(type) << " element " << i;
      }
      if (!layout.has_min) {
        ASSERT_EQ(mins[g], 0.0f);
      }
    }
  }
}

TEST(WeightGroups, StatesItsLayouts) {
  EXPECT_EQ(group_layout(StoredType::kQ6_K)->group_size, 16u);
  EXPECT_FALSE(group_layout(StoredType::kQ4_K)->scales_are_f16);
  EXPECT_TRUE(group_layout(StoredType::kQ4_0)->has_min);
  EXPECT_FALSE(group_layout(StoredType::kQ8_0)->has_min);
  EXPECT_EQ(group_layout(StoredType::kF16), std::nullopt);
}

TEST(WeightGroups, MinimumsMayBeLeftOutWhereThereAreNone) {
  std::vector<std::byte> bytes(34);
  std::vector<std::int8_t> q(32);
  std::vector<float> scales(1);
  unpack_groups(StoredType::kQ8_0, bytes, q, scales, {});
  EXPECT_EQ(scales[0], 0.0f);
}

TEST(WeightGroups, RefusesWrongSizesAndTypesBad) {
  std::vector<std::byte> bytes(20);
  std::vector<std::int8_t> q(32);
  std::vector<float> one(1), two(2);
  expect_error(ErrorCode::kInvalidArgument, {"Q4_1", "2 scales", "do not fit 1 groups"},
               [&] { unpack_groups(StoredType::kQ4_1, bytes, q, two, one); });
  expect_error(ErrorCode::kInvalidArgument, {"0 minimums"},
               [&] { unpack_groups(StoredType::kQ4_1, bytes, q, one, {}); });
  expect_error(ErrorCode::kInvalidArgument, {"20 bytes"},
               [&] { unpack_groups(StoredType::kQ8_0, bytes, q, one, one); });
  expect_error(ErrorCode::kUnimplemented, {"F16 has no integer groups"},
               [&] { unpack_groups(StoredType::kF16, bytes, q, one, one); });
}

}  // namespace
}  // namespace tandem::models
