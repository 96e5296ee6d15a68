// SPDX-License-Identifier: Apache-2.0
#include "step.hpp"

#include <gtest/gtest.h>

#include <memory>

#include "support/errors.hpp"
#include "test_model.hpp"

namespace tandem::tests {
namespace {

using models::AttentionGroup;
using models::Step;
using models::TokenId;
using models::TokenRun;

class StepTest : public testing::Test {
 protected:
  // Four sequences that hold 3, 3, 5 and 3 positions.
  StepTest() : cache_(context_, config_, 4) {
    cache_.reserve(16);
    for (const std::uint32_t s : {0u, 1u, 3u}) cache_.advance(s, 3);
    cache_.advance(2, 5);
  }

  Step plan(const std::vector<TokenRun>& runs) { return plan_step(config_, cache_, runs); }

  models::LlamaConfig config_ = tiny_config();
  runtime::Device device_ = runtime::Device::open("cmodel:");
  ops::Context context_{device_};
  models::KvCache cache_;
  std::vector<TokenId> one_{4};
  std::vector<TokenId> three_{1, 2, 3};
};

TEST_F(StepTest, JoinsNeighboursAtTheSamePosition) {
  const Step step = plan({{0, one_}, {1, one_}, {2, one_}, {3, one_}});
  ASSERT_EQ(step.groups.size(), 3u);
  EXPECT_EQ(step.groups[0].sequences, 2u);
  EXPECT_EQ(step.groups[0].position, 3u);
  EXPECT_EQ(step.groups[1].first_sequence, 2u);
  EXPECT_EQ(step.groups[1].position, 5u);
  EXPECT_EQ(step.groups[2].first_token, 3u);
  EXPECT_EQ(step.max_length, 6u);
}

TEST_F(StepTest, DoesNotJoinAcrossAMissingSequence) {
  const Step step = plan({{1, one_}, {3, one_}});
  ASSERT_EQ(step.groups.size(), 2u);
  EXPECT_EQ(step.groups[1].first_sequence, 3u);
}

TEST_F(StepTest, KeepsRunsOfSeveralTokensApart) {
  const Step step = plan({{0, three_}, {1, one_}, {3, three_}});
  ASSERT_EQ(step.groups.size(), 3u);
  EXPECT_EQ(step.tokens(), 7u);
  EXPECT_EQ(step.groups[2].first_token, 4u);
  EXPECT_EQ(step.groups[2].tokens, 3u);
  EXPECT_EQ(step.last_rows, (std::vector<std::uint32_t>{2, 3, 6}));
  EXPECT_EQ(step.ids, (std::vector<std::int32_t>{1, 2, 3, 4, 1, 2, 3}));
}

TEST_F(StepTest, RefusesWhatCannotRun) {
  const auto refused = [&](std::initializer_list<std::string_view> parts,
                           const std::vector<TokenRun>& runs) {
    expect_error(ErrorCode::kInvalidArgument, parts, [&] { plan(runs); });
  };
  refused({"no sequence"}, {});
  refused({"sequence 1 has no tokens"}, {{1, {}}});
  refused({"sequence 4", "the cache has 4"}, {{4, one_}});
  refused({"sequence 2 is named twice"}, {{2, one_}, {2, one_}});
  const std::vector<TokenId> outside{1, 64};
  refused({"token id 64 at place 1 of sequence 0", "ids 0 to 63"}, {{0, outside}});
}

}  // namespace
}  // namespace tandem::tests
