// SPDX-License-Identifier: Apache-2.0
// Scanning of line-oriented text with errors that name line and column.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/asm.hpp"

namespace tandem::abi::detail {

/// A word of a line and where it starts.
struct Token {
  std::string_view text;
  std::size_t pos = 0;
};

/// One logical line: a `\` before the line end continues it, `#` starts a comment.
class TextLine {
 public:
  TextLine(std::string_view text, std::string_view origin, int number)
      : text_(text), origin_(origin), number_(number) {}

  /// True if nothing but blanks and a comment is left.
  bool done();
  /// The next word: up to a blank, a comment or one of `stops`. Empty at the end or at a stop.
  Token word(std::string_view stops = {});
  /// Takes `symbol` if it comes next.
  bool take(char symbol);
  /// Throws unless the line is done.
  void expect_done(std::string_view expected);

  std::size_t pos() const { return pos_; }
  /// Number of the (first) physical line.
  int number() const { return number_; }
  /// Throws kInvalidArgument "origin:line:column: expected ..., found ...".
  [[noreturn]] void fail(const Token& at, std::string_view expected) const;
  /// As fail, with the word that comes next.
  [[noreturn]] void fail_here(std::string_view expected);
  /// Throws "origin:line:column: message".
  [[noreturn]] void fail_because(const Token& at, std::string_view message) const;

 private:
  void skip_blanks();

  std::string_view text_;
  std::string_view origin_;
  int number_;
  std::size_t pos_ = 0;
};

/// Splits text into logical lines, without those that are blank. Throws "origin:line:1: ..." beyond
/// 2^20 of them.
std::vector<TextLine> split_lines(std::string_view text, const TextOrigin& origin);

/// A number literal: value and whether it was written with a minus sign, in hexadecimal or as a
/// float.
struct Number {
  std::uint64_t magnitude = 0;  ///< Integers.
  bool negative = false;
  bool hex = false;
  bool is_float = false;
  double real = 0;        ///< Floats, and integers as such.
  std::uint32_t f32 = 0;  ///< Floats and integers rounded once to fp32.
};

/// Decimal, 0x and 0b integers with `_` between digits; floats with a point, exponent or suffix f;
/// inf, nan.
std::optional<Number> parse_number(std::string_view text);

/// The number as `width` bits if it is an integer that fits, signed or unsigned; nullopt otherwise.
std::optional<std::uint64_t> integer_bits(const Number& number, unsigned width,
                                          bool allow_negative);

/// "; did you mean 'x'?" for the candidate that is one or two letters off, else empty.
std::string suggestion(std::string_view word, const std::vector<std::string_view>& candidates);

}  // namespace tandem::abi::detail
