// SPDX-License-Identifier: Apache-2.0
// Methods of str, list, tuple and dict, as in Python. Those that change their object do not exist.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "case.hpp"
#include "lexer.hpp"
#include "tandem/models/text/utf8.hpp"
#include "value.hpp"

namespace tandem::models::jinja {
namespace {

using Method = Value (*)(const std::string&, const Arguments&, Budget&);

struct MethodRow {
  std::string_view name;
  Method function;
};

bool holds_character(std::string_view characters, std::string_view character) {
  return characters.find(character) != characters.npos;
}

Value strip(const std::string& self, const Arguments& a, Budget& budget, const char* name,
            bool left, bool right) {
  a.check(name, 0, 1);
  budget.make(self.size());
  return std::string(strip_text(self, a.text(name, 0, "chars", ""), left, right));
}

Value split_at_space(const std::string& self, std::int64_t most, Budget& budget) {
  std::vector<Value> out;
  std::string_view rest = strip_text(self, "", true, false);
  while (!rest.empty()) {
    std::size_t end = 0;
    while (end < rest.size()) {
      const Utf8Step step = utf8_step(rest.substr(end));
      if (is_python_space(step.code_point)) break;
      end += step.num_bytes;
    }
    const bool last = most >= 0 && static_cast<std::int64_t>(out.size()) >= most;
    if (last) end = rest.size();
    budget.make(end + sizeof(Value));
    out.emplace_back(std::string(rest.substr(0, end)));
    rest = last ? std::string_view() : strip_text(rest.substr(end), "", true, false);
  }
  return Value::list(std::move(out));
}

Value split(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("split", 0, 2, {"sep", "maxsplit"});
  const Value* separator = a.get(0, "sep");
  const std::int64_t most = a.integer("split", 1, "maxsplit", -1);
  budget.step(self.size());
  if (!separator || separator->is_none()) return split_at_space(self, most, budget);
  const std::string by = a.text("split", 0, "sep", "");
  if (by.empty()) throw TemplateError("split: the separator is empty");
  std::vector<Value> out;
  std::size_t begin = 0;
  while (most < 0 || static_cast<std::int64_t>(out.size()) < most) {
    const std::size_t found = find_text(self, by, begin);
    if (found == self.npos) break;
    budget.make(found - begin + sizeof(Value));
    out.emplace_back(self.substr(begin, found - begin));
    begin = found + by.size();
  }
  budget.make(self.size() - begin);
  out.emplace_back(self.substr(begin));
  return Value::list(std::move(out));
}

std::string reversed(std::string_view text) { return {text.rbegin(), text.rend()}; }

/// From the right, for a limit on the number of cuts. Searching the reversed text from the left
/// keeps the time linear.
Value rsplit(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("rsplit", 0, 2, {"sep", "maxsplit"});
  const std::int64_t most = a.integer("rsplit", 1, "maxsplit", -1);
  const Value* separator = a.get(0, "sep");
  if (most < 0) return split(self, a, budget);
  if (!separator || separator->is_none()) {
    throw TemplateError("rsplit with a limit needs a separator here");
  }
  Arguments backwards;
  backwards.positional = {Value(reversed(a.text("rsplit", 0, "sep", ""))), Value(most)};
  budget.make(self.size());
  const Value parts = split(reversed(self), backwards, budget);
  std::vector<Value> out;
  for (const Value& part : parts.list().items) out.emplace_back(reversed(part.string()));
  std::ranges::reverse(out);
  return Value::list(std::move(out));
}

Value splitlines(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("splitlines", 0, 1, {"keepends"});
  const bool keep = a.truth(0, "keepends", false);
  std::vector<Value> out;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < self.size(); ++i) {
    if (self[i] != '\n' && self[i] != '\r') continue;
    const std::size_t end = i;
    if (self[i] == '\r' && i + 1 < self.size() && self[i + 1] == '\n') ++i;
    budget.make(i - begin + sizeof(Value));
    out.emplace_back(self.substr(begin, (keep ? i + 1 : end) - begin));
    begin = i + 1;
  }
  if (begin < self.size()) out.emplace_back(self.substr(begin));
  return Value::list(std::move(out));
}

/// startswith and endswith take a string or a tuple of them.
template <typename Matches>
Value affix(const char* name, const Arguments& a, Budget& budget, Matches matches) {
  a.check(name, 1, 1);
  const Value& given = a.positional.at(0);
  const std::vector<Value> list = given.is_list() ? given.list().items : std::vector<Value>{given};
  for (const Value& item : list) {
    if (!item.is_string()) {
      throw TemplateError(fmt::format("{}: expected a str, found {}", name, item.phrase()));
    }
    budget.step(item.string().size());
    if (matches(item.string())) return true;
  }
  return false;
}

Value starts_with(const std::string& self, const Arguments& a, Budget& budget) {
  return affix("startswith", a, budget, [&](const std::string& p) { return self.starts_with(p); });
}

Value ends_with(const std::string& self, const Arguments& a, Budget& budget) {
  return affix("endswith", a, budget, [&](const std::string& p) { return self.ends_with(p); });
}

Value replace(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("replace", 2, 3, {"count"});
  return replace_text(self, a.text("replace", 0, "old", ""), a.text("replace", 1, "new", ""),
                      a.integer("replace", 2, "count", -1), budget);
}

std::int64_t characters(std::string_view text) {
  return std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

Value find(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("find", 1, 1);
  budget.step(self.size());
  const std::size_t found = find_text(self, a.text("find", 0, "sub", ""));
  if (found == self.npos) return std::int64_t{-1};
  return characters(std::string_view(self).substr(0, found));
}

Value rfind(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("rfind", 1, 1);
  const std::string needle = a.text("rfind", 0, "sub", "");
  budget.make(self.size());
  const std::size_t found = find_text(reversed(self), reversed(needle));
  if (found == self.npos) return std::int64_t{-1};
  return characters(std::string_view(self).substr(0, self.size() - found - needle.size()));
}

Value count(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("count", 1, 1);
  const std::string needle = a.text("count", 0, "sub", "");
  budget.step(self.size());
  if (needle.empty()) return characters(self) + 1;
  std::int64_t total = 0;
  for (std::size_t at = find_text(self, needle); at != self.npos;
       at = find_text(self, needle, at + needle.size())) {
    ++total;
  }
  return total;
}

Value join(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("join", 1, 1);
  std::string out;
  bool first = true;
  for (const Value& item : iterate(a.positional.at(0), budget)) {
    if (!item.is_string()) {
      throw TemplateError(fmt::format("join: expected strings, found {}", item.phrase()));
    }
    budget.make(self.size() + item.string().size());
    if (!first) out += self;
    out += item.string();
    first = false;
  }
  return out;
}

Value remove_affix(const std::string& self, const Arguments& a, Budget& budget, bool prefix) {
  a.check(prefix ? "removeprefix" : "removesuffix", 1, 1);
  const std::string affix = a.text(prefix ? "removeprefix" : "removesuffix", 0, "affix", "");
  budget.make(self.size());
  if (affix.empty() || affix.size() > self.size()) return self;
  if (prefix) return self.starts_with(affix) ? self.substr(affix.size()) : self;
  return self.ends_with(affix) ? self.substr(0, self.size() - affix.size()) : self;
}

Value partition(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("partition", 1, 1);
  const std::string by = a.text("partition", 0, "sep", "");
  if (by.empty()) throw TemplateError("partition: the separator is empty");
  budget.make(self.size() + 3 * sizeof(Value));
  const std::size_t found = find_text(self, by);
  if (found == self.npos) return Value::list({Value(self), Value(""), Value("")}, true);
  return Value::list(
      {Value(self.substr(0, found)), Value(by), Value(self.substr(found + by.size()))}, true);
}

/// Whether all characters are of a kind, and there is one.
template <typename IsKind>
Value all_are(const std::string& self, Budget& budget, IsKind is_kind) {
  budget.step(self.size());
  std::string_view rest = self;
  while (!rest.empty()) {
    const Utf8Step step = utf8_step(rest);
    if (!is_kind(step.code_point)) return false;
    rest.remove_prefix(step.num_bytes);
  }
  return !self.empty();
}

Value zfill(const std::string& self, const Arguments& a, Budget& budget) {
  a.check("zfill", 1, 1);
  const std::int64_t missing = a.integer("zfill", 0, "width", 0) - characters(self);
  const std::size_t zeros = missing > 0 ? static_cast<std::size_t>(missing) : 0;
  budget.make(self.size() + zeros);
  const std::size_t sign = self.starts_with('-') || self.starts_with('+') ? 1 : 0;
  return self.substr(0, sign) + std::string(zeros, '0') + self.substr(sign);
}

constexpr std::array kStringMethods{
    MethodRow{"strip", [](const std::string& s, const Arguments& a,
                          Budget& b) { return strip(s, a, b, "strip", true, true); }},
    MethodRow{"lstrip", [](const std::string& s, const Arguments& a,
                           Budget& b) { return strip(s, a, b, "lstrip", true, false); }},
    MethodRow{"rstrip", [](const std::string& s, const Arguments& a,
                           Budget& b) { return strip(s, a, b, "rstrip", false, true); }},
    MethodRow{"split", split},
    MethodRow{"rsplit", rsplit},
    MethodRow{"splitlines", splitlines},
    MethodRow{"startswith", starts_with},
    MethodRow{"endswith", ends_with},
    MethodRow{"replace", replace},
    MethodRow{"find", find},
    MethodRow{"rfind", rfind},
    MethodRow{"count", count},
    MethodRow{"join", join},
    MethodRow{"partition", partition},
    MethodRow{"zfill", zfill},
    MethodRow{"removeprefix", [](const std::string& s, const Arguments& a,
                                 Budget& b) { return remove_affix(s, a, b, true); }},
    MethodRow{"removesuffix", [](const std::string& s, const Arguments& a,
                                 Budget& b) { return remove_affix(s, a, b, false); }},
    MethodRow{
        "upper",
        [](const std::string& s, const Arguments&, Budget& b) -> Value { return to_upper(s, b); }},
    MethodRow{
        "lower",
        [](const std::string& s, const Arguments&, Budget& b) -> Value { return to_lower(s, b); }},
    MethodRow{"capitalize",
              [](const std::string& s, const Arguments&, Budget& b) -> Value {
                return to_capitalized(s, b);
              }},
    MethodRow{
        "title",
        [](const std::string& s, const Arguments&, Budget& b) -> Value { return to_title(s, b); }},
    MethodRow{"isspace", [](const std::string& s, const Arguments&,
                            Budget& b) { return all_are(s, b, is_python_space); }},
    MethodRow{"isdigit", [](const std::string& s, const Arguments&,
                            Budget& b) { return all_are(s, b, is_digit); }},
    MethodRow{"isalpha", [](const std::string& s, const Arguments&,
                            Budget& b) { return all_are(s, b, is_letter); }},
    MethodRow{"isalnum",
              [](const std::string& s, const Arguments&, Budget& b) {
                return all_are(s, b, [](char32_t c) { return is_letter(c) || is_number(c); });
              }},
    MethodRow{
        "isupper",
        [](const std::string& s, const Arguments&, Budget& b) -> Value { return is_upper(s, b); }},
    MethodRow{
        "islower",
        [](const std::string& s, const Arguments&, Budget& b) -> Value { return is_lower(s, b); }},
};

constexpr std::string_view kListMethods[] = {"count", "index"};
constexpr std::string_view kDictMethods[] = {"items", "keys", "values", "get", "copy"};

Value call_list_method(const Value& self, const std::string& name, const Arguments& a,
                       Budget& budget) {
  a.check(name, 1, 1);
  const auto& items = self.list().items;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!equal(items[i], a.positional.at(0), budget)) continue;
    if (name == "index") return static_cast<std::int64_t>(i);
    ++total;
  }
  if (name == "index") throw TemplateError("index: the value is not in the list");
  return total;
}

