// SPDX-License-Identifier: Apache-2.0
// Greedy choice, filters, seeds and distribution of the sampler.
#include "tandem/models/text/sampler.hpp"

#include <cmath>
#include <limits>
#include <map>

#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::expect_error;
constexpr float kInf = std::numeric_limits<float>::infinity();

std::map<TokenId, int> draw(const SamplerOptions& options, const std::vector<float>& logits,
                            int count) {
  Sampler sampler(options);
  std::map<TokenId, int> out;
  for (int i = 0; i < count; ++i) ++out[sampler.sample(logits)];
  return out;
}

TEST(Sampler, GreedyTakesTheLowestIndexOfEqualLogits) {
  Sampler sampler;
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(sampler.sample(std::vector<float>{-kInf, -kInf}), 0);
  EXPECT_EQ(sampler.sample(std::vector<float>{-0.0f, 0.0f}), 0);
  EXPECT_EQ(Sampler::argmax(std::vector<float>{-5}), 0);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, kInf, 3}), 1);
}

TEST(Sampler, FollowsTheSoftmax) {
  // Probabilities 0.5, 0.25, 0.25 at temperature 1.
  const std::vector<float> logits{std::log(2.0f), 0.0f, 0.0f, -kInf};
  const auto counts = draw({.temperature = 1.0f, .seed = 1}, logits, 20000);
  EXPECT_NEAR(counts.at(0), 10000, 400);
  EXPECT_NEAR(counts.at(1), 5000, 350);
  EXPECT_NEAR(counts.at(2), 5000, 350);
  EXPECT_FALSE(counts.contains(3));
  // Temperature 1/2 squares the odds: 2/3, 1/6, 1/6.
  EXPECT_NEAR(draw({.temperature = 0.5f, .seed = 1}, logits, 20000).at(0), 13333, 400);
}

TEST(Sampler, TopKKeepsTheLargestAndTheirOrder) {
  const std::vector<float> logits{0, 5, 5, 5, 1};
  const auto counts = draw({.temperature = 1.0f, .top_k = 2, .seed = 3}, logits, 2000);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_TRUE(counts.contains(1) && counts.contains(2));
  EXPECT_EQ(draw({.temperature = 9.0f, .top_k = 1}, logits, 50).at(1), 50);
}

TEST(Sampler, TopPKeepsTheSmallestSetThatReachesIt) {
  const std::vector<float> logits{std::log(0.4f), std::log(0.3f), std::log(0.2f), std::log(0.1f)};
  EXPECT_EQ(draw({.temperature = 1.0f, .top_p = 0.65f, .seed = 5}, logits, 2000).size(), 2u);
  EXPECT_EQ(draw({.temperature = 1.0f, .top_p = 0.75f, .seed = 5}, logits, 2000).size(), 3u);
  EXPECT_EQ(draw({.temperature = 1.0f, .top_p = 1e-6f, .seed = 5}, logits, 100).at(0), 100);
}

TEST(Sampler, EqualSeedsGiveEqualTokens) {
  std::vector<float> logits(1000);
  for (std::size_t i = 0; i < logits.size(); ++i) {
    logits[i] = std::sin(static_cast<float>(i)) * 3;
  }
  const SamplerOptions options{.temperature = 0.8f, .top_k = 50, .top_p = 0.9f, .seed = 42};
  Sampler a(options), b(options), c({.temperature = 0.8f, .top_k = 50, .top_p = 0.9f, .seed = 43});
  int differ = 0;
  for (int i = 0; i < 100; ++i) {
    const TokenId token = a.sample(logits);
    ASSERT_EQ(token, b.sample(logits));
    differ += token != c.sample(logits) ? 1 : 0;
  }
  EXPECT_GT(differ, 50);
}

TEST(Sampler, DrawsTheRecordedSequence) {
  // Fixed for ever: a seed means the same tokens on every machine and in every version.
  const std::vector<float> logits(16, 0.0f);
  Sampler sampler({.temperature = 1.0f, .seed = 2024});
  std::vector<TokenId> got;
  for (int i = 0; i < 12; ++i) got.push_back(sampler.sample(logits));
  EXPECT_EQ(got, (std::vector<TokenId>{0, 12, 1, 2, 12, 3, 6, 4, 8, 0, 11, 14}));
}

TEST(Sampler, HandlesExtremeLogits) {
  const std::vector<float> logits{-3e38f, 3e38f, 2.9e38f, -kInf};
  EXPECT_EQ(draw({.temperature = 1e-30f, .seed = 1}, logits, 10).at(1), 10);
  EXPECT_EQ(draw({.temperature = 3e38f, .seed = 1}, logits, 300).size(), 3u);
}

TEST(SamplerBad, NamesOptionRangeAndValue) {
  const auto bad = ErrorCode::kInvalidArgument;
  expect_error(bad, {"temperature -1"}, [] { Sampler({.temperature = -1.0f}); });
  expect_error(bad, {"temperature nan"}, [] { Sampler({.temperature = NAN}); });
  expect_error(bad, {"temperature inf"}, [] { Sampler({.temperature = kInf}); });
  expect_error(bad, {"top_p 0, expected 0 < top_p <= 1"}, [] { Sampler({.top_p = 0.0f}); });
  expect_error(bad, {"top_p 1.5"}, [] { Sampler({.top_p = 1.5f}); });
  expect_error(bad, {"expected logits, found none"}, [] { Sampler().sample({}); });
  expect_error(bad, {"logit 2 is not a number"}, [] {
    Sampler().sample(std::vector<float>{1, 2, NAN});
  });
}

}  // namespace
}  // namespace tandem::models
