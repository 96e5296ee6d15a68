// SPDX-License-Identifier: Apache-2.0
// Reader of Hugging Face tokenizer.json.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "../files/json_text.hpp"
#include "../files/printable.hpp"
#include "tandem/base/error.hpp"
#include "tokenizer_impl.hpp"

namespace tandem::models {
namespace {

using Impl = Tokenizer::Impl;

[[noreturn]] void unimplemented(const JsonFields& fields, const std::string& key,
                                const std::string& what) {
  throw Error(ErrorCode::kUnimplemented,
              fmt::format("{}: {} is not supported", fields.place(key), what));
}

std::string take_text(const JsonFields& fields, const std::string& key) {
  const auto value = fields.text(key);
  if (!value) fields.missing(key, "a string");
  return *value;
}

TokenId take_id(const JsonFields& fields, const std::string& key, const Vocabulary& vocabulary) {
  const auto id = fields.integer(key);
  if (!id) fields.missing(key, "a token id");
  const bool known = *id >= 0 && *id < static_cast<std::int64_t>(vocabulary.size());
  if (!known || !vocabulary.has(static_cast<TokenId>(*id))) {
    fields.fail(key, fmt::format("the id {} is not in the vocabulary", *id));
  }
  return static_cast<TokenId>(*id);
}

/// The steps of a normalizer, pre-tokenizer or decoder: itself, or those of a Sequence.
template <typename Visit>
void for_each_step(const JsonFields& fields, const std::string& list, const Visit& visit) {
  const std::string type = take_text(fields, "type");
  if (type != "Sequence") return visit(fields, type);
  for (const Json& step : fields.array(list)) {
    for_each_step(JsonFields(step, fields.place(list)), list, visit);
  }
}

/// {"String": "x"} or {"Regex": "x"}.
Regex take_pattern(const JsonFields& fields) {
  const JsonFields pattern = fields.object("pattern");
  if (const auto text = pattern.text("String")) {
    return Regex(escape_regex(*text), pattern.place("String"));
  }
  return Regex(take_text(pattern, "Regex"), pattern.place("Regex"));
}

void read_normalizer(const JsonFields& top, Impl& impl) {
  if (!top.has("normalizer")) return;
  for_each_step(top.object("normalizer"), "normalizers",
                [&](const JsonFields& step, const std::string& type) {
                  auto& out = impl.normalizer;
                  if (type == "NFC") {
                    out.push_back(make_normal_form(NormalForm::kNfc));
                  } else if (type == "NFD") {
                    out.push_back(make_normal_form(NormalForm::kNfd));
                  } else if (type == "NFKC") {
                    out.push_back(make_normal_form(NormalForm::kNfkc));
                  } else if (type == "NFKD") {
                    out.push_back(make_normal_form(NormalForm::kNfkd));
                  } else if (type == "Prepend") {
                    out.push_back(make_prepend(take_text(step, "prepend")));
                  } else if (type == "Replace") {
                    out.push_back(make_replace(take_pattern(step), take_text(step, "content")));
                  } else {
                    unimplemented(step, "type", "normalizer " + printable(type));
                  }
                });
}

SplitBehavior take_behavior(const JsonFields& step) {
  const std::string name = take_text(step, "behavior");
  if (name == "Removed") return SplitBehavior::kRemoved;
  if (name == "Isolated") return SplitBehavior::kIsolated;
  if (name == "MergedWithPrevious") return SplitBehavior::kMergedWithPrevious;
  if (name == "MergedWithNext") return SplitBehavior::kMergedWithNext;
  if (name == "Contiguous") return SplitBehavior::kContiguous;
  step.fail("behavior", fmt::format("{} is no split behavior", printable(name)));
}

PrependScheme take_prepend_scheme(const JsonFields& step) {
  const bool prefix = step.flag("add_prefix_space").value_or(true);
  const std::string name = step.text("prepend_scheme").value_or(prefix ? "always" : "never");
  if (name == "always") return PrependScheme::kAlways;
  if (name == "first") return PrependScheme::kFirst;
  if (name == "never") return PrependScheme::kNever;
  step.fail("prepend_scheme", fmt::format("{} is no scheme", printable(name)));
}

void add_byte_level(const JsonFields& step, Impl& impl) {
  if (step.flag("add_prefix_space").value_or(true)) {
    impl.pre_tokenizer.push_back(make_prefix_space());
  }
  if (step.flag("use_regex").value_or(true)) {
    impl.pre_tokenizer.push_back(
        make_split(Regex(kGpt2Pattern, step.place("use_regex")), SplitBehavior::kIsolated, false));
  }
}

/// Returns whether the words are bytes, that is, whether there is a ByteLevel step.
bool read_pre_tokenizer(const JsonFields& top, Impl& impl) {
  if (!top.has("pre_tokenizer")) return false;
  bool byte_level = false;
  for_each_step(
      top.object("pre_tokenizer"), "pretokenizers",
      [&](const JsonFields& step, const std::string& type) {
        if (byte_level) unimplemented(step, "type", "a pre-tokenizer behind ByteLevel");
        auto& out = impl.pre_tokenizer;
        if (type == "ByteLevel") {
          add_byte_level(step, impl);
          byte_level = true;
        } else if (type == "Digits") {
          const bool single = step.flag("individual_digits").value_or(false);
          out.push_back(make_split(Regex(single ? R"(\p{N})" : R"(\p{N}+)", step.place("type")),
                                   SplitBehavior::kIsolated, false));
        } else if (type == "Split") {
          out.push_back(make_split(take_pattern(step), take_behavior(step),
                                   step.flag("invert").value_or(false)));
        } else if (type == "Metaspace") {
          out.push_back(make_metaspace(take_text(step, "replacement"), take_prepend_scheme(step),
                                       step.flag("split").value_or(true)));
        } else {
          unimplemented(step, "type", "pre-tokenizer " + printable(type));
        }
      });
  return byte_level;
}

/// Replaces all `from` in `text`.
std::string replaced(std::string_view text, const std::string& from, const std::string& to) {
  std::string out;
  std::size_t done = 0;
  while (!from.empty()) {
    const std::size_t found = text.find(from, done);
    if (found == text.npos) break;
    out.append(text.substr(done, found - done)).append(to);
    done = found + from.size();
  }
  return out.append(text.substr(done));
}

/// The byte of a token such as <0x0A>.
std::optional<char> fallback_byte(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return std::nullopt;
  int value = 0;
  for (const char c : text.substr(3, 2)) {
    const char* digits = "0123456789ABCDEF";
    const char* at = std::find(digits, digits + 16, c);
    if (at == digits + 16) return std::nullopt;
    value = value * 16 + static_cast<int>(at - digits);
  }
  return static_cast<char>(value);
}

/// Decoders of Llama 2 style: each step changes single tokens, Strip the start of the text.
void read_token_decoder(const JsonFields& decoder, Impl& impl) {
  impl.token_bytes.resize(impl.vocabulary.size());
  for (std::size_t id = 0; id < impl.token_bytes.size(); ++id) {
    impl.token_bytes[id] = impl.decoded_text(static_cast<TokenId>(id));
  }
  for_each_step(decoder, "decoders", [&](const JsonFields& step, const std::string& type) {
    if (type == "Replace") {
      const JsonFields pattern = step.object("pattern");
      const auto from = pattern.text("String");
      if (!from) unimplemented(pattern, "Regex", "a decoder with a regular expression");
      const std::string to = take_text(step, "content");
      for (std::string& bytes : impl.token_bytes) bytes = replaced(bytes, *from, to);
    } else if (type == "ByteFallback") {
      for (std::string& bytes : impl.token_bytes) {
        if (const auto byte = fallback_byte(bytes)) bytes = std::string(1, *byte);
      }
    } else if (type == "Metaspace") {
      const std::string mark = take_text(step, "replacement");
      for (std::string& bytes : impl.token_bytes) bytes = replaced(bytes, mark, " ");
      impl.strip_spaces = take_prepend_scheme(step) == PrependScheme::kNever ? 0 : 1;
    } else if (type == "Strip") {
      const std::int64_t start = step.integer("start").value_or(0);
      if (take_text(step, "content") != " " || step.integer("stop").value_or(0) != 0 || start < 0) {
        unimplemented(step, "type", "a Strip decoder of anything but leading spaces");
      }
      impl.strip_spaces = static_cast<std::size_t>(start);
    } else if (type != "Fuse") {
      unimplemented(step, "type", "decoder " + printable(type));
    }
  });
}

void read_decoder(const JsonFields& top, bool byte_level, Impl& impl) {
  const JsonFields decoder = top.object("decoder");
  const bool decodes_bytes = take_text(decoder, "type") == "ByteLevel";
  if (decodes_bytes != byte_level) {
    unimplemented(decoder, "type", "a decoder that does not fit the pre-tokenizer");
  }
  if (byte_level) {
    impl.set_byte_level_decoding();
  } else {
    read_token_decoder(decoder, impl);
  }
}

void read_added_tokens(const JsonFields& top, Impl& impl) {
  if (!top.has("added_tokens")) return;
  std::vector<AddedToken> tokens;
  for (const Json& entry : top.array("added_tokens")) {
    const JsonFields fields(entry, top.place("added_tokens"));
    AddedToken token;
    token.id = take_id(fields, "id", impl.vocabulary);
    token.content = take_text(fields, "content");
    token.special = fields.flag("special").value_or(false);
    token.single_word = fields.flag("single_word").value_or(false);
    token.lstrip = fields.flag("lstrip").value_or(false);
    token.rstrip = fields.flag("rstrip").value_or(false);
    token.normalized = fields.flag("normalized").value_or(!token.special);
    tokens.push_back(std::move(token));
  }
  impl.set_added_tokens(std::move(tokens));
}

Vocabulary read_vocabulary(const JsonFields& top, const JsonFields& model) {
  std::vector<std::pair<std::string, std::int64_t>> entries;
  const Json* vocab = model.find("vocab");
  if (!vocab || !vocab->is_object()) model.fail("vocab", "expected an object of tokens and ids");
  const auto take = [&](const std::string& token, const Json& id) {
    if (!id.is_number_integer()) {
      model.fail("vocab",
                 fmt::format("token {}: expected an id, found {}", printable(token), describe(id)));
    }
    entries.emplace_back(token, id.get<std::int64_t>());
  };
  for (const auto& [token, id] : vocab->items()) take(token, id);
  if (!top.has("added_tokens")) return Vocabulary(std::move(entries), model.place("vocab"));
  // Added tokens may repeat entries of the vocabulary; those that do not extend it.
  std::unordered_set<std::string> known;
  for (const auto& entry : entries) known.insert(entry.first);
  for (const Json& entry : top.array("added_tokens")) {
    const JsonFields fields(entry, top.place("added_tokens"));
    const std::string content = take_text(fields, "content");
    if (!known.insert(content).second) continue;
    const Json* id = fields.find("id");
    if (!id) fields.missing("id", "a token id");
    take(content, *id);
  }
  return Vocabulary(std::move(entries), model.place("vocab"));
}

/// A merge is "left right" in older files, ["left", "right"] in newer ones.
std::pair<std::string, std::string> take_merge(const JsonFields& model, const Json& merge) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  }
  if (merge.is_string()) {
    const auto& text = merge.get_ref<const std::string&>();
    const std::size_t space = text.find(' ', 1);
    if (space != text.npos && space + 1 < text.size()) {
      return {text.substr(0, space), text.substr(space + 1)};
    }
  }
  model.fail("merges", fmt::format("expected two tokens, found {}", describe(merge)));
}

