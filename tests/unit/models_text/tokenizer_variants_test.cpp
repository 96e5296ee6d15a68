// SPDX-License-Identifier: Apache-2.0
// Small tokenizers of many kinds against Hugging Face tokenizers (data and generator in
// tests/data/tokenizer_variants).
#include <nlohmann/json.hpp>

#include "tandem/models/text/tokenizer.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using Json = nlohmann::json;
using Ids = std::vector<TokenId>;
using tandem::testing::data_dir;
using tandem::testing::read_file;
using tandem::testing::TempDir;

std::filesystem::path variant_dir() { return data_dir() / "tokenizer_variants"; }

std::vector<std::string> variant_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(variant_dir())) {
    const std::string name = entry.path().filename().string();
    const std::string suffix = ".cases.json";
    if (name.ends_with(suffix)) names.push_back(name.substr(0, name.size() - suffix.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(TokenizerVariants, AgreeWithHuggingFace) {
  const Json texts = Json::parse(read_file(variant_dir() / "texts.json"));
  const auto names = variant_names();
  EXPECT_GE(names.size(), 17u);
  for (const std::string& name : names) {
    const Tokenizer tokenizer = Tokenizer::load(variant_dir() / (name + ".json"));
    const Json cases = Json::parse(read_file(variant_dir() / (name + ".cases.json")));
    ASSERT_EQ(cases.size(), texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text = texts[i];
      const Ids framed = tokenizer.encode(text, SpecialTokens::kAdd);
      ASSERT_EQ(tokenizer.encode(text), cases[i]["ids"].get<Ids>()) << name << ": " << texts[i];
      ASSERT_EQ(framed, cases[i]["framed"].get<Ids>()) << name << ": " << texts[i];
      ASSERT_EQ(tokenizer.decode(framed), cases[i]["decoded"]) << name << ": " << texts[i];
      ASSERT_EQ(tokenizer.decode(framed, SpecialText::kSkip), cases[i]["skipped"])
          << name << ": " << texts[i];
      StreamingDecoder decoder(tokenizer, SpecialText::kSkip);
      std::string streamed;
      for (const TokenId id : framed) streamed += decoder.push(id);
      ASSERT_EQ(streamed + decoder.finish(), cases[i]["skipped"]) << name << ": " << texts[i];
    }
  }
}

/// A tokenizer.json of the byte-level kind as GGUF metadata.
std::string as_gguf(const Json& json, const std::string& pre) {
  const Json& vocab = json["model"]["vocab"];
  std::vector<std::string> tokens(vocab.size());
  std::vector<std::int32_t> types(vocab.size(), 1);
  for (const auto& [token, id] : vocab.items()) tokens.at(id.get<std::size_t>()) = token;
  for (const Json& added : json["added_tokens"]) types.at(added["id"].get<std::size_t>()) = 3;
  std::vector<std::string> merges;
  for (const Json& merge : json["model"]["merges"]) {
    merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
  }
  tandem::testing::GgufBytes bytes;
  bytes.text("tokenizer.ggml.model", "gpt2").text("tokenizer.ggml.pre", pre);
  bytes.texts("tokenizer.ggml.tokens", tokens).i32s("tokenizer.ggml.token_type", types);
  bytes.texts("tokenizer.ggml.merges", merges).u32("tokenizer.ggml.bos_token_id", 1);
  return bytes.str();
}

TEST(TokenizerVariants, GgufNamesStandForTheSamePreTokenizers) {
  const Json texts = Json::parse(read_file(variant_dir() / "texts.json"));
  const std::pair<const char*, const char*> pairs[] = {
      {"gpt2", "gpt-2"}, {"gpt2", "default"}, {"qwen2", "qwen2"}, {"llama3", "llama-bpe"}};
  const TempDir dir;
  for (const auto& [variant, pre] : pairs) {
    const Json json = Json::parse(read_file(variant_dir() / (std::string(variant) + ".json")));
    const Json cases =
        Json::parse(read_file(variant_dir() / (std::string(variant) + ".cases.json")));
    const Tokenizer tokenizer = Tokenizer::load(dir.write("t.gguf", as_gguf(json, pre)));
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const std::string text = texts[i];
      ASSERT_EQ(tokenizer.encode(text), cases[i]["ids"].get<Ids>()) << pre << ": " << texts[i];
      // llama-bpe adds BOS unless the file says otherwise.
      ASSERT_EQ(tokenizer.encode(text, SpecialTokens::kAdd), cases[i]["framed"].get<Ids>())
          << pre << ": " << texts[i];
    }
  }
}

TEST(TokenizerVariants, MergesMayBeWrittenAsOneString) {
  Json json = Json::parse(read_file(variant_dir() / "gpt2.json"));
  for (Json& merge : json["model"]["merges"]) {
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  }
  const TempDir dir;
  const Tokenizer strings = Tokenizer::load(dir.write("tokenizer.json", json.dump()));
  const Tokenizer pairs = Tokenizer::load(variant_dir() / "gpt2.json");
  for (const char* text : {"the array of lanes", "  x = 1;\n", "naïve 東京"}) {
    EXPECT_EQ(strings.encode(text), pairs.encode(text));
  }
}

}  // namespace
}  // namespace tandem::models
