// SPDX-License-Identifier: Apache-2.0
// Bounded JSON parsing and lookups.
#include "json_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "printable.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/mapped_file.hpp"

namespace tandem::models {
namespace {

[[noreturn]] void fail_at(std::string_view text, std::size_t offset, const std::string& where,
                          const std::string& what) {
  const std::string_view before = text.substr(0, offset);
  const auto line = 1 + std::ranges::count(before, '\n');
  const std::size_t line_start = before.rfind('\n') == before.npos ? 0 : before.rfind('\n') + 1;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}:{}:{}: {}", where, line, before.size() - line_start + 1, what));
}

/// Checks depth and number of values before anything is built. Counts separators and brackets
/// outside strings, which is at least the number of values.
void check_limits(std::string_view text, const std::string& where, const JsonLimits& limits) {
  if (text.size() > limits.max_bytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes of JSON, expected at most {}", where, text.size(),
                            limits.max_bytes));
  }
  std::uint64_t values = 1;
  std::uint32_t depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
      continue;
    }
    if (c == '"') in_string = true;
    if (c == '[' || c == '{') {
      ++values;
      if (++depth > limits.max_depth) {
        fail_at(text, i, where, fmt::format("nested deeper than {} levels", limits.max_depth));
      }
    }
    if ((c == ']' || c == '}') && depth > 0) --depth;
    if (c == ',') ++values;
    if (values > limits.max_values) {
      fail_at(text, i, where, fmt::format("more than {} values", limits.max_values));
    }
  }
}

/// Builds the document and refuses keys that appear twice, which the library's own parser accepts.
class Builder : public nlohmann::json_sax<Json> {
 public:
  Builder(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Json take() { return std::move(root_); }

  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(number_integer_t value) override { return put(value); }
  bool number_unsigned(number_unsigned_t value) override { return put(value); }
  bool number_float(number_float_t value, const string_t&) override { return put(value); }
  bool string(string_t& value) override { return put(std::move(value)); }
  bool binary(binary_t&) override { return false; }

  bool start_object(std::size_t) override {
    open(Json::object());
    return true;
  }
  bool end_object() override {
    close();
    return true;
  }
  bool start_array(std::size_t) override {
    open(Json::array());
    return true;
  }
  bool end_array() override {
    close();
    return true;
  }

  bool key(string_t& name) override {
    if (!keys_.back().insert(name).second) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: key {} appears twice in one object", where_, printable(name)));
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    // what() is "[json.exception.<name>] parse error at line 1, column 2: <reason>".
    std::string_view reason = error.what();
    const std::size_t start = reason.find(": ");
    if (start != reason.npos) reason.remove_prefix(start + 2);
    const std::string shown = printable(reason);
    // Between the quotes: a reason that is cut is followed by its length.
    fail_at(text_, position > 0 ? std::min(position - 1, text_.size()) : 0, where_,
            fmt::format("malformed JSON: {}", shown.substr(1, shown.rfind('\'') - 1)));
  }

 private:
  template <typename T>
  bool put(T&& value) {
    place(Json(std::forward<T>(value)));
    return true;
  }

  Json& place(Json value) {
    if (stack_.empty()) return root_ = std::move(value);
    Json& parent = *stack_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return parent.back();
    }
    // Straight into the underlying vector: ordered_json's own insertion searches all keys.
    auto& members = parent.get_ref<Json::object_t&>();
    members.Container::emplace_back(std::move(key_), std::move(value));
    return members.back().second;
  }

  void open(Json value) {
    stack_.push_back(&place(std::move(value)));
    keys_.emplace_back();
  }

  void close() {
    stack_.pop_back();
    keys_.pop_back();
  }

  std::string_view text_;
  const std::string& where_;
  Json root_;
  std::vector<Json*> stack_;
  std::vector<std::unordered_set<std::string>> keys_;
  std::string key_;
};

}  // namespace

Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits) {
  check_limits(text, where, limits);
  Builder builder(text, where);
  nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.take();
}

Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits) {
  const MappedFile file = MappedFile::open(path);
  const auto bytes = file.bytes();
  return parse_json({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, path.string(),
                    limits);
}

std::string describe(const Json& value) {
  if (value.is_string()) return "the string " + printable(value.get_ref<const std::string&>());
  if (value.is_array()) return fmt::format("an array of {}", value.size());
  if (value.is_object()) return "an object";
  return value.dump();
}

JsonFields::JsonFields(const Json& object, std::string where, std::string prefix)
    : object_(&object), where_(std::move(where)), prefix_(std::move(prefix)) {
  if (!object.is_object()) {
    const std::string key = prefix_.empty() ? "" : ": key " + prefix_;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}{}: expected an object, found {}", where_, key, describe(object)));
  }
}

std::string JsonFields::place(const std::string& key) const {
  return fmt::format("{}: key {}{}{}", where_, prefix_, prefix_.empty() ? "" : ".", key);
}

void JsonFields::fail(const std::string& key, const std::string& what) const {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", place(key), what));
}

void JsonFields::missing(const std::string& key, const std::string& expected) const {
  fail(key, fmt::format("is missing, expected {}", expected));
}

const Json* JsonFields::find(const std::string& key) const {
  const auto it = object_->find(key);
  return it == object_->end() || it->is_null() ? nullptr : &*it;
}

std::optional<std::int64_t> JsonFields::integer(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  const bool too_large = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
  if (!value->is_number_integer() || too_large) {
    fail(key, fmt::format("expected an integer, found {}", describe(*value)));
  }
  return value->get<std::int64_t>();
}

std::optional<double> JsonFields::number(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_number()) fail(key, fmt::format("expected a number, found {}", describe(*value)));
  return value->get<double>();
}

std::optional<bool> JsonFields::flag(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_boolean()) {
    fail(key, fmt::format("expected true or false, found {}", describe(*value)));
  }
  return value->get<bool>();
}

std::optional<std::string> JsonFields::text(const std::string& key) const {
  const Json* value = find(key);
  if (!value) return std::nullopt;
  if (!value->is_string()) fail(key, fmt::format("expected a string, found {}", describe(*value)));
  return value->get<std::string>();
}

JsonFields JsonFields::object(const std::string& key) const {
  const Json* value = find(key);
  if (!value) missing(key, "an object");
  return JsonFields(*value, where_, prefix_.empty() ? key : prefix_ + "." + key);
}

const Json& JsonFields::array(const std::string& key) const {
  const Json* value = find(key);
  if (!value) missing(key, "an array");
  if (!value->is_array()) fail(key, fmt::format("expected an array, found {}", describe(*value)));
  return *value;
}

}  // namespace tandem::models
