// SPDX-License-Identifier: Apache-2.0
// Attributes, items, slices and operators of template values.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "../../files/printable.hpp"
#include "tandem/models/text/utf8.hpp"
#include "value.hpp"

namespace tandem::models::jinja {
namespace {

Value missing(const Value& value, const std::string& what) {
  return Undefined{fmt::format("{} of {}", what, value.phrase())};
}

Value loop_attribute(const LoopState& loop, const std::string& name) {
  const auto count = static_cast<std::int64_t>(loop.items.size());
  const auto index = static_cast<std::int64_t>(loop.index);
  if (name == "index") return index + 1;
  if (name == "index0") return index;
  if (name == "revindex") return count - index;
  if (name == "revindex0") return count - index - 1;
  if (name == "first") return index == 0;
  if (name == "last") return index + 1 == count;
  if (name == "length") return count;
  if (name == "depth") return std::int64_t{1};
  if (name == "depth0") return std::int64_t{0};
  if (name == "previtem" && index > 0) return loop.items[loop.index - 1];
  if (name == "nextitem" && index + 1 < count) return loop.items[loop.index + 1];
  return Undefined{"loop attribute " + printable(name)};
}

/// Byte offsets of all characters, and of the end.
std::vector<std::size_t> character_offsets(const std::string& text, Budget& budget) {
  budget.make(text.size() * sizeof(std::size_t));
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) out.push_back(i);
  }
  out.push_back(text.size());
  return out;
}

[[noreturn]] void overflow() { throw TemplateError("an integer is larger than 64 bits"); }

std::int64_t integer_power(std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return result;
}

Value integer_operation(const std::string& op, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  if (op == "+") {
    if (__builtin_add_overflow(a, b, &result)) overflow();
  } else if (op == "-") {
    if (__builtin_sub_overflow(a, b, &result)) overflow();
  } else if (op == "*") {
    if (__builtin_mul_overflow(a, b, &result)) overflow();
  } else if (op == "**") {
    if (b < 0) return std::pow(static_cast<double>(a), static_cast<double>(b));
    return integer_power(a, b);
  } else {
    if (b == 0) throw TemplateError("division by zero");
    if (op == "/") return static_cast<double>(a) / static_cast<double>(b);
    // The quotient by -1 may not fit; the remainder always is 0.
    if (b == -1) return op == "//" ? integer_operation("-", 0, a) : Value(std::int64_t{0});
    // Python rounds the quotient down; the remainder has the divisor's sign.
    const bool adjust = a % b != 0 && (a % b < 0) != (b < 0);
    result = op == "//" ? a / b - (adjust ? 1 : 0) : a % b + (adjust ? b : 0);
  }
  return result;
}

Value float_operation(const std::string& op, double a, double b) {
  if (op == "+") return a + b;
  if (op == "-") return a - b;
  if (op == "*") return a * b;
  if (op == "**") return std::pow(a, b);
  if (b == 0.0) throw TemplateError("division by zero");
  if (op == "/") return a / b;
  if (op == "//") return std::floor(a / b);
  const double rest = std::fmod(a, b);
  return rest != 0.0 && (rest < 0.0) != (b < 0.0) ? rest + b : rest;
}

Value repeat(const Value& sequence, std::int64_t count, Budget& budget) {
  const std::uint64_t times = count > 0 ? static_cast<std::uint64_t>(count) : 0;
  const std::uint64_t size = sequence.is_string() ? sequence.string().size()
                                                  : sequence.list().items.size() * sizeof(Value);
  std::uint64_t total = 0;
  if (__builtin_mul_overflow(times, size, &total)) total = ~std::uint64_t{0};
  budget.make(total);
  if (sequence.is_string()) {
    std::string out;
    if (size > 0) out.reserve(total);
    for (std::uint64_t i = 0; size > 0 && i < times; ++i) out += sequence.string();
    return out;
  }
  std::vector<Value> items;
  const auto& source = sequence.list().items;
  for (std::uint64_t i = 0; size > 0 && i < times; ++i) {
    items.insert(items.end(), source.begin(), source.end());
  }
  return Value::list(std::move(items), sequence.list().tuple);
}

bool is_sequence(const Value& value) { return value.is_string() || value.is_list(); }

struct SliceRange {
  std::int64_t start;
  std::int64_t stop;
  std::int64_t step;
};

/// Python's slice.indices(size).
SliceRange slice_range(const Value& start, const Value& stop, const Value& step,
                       std::int64_t size) {
  const auto part = [](const Value& value, std::int64_t otherwise) {
    if (value.is_undefined() || value.is_none()) return otherwise;
    if (!value.is_int() && !value.is_bool()) {
      throw TemplateError(fmt::format("a slice needs integers, found {}", value.phrase()));
    }
    return value.integer();
  };
  SliceRange out{};
  out.step = part(step, 1);
  if (out.step == 0) throw TemplateError("the step of a slice is 0");
  const std::int64_t lowest = out.step > 0 ? 0 : -1;
  const std::int64_t highest = out.step > 0 ? size : size - 1;
  const auto bound = [&](const Value& value, std::int64_t otherwise) {
    const std::int64_t at = part(value, otherwise);
    if (value.is_undefined() || value.is_none()) return at;
    if (at >= 0) return std::min(at, highest);
    return at < -size ? lowest : std::max(at + size, lowest);
  };
  out.start = bound(start, out.step > 0 ? lowest : highest);
  out.stop = bound(stop, out.step > 0 ? highest : lowest);
  return out;
}

}  // namespace