Value call_dict_method(const Value& self, const std::string& name, const Arguments& a,
                       Budget& budget) {
  const Dict& dict = self.dict();
  if (name == "get") {
    a.check("get", 1, 2);
    if (const Value* found = dict.find(a.positional.at(0))) return *found;
    const Value* otherwise = a.get(1, "default");
    return otherwise ? *otherwise : Value(None{});
  }
  a.check(name, 0, 0);
  if (name == "copy") return self;
  std::vector<Value> out;
  budget.make(dict.entries().size() * 4 * sizeof(Value));
  for (const auto& [key, value] : dict.entries()) {
    if (name == "items") {
      out.push_back(Value::list({key, value}, true));
    } else {
      out.push_back(name == "keys" ? key : value);
    }
  }
  return Value::list(std::move(out));
}

}  // namespace

std::string_view strip_text(std::string_view text, std::string_view characters, bool left,
                            bool right) {
  const auto strips = [&](std::string_view character) {
    return characters.empty() ? is_python_space(utf8_step(character).code_point)
                              : holds_character(characters, character);
  };
  while (left && !text.empty()) {
    const std::size_t size = utf8_step(text).num_bytes;
    if (!strips(text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  while (right && !text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!strips(text.substr(begin))) break;
    text = text.substr(0, begin);
  }
  return text;
}

bool has_method(const Value& self, const std::string& name) {
  if (self.is_string()) {
    return name == "format" ||
           std::ranges::find(kStringMethods, name, &MethodRow::name) != kStringMethods.end();
  }
  if (self.is_list()) return std::ranges::find(kListMethods, name) != std::end(kListMethods);
  if (self.is_dict()) return std::ranges::find(kDictMethods, name) != std::end(kDictMethods);
  return self.loop() != nullptr && name == "cycle";
}

Value call_method(const Value& self, const std::string& name, const Arguments& arguments,
                  Budget& budget) {
  budget.step();
  if (self.is_list()) return call_list_method(self, name, arguments, budget);
  if (self.is_dict()) return call_dict_method(self, name, arguments, budget);
  if (const auto loop = self.loop()) {
    if (arguments.positional.empty()) throw TemplateError("cycle: expected values");
    return arguments.positional[loop->index % arguments.positional.size()];
  }
  if (name == "format") throw TemplateError("str.format is not supported; use ~ or %", true);
  const auto row = std::ranges::find(kStringMethods, name, &MethodRow::name);
  return row->function(self.string(), arguments, budget);
}

}  // namespace tandem::models::jinja
