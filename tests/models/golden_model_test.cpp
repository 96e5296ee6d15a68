// SPDX-License-Identifier: Apache-2.0
// The five families against float64 references, with every type of cache.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <string>
#include <tuple>

#include "golden_model.hpp"

namespace tandem::tests {
namespace {

struct CacheCase {
  const char* name;
  abi::Dtype dtype;
  const char* bounds;  // key of golden.json that judges this cache
};

// f16 keeps three more bits than bf16, so the bound of bf16 must hold with room to spare.
constexpr CacheCase kCaches[] = {{"F32", abi::Dtype::kF32, "fp32_cache"},
                                 {"F16", abi::Dtype::kF16, "bf16_cache"},
                                 {"Bf16", abi::Dtype::kBF16, "bf16_cache"}};

class GoldenModelTest : public testing::TestWithParam<std::tuple<const char*, CacheCase>> {
 protected:
  std::string model_name() const { return std::get<0>(GetParam()); }
  CacheCase cache_case() const { return std::get<1>(GetParam()); }
};

TEST_P(GoldenModelTest, HiddenStatesAndLogitsKeepTheirBounds) {
  GoldenModel golden(model_name());
  const nlohmann::json& bounds = golden.golden()["bounds"][cache_case().bounds];
  const std::uint32_t layers = golden.model().config().num_layers;
  for (std::size_t p = 0; p < golden.golden()["prompts"].size(); ++p) {
    models::KvCache cache = golden.make_cache(1, cache_case().dtype);
    const std::vector<TokenId> ids = golden.fed(p);
    const std::string prefix = fmt::format("p{}.", p);
    const GoldenModel::Pass pass = golden.forward(cache, {{0, ids}}, true);
    expect_within(pass.logits, golden.reference(prefix + "logits"), bounds["logits"],
                  prefix + "logits");
    for (std::uint32_t l = 0; l <= layers; ++l) {
      const std::string name = fmt::format("{}hidden.{}", prefix, l);
      expect_within(pass.hidden.at(l), golden.reference(name), bounds["hidden"][l], name);
    }
    expect_within(pass.hidden.at(layers + 1), golden.reference(prefix + "norm"),
                  bounds["hidden"][layers + 1], prefix + "norm");
  }
}

TEST_P(GoldenModelTest, GreedyIdsAreEqualToTheLastStep) {
  GoldenModel golden(model_name());
  for (std::size_t p = 0; p < golden.golden()["prompts"].size(); ++p) {
    models::Generator generator(golden.model(), 1, cache_case().dtype);
    const std::vector<TokenId> prompt = golden.prompt(p);
    const std::vector<TokenId> want = golden.greedy(p);
    const models::GenerateResult result =
        generator.generate({&prompt, 1}, {.max_new_tokens = static_cast<std::uint32_t>(want.size()),
                                          .sampler = {},
                                          .stop_at_eos = false});
    EXPECT_EQ(result.sequences[0].ids, want) << "prompt " << p;
  }
}

TEST_P(GoldenModelTest, ABatchGivesTheBitsOfSinglePrompts) {
  GoldenModel golden(model_name());
  const nlohmann::json& batch = golden.golden()["batch"];
  std::vector<std::vector<TokenId>> prompts;  // the padded rows without their padding
  for (std::size_t i = 0; i < batch["input_ids"].size(); ++i) {
    std::vector<TokenId>& prompt = prompts.emplace_back();
    for (std::size_t t = 0; t < batch["input_ids"][i].size(); ++t) {
      if (batch["attention_mask"][i][t] == 1) prompt.push_back(batch["input_ids"][i][t]);
    }
  }
  models::KvCache together =
      golden.make_cache(static_cast<std::uint32_t>(prompts.size()), cache_case().dtype);
  std::vector<models::TokenRun> runs;
  for (std::uint32_t i = 0; i < prompts.size(); ++i) runs.push_back({i, prompts[i]});
  const GoldenModel::Pass all = golden.forward(together, runs);

  std::size_t row = 0;
  for (const std::vector<TokenId>& prompt : prompts) {
    models::KvCache alone = golden.make_cache(1, cache_case().dtype);
    const GoldenModel::Pass one = golden.forward(alone, {{0, prompt}});
    expect_same_bits(std::span(all.logits.values)
                         .subspan(row * all.logits.width, prompt.size() * all.logits.width),
                     one.logits.values, fmt::format("prompt of {} tokens", prompt.size()));
    row += prompt.size();
  }
}

TEST_P(GoldenModelTest, CutsIntoStepsDoNotChangeBits) {
  GoldenModel golden(model_name());
  const std::vector<TokenId> ids = golden.fed(1);
  models::KvCache cache = golden.make_cache(1, cache_case().dtype);
  const GoldenModel::Pass whole = golden.forward(cache, {{0, ids}});
  for (const std::size_t cut : {std::size_t{1}, std::size_t{5}}) {
    models::KvCache stepwise = golden.make_cache(1, cache_case().dtype);
    for (std::size_t first = 0; first < ids.size(); first += cut) {
      const auto part = std::span(ids).subspan(first, std::min(cut, ids.size() - first));
      const GoldenModel::Pass step = golden.forward(stepwise, {{0, part}});
      expect_same_bits(step.logits.values,
                       std::span(whole.logits.values)
                           .subspan(first * whole.logits.width, step.logits.values.size()),
                       fmt::format("{} tokens from {}", part.size(), first));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, GoldenModelTest,
                         testing::Combine(testing::Values("llama-tiny", "llama2-tiny",
                                                          "llama3-tiny", "mistral-tiny",
                                                          "qwen2-tiny"),
                                          testing::ValuesIn(kCaches)),
                         [](const testing::TestParamInfo<GoldenModelTest::ParamType>& info) {
                           std::string name = std::get<0>(info.param);
                           name.resize(name.find('-'));
                           name[0] = static_cast<char>(std::toupper(name[0]));
                           return name + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace tandem::tests
