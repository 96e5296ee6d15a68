// SPDX-License-Identifier: Apache-2.0
// Letter case by utf8proc's tables, and replacing.
#include "case.hpp"

#include <utf8proc.h>

#include "tandem/models/text/utf8.hpp"

namespace tandem::models::jinja {
namespace {

utf8proc_category_t category(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

char32_t upper(char32_t point) {
  return static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(point)));
}

char32_t lower(char32_t point) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
}

/// Every character through `map`, which also sees the character before it.
template <typename Map>
std::string mapped(std::string_view text, Budget& budget, Map map) {
  budget.make(2 * text.size());
  std::string out;
  char32_t before = 0;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    append_utf8(out, map(step.code_point, before));
    before = step.code_point;
    text.remove_prefix(step.num_bytes);
  }
  return out;
}

/// Whether there are cased letters and none of the category `other`.
bool has_case(std::string_view text, utf8proc_category_t wanted, utf8proc_category_t other,
              Budget& budget) {
  budget.step(text.size());
  bool any = false;
  while (!text.empty()) {
    const Utf8Step step = utf8_step(text);
    const auto kind = category(step.code_point);
    if (kind == other || kind == UTF8PROC_CATEGORY_LT) return false;
    any |= kind == wanted;
    text.remove_prefix(step.num_bytes);
  }
  return any;
}

}  // namespace

bool is_letter(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}

bool is_number(char32_t point) {
  const auto kind = category(point);
  return kind >= UTF8PROC_CATEGORY_ND && kind <= UTF8PROC_CATEGORY_NO;
}

bool is_digit(char32_t point) { return category(point) == UTF8PROC_CATEGORY_ND; }

std::string to_upper(const std::string& text, Budget& budget) {
  return mapped(text, budget, [](char32_t c, char32_t) { return upper(c); });
}

std::string to_lower(const std::string& text, Budget& budget) {
  return mapped(text, budget, [](char32_t c, char32_t) { return lower(c); });
}

std::string to_capitalized(const std::string& text, Budget& budget) {
  return mapped(text, budget,
                [](char32_t c, char32_t before) { return before == 0 ? upper(c) : lower(c); });
}

std::string to_title(const std::string& text, Budget& budget) {
  return mapped(text, budget, [](char32_t c, char32_t before) {
    return is_letter(before) ? lower(c) : upper(c);
  });
}

bool is_upper(const std::string& text, Budget& budget) {
  return has_case(text, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL, budget);
}

bool is_lower(const std::string& text, Budget& budget) {
  return has_case(text, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LU, budget);
}

std::string replace_text(const std::string& text, const std::string& from, const std::string& to,
                         std::int64_t count, Budget& budget) {
  std::string out;
  std::size_t done = 0;
  const auto put = [&](std::string_view part) {
    budget.make(part.size());
    out += part;
  };
  const std::string_view source = text;
  for (std::int64_t i = 0; count < 0 || i < count; ++i) {
    if (from.empty()) {
      put(to);
      if (done == source.size()) return out;
      const std::size_t size = utf8_step(source.substr(done)).num_bytes;
      put(source.substr(done, size));
      done += size;
      continue;
    }
    const std::size_t found = find_text(source, from, done);
    if (found == source.npos) break;
    put(source.substr(done, found - done));
    put(to);
    done = found + from.size();
  }
  put(source.substr(done));
  return out;
}

}  // namespace tandem::models::jinja
