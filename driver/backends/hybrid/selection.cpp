// SPDX-License-Identifier: Apache-2.0
#include "selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "tandem/base/error.hpp"

namespace tandem::hybrid {
namespace {

using Range = std::pair<std::uint64_t, std::uint64_t>;

[[noreturn]] void refuse(std::string_view option, std::string_view value,
                         std::string_view expected) {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("hybrid: option {} is '{}', expected {}", option, value, expected));
}

std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return {};
  return value;
}

/// "5" or "5-9".
std::optional<Range> range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : number(text.substr(dash + 1));
  if (!first || !last || *first > *last) return {};
  return Range{*first, *last};
}

std::vector<std::string> split(std::string_view option, std::string_view text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    items.emplace_back(text.substr(begin, end - begin));
    if (items.back().empty()) refuse(option, text, "a list without empty entries");
    begin = end + 1;
  }
  return items;
}

bool holds(const std::vector<Range>& ranges, std::uint64_t value) {
  return std::any_of(ranges.begin(), ranges.end(), [value](const Range& range) {
    return value >= range.first && value <= range.second;
  });
}

/// `*` any characters, `?` one. The last star is the only one that needs another try.
bool matches(std::string_view pattern, std::string_view text) {
  std::size_t at = 0, star = std::string_view::npos, retry = 0, p = 0;
  while (at < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[at]) && pattern[p] != '*') {
      ++p, ++at;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = at;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

Selection::Selection(const std::map<std::string, std::string, std::less<>>& options) {
  for (const auto& [key, value] : options) {
    if (key == "every") {
      const auto found = number(value);
      if (!found || *found == 0) refuse(key, value, "a number from 1 on");
      every_ = *found;
      continue;
    }
    for (const std::string& item : split(key, value)) {
      const auto numbers = range(item);
      if (key == "packets") {
        if (!numbers) refuse(key, item, "sequence numbers: 812 or 812-830");
        packets_.push_back(*numbers);
      } else if (key == "layers") {
        if (numbers) layers_.push_back(*numbers);
        if (!numbers) layer_names_.push_back(item);
      } else if (key == "ops") {
        ops_.push_back(item);
      }
    }
  }
}

bool Selection::has(std::uint64_t seq, std::string_view op) const {
  if (every_ != 0 && seq % every_ == 0) return true;
  if (holds(packets_, seq)) return true;
  const auto is_op = [op](const std::string& pattern) { return matches(pattern, op); };
  if (std::any_of(ops_.begin(), ops_.end(), is_op)) return true;
  const std::string_view layer = op.substr(0, op.find('/'));
  if (std::find(layer_names_.begin(), layer_names_.end(), layer) != layer_names_.end()) return true;
  const std::size_t dot = layer.rfind('.');
  if (dot == std::string_view::npos) return false;
  const auto index = number(layer.substr(dot + 1));
  return index && holds(layers_, *index);
}

}  // namespace tandem::hybrid