Value get_attribute(const Value& value, const std::string& name, Budget& budget) {
  budget.step();
  if (value.is_undefined()) throw TemplateError(value.undefined().what + " is undefined");
  if (has_method(value, name)) {
    Callable method;
    method.method = true;
    method.self = value;
    method.name = name;
    budget.make(sizeof(Callable));
    return std::make_shared<const Callable>(std::move(method));
  }
  if (const auto loop = value.loop()) return loop_attribute(*loop, name);
  const Value* found = nullptr;
  if (value.is_dict()) found = value.dict().find(std::string_view(name));
  if (const auto names = value.name_space()) found = names->values.find(std::string_view(name));
  return found ? *found : missing(value, "attribute " + printable(name));
}

Value get_item(const Value& value, const Value& key, Budget& budget) {
  budget.step();
  if (value.is_undefined()) throw TemplateError(value.undefined().what + " is undefined");
  if (value.is_dict()) {
    if (const Value* found = value.dict().find(key)) return *found;
    return missing(value, "key " + printable(to_repr(key, budget)));
  }
  if (is_sequence(value) && (key.is_int() || key.is_bool())) {
    const std::int64_t size = length(value, budget);
    const std::int64_t at = key.integer() < 0 ? key.integer() + size : key.integer();
    if (at < 0 || at >= size) return missing(value, fmt::format("item {}", key.integer()));
    if (value.is_list()) return value.list().items[static_cast<std::size_t>(at)];
    const auto offsets = character_offsets(value.string(), budget);
    const auto i = static_cast<std::size_t>(at);
    return value.string().substr(offsets[i], offsets[i + 1] - offsets[i]);
  }
  if (key.is_string()) return get_attribute(value, key.string(), budget);
  return missing(value, "item " + printable(to_repr(key, budget)));
}

Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step,
                Budget& budget) {
  if (value.is_undefined()) throw TemplateError(value.undefined().what + " is undefined");
  if (!is_sequence(value)) {
    throw TemplateError(fmt::format("{} cannot be sliced", value.phrase()));
  }
  const SliceRange range = slice_range(start, stop, step, length(value, budget));
  const auto each = [&](auto visit) {
    // Compared by distance, so that adding a huge step cannot overflow.
    for (std::int64_t i = range.start; range.step > 0 ? i < range.stop : i > range.stop;) {
      visit(static_cast<std::size_t>(i));
      const std::int64_t left = range.step > 0 ? range.stop - i : i - range.stop;
      const bool more = range.step > 0 ? range.step < left : range.step > -left;
      if (!more) break;
      i += range.step;
    }
  };
  if (value.is_list()) {
    std::vector<Value> items;
    budget.make(value.list().items.size() * sizeof(Value));
    each([&](std::size_t i) { items.push_back(value.list().items[i]); });
    return Value::list(std::move(items), value.list().tuple);
  }
  const auto offsets = character_offsets(value.string(), budget);
  std::string text;
  each(
      [&](std::size_t i) { text.append(value.string(), offsets[i], offsets[i + 1] - offsets[i]); });
  return text;
}

Value binary_operation(const std::string& op, const Value& left, const Value& right,
                       Budget& budget) {
  budget.step();
  if (left.is_number() && right.is_number()) {
    if (left.is_float() || right.is_float()) {
      return float_operation(op, left.number(), right.number());
    }
    return integer_operation(op, left.integer(), right.integer());
  }
  if (op == "+" && left.is_string() && right.is_string()) {
    budget.make(left.string().size() + right.string().size());
    return left.string() + right.string();
  }
  if (op == "+" && left.is_list() && right.is_list() && left.list().tuple == right.list().tuple) {
    std::vector<Value> items = left.list().items;
    const auto& more = right.list().items;
    budget.make((items.size() + more.size()) * sizeof(Value));
    items.insert(items.end(), more.begin(), more.end());
    return Value::list(std::move(items), left.list().tuple);
  }
  const auto whole = [](const Value& value) { return value.is_int() || value.is_bool(); };
  if (op == "*" && is_sequence(left) && whole(right)) {
    return repeat(left, right.integer(), budget);
  }
  if (op == "*" && whole(left) && is_sequence(right)) {
    return repeat(right, left.integer(), budget);
  }
  if (op == "%" && left.is_string()) {
    const bool tuple = right.is_list() && right.list().tuple;
    return format_text(left.string(), tuple ? right.list().items : std::vector<Value>{right},
                       budget);
  }
  for (const Value* side : {&left, &right}) {
    if (side->is_undefined()) throw TemplateError(side->undefined().what + " is undefined");
  }
  throw TemplateError(
      fmt::format("'{}' of {} and {} is not possible", op, left.type_name(), right.type_name()));
}

}  // namespace tandem::models::jinja
