// SPDX-License-Identifier: Apache-2.0
// One model in many stored types, and every way to keep them on the device.
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "golden_model.hpp"
#include "tandem/models/files/weight_source.hpp"

namespace tandem::tests {
namespace {

using models::WeightStorage;

// Loads a file of tests/data/gguf and gives the logits of one prompt.
class GgufModel {
 public:
  GgufModel(const std::string& file, WeightStorage storage)
      : device_(runtime::Device::open("cmodel:")),
        context_(device_),
        source_(models::open_weights(std::string(TANDEM_SOURCE_DIR) + "/tests/data/gguf/" + file)),
        model_(context_, *source_, storage) {}

  std::vector<float> logits() {
    models::KvCache cache(context_, model_.config(), 1);
    const std::vector<TokenId> ids{65, 66, 67, 68, 69, 70};
    const models::TokenRun run{0, ids};
    const ops::Tensor tensor = model_.forward(cache, {&run, 1}, models::LogitRows::kAll);
    std::vector<float> values(tensor.numel());
    device_.copy_out(tensor.addr, std::as_writable_bytes(std::span(values)));
    return values;
  }
  const models::LlamaModel& model() const { return model_; }
  const models::WeightSource& source() const { return *source_; }

  // Row `row` of the embedding as the device reads it.
  std::vector<float> embedded(TokenId id) {
    models::KvCache cache(context_, model_.config(), 1);
    std::vector<float> values(model_.config().hidden_size);
    const models::TokenRun run{0, {&id, 1}};
    model_.forward(cache, {&run, 1}, models::LogitRows::kLast,
                   [&](std::uint32_t index, const ops::Tensor& hidden) {
                     if (index != 0) return;
                     device_.copy_out(hidden.addr, std::as_writable_bytes(std::span(values)));
                   });
    return values;
  }

 private:
  runtime::Device device_;
  ops::Context context_;
  std::unique_ptr<models::WeightSource> source_;
  models::LlamaModel model_;
};

double relative_distance(const std::vector<float>& got, const std::vector<float>& want) {
  double error = 0, power = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    error += (double{got[i]} - want[i]) * (double{got[i]} - want[i]);
    power += double{want[i]} * want[i];
  }
  return std::sqrt(error / power);
}

class StoredTypeTest : public testing::TestWithParam<const char*> {};

TEST_P(StoredTypeTest, TheEmbeddingIsWhatTheFileSays) {
  GgufModel gguf(std::string("llama-") + GetParam() + ".gguf", WeightStorage::kAuto);
  const std::uint32_t hidden = gguf.model().config().hidden_size;
  for (const TokenId id : {0, 1, 31, 32, 200}) {
    std::vector<float> want(hidden);
    gguf.source().read_rows_f32({models::WeightRole::kTokenEmbedding},
                                static_cast<std::uint64_t>(id), 1, want);
    // Equal in value: fma(scale, q, min) may give a zero the other sign.
    EXPECT_EQ(gguf.embedded(id), want) << "row " << id;
  }
}

TEST_P(StoredTypeTest, KeptQuantisedItGivesNearlyTheSameLogits) {
  const std::string file = std::string("llama-") + GetParam() + ".gguf";
  GgufModel widened(file, WeightStorage::kF32);
  GgufModel kept(file, WeightStorage::kStored);
  // Both round the same fp32 values to E8M10, one in the matrix engine and one after fma.
  EXPECT_LT(relative_distance(kept.logits(), widened.logits()), 1e-6);
  EXPECT_LT(kept.model().weights().num_bytes(), widened.model().weights().num_bytes() / 2);
}

TEST_P(StoredTypeTest, F16IsCloserThanBf16) {
  const std::string file = std::string("llama-") + GetParam() + ".gguf";
  const std::vector<float> exact = GgufModel(file, WeightStorage::kF32).logits();
  const double f16 = relative_distance(GgufModel(file, WeightStorage::kF16).logits(), exact);
  const double bf16 = relative_distance(GgufModel(file, WeightStorage::kBf16).logits(), exact);
  EXPECT_LT(f16, 1e-4);
  EXPECT_LT(f16, bf16);
  EXPECT_LT(bf16, 2e-2);
}

INSTANTIATE_TEST_SUITE_P(Types, StoredTypeTest,
                         testing::Values("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K_M", "Q5_K"),
                         [](const auto& info) { return std::string(info.param); });

TEST(WeightStorageOfModel, AFusedProjectionIsCutWhereTypesChange) {
  GgufModel mixed("llama-Q4_K_M.gguf", WeightStorage::kStored);
  std::size_t most_parts = 0;
  for (const models::LlamaLayer& layer : mixed.model().weights().layers) {
    most_parts = std::max(most_parts, layer.qkv.parts().size());
  }
  EXPECT_EQ(most_parts, 2u) << "q and k in Q4_K, v in Q6_K";
  GgufModel plain("llama-Q4_K_M.gguf", WeightStorage::kAuto);
  EXPECT_EQ(plain.model().weights().layers[0].qkv.parts().size(), 1u);
}

}  // namespace
}  // namespace tandem::tests
