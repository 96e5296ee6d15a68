// SPDX-License-Identifier: Apache-2.0
// The template lexer (rules of jinja2/lexer.py).
#include "lexer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tandem/models/text/utf8.hpp"

namespace tandem::models::jinja {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_ascii_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// One kind of line break, and none at the very end.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
      out += '\n';
    } else {
      out += source[i];
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

/// `text` without the white space at its end.
std::string_view strip_right(std::string_view text) {
  std::size_t end = text.size();
  while (end > 0) {
    std::size_t begin = end - 1;
    while (begin > 0 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!is_python_space(utf8_step(text.substr(begin)).code_point)) break;
    end = begin;
  }
  return text.substr(0, end);
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_text();
    push(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const { throw SyntaxError{line_, what}; }

  void push(TokenKind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }

  bool at(std::string_view text) const { return source_.substr(at_, text.size()) == text; }

  void advance(std::size_t count) {
    line_ += static_cast<std::uint32_t>(std::ranges::count(source_.substr(at_, count), '\n'));
    at_ += count;
  }

  void skip_space() {
    while (at_ < source_.size()) {
      const Utf8Step step = utf8_step(source_.substr(at_));
      if (!is_python_space(step.code_point)) break;
      advance(step.num_bytes);
    }
  }

  /// Text up to the next tag, then the tag.
  void lex_text() {
    std::size_t open = at_;
    while (true) {
      open = std::min(source_.find('{', open), source_.size());
      if (open + 1 >= source_.size()) open = source_.size();
      if (open == source_.size() || source_[open + 1] == '%' || source_[open + 1] == '{' ||
          source_[open + 1] == '#') {
        break;
      }
      ++open;
    }
    std::string_view text = source_.substr(at_, open - at_);
    if (open < source_.size()) text = trim_before_tag(text, open);
    if (!text.empty()) push(TokenKind::kText, std::string(text));
    line_starting_ = open == 0 || (open > 0 && source_[open - 1] == '\n');
    advance(open - at_);
    if (at_ < source_.size()) lex_tag();
  }

  /// {%- strips all white space before it; {% and {# at most that of their own line.
  std::string_view trim_before_tag(std::string_view text, std::size_t open) const {
    const char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
    if (sign == '-') return strip_right(text);
    if (sign == '+' || source_[open + 1] == '{') return text;
    const std::size_t newline = text.rfind('\n');
    const bool own_line = newline != text.npos || line_starting_;
    const std::size_t line_start = newline == text.npos ? 0 : newline + 1;
    if (own_line && strip_right(text.substr(line_start)).empty()) return text.substr(0, line_start);
    return text;
  }

  void lex_tag() {
    const char kind = source_[at_ + 1];
    advance(2);
    if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) {
      // In {{-1}} too the sign belongs to the tag, as in Jinja.
      advance(1);
    }
    if (kind == '#') return lex_comment();
    if (kind == '%' && lex_raw()) return;
    push(kind == '%' ? TokenKind::kBlockBegin : TokenKind::kVariableBegin, "");
    lex_expression(kind == '%' ? '%' : '}');
  }

  void lex_comment() {
    const std::size_t close = source_.find("#}", at_);
    if (close == source_.npos) fail("a comment is not closed, expected '#}'");
    const char sign = close > at_ ? source_[close - 1] : '\0';
    advance(close - at_);
    finish_tag(sign, true);
  }

  /// Behind the sign of a closing tag: its two characters and the white space that it takes along.
  void finish_tag(char sign, bool trims_newline) {
    advance(2);
    if (sign == '-') {
      skip_space();
    } else if (sign != '+' && trims_newline && at("\n")) {
      advance(1);
    }
    line_starting_ = at_ > 0 && source_[at_ - 1] == '\n';
  }

  /// {% raw %} ... {% endraw %}: everything between is text. False when this is another tag.
  bool lex_raw() {
    std::size_t end = at_;
    const auto skip_spaces = [&] {
      while (end < source_.size() && is_ascii_space(source_[end])) ++end;
    };
    skip_spaces();
    if (source_.substr(end, 3) != "raw") return false;
    end += 3;
    skip_spaces();
    const bool strips = source_.substr(end, 3) == "-%}";
    if (!strips && source_.substr(end, 2) != "%}") return false;
    advance(end - at_ + (strips ? 3 : 2));
    if (strips) skip_space();
    line_starting_ = source_[at_ - 1] == '\n';
    std::size_t close = at_;
    while (true) {
      close = source_.find("{%", close);
      if (close == source_.npos) fail("a raw block is not closed, expected '{% endraw %}'");
      end = close + 2;
      if (end < source_.size() && (source_[end] == '-' || source_[end] == '+')) ++end;
      skip_spaces();
      if (source_.substr(end, 6) == "endraw") break;
      close += 2;
    }
    const std::string_view text = trim_before_tag(source_.substr(at_, close - at_), close);
    if (!text.empty()) push(TokenKind::kText, std::string(text));
    end += 6;
    skip_spaces();
    const char sign = end < source_.size() ? source_[end] : '\0';
    if (sign == '-' || sign == '+') ++end;
    if (source_.substr(end, 2) != "%}") fail("expected '%}' behind endraw");
    advance(end - at_);
    finish_tag(sign, true);
    return true;
  }

  void lex_expression(char closer) {
    std::string open_brackets;
    while (true) {
      skip_space();
      if (at_ >= source_.size()) {
        fail(fmt::format("a tag is not closed, expected '{}}}'", closer));
      }
      // Inside brackets }} closes two dicts, not the tag.
      if (open_brackets.empty() && lex_closing_tag(closer)) return;
      const char c = source_[at_];
      if (is_name_start(c)) {
        lex_name();
      } else if (is_digit(c)) {
        lex_number();
      } else if (c == '\'' || c == '"') {
        lex_string(c);
      } else {
        lex_operator(open_brackets);
      }
    }
  }

  bool lex_closing_tag(char closer) {
    const char sign = source_[at_];
    const bool signed_tag = sign == '-' || (sign == '+' && closer == '%');
    const std::size_t skip = signed_tag ? 1 : 0;
    if (at_ + skip + 1 >= source_.size() || source_[at_ + skip] != closer ||
        source_[at_ + skip + 1] != '}') {
      return false;
    }
    push(closer == '%' ? TokenKind::kBlockEnd : TokenKind::kVariableEnd, "");
    advance(skip);
    finish_tag(signed_tag ? sign : '\0', closer == '%');
    return true;
  }

  void lex_name() {
    std::size_t end = at_;
    while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
    push(TokenKind::kName, std::string(source_.substr(at_, end - at_)));
    advance(end - at_);
  }

  void lex_number() {
    std::size_t end = at_;
    const auto digits = [&] {
      while (end < source_.size() && (is_digit(source_[end]) || source_[end] == '_')) ++end;
    };
    const auto digit_at = [&](std::size_t i) { return i < source_.size() && is_digit(source_[i]); };
    digits();
    bool real = false;
    if (end < source_.size() && source_[end] == '.' && digit_at(end + 1)) {
      real = true;
      ++end;
      digits();
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      const bool sign =
          end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-');
      if (digit_at(end + (sign ? 2 : 1))) {
        real = true;
        end += sign ? 2 : 1;
        digits();
      }
    }
    std::string text(source_.substr(at_, end - at_));
    std::erase(text, '_');
    push(real ? TokenKind::kFloat : TokenKind::kInteger, std::move(text));
    advance(end - at_);
  }

  void lex_string(char quote) {
    std::size_t end = at_ + 1;
    std::string value;
    while (end < source_.size() && source_[end] != quote) {
      if (source_[end] == '\\') {
        append_escape(end, value);
      } else {
        value += source_[end++];
      }
    }
    if (end >= source_.size()) fail("a string is not closed");
    push(TokenKind::kString, std::move(value));
    advance(end + 1 - at_);
  }

  /// Python's escapes; `end` is at the backslash and moves behind the escape.
  void append_escape(std::size_t& end, std::string& value) const {
    const char c = end + 1 < source_.size() ? source_[end + 1] : '\0';
    constexpr std::string_view kLetters = "abfnrtv\\'\"\n";
    constexpr std::string_view kValues = "\a\b\f\n\r\t\v\\'\"";
    const std::size_t known = kLetters.find(c);
    end += 2;
    if (c == 'x' || c == 'u' || c == 'U') {
      append_utf8(value, take_digits(end, c == 'x' ? 2 : c == 'u' ? 4 : 8, 16));
    } else if (c >= '0' && c <= '7') {
      --end;
      std::size_t count = 1;
      while (count < 3 && end + count < source_.size() && source_[end + count] >= '0' &&
             source_[end + count] <= '7') {
        ++count;
      }
      append_utf8(value, take_digits(end, count, 8));
    } else if (c == '\n' || c == '\0') {
      return;  // a backslash at the end of a line joins it with the next
    } else if (c == 'N') {
      fail("the escape \\N is not supported");
    } else if (known != kLetters.npos) {
      value += kValues[known];
    } else {
      value += '\\';
      value += c;
    }
  }

  char32_t take_digits(std::size_t& end, std::size_t count, unsigned base) const {
    char32_t point = 0;
    for (std::size_t i = 0; i < count; ++i, ++end) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      const char c = end < source_.size() ? source_[end] : '\0';
      const char lower = c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c;
      const std::size_t digit = kDigits.find(lower);
      if (digit >= base) fail("a string has a malformed escape");
      point = point * base + static_cast<char32_t>(digit);
    }
    return point;
  }

  void lex_operator(std::string& open_brackets) {
    static constexpr std::array<std::string_view, 26> kOperators{
        "//", "**", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "[",
        "]",  "(",  ")",  "{",  "}",  "<",  ">", "=", ".", ":", "|", ",", ";"};
    for (const std::string_view op : kOperators) {
      if (!at(op)) continue;
      const char c = op[0];
      if (op.size() == 1 && (c == '(' || c == '[' || c == '{')) open_brackets += c;
      if (op.size() == 1 && (c == ')' || c == ']' || c == '}')) {
        const char opener = c == ')' ? '(' : c == ']' ? '[' : '{';
        if (open_brackets.empty() || open_brackets.back() != opener) {
          fail(fmt::format("'{}' without its opening bracket", c));
        }
        open_brackets.pop_back();
      }
      push(TokenKind::kOperator, std::string(op));
      advance(op.size());
      return;
    }
    fail(fmt::format("unexpected character \\x{:02x} in a tag",
                     static_cast<unsigned char>(source_[at_])));
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::uint32_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

bool is_python_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 ||
         c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
         c == 0x205F || c == 0x3000;
}

std::vector<Token> tokenize(std::string_view source) {
  const std::string normalized = normalize_newlines(source);
  return Lexer(normalized).run();
}

}  // namespace tandem::models::jinja
