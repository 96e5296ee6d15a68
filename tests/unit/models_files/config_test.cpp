// SPDX-License-Identifier: Apache-2.0
// Model configurations from config.json and from GGUF metadata.
#include <cmath>
#include <nlohmann/json.hpp>

#include "tandem/models/files/llama_config.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using Json = nlohmann::json;
using tandem::testing::data_dir;
using tandem::testing::expect_error;
using tandem::testing::GgufBytes;
using tandem::testing::TempDir;

Json base_config() {
  return {{"model_type", "llama"},         {"hidden_size", 64},        {"intermediate_size", 176},
          {"num_hidden_layers", 2},        {"num_attention_heads", 4}, {"vocab_size", 320},
          {"max_position_embeddings", 256}};
}

LlamaConfig parse(const Json& json) {
  const TempDir dir;
  return config_from_hf(dir.write("config.json", json.dump()));
}

TEST(HfConfig, ReadsTheFiveTinyFamilies) {
  const LlamaConfig llama = config_from_hf(data_dir() / "llama-tiny");
  EXPECT_EQ(llama.family, ModelFamily::kLlama);
  EXPECT_EQ(llama.hidden_size, 64u);
  EXPECT_EQ(llama.num_layers, 3u);
  EXPECT_EQ(llama.num_kv_heads, 2u);
  EXPECT_EQ(llama.head_dim, 16u);
  EXPECT_EQ(llama.rms_norm_eps, 1e-5f);
  EXPECT_EQ(llama.weight_type, StoredType::kBf16);
  EXPECT_EQ(llama.bos_id, 1);
  EXPECT_EQ(llama.eos_ids, (std::vector<std::int32_t>{2}));
  EXPECT_FALSE(llama.tied_output);
  EXPECT_EQ(llama.rotary_pairs, RotaryPairs::kHalfSplit);

  const LlamaConfig llama2 = config_from_hf(data_dir() / "llama2-tiny");
  EXPECT_EQ(llama2.weight_type, StoredType::kF16);
  EXPECT_EQ(llama2.num_kv_heads, 4u);

  const LlamaConfig llama3 = config_from_hf(data_dir() / "llama3-tiny" / "config.json");
  EXPECT_EQ(llama3.head_dim, 32u);
  EXPECT_EQ(llama3.rope_theta, 500000.0);
  EXPECT_EQ(llama3.rope_scaling.kind, RopeScaling::Kind::kLlama3);
  EXPECT_EQ(llama3.rope_scaling.original_max_positions, 32u);

  const LlamaConfig mistral = config_from_hf(data_dir() / "mistral-tiny");
  EXPECT_EQ(mistral.family, ModelFamily::kMistral);
  EXPECT_EQ(mistral.window_of_layer(2), 8u);

  const LlamaConfig qwen = config_from_hf(data_dir() / "qwen2-tiny");
  EXPECT_EQ(qwen.family, ModelFamily::kQwen2);
  EXPECT_TRUE(qwen.qkv_bias);
  EXPECT_FALSE(qwen.attention_output_bias);
  EXPECT_TRUE(qwen.tied_output);
  EXPECT_EQ(qwen.sliding_window, 0u);
  EXPECT_EQ(qwen.weight_type, StoredType::kF32);
}

TEST(HfConfig, ReadsBothStylesOfRotarySettings) {
  Json v4 = base_config();
  v4["rope_theta"] = 5000.0;
  v4["rope_scaling"] = {{"type", "linear"}, {"factor", 2.0}};
  Json v5 = base_config();
  v5["rope_parameters"] = {{"rope_type", "linear"}, {"factor", 2.0}, {"rope_theta", 5000.0}};
  for (const Json& json : {v4, v5}) {
    const LlamaConfig config = parse(json);
    EXPECT_EQ(config.rope_theta, 5000.0);
    EXPECT_EQ(config.rope_scaling.kind, RopeScaling::Kind::kLinear);
    EXPECT_EQ(rotary_frequencies(config)[0], 0.5);
  }
}

