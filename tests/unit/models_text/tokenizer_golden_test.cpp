// SPDX-License-Identifier: Apache-2.0
// SmolLM2's tokenizer against recorded encodings and decodings, from tokenizer.json and from GGUF.
#include <nlohmann/json.hpp>

#include "tandem/models/text/tokenizer.hpp"
#include "unit/models_files/file_helpers.hpp"
#include "unit/models_text/real_model.hpp"

namespace tandem::models {
namespace {

using Json = nlohmann::json;
using tandem::testing::data_dir;
using tandem::testing::read_file;
using tandem::testing::TempDir;

std::string from_hex(const std::string& hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return out;
}

/// The same tokenizer by three ways: its tokenizer.json, a GGUF file made of it, the real model.
enum class Source { kJson, kGguf, kRealModel };

class TokenizerGolden : public ::testing::TestWithParam<Source> {
 protected:
  static const Tokenizer* get(Source source) {
    static const Tokenizer json = Tokenizer::load(data_dir() / "tokenizer" / "tokenizer.json");
    if (source == Source::kJson) return &json;
    if (source == Source::kGguf) {
      static const TempDir dir;
      static const Tokenizer gguf = Tokenizer::load(dir.write("t.gguf", gguf_of_json()));
      return &gguf;
    }
    static const auto path = tandem::testing::real_model();
    if (!path) return nullptr;
    static const Tokenizer real = Tokenizer::load(*path);
    return &real;
  }

  void SetUp() override {
    tokenizer_ = get(GetParam());
    if (!tokenizer_) GTEST_SKIP() << tandem::testing::kNoRealModel;
  }

  static Json golden(const std::string& name) {
    return Json::parse(read_file(data_dir() / "tokenizer" / name));
  }

  static std::string gguf_of_json() {
    const Json json = golden("tokenizer.json");
    const Json& model = json["model"];
    std::vector<std::string> tokens(model["vocab"].size());
    std::vector<std::int32_t> types(tokens.size(), 1);
    for (const auto& [token, id] : model["vocab"].items()) tokens.at(id.get<std::size_t>()) = token;
    for (const auto& added : json["added_tokens"]) types.at(added["id"].get<std::size_t>()) = 3;
    std::vector<std::string> merges;
    for (const auto& merge : model["merges"]) {
      merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    }
    tandem::testing::GgufBytes bytes;
    bytes.text("general.architecture", "llama").text("tokenizer.ggml.model", "gpt2");
    bytes.text("tokenizer.ggml.pre", "smollm").texts("tokenizer.ggml.tokens", tokens);
    bytes.i32s("tokenizer.ggml.token_type", types).texts("tokenizer.ggml.merges", merges);
    bytes.u32("tokenizer.ggml.bos_token_id", 1).u32("tokenizer.ggml.eos_token_id", 2);
    bytes.flag("tokenizer.ggml.add_bos_token", false);
    return bytes.str();
  }

  const Tokenizer* tokenizer_ = nullptr;
};

TEST_P(TokenizerGolden, EncodesEveryText) {
  const Json encode = golden("encode.json");
  EXPECT_EQ(encode["cases"].size(), 300u);
  for (const Json& c : encode["cases"]) {
    const std::string text = from_hex(c["utf8_hex"]);
    EXPECT_EQ(tokenizer_->encode(text), c["ids"].get<std::vector<TokenId>>()) << c["text"];
  }
}

TEST_P(TokenizerGolden, DecodesEveryEncoding) {
  const Json encode = golden("encode.json");
  for (const Json& c : encode["cases"]) {
    const auto ids = c["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer_->decode(ids), c["decoded"]) << c["text"];
    EXPECT_EQ(tokenizer_->decode(ids, SpecialText::kSkip), c["decoded_skip_special"]) << c["text"];
  }
}

TEST_P(TokenizerGolden, DecodesIdsThatAreNoValidUtf8) {
  const Json decode = golden("decode.json");
  EXPECT_EQ(decode["cases"].size(), 45u);
  for (const Json& c : decode["cases"]) {
    const auto ids = c["ids"].get<std::vector<TokenId>>();
    EXPECT_EQ(tokenizer_->decode_bytes(ids), from_hex(c["bytes_hex"])) << c["ids"];
    EXPECT_EQ(tokenizer_->decode(ids), c["text"]) << c["ids"];
  }
}

TEST_P(TokenizerGolden, StreamsTheSameTextPieceByPiece) {
  const auto check = [&](const Json& ids_json, SpecialText mode) {
    const auto ids = ids_json.get<std::vector<TokenId>>();
    StreamingDecoder decoder(*tokenizer_, mode);
    std::string text;
    for (const TokenId id : ids) text += decoder.push(id);
    EXPECT_EQ(text + decoder.finish(), tokenizer_->decode(ids, mode)) << ids_json;
  };
  const Json encode = golden("encode.json");
  const Json decode = golden("decode.json");
  for (const SpecialText mode : {SpecialText::kKeep, SpecialText::kSkip}) {
    for (const Json& c : encode["cases"]) check(c["ids"], mode);
    for (const Json& c : decode["cases"]) check(c["ids"], mode);
  }
}

TEST_P(TokenizerGolden, DropsBytesWithoutToken) {
  const Json decode = golden("decode.json");
  for (const Json& byte : decode["bytes_without_token"]) {
    // Only those below 0x80 are characters by themselves.
    if (byte.get<int>() >= 0x80) continue;
    const std::string text = {'a', static_cast<char>(byte.get<int>()), 'b'};
    EXPECT_EQ(tokenizer_->decode(tokenizer_->encode(text)), "ab") << byte;
  }
}

TEST_P(TokenizerGolden, EncodesRenderedChats) {
  const Json chat = golden("chat.json");
  EXPECT_EQ(chat["cases"].size(), 12u);
  for (const Json& c : chat["cases"]) {
    EXPECT_EQ(tokenizer_->encode(c["text"].get<std::string>()),
              c["ids"].get<std::vector<TokenId>>());
  }
}

TEST_P(TokenizerGolden, KnowsItsVocabulary) {
  EXPECT_EQ(tokenizer_->vocab_size(), 49152u);
  EXPECT_EQ(tokenizer_->find_token("<|im_end|>"), 2);
  EXPECT_EQ(tokenizer_->find_token("no such token"), std::nullopt);
  EXPECT_EQ(tokenizer_->token_text(2), "<|im_end|>");
  EXPECT_EQ(tokenizer_->token_text(-1), "");
  EXPECT_EQ(tokenizer_->token_text(49152), "");
  EXPECT_TRUE(tokenizer_->is_special(0));
  EXPECT_FALSE(tokenizer_->is_special(17));
  EXPECT_EQ(tokenizer_->encode("Hello", SpecialTokens::kAdd), (std::vector<TokenId>{19556}));
  EXPECT_EQ(tokenizer_->decode(std::vector<TokenId>{-5, 19556, 1 << 30}), "Hello");
}

std::string source_name(const ::testing::TestParamInfo<Source>& info) {
  const char* names[] = {"TokenizerJson", "GgufMadeOfIt", "RealModel"};
  return names[static_cast<int>(info.param)];
}

INSTANTIATE_TEST_SUITE_P(Sources, TokenizerGolden,
                         ::testing::Values(Source::kJson, Source::kGguf, Source::kRealModel),
                         source_name);

}  // namespace
}  // namespace tandem::models
