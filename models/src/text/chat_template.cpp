// SPDX-License-Identifier: Apache-2.0
// Chat templates: parsing, rendering, and where models keep them.
#include "tandem/models/text/chat_template.hpp"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>

#include "../files/json_text.hpp"
#include "../files/printable.hpp"
#include "jinja/interpreter.hpp"
#include "jinja/parser.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/mapped_file.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::models {
namespace {

namespace fs = std::filesystem;
using Variables = std::unordered_map<std::string, jinja::Value>;

constexpr std::size_t kMaxSourceBytes = std::size_t{1} << 20;

jinja::Value to_value(const Json& json) {
  switch (json.type()) {
    case Json::value_t::null:
      return jinja::None{};
    case Json::value_t::boolean:
      return json.get<bool>();
    case Json::value_t::number_integer:
      return json.get<std::int64_t>();
    case Json::value_t::number_unsigned:
      if (json.get<std::uint64_t>() > INT64_MAX) return json.get<double>();
      return json.get<std::int64_t>();
    case Json::value_t::number_float:
      return json.get<double>();
    case Json::value_t::string:
      return json.get<std::string>();
    case Json::value_t::array: {
      std::vector<jinja::Value> items;
      for (const Json& item : json) items.push_back(to_value(item));
      return jinja::Value::list(std::move(items));
    }
    default:
      break;
  }
  jinja::Dict dict;
  for (const auto& [key, item] : json.items()) dict.set(jinja::Value(key), to_value(item));
  return dict;
}

void add_json_variables(std::string_view text, Variables& variables) {
  if (text.empty()) return;
  const Json json = parse_json(text, "template variables", kTokenizerJsonLimits);
  const JsonFields checked(json, "template variables");
  for (const auto& [name, value] : json.items()) variables.insert_or_assign(name, to_value(value));
}

/// A token of tokenizer_config.json: a string, or an object with its text.
std::string token_text(const JsonFields& fields, const std::string& key) {
  const Json* value = fields.find(key);
  if (!value) return "";
  if (value->is_object()) return JsonFields(*value, fields.place(key)).text("content").value_or("");
  return fields.text(key).value_or("");
}

/// `chat_template` is a text, or a list of named ones of which "default" counts.
std::optional<std::string> template_text(const JsonFields& fields) {
  const Json* value = fields.find("chat_template");
  if (!value) return std::nullopt;
  if (!value->is_array()) return fields.text("chat_template");
  for (const Json& entry : *value) {
    const JsonFields named(entry, fields.place("chat_template"));
    if (named.text("name") == "default") return named.text("template");
  }
  return std::nullopt;
}

}  // namespace

struct ChatTemplate::Impl {
  std::string name;
  std::string source;
  jinja::Body body;
  std::string bos_token;
  std::string eos_token;

  std::string run(Variables variables, const TemplateLimits& limits) const {
    jinja::Interpreter interpreter(limits);
    try {
      return interpreter.run(body, std::move(variables));
    } catch (const jinja::TemplateError& error) {
      throw Error(error.unimplemented() ? ErrorCode::kUnimplemented : ErrorCode::kInvalidArgument,
                  fmt::format("{}: line {}: {}", name, interpreter.line(), error.what()));
    }
  }
};

