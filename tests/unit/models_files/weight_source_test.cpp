// SPDX-License-Identifier: Apache-2.0
// Weights by role from GGUF files and Hugging Face directories.
#include "tandem/models/files/weight_source.hpp"

#include <fstream>
#include <set>

#include "tandem/models/files/safetensors_writer.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::data_dir;
using tandem::testing::expect_error;
using tandem::testing::GgufBytes;
using tandem::testing::TempDir;

TEST(WeightNames, AreDistinctAndFollowBothFormats) {
  std::set<std::string> canonical, gguf, hf;
  for (int role = 0; role <= static_cast<int>(WeightRole::kDownBias); ++role) {
    const WeightName name{static_cast<WeightRole>(role), 3};
    canonical.insert(canonical_name(name));
    gguf.insert(gguf_name(name));
    hf.insert(hf_name(name));
  }
  EXPECT_EQ(canonical.size(), 19u);
  EXPECT_EQ(gguf.size(), 19u);
  EXPECT_EQ(hf.size(), 19u);
  EXPECT_EQ(canonical_name({WeightRole::kQuery, 3}), "layer.3.q");
  EXPECT_EQ(gguf_name({WeightRole::kFfnNorm, 0}), "blk.0.ffn_norm.weight");
  EXPECT_EQ(hf_name({WeightRole::kFfnNorm, 12}), "model.layers.12.post_attention_layernorm.weight");
  EXPECT_EQ(hf_name({WeightRole::kOutput, 12}), "lm_head.weight");
  EXPECT_FALSE(is_per_layer(WeightRole::kTokenEmbedding));
}

TEST(GgufWeights, ReadRowsInPlace) {
  const TempDir dir;
  const auto source = open_weights(dir.write("m.gguf", tandem::testing::tiny_gguf_model().str()));
  EXPECT_EQ(source->config().hidden_size, 8u);
  const WeightName down{WeightRole::kDown, 0};
  EXPECT_EQ(source->shape(down), (WeightShape{8, 12}));
  EXPECT_EQ(source->stored_type(down), StoredType::kF32);
  std::vector<float> rows(24);
  source->read_rows_f32(down, 3, 2, rows);
  EXPECT_EQ(rows[1] - rows[0], 0.125f);
  const auto raw = source->raw_rows(down, 3, 2);
  EXPECT_EQ(std::memcmp(raw.data(), rows.data(), raw.size()), 0);
  source->done_with(down);
  std::vector<float> again(24);
  source->read_rows_f32(down, 3, 2, again);
  EXPECT_EQ(rows, again);
  EXPECT_TRUE(source->has({WeightRole::kOutput, 0}));
  EXPECT_FALSE(source->has({WeightRole::kQueryBias, 0}));
  EXPECT_EQ(source->group_layout(down), std::nullopt);
  expect_error(ErrorCode::kNotFound, {"m.gguf", "layer.1.q", "'blk.1.attn_q.weight'"}, [&] {
    source->shape({WeightRole::kQuery, 1});
  });
  expect_error(ErrorCode::kInvalidArgument, {"rows 7 + 2 are outside its 8"},
               [&] { source->raw_rows(down, 7, 2); });
  expect_error(ErrorCode::kInvalidArgument, {"layer.0.down"},
               [&] { source->read_rows_f32(down, 0, 1, rows); });
}

TEST(GgufWeights, ReadGroupsOfQuantisedWeights) {
  const auto source = open_weights(data_dir() / "gguf" / "llama-Q4_1.gguf");
  const WeightName name{WeightRole::kGate, 1};
  const auto layout = source->group_layout(name);
  ASSERT_TRUE(layout);
  const WeightShape shape = source->shape(name);
  std::vector<std::int8_t> q(2 * shape.cols);
  std::vector<float> scales(q.size() / layout->group_size), mins(scales.size()), rows(q.size());
  source->read_groups(name, 5, 2, q, scales, mins);
  source->read_rows_f32(name, 5, 2, rows);
  for (std::size_t i = 0; i < q.size(); ++i) {
    ASSERT_EQ(scales[i / 32] * static_cast<float>(q[i]) + mins[i / 32], rows[i]);
  }
}

