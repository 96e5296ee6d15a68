// SPDX-License-Identifier: Apache-2.0
// BPE tokenizers as stored in tokenizer.json and in GGUF metadata.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/models/files/gguf_file.hpp"

namespace tandem::models {

/// Token ids everywhere are int32; valid ones are 0 .. vocab_size() - 1.
using TokenId = std::int32_t;

/// Whether the tokens that the model's post-processor puts round a text (BOS ...) are added.
enum class SpecialTokens { kNone, kAdd };

/// What decoding does with special (control) tokens.
enum class SpecialText { kKeep, kSkip };

/// Text to token ids and back.
///
/// Special tokens that appear in a text are recognised. Input that is not valid UTF-8 is first
/// repaired: each maximal invalid part becomes U+FFFD. Characters and bytes without a token are
/// dropped unless the vocabulary has an unknown token. Time is O(n log n) in the text.
///
/// Supported: BPE, byte-level (GPT-2, SmolLM2, Llama 3, Qwen2) and with byte fallback
/// (Llama 2 style); pre-tokenizers ByteLevel, Digits, Split, Metaspace and sequences of them;
/// normalizers NFC, Prepend, Replace and sequences of them. Others give kUnimplemented with a name.
///
/// Move-only. Thread-safety: const calls may run in parallel.
class Tokenizer {
 public:
  /// A tokenizer.json, a directory that has one, or a GGUF file.
  /// Errors, with file and line or key: kNotFound, kInvalidArgument, kUnimplemented.
  static Tokenizer load(const std::filesystem::path& path);
  static Tokenizer from_json_file(const std::filesystem::path& tokenizer_json);
  static Tokenizer from_gguf(const GgufFile& file);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// Errors: kInvalidArgument when the tokenizer's own pattern exceeds its matching limit.
  std::vector<TokenId> encode(std::string_view text,
                              SpecialTokens special = SpecialTokens::kNone) const;

  /// The text of `ids`; bytes that are not valid UTF-8 become U+FFFD as utf8_lossy says. Ids
  /// outside the vocabulary are dropped.
  std::string decode(std::span<const TokenId> ids, SpecialText special = SpecialText::kKeep) const;

  /// As decode, without repair: the bytes that the tokens stand for.
  std::string decode_bytes(std::span<const TokenId> ids,
                           SpecialText special = SpecialText::kKeep) const;

  /// One more than the largest id.
  std::size_t vocab_size() const noexcept;
  /// The token as the vocabulary writes it (byte-level: GPT-2's printable alphabet); empty for ids
  /// outside.
  std::string_view token_text(TokenId id) const noexcept;
  /// The id of a token as the vocabulary writes it.
  std::optional<TokenId> find_token(std::string_view text) const;
  bool is_special(TokenId id) const noexcept;

  /// BOS and end tokens that the tokenizer's own files name (GGUF only; see LlamaConfig for
  /// Hugging Face directories).
  std::optional<TokenId> bos_id() const noexcept;
  std::optional<TokenId> eos_id() const noexcept;

  struct Impl;

 private:
  friend class StreamingDecoder;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// Turns a growing list of ids into text for printing: gives out whole UTF-8 characters only, so
/// that all pieces together are the decode() of all ids.
///
///     StreamingDecoder decoder(tokenizer);
///     for (TokenId id : generated) out << decoder.push(id);
///     out << decoder.finish();
class StreamingDecoder {
 public:
  /// `tokenizer` must outlive this object.
  explicit StreamingDecoder(const Tokenizer& tokenizer, SpecialText special = SpecialText::kSkip);

  /// The text that became certain with this id; empty while a character is incomplete.
  std::string push(TokenId id);
  /// What is left: an incomplete character as U+FFFD. The decoder starts anew afterwards.
  std::string finish();

 private:
  const Tokenizer::Impl* impl_;
  SpecialText special_;
  std::string pending_;       // bytes of an incomplete character
  std::size_t strip_spaces_;  // spaces still to be dropped at the start of the text
};

}  // namespace tandem::models
