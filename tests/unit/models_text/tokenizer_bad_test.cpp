// SPDX-License-Identifier: Apache-2.0
// Damaged, unsupported and hostile tokenizers; invalid and extreme texts.
#include <functional>
#include <nlohmann/json.hpp>

#include "tandem/models/text/tokenizer.hpp"
#include "tandem/models/text/utf8.hpp"
#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using Json = nlohmann::json;
using tandem::testing::data_dir;
using tandem::testing::expect_error;
using tandem::testing::GgufBytes;
using tandem::testing::read_file;
using tandem::testing::TempDir;

Json small_tokenizer() {
  return Json::parse(read_file(data_dir() / "tokenizer_variants" / "gpt2.json"));
}

Tokenizer parse(const Json& json) {
  const TempDir dir;
  return Tokenizer::load(dir.write("tokenizer.json", json.dump()));
}

void expect_refused(ErrorCode code, const std::function<void(Json&)>& change,
                    std::initializer_list<std::string_view> parts) {
  Json json = small_tokenizer();
  change(json);
  expect_error(code, parts, [&] { parse(json); });
}

constexpr auto kBad = ErrorCode::kInvalidArgument;
constexpr auto kMissing = ErrorCode::kUnimplemented;

TEST(TokenizerBad, RefusesBadModels) {
  expect_refused(kBad, [](Json& j) { j.erase("model"); },
                 {"tokenizer.json: key model: is missing"});
  expect_refused(kMissing, [](Json& j) { j["model"]["type"] = "Unigram"; },
                 {"key model.type", "'Unigram'"});
  expect_refused(kMissing, [](Json& j) { j["model"]["dropout"] = 0.1; }, {"model.dropout"});
  expect_refused(kMissing, [](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; },
                 {"model.end_of_word_suffix"});
  expect_refused(kBad, [](Json& j) { j["model"]["vocab"] = Json::array(); },
                 {"model.vocab: expected an object"});
  expect_refused(kBad, [](Json& j) { j["model"]["vocab"]["x y"] = "5"; },
                 {"token 'x y': expected an id, found the string '5'"});
  expect_refused(kBad, [](Json& j) { j["model"]["vocab"]["x y"] = -1; }, {"'x y' has id -1"});
  expect_refused(kBad, [](Json& j) { j["model"]["vocab"]["x y"] = 4000000000u; },
                 {"'x y' has id 4000000000, expected 0 to"});
  expect_refused(kBad, [](Json& j) { j["model"]["vocab"]["x y"] = 5; }, {"have the same id 5"});
  expect_refused(kBad, [](Json& j) { j["model"]["unk_token"] = "<none>"; },
                 {"model.unk_token: '<none>' is not in the vocabulary"});
  expect_refused(kBad, [](Json& j) { j["model"]["merges"].push_back("ab"); },
                 {"model.merges: expected two tokens, found the string 'ab'"});
  expect_refused(kBad, [](Json& j) { j["model"]["merges"].push_back(Json::array({"a"})); },
                 {"expected two tokens, found an array of 1"});
  expect_refused(kBad, [](Json& j) { j["model"]["merges"].push_back("zz zz"); },
                 {"'zz' and 'zz': a part or their join is not in the vocabulary"});
}

TEST(TokenizerBad, RefusesUnsupportedParts) {
  expect_refused(kMissing,
                 [](Json& j) {
                   j["normalizer"] = {{"type", "Lowercase"}};
                 },
                 {"key normalizer.type: normalizer 'Lowercase'"});
  expect_refused(kMissing,
                 [](Json& j) {
                   j["pre_tokenizer"] = {{"type", "Whitespace"}};
                 },
                 {"pre-tokenizer 'Whitespace'"});
  expect_refused(kMissing, [](Json& j) { j["pre_tokenizer"] = nullptr; },
                 {"decoder.type: a decoder that does not fit the pre-tokenizer"});
  expect_refused(kMissing,
                 [](Json& j) {
                   j["decoder"] = {{"type", "WordPiece"}};
                 },
                 {"decoder.type"});
  expect_refused(kBad, [](Json& j) { j.erase("decoder"); }, {"key decoder: is missing"});
  expect_refused(kMissing,
                 [](Json& j) {
                   j["post_processor"] = {{"type", "BertProcessing"}};
                 },
                 {"post-processor 'BertProcessing'"});
  expect_refused(kBad,
                 [](Json& j) {
                   j["pre_tokenizer"] = {{"type", "Sequence"}};
                 },
                 {"pre_tokenizer.pretokenizers: is missing, expected an array"});
  expect_refused(kMissing,
                 [](Json& j) {
                   j["pre_tokenizer"] = {
                       {"type", "Sequence"},
                       {"pretokenizers", {{{"type", "ByteLevel"}}, {{"type", "Digits"}}}}};
                 },
                 {"a pre-tokenizer behind ByteLevel"});
}