TEST(HfConfig, FollowsTransformersDefaults) {
  const LlamaConfig llama = parse(base_config());
  EXPECT_EQ(llama.num_kv_heads, 4u);
  EXPECT_EQ(llama.rope_theta, 10000.0);
  EXPECT_EQ(llama.rms_norm_eps, 1e-6f);
  Json mistral = base_config();
  mistral["model_type"] = "mistral";
  EXPECT_EQ(parse(mistral).sliding_window, 4096u);
  mistral["sliding_window"] = nullptr;
  EXPECT_EQ(parse(mistral).sliding_window, 0u);
  Json biased = base_config();
  biased["attention_bias"] = true;
  biased["mlp_bias"] = true;
  biased["partial_rotary_factor"] = 0.5;
  const LlamaConfig config = parse(biased);
  EXPECT_TRUE(config.qkv_bias && config.attention_output_bias && config.mlp_bias);
  EXPECT_EQ(config.rotary_dims, 8u);
}

TEST(HfConfig, UsesQwensWindowOnUpperLayersOnly) {
  Json json = base_config();
  json["model_type"] = "qwen2";
  json["sliding_window"] = 16;
  EXPECT_EQ(parse(json).sliding_window, 0u);
  json["use_sliding_window"] = true;
  json["max_window_layers"] = 1;
  EXPECT_EQ(parse(json).windowed_layers, (std::vector<bool>{false, true}));
  json["layer_types"] = {"sliding_attention", "full_attention"};
  EXPECT_EQ(parse(json).windowed_layers, (std::vector<bool>{true, false}));
}

TEST(HfConfig, TakesEndTokensFromGenerationConfig) {
  const TempDir dir;
  Json json = base_config();
  json["eos_token_id"] = 7;
  dir.write("config.json", json.dump());
  EXPECT_EQ(config_from_hf(dir.path()).eos_ids, (std::vector<std::int32_t>{7}));
  dir.write("generation_config.json", R"({"eos_token_id": [8, 9], "bos_token_id": 1})");
  EXPECT_EQ(config_from_hf(dir.path()).eos_ids, (std::vector<std::int32_t>{8, 9}));
  EXPECT_EQ(config_from_hf(dir.path()).bos_id, 1);
}

TEST(HfConfigBad, NamesFileKeyAndValue) {
  const auto refuse = [](ErrorCode code, const char* key, const Json& value,
                         std::initializer_list<std::string_view> parts) {
    Json json = base_config();
    json[key] = value;
    expect_error(code, parts, [&] { parse(json); });
  };
  const auto bad = ErrorCode::kInvalidArgument;
  const auto missing = ErrorCode::kUnimplemented;
  refuse(missing, "model_type", "falcon", {"config.json: key model_type", "'falcon'", "mistral"});
  refuse(bad, "model_type", nullptr, {"key model_type: is missing"});
  refuse(bad, "hidden_size", nullptr, {"key hidden_size: is missing, expected a count"});
  refuse(bad, "hidden_size", 0, {"key hidden_size: expected an integer from 1 to", "found 0"});
  refuse(bad, "hidden_size", -64, {"found -64"});
  refuse(bad, "hidden_size", 1ull << 40, {"key hidden_size"});
  refuse(bad, "hidden_size", "64", {"expected an integer, found the string '64'"});
  refuse(bad, "hidden_size", 62, {"4 heads do not divide hidden_size 62"});
  refuse(bad, "num_hidden_layers", 1000000, {"key num_hidden_layers", "found 1000000"});
  refuse(bad, "num_key_value_heads", 3, {"4 attention heads are no multiple of 3"});
  refuse(bad, "rms_norm_eps", -1.0, {"RMS norm epsilon -1"});
  refuse(bad, "rope_theta", 0.0, {"rotary base 0"});
  refuse(bad, "partial_rotary_factor", 1.5, {"partial_rotary_factor", "found 1.5"});
  refuse(bad, "eos_token_id", -1, {"key eos_token_id: expected a token id from 0, found -1"});
  refuse(bad, "eos_token_id", "x", {"expected a token id"});
  refuse(missing, "hidden_act", "gelu", {"key hidden_act", "'gelu'", "silu"});
  refuse(missing, "torch_dtype", "int8", {"key torch_dtype", "'int8'"});
  refuse(missing, "quantization_config", {{"quant_method", "gptq"}}, {"'gptq'", "GGUF"});
  refuse(missing, "rope_scaling", {{"rope_type", "yarn"}, {"factor", 2}},
         {"key rope_scaling.rope_type", "'yarn'", "llama3"});
  refuse(bad, "rope_scaling", {{"factor", 2}}, {"rope_scaling.rope_type: is missing"});
  refuse(bad, "rope_scaling", {{"rope_type", "llama3"}, {"factor", 2}},
         {"rope_scaling.low_freq_factor: is missing"});
  refuse(bad, "rope_scaling", {{"rope_type", "linear"}, {"factor", 0}}, {"scaling factor 0"});
  refuse(bad, "rope_scaling",
         {{"rope_type", "llama3"}, {"factor", 2}, {"low_freq_factor", 4}, {"high_freq_factor", 1}},
         {"0 < low < high"});
  expect_error(bad, {"config.json", "expected an object, found an array of 0"},
               [] { parse(Json::array()); });
}