void read_model(const JsonFields& model, bool byte_level, Impl& impl) {
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    if (!model.text(key).value_or("").empty()) unimplemented(model, key, "a non-empty affix");
  }
  if (model.number("dropout").value_or(0.0) != 0.0) unimplemented(model, "dropout", "dropout");
  BpeOptions options;
  options.byte_level = byte_level;
  options.byte_fallback = model.flag("byte_fallback").value_or(false);
  options.fuse_unknown = model.flag("fuse_unk").value_or(false);
  options.ignore_merges = model.flag("ignore_merges").value_or(false);
  if (const auto unknown = model.text("unk_token")) {
    options.unknown = impl.vocabulary.find(*unknown);
    if (!options.unknown) {
      model.fail("unk_token", fmt::format("{} is not in the vocabulary", printable(*unknown)));
    }
  }
  impl.bpe.emplace(impl.vocabulary, options);
  const Json& merges = model.array("merges");
  impl.bpe->reserve(merges.size());
  for (const Json& merge : merges) {
    const auto [left, right] = take_merge(model, merge);
    if (!impl.bpe->add_merge(left, right)) {
      model.fail("merges", fmt::format("{} and {}: a part or their join is not in the vocabulary",
                                       printable(left), printable(right)));
    }
  }
}

/// The tokens that TemplateProcessing puts round one text.
void read_template(const JsonFields& processor, Impl& impl) {
  std::vector<TokenId>* side = &impl.prefix;
  for (const Json& item : processor.array("single")) {
    const JsonFields fields(item, processor.place("single"));
    if (fields.has("Sequence")) {
      side = &impl.suffix;
      continue;
    }
    const std::string name = take_text(fields.object("SpecialToken"), "id");
    const JsonFields token = processor.object("special_tokens").object(name);
    for (const Json& id : token.array("ids")) {
      const Json wrapped = {{"id", id}};
      side->push_back(take_id(JsonFields(wrapped, token.place("ids")), "id", impl.vocabulary));
    }
  }
}

