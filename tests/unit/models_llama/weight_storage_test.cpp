// SPDX-License-Identifier: Apache-2.0
#include "tandem/models/llama/weight_storage.hpp"

#include <gtest/gtest.h>

namespace tandem::tests {
namespace {

using abi::Dtype;
using models::StoredType;
using models::WeightStorage;

TEST(WeightStorage, WordsGoBothWays) {
  for (const WeightStorage storage :
       {WeightStorage::kAuto, WeightStorage::kF16, WeightStorage::kBf16, WeightStorage::kF32,
        WeightStorage::kStored}) {
    EXPECT_EQ(models::parse_weight_storage(models::to_string(storage)), storage);
  }
  EXPECT_FALSE(models::parse_weight_storage("F16").has_value());
  EXPECT_FALSE(models::parse_weight_storage("").has_value());
}

TEST(WeightStorage, AutoKeepsSmallFloatsAndWidensTheRest) {
  const auto dtype = [](StoredType stored) {
    return models::weight_format(stored, WeightStorage::kAuto).dtype;
  };
  EXPECT_EQ(dtype(StoredType::kF16), Dtype::kF16);
  EXPECT_EQ(dtype(StoredType::kBf16), Dtype::kBF16);
  EXPECT_EQ(dtype(StoredType::kF8E4m3), Dtype::kE4M3);
  EXPECT_EQ(dtype(StoredType::kF32), Dtype::kF16);
  EXPECT_EQ(dtype(StoredType::kQ4_1), Dtype::kF16);
  EXPECT_EQ(dtype(StoredType::kQ6_K), Dtype::kF16);
}

TEST(WeightStorage, StoredKeepsGroups) {
  const ops::WeightFormat q4 = models::weight_format(StoredType::kQ4_1, WeightStorage::kStored);
  EXPECT_EQ(q4.dtype, Dtype::kU4);
  EXPECT_EQ(q4.group_size, 32u);
  EXPECT_EQ(q4.scale_dtype, Dtype::kF16);
  const ops::WeightFormat q6 = models::weight_format(StoredType::kQ6_K, WeightStorage::kStored);
  EXPECT_EQ(q6.dtype, Dtype::kI8);
  EXPECT_EQ(q6.group_size, 16u);
  EXPECT_EQ(q6.scale_dtype, Dtype::kF32);
  EXPECT_EQ(models::weight_format(StoredType::kF32, WeightStorage::kStored).dtype, Dtype::kF32);
}

TEST(WeightStorage, FormatsAreNamed) {
  EXPECT_EQ(models::describe(models::exact_format(StoredType::kQ8_0)), "i8 in groups of 32");
  EXPECT_EQ(models::describe(models::exact_format(StoredType::kBf16)), "bf16");
}

TEST(WeightStorage, GroupsOfUnlikeScalesAreUnlikeFormats) {
  const ops::WeightFormat q4_1 = models::exact_format(StoredType::kQ4_1);
  EXPECT_TRUE(models::same_format(q4_1, models::exact_format(StoredType::kQ4_0)));
  EXPECT_FALSE(models::same_format(q4_1, models::exact_format(StoredType::kQ4_K)));
  EXPECT_FALSE(models::same_format(q4_1, models::exact_format(StoredType::kF16)));
}

}  // namespace
}  // namespace tandem::tests
