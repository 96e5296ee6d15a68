// SPDX-License-Identifier: Apache-2.0
// Python's % formatting, for the conversions that templates use.
#include <fmt/format.h>

#include <algorithm>

#include "value.hpp"

namespace tandem::models::jinja {
namespace {

/// One conversion: %[flags][width][.precision]letter.
struct Conversion {
  bool left = false;
  bool zeros = false;
  bool plus = false;
  std::size_t width = 0;
  int precision = -1;
  char letter = 's';
};

std::size_t take_number(std::string_view format, std::size_t& at) {
  std::size_t number = 0;
  while (at < format.size() && format[at] >= '0' && format[at] <= '9') {
    number =
        std::min<std::size_t>(number * 10 + static_cast<std::size_t>(format[at++] - '0'), 1000);
  }
  return number;
}

Conversion take_conversion(std::string_view format, std::size_t& at) {
  Conversion out;
  for (; at < format.size(); ++at) {
    if (format[at] == '-') {
      out.left = true;
    } else if (format[at] == '0') {
      out.zeros = true;
    } else if (format[at] == '+') {
      out.plus = true;
    } else {
      break;
    }
  }
  out.width = take_number(format, at);
  if (at < format.size() && format[at] == '.') {
    ++at;
    out.precision = static_cast<int>(take_number(format, at));
  }
  if (at >= format.size()) throw TemplateError("a format ends in the middle of a conversion");
  out.letter = format[at++];
  return out;
}

std::string convert(const Conversion& how, const Value& value, Budget& budget) {
  switch (how.letter) {
    case 's':
    case 'r': {
      std::string text = how.letter == 's' ? to_text(value, budget) : to_repr(value, budget);
      if (how.precision < 0) return text;
      return get_slice(Value(text), Value(), Value(std::int64_t{how.precision}), Value(), budget)
          .string();
    }
    case 'd':
    case 'i':
    case 'u':
    case 'x':
    case 'f': {
      if (!value.is_number()) {
        throw TemplateError(fmt::format("%{} of {} is not possible", how.letter, value.phrase()));
      }
      const double number = value.number();
      std::string text;
      if (how.letter == 'f') {
        text = fmt::format("{:.{}f}", number, how.precision < 0 ? 6 : std::min(how.precision, 100));
      } else if (value.is_float()) {
        text = fmt::format("{:.0f}", number < 0 ? std::ceil(number) : std::floor(number));
      } else {
        text = how.letter == 'x' ? fmt::format("{:x}", value.integer())
                                 : fmt::format("{}", value.integer());
      }
      return how.plus && number >= 0 ? "+" + text : text;
    }
    default:
      throw TemplateError(fmt::format("the conversion %{} is not supported", how.letter));
  }
}

}  // namespace

std::string format_text(const std::string& format, const std::vector<Value>& values,
                        Budget& budget) {
  std::string out;
  std::size_t next = 0;
  std::size_t at = 0;
  budget.make(format.size());
  while (at < format.size()) {
    const char c = format[at++];
    if (c != '%') {
      out += c;
      continue;
    }
    const Conversion how = take_conversion(format, at);
    if (how.letter == '%') {
      out += '%';
      continue;
    }
    if (next >= values.size()) throw TemplateError("a format has more conversions than values");
    std::string text = convert(how, values[next++], budget);
    budget.make(text.size() + how.width);
    const std::size_t padding = how.width > text.size() ? how.width - text.size() : 0;
    const bool signed_text = text.starts_with('-') || text.starts_with('+');
    if (how.left) {
      text.append(padding, ' ');
    } else if (how.zeros && how.letter != 's' && how.letter != 'r') {
      text.insert(signed_text ? 1 : 0, padding, '0');
    } else {
      text.insert(0, padding, ' ');
    }
    out += text;
  }
  if (next < values.size()) throw TemplateError("a format has fewer conversions than values");
  return out;
}

}  // namespace tandem::models::jinja
