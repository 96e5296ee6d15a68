// SPDX-License-Identifier: Apache-2.0
// The generation loop: stopping, sampling, batches, caches that grow and are kept.
#include "tandem/models/llama/generator.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "golden_model.hpp"
#include "support/errors.hpp"

namespace tandem::tests {
namespace {

using models::GenerateOptions;
using models::GenerateResult;
using models::Generator;

using Prompts = std::vector<std::vector<TokenId>>;

std::vector<TokenId> only(const GenerateResult& result) { return result.sequences.at(0).ids; }

TEST(Generator, StopsAtTheEndToken) {
  GoldenModel golden("llama-tiny");
  ASSERT_EQ(golden.model().config().eos_ids, (std::vector<std::int32_t>{2}));
  // Sampling at a high temperature comes to the end token sooner or later.
  const std::vector<TokenId> prompt = golden.prompt(0);
  Generator generator(golden.model());
  GenerateOptions options{
      .max_new_tokens = 240, .sampler = {.temperature = 50.0f, .seed = 3}, .stop_at_eos = false};
  const std::vector<TokenId> free = only(generator.generate({&prompt, 1}, options));
  const auto end = std::find(free.begin(), free.end(), 2);
  ASSERT_NE(end, free.end()) << "seed " << options.sampler.seed << " never draws the end token";

  options.stop_at_eos = true;
  const GenerateResult result = generator.generate({&prompt, 1}, options);
  EXPECT_EQ(result.sequences[0].stopped_by, models::StopReason::kEos);
  EXPECT_EQ(only(result), std::vector<TokenId>(free.begin(), end + 1));
}

TEST(Generator, StopsAfterAsManyTokensAsWanted) {
  GoldenModel golden("llama-tiny");
  const std::vector<TokenId> prompt = golden.prompt(0);
  Generator generator(golden.model());
  const GenerateResult result =
      generator.generate({&prompt, 1}, {.max_new_tokens = 3, .sampler = {}});
  EXPECT_EQ(result.sequences[0].stopped_by, models::StopReason::kLength);
  EXPECT_EQ(only(result).size(), 3u);
}

TEST(Generator, GeneratesNothingWhenNothingIsWanted) {
  GoldenModel golden("llama-tiny");
  const std::vector<TokenId> prompt = golden.prompt(0);
  Generator generator(golden.model());
  const GenerateResult result =
      generator.generate({&prompt, 1}, {.max_new_tokens = 0, .sampler = {}});
  EXPECT_TRUE(only(result).empty());
  EXPECT_EQ(result.prefill_tokens, prompt.size());
  EXPECT_EQ(result.decode_tokens, 0u);
}

TEST(Generator, StopsWhereTheModelsContextEnds) {
  GoldenModel golden("llama-tiny");
  const std::uint32_t limit = golden.model().config().max_positions;
  ASSERT_GT(limit, 0u);
  const std::vector<TokenId> prompt(limit - 2, 7);
  Generator generator(golden.model());
  const GenerateResult result = generator.generate(
      {&prompt, 1}, {.max_new_tokens = 100, .sampler = {}, .stop_at_eos = false});
  EXPECT_EQ(result.sequences[0].stopped_by, models::StopReason::kContext);
  EXPECT_EQ(only(result).size(), 3u);  // after limit - 2, limit - 1 and limit positions
}

TEST(Generator, KeepsWhatPromptsHaveInCommon) {
  GoldenModel golden("mistral-tiny");
  const std::vector<TokenId> first = golden.prompt(1);
  std::vector<TokenId> second = first;
  second.back() = (second.back() + 1) % 320;
  const GenerateOptions options{.max_new_tokens = 6, .sampler = {}, .stop_at_eos = false};

  Generator fresh(golden.model());
  const std::vector<TokenId> want = only(fresh.generate({&second, 1}, options));
  Generator reused(golden.model());
  reused.generate({&first, 1}, options);
  const GenerateResult result = reused.generate({&second, 1}, options);
  EXPECT_EQ(only(result), want);
  EXPECT_EQ(result.prefill_tokens, 1u);
}

TEST(Generator, ACacheThatGrowsGivesTheSameTokens) {
  GoldenModel golden("llama2-tiny");
  const std::vector<TokenId> prompt(models::KvCache::kFirstCapacity - 3, 11);
  const GenerateOptions options{.max_new_tokens = 3, .sampler = {}, .stop_at_eos = false};
  Generator small(golden.model());
  const std::vector<TokenId> want = only(small.generate({&prompt, 1}, options));
  EXPECT_EQ(small.cache().capacity(), models::KvCache::kFirstCapacity);

  // One more token per sequence makes the cache double in the middle of the run.
  models::KvCache cache = golden.make_cache(2);
  GoldenModel::Pass last;
  const std::vector<TokenId> filler(models::KvCache::kFirstCapacity, 5);
  golden.forward(cache, {{0, prompt}, {1, filler}});
  EXPECT_EQ(cache.capacity(), models::KvCache::kFirstCapacity);
  const std::vector<TokenId> one{5};
  golden.forward(cache, {{1, one}});
  EXPECT_EQ(cache.capacity(), 2 * models::KvCache::kFirstCapacity);
  const std::vector<TokenId> next{want[0]};
  last = golden.forward(cache, {{0, next}});
  EXPECT_EQ(models::Sampler::argmax(last.logits.values), want[1]);
}

TEST(Generator, SequencesOfABatchDrawWithTheirOwnSeeds) {
  GoldenModel golden("qwen2-tiny");
  const Prompts prompts(4, golden.prompt(2));
  const GenerateOptions options{
      .max_new_tokens = 12, .sampler = {.temperature = 2.0f, .seed = 5}, .stop_at_eos = false};
  Generator batch(golden.model(), 4);
  const GenerateResult together = batch.generate(prompts, options);
  EXPECT_EQ(together.prefill_tokens, prompts[0].size()) << "equal prompts are computed once";
  EXPECT_EQ(together.decode_tokens, 4u * 11);
  std::set<std::vector<TokenId>> distinct;
  for (std::size_t i = 0; i < prompts.size(); ++i) {
    distinct.insert(together.sequences[i].ids);
    GenerateOptions own = options;
    own.sampler.seed += i;
    Generator single(golden.model());
    EXPECT_EQ(only(single.generate({&prompts[i], 1}, own)), together.sequences[i].ids);
  }
  EXPECT_EQ(distinct.size(), prompts.size());
}

TEST(Generator, UnlikePromptsOfABatchGiveTheirOwnTokens) {
  GoldenModel golden("llama3-tiny");
  Prompts prompts;
  for (std::size_t p = 0; p < 4; ++p) prompts.push_back(golden.prompt(p));
  Generator generator(golden.model(), 4);
  const GenerateResult result =
      generator.generate(prompts, {.max_new_tokens = 16, .sampler = {}, .stop_at_eos = false});
  for (std::size_t p = 0; p < 4; ++p) EXPECT_EQ(result.sequences[p].ids, golden.greedy(p));
}

TEST(Generator, EqualPromptsShareOnePassWhereverTheyAre) {
  GoldenModel golden("llama-tiny");
  const Prompts prompts{golden.prompt(0), golden.prompt(1), golden.prompt(0),
                        golden.prompt(0), golden.prompt(2), golden.prompt(1)};
  const std::size_t which[] = {0, 1, 0, 0, 2, 1};
  Generator generator(golden.model(), 6);
  const GenerateResult result =
      generator.generate(prompts, {.max_new_tokens = 16, .sampler = {}, .stop_at_eos = false});
  EXPECT_EQ(result.prefill_tokens, prompts[0].size() + prompts[1].size() + prompts[4].size());
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(result.sequences[i].ids, golden.greedy(which[i]));
}

TEST(Generator, ComputesNothingOnTheHost) {
  GoldenModel golden("llama-tiny");
  const Prompts prompts{golden.prompt(0), golden.prompt(1)};
  Generator generator(golden.model(), 2);
  generator.generate(prompts, {.max_new_tokens = 4, .sampler = {}, .stop_at_eos = false});
  EXPECT_TRUE(golden.model().context().host_ops().empty());
}

TEST(Generator, RefusesBadPrompts) {
  GoldenModel golden("llama-tiny");
  Generator generator(golden.model());
  const Prompts none(1);
  expect_error(ErrorCode::kInvalidArgument, {"prompt 0 is empty"},
               [&] { generator.generate(none, {}); });
  const Prompts two(2, {1});
  expect_error(ErrorCode::kInvalidArgument, {"2 prompts for 1 sequences"},
               [&] { generator.generate(two, {}); });
  const Prompts outside{{1, 2, 320}};
  expect_error(ErrorCode::kInvalidArgument, {"token id 320 at place 2", "ids 0 to 319"},
               [&] { generator.generate(outside, {}); });
  const Prompts negative{{-1}};
  expect_error(ErrorCode::kInvalidArgument, {"token id -1 at place 0"},
               [&] { generator.generate(negative, {}); });
  const Prompts too_long{std::vector<TokenId>(257, 1)};
  expect_error(ErrorCode::kInvalidArgument, {"257 tokens", "up to 256"},
               [&] { generator.generate(too_long, {}); });
  // The generator is as good as new afterwards.
  const std::vector<TokenId> prompt = golden.prompt(0);
  EXPECT_EQ(only(generator.generate({&prompt, 1}, {.max_new_tokens = 2, .sampler = {}})).at(0),
            golden.greedy(0).at(0));
}

}  // namespace
}  // namespace tandem::tests
