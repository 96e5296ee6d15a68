// SPDX-License-Identifier: Apache-2.0
// The parts of a tokenizer, filled by the readers of tokenizer.json and GGUF.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "added_tokens.hpp"
#include "bpe.hpp"
#include "normalizer.hpp"
#include "pre_tokenizer.hpp"
#include "tandem/models/text/tokenizer.hpp"
#include "vocabulary.hpp"

namespace tandem::models {

struct Tokenizer::Impl {
  std::string where;  // file, for messages
  Vocabulary vocabulary;
  std::unordered_set<TokenId> special;
  std::optional<AddedTokenFinder> raw_tokens;         // looked for in the text as given
  std::optional<AddedTokenFinder> normalized_tokens;  // looked for after normalisation
  std::vector<std::unique_ptr<NormalizerStep>> normalizer;
  std::vector<std::unique_ptr<PreTokenizerStep>> pre_tokenizer;
  std::optional<Bpe> bpe;
  std::unordered_map<TokenId, std::string> normalized_texts;  // of tokens added as normalised
  std::vector<std::string> token_bytes;                       // by id: what decoding writes
  std::size_t strip_spaces = 0;  // spaces that decoding drops at the start
  std::vector<TokenId> prefix;   // of SpecialTokens::kAdd
  std::vector<TokenId> suffix;
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;

  /// Sorts the tokens into `special` and the two finders.
  void set_added_tokens(std::vector<AddedToken> tokens);
  /// What a token is decoded from: its text, in normalised form where it was added so.
  std::string_view decoded_text(TokenId id) const;
  /// Fills token_bytes of a byte-level vocabulary; behind set_added_tokens.
  void set_byte_level_decoding();

  std::string normalize(std::string_view text) const;
  void encode_text(std::string_view text, bool at_start, std::vector<TokenId>& out) const;
  void append_bytes(TokenId id, SpecialText mode, std::string& out) const;
};

std::unique_ptr<const Tokenizer::Impl> read_tokenizer_json(const std::filesystem::path& path);
std::unique_ptr<const Tokenizer::Impl> read_tokenizer_gguf(const GgufFile& file);

}  // namespace tandem::models
