// SPDX-License-Identifier: Apache-2.0
// Template values as text: Python's str and repr, and json.dumps.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tandem/models/text/utf8.hpp"
#include "value.hpp"

namespace tandem::models::jinja {
namespace {

void append(std::string& out, std::string_view text, Budget& budget) {
  budget.make(text.size());
  out += text;
}

std::string string_repr(const std::string& text) {
  const bool double_quotes = text.find('\'') != text.npos && text.find('"') == text.npos;
  const char quote = double_quotes ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  out += quote;
  return out;
}

void write_repr(const Value& value, std::string& out, Budget& budget) {
  budget.step();
  if (value.is_string()) return append(out, string_repr(value.string()), budget);
  if (value.is_list()) {
    const List& list = value.list();
    out += list.tuple ? '(' : '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) append(out, ", ", budget);
      write_repr(list.items[i], out, budget);
    }
    if (list.tuple && list.items.size() == 1) out += ',';
    out += list.tuple ? ')' : ']';
    return;
  }
  if (value.is_dict()) {
    out += '{';
    bool first = true;
    for (const auto& [key, item] : value.dict().entries()) {
      if (!first) append(out, ", ", budget);
      first = false;
      write_repr(key, out, budget);
      append(out, ": ", budget);
      write_repr(item, out, budget);
    }
    out += '}';
    return;
  }
  if (value.is_undefined()) return append(out, "Undefined", budget);
  append(out, to_text(value, budget), budget);
}

void write_json_string(std::string_view text, bool ascii, std::string& out, Budget& budget) {
  budget.make(text.size() + 2);
  out += '"';
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const char32_t c = step.code_point;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\b') {
      out += "\\b";
    } else if (c == '\f') {
      out += "\\f";
    } else if (c < 0x20 || (ascii && c > 0x7E && c < 0x10000)) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else if (ascii && c >= 0x10000) {
      const auto rest = static_cast<unsigned>(c - 0x10000);
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    } else {
      append_utf8(out, c);
    }
    text.remove_prefix(step.num_bytes);
  }
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Budget& budget) : style_(style), budget_(budget) {}

  void write(const Value& value, int level) {
    budget_.step();
    if (value.is_string()) {
      write_json_string(value.string(), style_.ascii, out_, budget_);
    } else if (value.is_list()) {
      write_list(value.list(), level);
    } else if (value.is_dict()) {
      write_dict(value.dict(), level);
    } else if (value.is_none()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.boolean() ? "true" : "false";
    } else if (value.is_number()) {
      append(out_, number_text(value), budget_);
    } else {
      throw TemplateError(fmt::format("tojson: {} has no JSON form", value.phrase()));
    }
  }

  std::string take() { return std::move(out_); }

 private:
  static std::string number_text(const Value& value) {
    if (!value.is_float()) return fmt::format("{}", value.integer());
    if (std::isnan(value.real())) return "NaN";
    if (std::isinf(value.real())) return value.real() > 0 ? "Infinity" : "-Infinity";
    return float_text(value.real());
  }

  void new_line(int level) {
    if (style_.indent < 0) return;
    const auto spaces = static_cast<std::size_t>(style_.indent) * static_cast<std::size_t>(level);
    budget_.make(spaces + 1);
    out_ += '\n';
    out_.append(spaces, ' ');
  }

  void write_list(const List& list, int level) {
    out_ += '[';
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      if (i > 0) append(out_, style_.item_separator, budget_);
      new_line(level + 1);
      write(list.items[i], level + 1);
    }
    if (!list.items.empty()) new_line(level);
    out_ += ']';
  }

  std::string key_text(const Value& key) const {
    if (key.is_string()) return key.string();
    if (key.is_none()) return "null";
    if (key.is_bool()) return key.boolean() ? "true" : "false";
    if (key.is_number()) return number_text(key);
    throw TemplateError(fmt::format("tojson: {} cannot be a key", key.phrase()));
  }

  void write_dict(const Dict& dict, int level) {
    std::vector<const std::pair<Value, Value>*> order;
    for (const auto& entry : dict.entries()) order.push_back(&entry);
    if (style_.sort_keys) {
      std::ranges::sort(
          order, [&](const auto* a, const auto* b) { return less(a->first, b->first, budget_); });
    }
    out_ += '{';
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (i > 0) append(out_, style_.item_separator, budget_);
      new_line(level + 1);
      write_json_string(key_text(order[i]->first), style_.ascii, out_, budget_);
      append(out_, style_.key_separator, budget_);
      write(order[i]->second, level + 1);
    }
    if (!order.empty()) new_line(level);
    out_ += '}';
  }

  const JsonStyle& style_;
  Budget& budget_;
  std::string out_;
};

}  // namespace

std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  // fmt and Python both print the shortest digits, with an exponent below 1e-4 and from 1e16 on.
  const std::string text = fmt::format("{}", value);
  return text.find_first_of(".e") == text.npos ? text + ".0" : text;
}

std::string to_text(const Value& value, Budget& budget) {
  if (value.is_string()) return value.string();
  if (value.is_undefined()) return "";
  if (value.is_none()) return "None";
  if (value.is_bool()) return value.boolean() ? "True" : "False";
  if (value.is_int()) return fmt::format("{}", value.integer());
  if (value.is_float()) return float_text(value.real());
  if (value.is_list() || value.is_dict()) return to_repr(value, budget);
  return fmt::format("<{}>", value.type_name());
}

std::string to_repr(const Value& value, Budget& budget) {
  std::string out;
  write_repr(value, out, budget);
  return out;
}

std::string to_json(const Value& value, const JsonStyle& style, Budget& budget) {
  JsonWriter writer(style, budget);
  writer.write(value, 0);
  return writer.take();
}

}  // namespace tandem::models::jinja
