// SPDX-License-Identifier: Apache-2.0
// Encoding and decoding with an assembled tokenizer.
#include "tandem/models/text/tokenizer.hpp"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "byte_alphabet.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/text/utf8.hpp"
#include "tokenizer_impl.hpp"

namespace tandem::models {

void Tokenizer::Impl::set_added_tokens(std::vector<AddedToken> tokens) {
  std::vector<AddedToken> raw, normalized;
  for (AddedToken& token : tokens) {
    if (token.special) special.insert(token.id);
    if (token.normalized) {
      token.content = normalize(token.content);
      normalized_texts[token.id] = token.content;
      if (!token.content.empty()) normalized.push_back(std::move(token));
    } else {
      raw.push_back(std::move(token));
    }
  }
  if (!raw.empty()) raw_tokens.emplace(raw, where);
  if (!normalized.empty()) normalized_tokens.emplace(normalized, where);
}

std::string_view Tokenizer::Impl::decoded_text(TokenId id) const {
  const auto it = normalized_texts.find(id);
  return it == normalized_texts.end() ? vocabulary.text(id) : std::string_view(it->second);
}

void Tokenizer::Impl::set_byte_level_decoding() {
  token_bytes.resize(vocabulary.size());
  for (std::size_t id = 0; id < token_bytes.size(); ++id) {
    const std::string_view text = decoded_text(static_cast<TokenId>(id));
    // Tokens with other characters, such as added ones with spaces, stand for themselves.
    token_bytes[id] = from_byte_alphabet(text).value_or(std::string(text));
  }
}

std::string Tokenizer::Impl::normalize(std::string_view text) const {
  std::string out(text);
  for (const auto& step : normalizer) out = step->apply(out);
  return out;
}

void Tokenizer::Impl::encode_text(std::string_view text, bool at_start,
                                  std::vector<TokenId>& out) const {
  Pieces pieces;
  pieces.list.push_back({text, at_start});
  for (const auto& step : pre_tokenizer) step->apply(pieces);
  for (const Piece& piece : pieces.list) bpe->encode(piece.text, out);
}

void Tokenizer::Impl::append_bytes(TokenId id, SpecialText mode, std::string& out) const {
  if (!vocabulary.has(id)) return;
  if (mode == SpecialText::kSkip && special.contains(id)) return;
  out += token_bytes[static_cast<std::size_t>(id)];
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::load(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) return from_json_file(path / "tokenizer.json");
  if (path.extension() == ".json") return from_json_file(path);
  return from_gguf(GgufFile::open(path));
}

Tokenizer Tokenizer::from_json_file(const std::filesystem::path& tokenizer_json) {
  return Tokenizer(read_tokenizer_json(tokenizer_json));
}

Tokenizer Tokenizer::from_gguf(const GgufFile& file) {
  return Tokenizer(read_tokenizer_gguf(file));
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, SpecialTokens special) const {
  if (text.size() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("a text of {} bytes is too long to tokenize", text.size()));
  }
  std::string repaired;
  if (!is_valid_utf8(text)) {
    repaired = utf8_lossy(text);
    text = repaired;
  }
  std::vector<TokenId> out;
  if (special == SpecialTokens::kAdd) out = impl_->prefix;
  const auto spans = [](const std::optional<AddedTokenFinder>& finder, std::string_view whole) {
    return finder ? finder->split(whole) : std::vector<TextSpan>{{whole, std::nullopt}};
  };
  for (const TextSpan& raw : spans(impl_->raw_tokens, text)) {
    if (raw.token) {
      out.push_back(*raw.token);
      continue;
    }
    const bool first = raw.text.data() == text.data();
    const std::string normalized = impl_->normalize(raw.text);
    for (const TextSpan& span : spans(impl_->normalized_tokens, normalized)) {
      if (span.token) {
        out.push_back(*span.token);
      } else {
        impl_->encode_text(span.text, first && span.text.data() == normalized.data(), out);
      }
    }
  }
  if (special == SpecialTokens::kAdd) {
    out.insert(out.end(), impl_->suffix.begin(), impl_->suffix.end());
  }
  return out;
}

std::string Tokenizer::decode_bytes(std::span<const TokenId> ids, SpecialText special) const {
  std::string out;
  for (const TokenId id : ids) impl_->append_bytes(id, special, out);
  std::size_t drop = 0;
  while (drop < impl_->strip_spaces && drop < out.size() && out[drop] == ' ') ++drop;
  return out.erase(0, drop);
}

std::string Tokenizer::decode(std::span<const TokenId> ids, SpecialText special) const {
  return utf8_lossy(decode_bytes(ids, special));
}

std::size_t Tokenizer::vocab_size() const noexcept { return impl_->vocabulary.size(); }

std::string_view Tokenizer::token_text(TokenId id) const noexcept {
  return impl_->vocabulary.text(id);
}

std::optional<TokenId> Tokenizer::find_token(std::string_view text) const {
  return impl_->vocabulary.find(text);
}

bool Tokenizer::is_special(TokenId id) const noexcept { return impl_->special.contains(id); }

std::optional<TokenId> Tokenizer::bos_id() const noexcept { return impl_->bos; }
std::optional<TokenId> Tokenizer::eos_id() const noexcept { return impl_->eos; }

StreamingDecoder::StreamingDecoder(const Tokenizer& tokenizer, SpecialText special)
    : impl_(tokenizer.impl_.get()), special_(special), strip_spaces_(impl_->strip_spaces) {}

std::string StreamingDecoder::push(TokenId id) {
  impl_->append_bytes(id, special_, pending_);
  std::size_t drop = 0;
  while (strip_spaces_ > 0 && drop < pending_.size()) {
    if (pending_[drop] != ' ') {
      strip_spaces_ = 0;
      break;
    }
    ++drop;
    --strip_spaces_;
  }
  pending_.erase(0, drop);
  // Everything up to an incomplete character at the very end is certain.
  std::size_t certain = 0;
  while (certain < pending_.size()) {
    const Utf8Step step = utf8_step(std::string_view(pending_).substr(certain));
    if (step.truncated) break;
    certain += step.num_bytes;
  }
  std::string out = utf8_lossy(std::string_view(pending_).substr(0, certain));
  pending_.erase(0, certain);
  return out;
}

std::string StreamingDecoder::finish() {
  std::string out = utf8_lossy(pending_);
  pending_.clear();
  strip_spaces_ = impl_->strip_spaces;
  return out;
}

}  // namespace tandem::models