TEST(TokenizerBad, RefusesBadAddedTokens) {
  const auto token = [](Json id, Json content) {
    return Json{{"id", id}, {"content", content}, {"special", true}};
  };
  expect_refused(kBad, [&](Json& j) { j["added_tokens"].push_back(token(nullptr, "q")); },
                 {"added_tokens", "id: is missing"});
  expect_refused(kBad, [&](Json& j) { j["added_tokens"].push_back(token(1 << 30, "new token")); },
                 {"has id 1073741824"});
  expect_refused(kBad, [&](Json& j) { j["added_tokens"].push_back(token(0, 5)); },
                 {"expected a string, found 5"});
  expect_refused(kBad, [&](Json& j) { j["added_tokens"].push_back(token(9000, "")); },
                 {"has 0 bytes, expected 1 to 1024"});
  expect_refused(kBad,
                 [&](Json& j) { j["added_tokens"].push_back(token(9000, std::string(1025, 'x'))); },
                 {"has 1025 bytes, expected 1 to 1024"});
  expect_refused(kBad,
                 [&](Json& j) {
                   j["post_processor"] = {{"type", "TemplateProcessing"},
                                          {"single", {{{"SpecialToken", {{"id", "<s>"}}}}}},
                                          {"special_tokens", {{"<s>", {{"ids", {77777}}}}}}};
                 },
                 {"the id 77777 is not in the vocabulary"});
}

void set_split(Json& json, const std::string& regex) {
  json["pre_tokenizer"] = {
      {"type", "Sequence"},
      {"pretokenizers",
       {{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}},
        {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}}}}};
}

TEST(TokenizerBad, RefusesBadPatterns) {
  expect_refused(kBad, [](Json& j) { set_split(j, "(a"); },
                 {"pattern.Regex: the pattern '(a' is malformed near byte 2"});
  expect_refused(kBad, [](Json& j) { set_split(j, std::string(70000, 'a')); },
                 {"a pattern of 70000 bytes"});
  expect_refused(kBad, [](Json& j) { set_split(j, std::string(5000, '(')); }, {"is malformed"});
  expect_refused(kMissing, [](Json& j) { set_split(j, "[a&&b]"); }, {"&& in a class"});
  expect_refused(kMissing, [](Json& j) { set_split(j, "[a[bc]]"); }, {"a class within a class"});
  expect_refused(kMissing, [](Json& j) { set_split(j, "\\h+"); }, {"\\h in the pattern"});
}

TEST(TokenizerBad, StopsCatastrophicPatterns) {
  Json json = small_tokenizer();
  set_split(json, "(a+)+$");
  const Tokenizer tokenizer = parse(json);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("aaa")), "aaa");
  expect_error(kBad, {"the pattern '(a+)+$' fails at byte 0 of a text of 41 bytes", "limit"},
               [&] { tokenizer.encode(std::string(40, 'a') + "b"); });
}

TEST(TokenizerBad, StopsPatternsThatNeedMuchMemory) {
  Json json = small_tokenizer();
  set_split(json, "(?:(a|b)c?)*+x|.");
  const Tokenizer tokenizer = parse(json);
  // Either answer is right; neither may crash.
  const std::string text(200000, 'a');
  try {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), kBad) << error.what();
  }
}