ChatTemplate::ChatTemplate(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

const std::string& ChatTemplate::source() const noexcept { return impl_->source; }

ChatTemplate ChatTemplate::parse(std::string_view source, std::string name) {
  return parse_with_tokens(source, std::move(name), "", "");
}

ChatTemplate ChatTemplate::parse_with_tokens(std::string_view source, std::string name,
                                             std::string bos_token, std::string eos_token) {
  if (source.size() > kMaxSourceBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes of template, expected at most {}", name, source.size(),
                            kMaxSourceBytes));
  }
  auto impl = std::make_unique<Impl>();
  impl->name = std::move(name);
  impl->source = utf8_lossy(source);
  impl->bos_token = std::move(bos_token);
  impl->eos_token = std::move(eos_token);
  const auto fail = [&](ErrorCode code, const jinja::SyntaxError& error) {
    throw Error(code, fmt::format("{}: line {}: {}", impl->name, error.line, error.what));
  };
  try {
    impl->body = jinja::Parser(jinja::tokenize(impl->source)).parse_template();
  } catch (const jinja::UnsupportedSyntax& error) {
    fail(ErrorCode::kUnimplemented, error);
  } catch (const jinja::SyntaxError& error) {
    fail(ErrorCode::kInvalidArgument, error);
  }
  return ChatTemplate(std::move(impl));
}

std::optional<ChatTemplate> ChatTemplate::from_gguf(const GgufFile& file) {
  const auto source = file.text("tokenizer.chat_template");
  if (!source) return std::nullopt;
  const auto token = [&](const char* key) -> std::string {
    const auto id = file.integer(key);
    const auto tokens = id ? file.texts("tokenizer.ggml.tokens") : std::nullopt;
    if (!tokens || *id < 0 || *id >= static_cast<std::int64_t>(tokens->size())) return "";
    return utf8_lossy((*tokens)[static_cast<std::size_t>(*id)]);
  };
  return parse_with_tokens(*source, file.path().string() + ": chat template",
                           token("tokenizer.ggml.bos_token_id"),
                           token("tokenizer.ggml.eos_token_id"));
}

std::optional<ChatTemplate> ChatTemplate::load(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return from_gguf(GgufFile::open(path));
  std::optional<std::string> source;
  std::string name, bos, eos;
  if (const fs::path config = path / "tokenizer_config.json"; fs::exists(config, ignored)) {
    const Json json = read_json_file(config, kTokenizerJsonLimits);
    const JsonFields fields(json, config.string());
    source = template_text(fields);
    name = config.string() + ": chat_template";
    bos = token_text(fields, "bos_token");
    eos = token_text(fields, "eos_token");
  }
  if (const fs::path file = path / "chat_template.jinja"; fs::exists(file, ignored)) {
    const MappedFile mapped = MappedFile::open(file);
    const auto bytes = mapped.bytes();
    source.emplace(reinterpret_cast<const char*>(bytes.data()),
                   std::min<std::size_t>(bytes.size(), kMaxSourceBytes + 1));
    name = file.string();
  }
  if (!source) return std::nullopt;
  return parse_with_tokens(*source, name, bos, eos);
}

std::string ChatTemplate::render(std::span<const ChatMessage> messages,
                                 const ChatOptions& options) const {
  Variables variables;
  std::vector<jinja::Value> list;
  for (const ChatMessage& message : messages) {
    jinja::Dict dict;
    dict.set(jinja::Value("role"), jinja::Value(utf8_lossy(message.role)));
    dict.set(jinja::Value("content"), jinja::Value(utf8_lossy(message.content)));
    list.emplace_back(std::move(dict));
  }
  const auto token = [](const std::string& given, const std::string& own) {
    return jinja::Value(utf8_lossy(given.empty() ? own : given));
  };
  variables["messages"] = jinja::Value::list(std::move(list));
  variables["add_generation_prompt"] = jinja::Value(options.add_generation_prompt);
  variables["bos_token"] = token(options.bos_token, impl_->bos_token);
  variables["eos_token"] = token(options.eos_token, impl_->eos_token);
  variables["tools"] = jinja::Value(jinja::None{});
  variables["documents"] = jinja::Value(jinja::None{});
  add_json_variables(options.variables_json, variables);
  return impl_->run(std::move(variables), options.limits);
}

std::string ChatTemplate::render_json(std::string_view variables_json,
                                      const TemplateLimits& limits) const {
  Variables variables;
  add_json_variables(variables_json, variables);
  return impl_->run(std::move(variables), limits);
}

}  // namespace tandem::models
