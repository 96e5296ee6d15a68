// SPDX-License-Identifier: Apache-2.0
// Scanning of line-oriented text.
#include "text_line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <charconv>
#include <limits>
#include <numeric>

#include "tandem/base/error.hpp"

namespace tandem::abi::detail {
namespace {

constexpr std::size_t kMaxLines = std::size_t{1} << 20;  // one becomes some 300 bytes at most
constexpr std::size_t kMaxShown = 40;  // characters of a found word that a message shows

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

/// True if nothing but the line end follows a backslash.
bool continues(std::string_view rest) { return rest.starts_with('\n') || rest.starts_with("\r\n"); }

/// Input may be binary: only printable characters reach a message.
std::string printable(std::string_view text) {
  std::string out;
  for (char c : text.substr(0, kMaxShown)) {
    out += std::isprint(static_cast<unsigned char>(c)) != 0 ? c : '?';
  }
  return text.size() > kMaxShown ? out + "..." : out;
}

}  // namespace

void TextLine::skip_blanks() {
  while (pos_ < text_.size()) {
    if (text_[pos_] == '#') {
      pos_ = text_.size();
    } else if (is_blank(text_[pos_]) || text_[pos_] == '\n') {
      ++pos_;
    } else if (text_[pos_] == '\\' && continues(text_.substr(pos_ + 1))) {
      ++pos_;
    } else {
      return;
    }
  }
}

bool TextLine::done() {
  skip_blanks();
  return pos_ >= text_.size();
}

Token TextLine::word(std::string_view stops) {
  skip_blanks();
  const std::size_t start = pos_;
  while (pos_ < text_.size() && !is_blank(text_[pos_]) && text_[pos_] != '\n' &&
         text_[pos_] != '#' && text_[pos_] != '\\' &&
         stops.find(text_[pos_]) == std::string_view::npos) {
    ++pos_;
  }
  // A stray backslash is a word of its own, so that every loop over words makes progress.
  if (pos_ == start && pos_ < text_.size() && text_[pos_] == '\\') ++pos_;
  return {text_.substr(start, pos_ - start), start};
}

bool TextLine::take(char symbol) {
  skip_blanks();
  if (pos_ >= text_.size() || text_[pos_] != symbol) return false;
  ++pos_;
  return true;
}

void TextLine::expect_done(std::string_view expected) {
  if (!done()) fail_here(expected);
}

void TextLine::fail(const Token& at, std::string_view expected) const {
  const std::string found =
      at.text.empty() ? "the end of the line" : fmt::format("'{}'", printable(at.text));
  fail_because(at, fmt::format("expected {}, found {}", expected, found));
}

void TextLine::fail_here(std::string_view expected) {
  skip_blanks();
  TextLine rest = *this;
  Token next = rest.word();
  next.pos = pos_;
  fail(next, expected);
}

void TextLine::fail_because(const Token& at, std::string_view message) const {
  const std::string_view before = text_.substr(0, std::min(at.pos, text_.size()));
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const std::size_t last = before.rfind('\n');
  const std::size_t column = last == std::string_view::npos ? at.pos : at.pos - last - 1;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}:{}:{}: {}", printable(origin_),
                                                       number_ + lines, column + 1, message));
}

std::vector<TextLine> split_lines(std::string_view text, const TextOrigin& origin) {
  std::vector<TextLine> lines;
  int number = origin.first_line;
  while (!text.empty()) {
    const int first = number;
    std::size_t end = 0;
    for (;;) {
      end = text.find('\n', end);
      if (end == std::string_view::npos) break;
      ++number;
      std::string_view physical = text.substr(0, end);
      if (physical.ends_with('\r')) physical.remove_suffix(1);
      const std::size_t start = physical.rfind('\n') + 1;  // npos + 1 is 0
      const bool comment = physical.find('#', start) != std::string_view::npos;
      if (comment || !physical.ends_with('\\')) break;
      ++end;
    }
    TextLine line(text.substr(0, end), origin.name, first);
    if (TextLine(line).done()) {
      // Blank: nobody needs it.
    } else if (lines.size() == kMaxLines) {
      line.fail_because(
          {}, fmt::format("expected at most {} lines that are not blank, found more", kMaxLines));
    } else {
      lines.push_back(line);
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

namespace {

std::optional<Number> parse_float(std::string_view text, bool negative) {
  if (text.ends_with('f') && text != "inf") text.remove_suffix(1);
  Number out;
  out.is_float = true;
  out.negative = negative;
  if (text == "nan") {
    out.real = std::numeric_limits<double>::quiet_NaN();
    out.f32 = 0x7fc00000;
    return negative ? std::nullopt : std::optional(out);
  }
  float single = std::numeric_limits<float>::infinity();
  out.real = std::numeric_limits<double>::infinity();
  if (text != "inf") {
    if (text.empty() ||
        (std::isdigit(static_cast<unsigned char>(text[0])) == 0 && text[0] != '.')) {
      return std::nullopt;
    }
    const char* end = text.data() + text.size();
    const auto a = std::from_chars(text.data(), end, single);
    const auto b = std::from_chars(text.data(), end, out.real);
    if (a.ec != std::errc{} || b.ec != std::errc{} || a.ptr != end || b.ptr != end) {
      return std::nullopt;
    }
  }
  if (negative) out.real = -out.real;
  out.f32 = std::bit_cast<std::uint32_t>(negative ? -single : single);
  return out;
}

}  // namespace

std::optional<Number> parse_number(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  if (text.empty()) return std::nullopt;
  Number out;
  out.negative = negative;
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) base = 16;
  if (text.starts_with("0b") || text.starts_with("0B")) base = 2;
  if (base == 10 && text.find_first_not_of("0123456789_") != std::string_view::npos) {
    return parse_float(text, negative);
  }
  if (base != 10) text.remove_prefix(2);
  std::string digits;
  for (char c : text) {
    if (c != '_') digits += c;
  }
  const char* end = digits.data() + digits.size();
  const auto parsed = std::from_chars(digits.data(), end, out.magnitude, base);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  out.hex = base != 10;
  out.real = static_cast<double>(out.magnitude);
  if (negative) out.real = -out.real;
  const auto single = static_cast<float>(out.magnitude);
  out.f32 = std::bit_cast<std::uint32_t>(negative ? -single : single);
  return out;
}

std::optional<std::uint64_t> integer_bits(const Number& number, unsigned width,
                                          bool allow_negative) {
  if (number.is_float) return std::nullopt;
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - width);
  if (!number.negative) {
    return number.magnitude <= mask ? std::optional(number.magnitude) : std::nullopt;
  }
  const std::uint64_t lowest = std::uint64_t{1} << (width - 1);
  if (!allow_negative || number.magnitude > lowest) return std::nullopt;
  return (~number.magnitude + 1) & mask;
}

std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates) {
  if (word.size() > 32) return {};
  std::string_view best;
  std::size_t best_distance = 3;
  for (std::string_view candidate : candidates) {
    std::vector<std::size_t> row(candidate.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < word.size(); ++i) {
      std::size_t diagonal = row[0]++;
      for (std::size_t j = 0; j < candidate.size(); ++j) {
        const std::size_t change = diagonal + (word[i] == candidate[j] ? 0 : 1);
        diagonal = row[j + 1];
        row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, change});
      }
    }
    if (row.back() < best_distance && row.back() < word.size()) {
      best_distance = row.back();
      best = candidate;
    }
  }
  return best.empty() ? std::string{} : fmt::format("; did you mean '{}'?", best);
}

}  // namespace tandem::abi::detail
