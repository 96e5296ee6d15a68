// SPDX-License-Identifier: Apache-2.0
// Reader of the tokenizer in GGUF metadata.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "../files/printable.hpp"
#include "tandem/base/error.hpp"
#include "tokenizer_impl.hpp"

namespace tandem::models {
namespace {

using Impl = Tokenizer::Impl;

// Values of tokenizer.ggml.token_type (enum llama_token_type).
constexpr std::int64_t kControl = 3;
constexpr std::int64_t kUserDefined = 4;

constexpr std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|)"
    R"(\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|)"
    R"( ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// What a name in tokenizer.ggml.pre stands for.
struct PreKind {
  std::string_view name;
  bool single_digits;
  std::string_view pattern;
  bool nfc;
  bool ignore_merges;
  bool adds_bos;  // unless tokenizer.ggml.add_bos_token says otherwise
};

constexpr std::array kPreKinds{
    PreKind{"gpt-2", false, kGpt2Pattern, false, false, false},
    PreKind{"gpt2", false, kGpt2Pattern, false, false, false},
    PreKind{"default", false, kGpt2Pattern, false, false, false},
    PreKind{"smollm", true, kGpt2Pattern, false, false, false},
    PreKind{"qwen2", false, kQwen2Pattern, true, false, false},
    PreKind{"llama-bpe", false, kLlama3Pattern, false, true, true},
    PreKind{"llama3", false, kLlama3Pattern, false, true, true},
    PreKind{"llama-v3", false, kLlama3Pattern, false, true, true},
};

/// Reads the keys below tokenizer.ggml.
class Keys {
 public:
  explicit Keys(const GgufFile& file) : file_(file) {}

  static std::string key(std::string_view name) { return fmt::format("tokenizer.ggml.{}", name); }
  std::string place(std::string_view name) const {
    return fmt::format("{}: metadata key '{}'", file_.path().string(), key(name));
  }
  [[noreturn]] void fail(std::string_view name, const std::string& what) const {
    throw Error(ErrorCode::kInvalidArgument, place(name) + ": " + what);
  }

  std::vector<std::string_view> texts(std::string_view name) const {
    auto value = file_.texts(key(name));
    if (!value) fail(name, "is missing, expected an array of strings");
    return std::move(*value);
  }

  std::optional<TokenId> token(std::string_view name, const Vocabulary& vocabulary) const {
    const auto id = file_.integer(key(name));
    if (!id) return std::nullopt;
    if (*id < 0 || *id >= static_cast<std::int64_t>(vocabulary.size())) {
      fail(name, fmt::format("expected a token id below {}, found {}", vocabulary.size(), *id));
    }
    return static_cast<TokenId>(*id);
  }

 private:
  const GgufFile& file_;
};

const PreKind& find_pre_kind(const GgufFile& file, const Keys& keys) {
  const std::string_view name = file.text(Keys::key("pre")).value_or("default");
  std::string known;
  for (const PreKind& kind : kPreKinds) {
    if (kind.name == name) return kind;
    known += known.empty() ? "" : ", ";
    known += kind.name;
  }
  throw Error(ErrorCode::kUnimplemented,
              fmt::format("{}: pre-tokenizer {} is not supported; supported: {}", keys.place("pre"),
                          printable(name), known));
}

void read_tokens(const GgufFile& file, const Keys& keys, Impl& impl) {
  std::vector<std::pair<std::string, std::int64_t>> entries;
  for (const std::string_view text : keys.texts("tokens")) {
    entries.emplace_back(text, static_cast<std::int64_t>(entries.size()));
  }
  impl.vocabulary = Vocabulary(std::move(entries), keys.place("tokens"));
  const auto types = file.integers(Keys::key("token_type"));
  if (!types) return;
  if (types->size() != impl.vocabulary.size()) {
    keys.fail("token_type",
              fmt::format("expected {} entries, found {}", impl.vocabulary.size(), types->size()));
  }
  std::vector<AddedToken> added;
  for (std::size_t i = 0; i < types->size(); ++i) {
    const std::int64_t type = (*types)[i];
    if (type != kControl && type != kUserDefined) continue;
    AddedToken token;
    token.id = static_cast<TokenId>(i);
    token.content = impl.vocabulary.text(token.id);
    token.special = type == kControl;
    if (!token.content.empty()) added.push_back(std::move(token));
  }
  impl.set_added_tokens(std::move(added));
}

void read_merges(const Keys& keys, Impl& impl) {
  const auto merges = keys.texts("merges");
  impl.bpe->reserve(merges.size());
  for (const std::string_view merge : merges) {
    const std::size_t space = merge.find(' ', 1);
    if (space == merge.npos || space + 1 == merge.size()) {
      keys.fail("merges", fmt::format("expected two tokens with a space between, found {}",
                                      printable(merge)));
    }
    // A merge without a token for its result can never matter.
    impl.bpe->add_merge(merge.substr(0, space), merge.substr(space + 1));
  }
}

void read_frame(const GgufFile& file, const Keys& keys, const PreKind& kind, Impl& impl) {
  impl.bos = keys.token("bos_token_id", impl.vocabulary);
  impl.eos = keys.token("eos_token_id", impl.vocabulary);
  if (file.flag(Keys::key("add_bos_token")).value_or(kind.adds_bos) && impl.bos) {
    impl.prefix.push_back(*impl.bos);
  }
  if (file.flag(Keys::key("add_eos_token")).value_or(false) && impl.eos) {
    impl.suffix.push_back(*impl.eos);
  }
}

}  // namespace

std::unique_ptr<const Tokenizer::Impl> read_tokenizer_gguf(const GgufFile& file) {
  const Keys keys(file);
  const auto model = file.text(Keys::key("model"));
  if (!model) {
    throw Error(ErrorCode::kNotFound,
                keys.place("model") + ": is missing; the file has no tokenizer");
  }
  if (*model != "gpt2") {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("{}: tokenizer model {} is not supported; supported: gpt2 "
                            "(byte-level BPE)",
                            keys.place("model"), printable(*model)));
  }
  const PreKind& kind = find_pre_kind(file, keys);
  auto impl = std::make_unique<Impl>();
  impl->where = file.path().string();
  read_tokens(file, keys, *impl);
  if (kind.nfc) impl->normalizer.push_back(make_normal_form(NormalForm::kNfc));
  const std::string where = keys.place("pre");
  if (kind.single_digits) {
    impl->pre_tokenizer.push_back(
        make_split(Regex(R"(\p{N})", where), SplitBehavior::kIsolated, false));
  }
  impl->pre_tokenizer.push_back(
      make_split(Regex(kind.pattern, where), SplitBehavior::kIsolated, false));
  BpeOptions options;
  options.ignore_merges = kind.ignore_merges;
  impl->bpe.emplace(impl->vocabulary, options);
  read_merges(keys, *impl);
  impl->set_byte_level_decoding();
  read_frame(file, keys, kind, *impl);
  return impl;
}

}  // namespace tandem::models