TEST(RotaryFrequencies, BlendLongWavelengthsAsLlama3Does) {
  // Hand-computed from the paper's rule for theta 500000, 32 dims, factor 8, 1..4, length 32.
  const LlamaConfig config = config_from_hf(data_dir() / "llama3-tiny");
  const auto got = rotary_frequencies(config);
  ASSERT_EQ(got.size(), 16u);
  EXPECT_EQ(got[0], 1.0);                           // wavelength 6.28 < 32 / 4
  const double f1 = std::pow(500000.0, -1.0 / 16);  // wavelength 14.3, between 8 and 32
  const double smooth = (32.0 / (2 * M_PI / f1) - 1.0) / 3.0;
  EXPECT_NEAR(got[1], (1 - smooth) * f1 / 8 + smooth * f1, 1e-15);
  EXPECT_NEAR(got[15], std::pow(500000.0, -15.0 / 16) / 8, 1e-18);
}

GgufBytes gguf_base() {
  GgufBytes out;
  out.text("general.architecture", "llama").u32("llama.block_count", 2);
  out.u32("llama.embedding_length", 64).u32("llama.feed_forward_length", 128);
  out.u32("llama.attention.head_count", 4).f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  out.u32("llama.vocab_size", 100);
  return out;
}

LlamaConfig parse_gguf(const GgufBytes& bytes) {
  const TempDir dir;
  return config_from_gguf(GgufFile::open(dir.write("m.gguf", bytes.str())));
}

TEST(GgufConfig, ReadsARealFile) {
  const LlamaConfig config =
      config_from_gguf(GgufFile::open(data_dir() / "gguf" / "llama-Q4_K_M.gguf"));
  EXPECT_EQ(config.family, ModelFamily::kLlama);
  EXPECT_EQ(config.name, "llama-tiny");
  EXPECT_EQ(config.hidden_size, 256u);
  EXPECT_EQ(config.head_dim, 64u);
  EXPECT_EQ(config.num_kv_heads, 1u);
  EXPECT_EQ(config.vocab_size, 260u);
  EXPECT_EQ(config.rotary_pairs, RotaryPairs::kInterleaved);
  EXPECT_EQ(config.weight_type, StoredType::kQ4_K);
  EXPECT_EQ(config.eos_ids, (std::vector<std::int32_t>{2}));
  EXPECT_FALSE(config.tied_output);
  EXPECT_EQ(config.rms_norm_eps, 1e-5f);
}

