// SPDX-License-Identifier: Apache-2.0
#include "json_value.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "json_text.hpp"
#include "tandem/base/error.hpp"

namespace tandem::check {
namespace {

constexpr models::JsonLimits kLimits{std::uint64_t{64} << 20, 2'000'000, 64};

// A key as part of a JSON pointer.
std::string escaped(const std::string& key) {
  std::string out;
  for (const char c : key) {
    if (c == '~') {
      out += "~0";
    } else if (c == '/') {
      out += "~1";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

struct JsonValue::Document {
  std::string file;
  models::Json root;
};

JsonValue JsonValue::read(const std::filesystem::path& path) {
  auto document = std::make_shared<Document>();
  document->file = path.string();
  document->root = models::read_json_file(path, kLimits);
  const models::Json& root = document->root;
  return {std::move(document), root, ""};
}

std::string JsonValue::place() const {
  return document_->file + (pointer_.empty() ? "" : ": ") + pointer_;
}

void JsonValue::fail(std::string_view what) const {
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: {}; docs/reference/reference_data.md has the layout", place(), what));
}

void JsonValue::fail_expected(std::string_view expected) const {
  fail(fmt::format("expected {}, found {}", expected, models::describe(*value_)));
}

bool JsonValue::is_null() const { return value_->is_null(); }
bool JsonValue::is_object() const { return value_->is_object(); }

bool JsonValue::has(const std::string& key) const {
  if (!value_->is_object()) fail_expected("an object");
  const auto found = value_->find(key);
  return found != value_->end() && !found->is_null();
}

JsonValue JsonValue::at(const std::string& key) const {
  if (!value_->is_object()) fail_expected("an object");
  const auto found = value_->find(key);
  if (found == value_->end()) fail(fmt::format("key '{}' is missing", key));
  return {document_, *found, pointer_ + "/" + escaped(key)};
}

std::vector<std::pair<std::string, JsonValue>> JsonValue::members() const {
  if (!value_->is_object()) fail_expected("an object");
  std::vector<std::pair<std::string, JsonValue>> list;
  for (const auto& [key, value] : value_->items()) {
    list.emplace_back(key, JsonValue(document_, value, pointer_ + "/" + escaped(key)));
  }
  return list;
}

std::size_t JsonValue::size() const {
  if (!value_->is_array()) fail_expected("an array");
  return value_->size();
}

JsonValue JsonValue::at(std::size_t index) const {
  if (index >= size()) {
    fail(fmt::format("expected an array of {} or more, found one of {}", index + 1, size()));
  }
  return {document_, (*value_)[index], fmt::format("{}/{}", pointer_, index)};
}

std::vector<JsonValue> JsonValue::elements() const {
  std::vector<JsonValue> list;
  for (std::size_t i = 0; i < size(); ++i) list.push_back(at(i));
  return list;
}

bool JsonValue::boolean() const {
  if (!value_->is_boolean()) fail_expected("true or false");
  return value_->get<bool>();
}

double JsonValue::number() const {
  if (!value_->is_number()) fail_expected("a number");
  return value_->get<double>();
}

std::string JsonValue::text() const {
  if (!value_->is_string()) fail_expected("a string");
  return value_->get<std::string>();
}

std::int64_t JsonValue::integer(std::int64_t min, std::uint64_t max) const {
  if (value_->is_number_unsigned() && value_->get<std::uint64_t>() <= max) {
    return static_cast<std::int64_t>(value_->get<std::uint64_t>());
  }
  // The parser makes numbers without a sign unsigned.
  const bool negative = value_->is_number_integer() && !value_->is_number_unsigned();
  if (negative && value_->get<std::int64_t>() >= min) return value_->get<std::int64_t>();
  fail_expected(fmt::format("an integer from {} to {}", min, max));
}

std::string JsonValue::dump() const { return value_->dump(); }

}  // namespace tandem::check
