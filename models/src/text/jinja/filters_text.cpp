// SPDX-License-Identifier: Apache-2.0
// Filters on text and numbers (behaviour of jinja2/filters.py).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "../../files/printable.hpp"
#include "case.hpp"
#include "filters.hpp"
#include "lexer.hpp"
#include "tandem/models/text/utf8.hpp"

namespace tandem::models::jinja {
namespace {

Value default_value(const Value& value, const Arguments& a, Budget&) {
  a.check("default", 0, 2, {"default_value", "boolean"});
  const bool missing = value.is_undefined() || (a.truth(1, "boolean", false) && !value.truthy());
  if (!missing) return value;
  const Value* otherwise = a.get(0, "default_value");
  return otherwise ? *otherwise : Value("");
}

Value to_json_text(const Value& value, const Arguments& a, Budget& budget) {
  a.check("tojson", 0, 4, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  const Value* indent = a.get(0, "indent");
  if (indent && !indent->is_none()) {
    style.indent =
        static_cast<int>(std::clamp<std::int64_t>(a.integer("tojson", 0, "indent", 0), 0, 64));
    style.item_separator = std::string(1, ',');
  }
  style.sort_keys = a.truth(9, "sort_keys", false);
  style.ascii = a.truth(9, "ensure_ascii", false);
  const Value* separators = a.get(9, "separators");
  if (separators && separators->is_list() && separators->list().items.size() == 2) {
    style.item_separator = to_text(separators->list().items[0], budget);
    style.key_separator = to_text(separators->list().items[1], budget);
  }
  return to_json(value, style, budget);
}

Value trim(const Value& value, const Arguments& a, Budget& budget) {
  a.check("trim", 0, 1, {"chars"});
  const std::string text = to_text(value, budget);
  budget.make(text.size());
  return std::string(strip_text(text, a.text("trim", 0, "chars", ""), true, true));
}

Value replace(const Value& value, const Arguments& a, Budget& budget) {
  a.check("replace", 2, 3, {"old", "new", "count"});
  return replace_text(to_text(value, budget), a.text("replace", 0, "old", ""),
                      a.text("replace", 1, "new", ""), a.integer("replace", 2, "count", -1),
                      budget);
}

Value escape(const Value& value, const Arguments& a, Budget& budget) {
  a.check("escape", 0, 0);
  std::string out;
  for (const char c : to_text(value, budget)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  budget.make(out.size());
  return out;
}

Value indent(const Value& value, const Arguments& a, Budget& budget) {
  a.check("indent", 0, 3, {"width", "first", "blank"});
  const Value* width = a.get(0, "width");
  const std::int64_t spaces = width && width->is_string() ? 0 : a.integer("indent", 0, "width", 4);
  const std::string prefix = width && width->is_string()
                                 ? width->string()
                                 : std::string(std::clamp<std::int64_t>(spaces, 0, 1000), ' ');
  const bool blank = a.truth(2, "blank", false);
  const std::string text = to_text(value, budget);
  std::string out = a.truth(1, "first", false) ? prefix : "";
  for (std::size_t i = 0; i < text.size(); ++i) {
    out += text[i];
    if (text[i] != '\n') continue;
    const bool empty_line = i + 1 == text.size() || text[i + 1] == '\n';
    if (!empty_line || blank) {
      budget.make(prefix.size());
      out += prefix;
    }
  }
  budget.make(out.size());
  return out;
}

Value truncate(const Value& value, const Arguments& a, Budget& budget) {
  a.check("truncate", 0, 4, {"length", "killwords", "end", "leeway"});
  const Value text(to_text(value, budget));
  const std::int64_t limit = a.integer("truncate", 0, "length", 255);
  const std::string end = a.text("truncate", 2, "end", "...");
  const std::int64_t leeway = a.integer("truncate", 3, "leeway", 5);
  const std::int64_t room = limit - length(Value(end), budget);
  if (room < 0) throw TemplateError("truncate: the length is shorter than the end");
  if (length(text, budget) <= limit + leeway) return text;
  std::string cut = get_slice(text, Value(), Value(room), Value(), budget).string();
  if (!a.truth(1, "killwords", false)) cut = cut.substr(0, cut.rfind(' '));
  return cut + end;
}

Value word_count(const Value& value, const Arguments& a, Budget& budget) {
  a.check("wordcount", 0, 0);
  const std::string text = to_text(value, budget);
  budget.step(text.size());
  std::int64_t words = 0;
  bool inside = false;
  for (const char c : text) {
    const bool word = static_cast<unsigned char>(c) >= 0x80 || std::isalnum(c) || c == '_';
    words += word && !inside ? 1 : 0;
    inside = word;
  }
  return words;
}

Value center(const Value& value, const Arguments& a, Budget& budget) {
  a.check("center", 0, 1, {"width"});
  const std::string text = to_text(value, budget);
  const std::int64_t missing = a.integer("center", 0, "width", 80) - length(Value(text), budget);
  if (missing <= 0) return text;
  budget.make(static_cast<std::uint64_t>(missing));
  const auto left = static_cast<std::size_t>(missing / 2);
  std::string out(left, ' ');
  out.append(text).append(static_cast<std::size_t>(missing) - left, ' ');
  return out;
}

std::optional<double> parse_float(std::string_view text) {
  text = strip_text(text, "", true, true);
  if (text.starts_with('+')) text.remove_prefix(1);
  double out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

Value to_int(const Value& value, const Arguments& a, Budget&) {
  a.check("int", 0, 2, {"default", "base"});
  const Value* otherwise = a.get(0, "default");
  const Value fallback = otherwise ? *otherwise : Value(std::int64_t{0});
  if (value.is_int() || value.is_bool()) return value.integer();
  std::optional<double> number;
  if (value.is_float()) number = value.real();
  if (value.is_string()) {
    std::string_view text = strip_text(value.string(), "", true, true);
    if (text.starts_with('+')) text.remove_prefix(1);
    const int base =
        static_cast<int>(std::clamp<std::int64_t>(a.integer("int", 1, "base", 10), 2, 36));
    std::int64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
    if (error == std::errc() && end == text.data() + text.size()) return out;
    number = parse_float(text);
  }
  if (!number || !(std::fabs(*number) < 9.2e18)) return fallback;
  return static_cast<std::int64_t>(*number);
}

Value to_float(const Value& value, const Arguments& a, Budget&) {
  a.check("float", 0, 1, {"default"});
  const Value* otherwise = a.get(0, "default");
  if (value.is_number()) return value.number();
  if (value.is_string()) {
    if (const auto number = parse_float(value.string())) return *number;
  }
  return otherwise ? *otherwise : Value(0.0);
}

Value absolute(const Value& value, const Arguments& a, Budget& budget) {
  a.check("abs", 0, 0);
  if (!value.is_number()) throw TemplateError("abs: expected a number");
  if (value.is_float()) return std::fabs(value.real());
  if (value.integer() >= 0) return value.integer();
  return binary_operation("-", Value(std::int64_t{0}), value, budget);
}

Value round_number(const Value& value, const Arguments& a, Budget&) {
  a.check("round", 0, 2, {"precision", "method"});
  if (!value.is_number()) throw TemplateError("round: expected a number");
  const std::int64_t precision = a.integer("round", 0, "precision", 0);
  const std::string method = a.text("round", 1, "method", "common");
  if (precision < 0 || precision > 300) throw TemplateError("round: precision outside 0 to 300");
  const double number = value.number();
  if (method == "common") {
    // Decimal digits of the exact value, halves to even: what Python's round does.
    return std::stod(fmt::format("{:.{}f}", number, precision));
  }
  const double scale = std::pow(10.0, static_cast<double>(precision));
  if (method == "ceil") return std::ceil(number * scale) / scale;
  if (method == "floor") return std::floor(number * scale) / scale;
  throw TemplateError("round: expected the method common, ceil or floor");
}

template <std::string (*kMap)(const std::string&, Budget&)>
Value map_case(const Value& value, const Arguments&, Budget& budget) {
  return kMap(to_text(value, budget), budget);
}

/// Upper case at the start and behind separators, lower case elsewhere: unlike str.title, letters
/// behind apostrophes stay small.
Value title(const Value& value, const Arguments& a, Budget& budget) {
  a.check("title", 0, 0);
  const std::string text = to_text(value, budget);
  constexpr std::string_view kSeparators = "-({[<";
  std::string out;
  bool starts_word = true;
  std::string_view rest = text;
  while (!rest.empty()) {
    const Utf8Step step = utf8_step(rest);
    const std::string character(rest.substr(0, step.num_bytes));
    out += starts_word ? to_upper(character, budget) : to_lower(character, budget);
    starts_word = is_python_space(step.code_point) ||
                  (step.code_point < 0x80 && kSeparators.find(rest[0]) != kSeparators.npos);
    rest.remove_prefix(step.num_bytes);
  }
  return out;
}

constexpr std::array kFilters{
    FilterRow{"default", default_value},
    FilterRow{"d", default_value},
    FilterRow{"tojson", to_json_text},
    FilterRow{"trim", trim},
    FilterRow{"replace", replace},
    FilterRow{"upper", map_case<to_upper>},
    FilterRow{"lower", map_case<to_lower>},
    FilterRow{"capitalize", map_case<to_capitalized>},
    FilterRow{"title", title},
    FilterRow{"string",
              [](const Value& v, const Arguments&, Budget& b) -> Value { return to_text(v, b); }},
    FilterRow{"safe",
              [](const Value& v, const Arguments&, Budget& b) -> Value { return to_text(v, b); }},
    FilterRow{"escape", escape},
    FilterRow{"e", escape},
    FilterRow{"indent", indent},
    FilterRow{"truncate", truncate},
    FilterRow{"wordcount", word_count},
    FilterRow{"center", center},
    FilterRow{"int", to_int},
    FilterRow{"float", to_float},
    FilterRow{"abs", absolute},
    FilterRow{"round", round_number},
    FilterRow{"format",
              [](const Value& v, const Arguments& a, Budget& b) -> Value {
                return format_text(to_text(v, b), a.positional, b);
              }},
};

}  // namespace

std::span<const FilterRow> text_filters() { return kFilters; }

Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments,
                   Budget& budget) {
  budget.step();
  for (const auto table : {text_filters(), sequence_filters()}) {
    const auto row = std::ranges::find(table, name, &FilterRow::name);
    if (row != table.end()) return row->function(value, arguments, budget);
  }
  throw TemplateError(fmt::format("unknown filter {}", printable(name)));
}

}  // namespace tandem::models::jinja