TEST(GgufConfig, ReadsOptionalKeys) {
  GgufBytes bytes = gguf_base();
  bytes.u32("llama.attention.key_length", 32).u32("llama.attention.sliding_window", 8);
  bytes.u32("llama.expert_count", 0).u32("tokenizer.ggml.eos_token_id", 3);
  bytes.u32("tokenizer.ggml.eot_token_id", 4).text("llama.rope.scaling.type", "linear");
  bytes.f32("llama.rope.scaling.factor", 4.0f).i32s("llama.attention.head_count_kv", {2, 2});
  const LlamaConfig config = parse_gguf(bytes);
  EXPECT_EQ(config.head_dim, 32u);
  EXPECT_EQ(config.num_kv_heads, 2u);
  EXPECT_EQ(config.window_of_layer(1), 8u);
  EXPECT_EQ(config.eos_ids, (std::vector<std::int32_t>{3, 4}));
  EXPECT_EQ(config.rope_scaling.factor, 4.0);
  EXPECT_TRUE(config.tied_output);
}

TEST(GgufConfig, ReadsRotaryFactors) {
  tandem::testing::ByteString factors;
  for (int i = 0; i < 8; ++i) factors.put(static_cast<float>(i + 1));
  const LlamaConfig config =
      parse_gguf(gguf_base().tensor("rope_freqs.weight", {8}, 0, factors.str()));
  EXPECT_EQ(config.rope_scaling.kind, RopeScaling::Kind::kFactors);
  EXPECT_EQ(rotary_frequencies(config)[1], std::pow(10000.0, -0.125) / 2);
}

TEST(GgufConfigBad, NamesKeyAndValue) {
  const auto refuse = [](ErrorCode code, const GgufBytes& bytes,
                         std::initializer_list<std::string_view> parts) {
    expect_error(code, parts, [&] { parse_gguf(bytes); });
  };
  const auto bad = ErrorCode::kInvalidArgument;
  const auto missing = ErrorCode::kUnimplemented;
  refuse(bad, GgufBytes().u32("a", 1), {"m.gguf", "'general.architecture' is missing"});
  refuse(missing, GgufBytes().text("general.architecture", "rwkv"),
         {"architecture 'rwkv' is not supported", "qwen2"});
  refuse(bad, GgufBytes().text("general.architecture", "llama"),
         {"'llama.embedding_length' is missing"});
  refuse(missing, gguf_base().u32("llama.expert_count", 8), {"'llama.expert_count'", "mixtures"});
  refuse(missing, gguf_base().i32s("llama.attention.head_count_kv", {1, 2}),
         {"'llama.attention.head_count_kv'", "different values per layer"});
  refuse(bad, gguf_base().u32("llama.attention.head_count_kv", 3), {"no multiple of 3"});
  refuse(bad, gguf_base().u32("llama.attention.key_length", 0), {"expected an integer from 1"});
  refuse(missing, gguf_base().text("llama.rope.scaling.type", "yarn"), {"rope type 'yarn'"});
  refuse(bad, gguf_base().f32("llama.rope.freq_base", NAN), {"rotary base nan"});
  refuse(bad, gguf_base().u32("llama.rope.dimension_count", 18), {"18 rotary dimensions"});
  refuse(bad, gguf_base().text("llama.rope.freq_base", "x"), {"expected a number, found string"});
  refuse(bad, gguf_base().tensor("rope_freqs.weight", {3}, 0, std::string(12, '\0')),
         {"rope_freqs.weight: expected 8 values, found 1 x 3"});
  refuse(bad, gguf_base().tensor("rope_freqs.weight", {8}, 0, std::string(32, '\0')),
         {"frequency factor 0"});
  refuse(bad, gguf_base().value("tokenizer.ggml.eos_token_id", 5, "\xff\xff\xff\xff"),
         {"tokenizer.ggml.eos_token_id", "expected a token id from 0, found -1"});
}

}  // namespace
}  // namespace tandem::models
