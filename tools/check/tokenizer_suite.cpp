// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <optional>

#include "json_value.hpp"
#include "suites.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/text/chat_template.hpp"
#include "tandem/models/text/tokenizer.hpp"

namespace tandem::check {
namespace {

using models::SpecialText;
using models::TokenId;
using models::Tokenizer;

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return out;
}

// The first difference of two id lists, or empty.
std::string difference(const std::vector<TokenId>& got, const std::vector<TokenId>& want) {
  for (std::size_t i = 0; i < std::max(got.size(), want.size()); ++i) {
    if (i < got.size() && i < want.size() && got[i] == want[i]) continue;
    const auto at = [i](const std::vector<TokenId>& ids) {
      return i < ids.size() ? std::to_string(ids[i]) : std::string("nothing");
    };
    return fmt::format("token {}: got {}, expected {} (of {} and {} tokens)", i, at(got), at(want),
                       got.size(), want.size());
  }
  return {};
}

std::string text_difference(std::string_view what, const std::string& got,
                            const std::string& want) {
  if (got == want) return {};
  std::size_t i = 0;
  while (i < got.size() && i < want.size() && got[i] == want[i]) ++i;
  return fmt::format("{}: byte {}: got \"{}\", expected \"{}\"", what, i, got.substr(i, 24),
                     want.substr(i, 24));
}

CaseResult verdict(std::string difference) {
  CaseResult result;
  result.status = difference.empty() ? Status::kPass : Status::kFail;
  result.detail = std::move(difference);
  return result;
}

std::string check_encode(const Tokenizer& tokenizer, const JsonValue& item) {
  const auto want = item.at("ids").get<std::vector<TokenId>>();
  std::string bad = difference(tokenizer.encode(item.at("text").get<std::string>()), want);
  if (bad.empty()) {
    bad = text_difference("decoded", tokenizer.decode(want), item.at("decoded").get<std::string>());
  }
  if (bad.empty()) {
    bad = text_difference("decoded without special tokens",
                          tokenizer.decode(want, SpecialText::kSkip),
                          item.at("decoded_skip_special").get<std::string>());
  }
  return bad;
}

std::string check_decode(const Tokenizer& tokenizer, const JsonValue& item) {
  const auto ids = item.at("ids").get<std::vector<TokenId>>();
  std::string bad = text_difference("bytes", hex(tokenizer.decode_bytes(ids)),
                                    item.at("bytes_hex").get<std::string>());
  if (bad.empty())
    bad = text_difference("text", tokenizer.decode(ids), item.at("text").get<std::string>());
  return bad;
}

std::string check_chat(const Tokenizer& tokenizer, const models::ChatTemplate& chat,
                       const JsonValue& item) {
  const std::string text = chat.render_json(
      fmt::format(R"({{"messages": {}, "add_generation_prompt": {}}})", item.at("messages").dump(),
                  item.at("add_generation_prompt").dump()));
  std::string bad = text_difference("text", text, item.at("text").get<std::string>());
  if (bad.empty()) {
    bad = difference(tokenizer.encode(text), item.at("ids").get<std::vector<TokenId>>());
  }
  return bad;
}

models::ChatTemplate parse_template(const JsonValue& source, const std::string& text) {
  try {
    return models::ChatTemplate::parse(text);
  } catch (const Error& error) {
    throw error.with_context(source.place());
  }
}

}  // namespace

void check_tokenizer(Session& session, const std::filesystem::path& dir) {
  const std::string suite = dir.filename().string();
  const Tokenizer tokenizer = Tokenizer::load(dir / "tokenizer.json");
  int number = 0;
  const JsonValue encode = JsonValue::read(dir / "encode.json");
  for (const JsonValue& item : encode.at("cases").elements()) {
    const std::string name =
        fmt::format("encode.{}.{}", number++, item.value("group", std::string("text")));
    session.run(suite, name, [&] { return verdict(check_encode(tokenizer, item)); });
  }
  if (std::filesystem::exists(dir / "decode.json")) {
    number = 0;
    const JsonValue decode = JsonValue::read(dir / "decode.json");
    for (const JsonValue& item : decode.at("cases").elements()) {
      session.run(suite, fmt::format("decode.{}", number++),
                  [&] { return verdict(check_decode(tokenizer, item)); });
    }
  }
  if (std::filesystem::exists(dir / "chat.json")) {
    const JsonValue chat = JsonValue::read(dir / "chat.json");
    const JsonValue source = chat.at("template");
    const auto text = source.get<std::string>();
    std::optional<models::ChatTemplate> parsed;
    number = 0;
    for (const JsonValue& item : chat.at("cases").elements()) {
      session.run(suite, fmt::format("chat.{}", number++), [&] {
        if (!parsed) parsed = parse_template(source, text);
        return verdict(check_chat(tokenizer, *parsed, item));
      });
    }
  }
}

}  // namespace tandem::check