void read_post_processor(const JsonFields& top, Impl& impl) {
  if (!top.has("post_processor")) return;
  for_each_step(top.object("post_processor"), "processors",
                [&](const JsonFields& step, const std::string& type) {
                  if (type == "TemplateProcessing") {
                    read_template(step, impl);
                  } else if (type != "ByteLevel") {  // ByteLevel changes offsets only
                    unimplemented(step, "type", "post-processor " + printable(type));
                  }
                });
}

}  // namespace

std::unique_ptr<const Tokenizer::Impl> read_tokenizer_json(const std::filesystem::path& path) {
  const Json json = read_json_file(path, kTokenizerJsonLimits);
  const JsonFields top(json, path.string());
  const JsonFields model = top.object("model");
  // Files from before 2021 do not name the type.
  const std::string type = model.text("type").value_or(model.has("merges") ? "BPE" : "unnamed");
  if (type != "BPE") unimplemented(model, "type", "tokenizer model " + printable(type));
  auto impl = std::make_unique<Impl>();
  impl->where = path.string();
  impl->vocabulary = read_vocabulary(top, model);
  read_normalizer(top, *impl);
  const bool byte_level = read_pre_tokenizer(top, *impl);
  read_model(model, byte_level, *impl);
  read_added_tokens(top, *impl);
  read_decoder(top, byte_level, *impl);
  read_post_processor(top, *impl);
  return impl;
}

}  // namespace tandem::models