TEST(TokenizerBad, RefusesDamagedJson) {
  const TempDir dir;
  expect_error(kBad, {"tokenizer.json:1:2", "malformed JSON"},
               [&] { Tokenizer::load(dir.write("tokenizer.json", "{")); });
  std::string nested = "{\"a\":";
  for (int i = 0; i < 100000; ++i) nested += '[';
  expect_error(kBad, {"nested deeper than 64 levels"},
               [&] { Tokenizer::load(dir.write("tokenizer.json", nested)); });
  expect_error(ErrorCode::kNotFound, {"tokenizer.json", "cannot open"},
               [&] { Tokenizer::load(data_dir()); });
}

GgufBytes gguf(const std::string& left_out = "") {
  GgufBytes out;
  if (left_out != "model") out.text("tokenizer.ggml.model", "gpt2");
  if (left_out != "tokens") out.texts("tokenizer.ggml.tokens", {"a", "b", "ab", "<s>"});
  if (left_out != "merges") out.texts("tokenizer.ggml.merges", {"a b"});
  return out;
}

TEST(TokenizerBad, RefusesBadGgufMetadata) {
  const TempDir dir;
  const auto refuse = [&](ErrorCode code, const GgufBytes& bytes,
                          std::initializer_list<std::string_view> parts) {
    const auto path = dir.write("t.gguf", bytes.str());
    expect_error(code, parts, [&] { Tokenizer::load(path); });
  };
  refuse(ErrorCode::kNotFound, gguf("model"), {"t.gguf", "the file has no tokenizer"});
  refuse(kBad, gguf("tokens"), {"'tokenizer.ggml.tokens': is missing"});
  refuse(kBad, gguf("merges"), {"'tokenizer.ggml.merges': is missing"});
  refuse(kMissing, GgufBytes().text("tokenizer.ggml.model", "llama"),
         {"tokenizer model 'llama'", "gpt2"});
  refuse(kMissing, gguf().text("tokenizer.ggml.pre", "tekken"), {"'tekken'", "smollm", "qwen2"});
  refuse(kBad, gguf().i32s("tokenizer.ggml.token_type", {1, 1}), {"expected 4 entries, found 2"});
  refuse(kBad, gguf().u32("tokenizer.ggml.bos_token_id", 4), {"a token id below 4, found 4"});
  refuse(kBad, gguf("tokens").texts("tokenizer.ggml.tokens", {"a", "a"}),
         {"token 'a' has the ids 0 and 1"});
  refuse(kBad, gguf("merges").texts("tokenizer.ggml.merges", {"ab"}),
         {"expected two tokens with a space between, found 'ab'"});
  refuse(kBad, gguf("merges").texts("tokenizer.ggml.merges", {""}), {"found ''"});
  const Tokenizer good = Tokenizer::load(
      dir.write("t.gguf", gguf().i32s("tokenizer.ggml.token_type", {1, 1, 1, 3}).str()));
  EXPECT_EQ(good.encode("abb<s>?"), (std::vector<TokenId>{2, 1, 3}));
}

TEST(TokenizerTexts, RepairsInvalidUtf8) {
  const Tokenizer tokenizer = parse(small_tokenizer());
  for (const char* text : {"a\x80z", "\xff", "\xE6\x9D", "ok \xED\xA0\x80 ok", "\xC0\x80"}) {
    EXPECT_EQ(tokenizer.encode(text), tokenizer.encode(utf8_lossy(text)));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), utf8_lossy(text));
  }
  const std::string zeros("a\0b\0", 4);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(zeros)), zeros);
}

TEST(TokenizerTexts, RoundTripsLongWordsAndRuns) {
  const Tokenizer tokenizer = Tokenizer::load(data_dir() / "tokenizer");
  std::string letters, marks, special;
  for (unsigned i = 0; i < 100000; ++i)
    letters += static_cast<char>('a' + (i * 7919u + i / 26) % 26);
  for (int i = 0; i < 50000; ++i) marks += "\xCC\x81\xCC\xA3";
  for (int i = 0; i < 50000; ++i) special += "<|im_st";
  for (const std::string& text :
       {letters, std::string(100000, 'a'), std::string(100000, ' '), std::string(100000, '\n'),
        std::string(100000, '7'), std::string(100000, '!'), marks, special}) {
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

}  // namespace
}  // namespace tandem::models