TEST(HfWeights, ReadShardedModels) {
  const auto source = open_weights(data_dir() / "llama3-tiny");
  EXPECT_EQ(source->config().rope_theta, 500000.0);
  EXPECT_EQ(source->stored_type({WeightRole::kValue, 2}), StoredType::kBf16);
  EXPECT_EQ(source->shape({WeightRole::kAttentionOutput, 0}), (WeightShape{64, 128}));
  EXPECT_EQ(source->shape({WeightRole::kOutputNorm, 0}), (WeightShape{1, 64}));
  std::vector<float> row(64);
  source->read_rows_f32({WeightRole::kTokenEmbedding, 0}, 319, 1, row);
  const auto raw = source->raw_rows({WeightRole::kTokenEmbedding, 0}, 319, 1);
  std::uint16_t first = 0;
  std::memcpy(&first, raw.data(), 2);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(row[0]), std::uint32_t{first} << 16);
  source->done_with({WeightRole::kTokenEmbedding, 0});
}

/// A GGUF model with one tensor replaced or left out.
GgufBytes model_without(const std::string& left_out) {
  GgufBytes out;
  out.text("general.architecture", "llama").u32("llama.block_count", 1);
  out.u32("llama.embedding_length", 32).u32("llama.feed_forward_length", 32);
  out.u32("llama.attention.head_count", 1).u32("llama.vocab_size", 4);
  out.f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  for (const char* name :
       {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
    const std::string full = std::string("blk.0.") + name + ".weight";
    if (full != left_out) out.tensor(full, {32, 32}, 0, std::string(4096, '\0'));
  }
  for (const char* name :
       {"output_norm.weight", "blk.0.attn_norm.weight", "blk.0.ffn_norm.weight"}) {
    if (name != left_out) out.tensor(name, {32}, 0, std::string(128, '\0'));
  }
  if (left_out != "token_embd.weight") {
    out.tensor("token_embd.weight", {32, 4}, 0, std::string(512, '\0'));
  }
  return out;
}

TEST(WeightsBad, NamesMissingWrongAndUnreadableWeights) {
  const TempDir dir;
  const auto open = [&](const GgufBytes& bytes) {
    return open_weights(dir.write("m.gguf", bytes.str()));
  };
  EXPECT_NO_THROW(open(model_without("")));
  for (const char* name : {"blk.0.attn_k.weight", "output_norm.weight", "token_embd.weight"}) {
    expect_error(ErrorCode::kNotFound, {"m.gguf", "is missing", name},
                 [&] { open(model_without(name)); });
  }
  expect_error(ErrorCode::kMismatch, {"weight layer.0.up: expected shape 32 x 32, found 31 x 32"},
               [&] {
                 open(model_without("blk.0.ffn_up.weight")
                          .tensor("blk.0.ffn_up.weight", {32, 31}, 0, std::string(4096, '\0')));
               });
  expect_error(ErrorCode::kUnimplemented, {"'blk.0.ffn_up.weight' is stored as IQ4_NL"}, [&] {
    open(model_without("blk.0.ffn_up.weight")
             .tensor("blk.0.ffn_up.weight", {32, 32}, 20, std::string(4096, '\0')));
  });
  expect_error(ErrorCode::kUnimplemented, {"layer.0.up is stored as I32"}, [&] {
    open(model_without("blk.0.ffn_up.weight")
             .tensor("blk.0.ffn_up.weight", {32, 32}, 26, std::string(4096, '\0')));
  });
}

TEST(WeightsBad, ExplainsWhatToPass) {
  expect_error(ErrorCode::kInvalidArgument, {"pass the directory that holds this file"},
               [] { open_weights(data_dir() / "llama3-tiny" / "config.json"); });
  expect_error(ErrorCode::kNotFound, {"config.json", "cannot open"},
               [] { open_weights(data_dir()); });
  const TempDir dir;
  std::filesystem::copy(data_dir() / "llama3-tiny" / "config.json", dir.path() / "config.json");
  expect_error(ErrorCode::kNotFound, {"expected model.safetensors"},
               [&] { open_weights(dir.path()); });
  SafetensorsWriter writer(dir.path() / "model.safetensors");
  const std::vector<float> values(64);
  writer.add("model.norm.weight", StoredType::kF32, {8, 2, 4}, std::as_bytes(std::span(values)));
  writer.finish();
  expect_error(ErrorCode::kNotFound, {"token_embd", "'model.embed_tokens.weight'"},
               [&] { open_weights(dir.path()); });
}

}  // namespace
}  // namespace tandem::models
