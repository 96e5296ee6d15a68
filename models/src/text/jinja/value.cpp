// SPDX-License-Identifier: Apache-2.0
// Basic behaviour of template values: truth, equality, order, membership, iteration.
#include "value.hpp"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <cmath>

#include "tandem/models/text/utf8.hpp"

namespace tandem::models::jinja {
namespace {

constexpr std::uint32_t kMaxDepth = 200;

std::uint32_t checked_depth(std::uint32_t deepest_child) {
  if (deepest_child >= kMaxDepth) {
    throw TemplateError(fmt::format("lists or dicts nested deeper than {}", kMaxDepth));
  }
  return deepest_child + 1;
}

std::string text_key(std::string_view text) { return std::string(1, 's').append(text); }

/// Equal keys have equal strings: numbers by value, whatever their type.
std::string key_string(const Value& key) {
  if (key.is_string()) return text_key(key.string());
  if (key.is_none()) return "n";
  if (key.is_float() && key.real() != std::floor(key.real())) {
    return fmt::format("f{}", float_text(key.real()));
  }
  if (key.is_float()) return fmt::format("i{:.0f}", key.real());
  if (key.is_number()) return fmt::format("i{}", key.integer());
  if (key.is_list() && key.list().tuple) {
    std::string out = "t";
    for (const Value& item : key.list().items) {
      const std::string part = key_string(item);
      out += fmt::format("{}:{}", part.size(), part);
    }
    return out;
  }
  throw TemplateError(fmt::format("{} cannot be the key of a dict", key.phrase()));
}

}  // namespace

void Dict::set(const Value& key, Value value) {
  depth_ = std::max(depth_, checked_depth(value.depth()));
  const auto [it, fresh] = index_.try_emplace(key_string(key), entries_.size());
  if (fresh) {
    entries_.emplace_back(key, std::move(value));
  } else {
    entries_[it->second].second = std::move(value);
  }
}

const Value* Dict::find(const Value& key) const {
  const auto it = index_.find(key_string(key));
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

const Value* Dict::find(std::string_view key) const {
  const auto it = index_.find(text_key(key));
  return it == index_.end() ? nullptr : &entries_[it->second].second;
}

void Dict::clear() {
  entries_.clear();
  index_.clear();
}

Value::Value(Dict dict) : data_(std::make_shared<const Dict>(std::move(dict))) {}

Value Value::list(std::vector<Value> items, bool tuple) {
  std::uint32_t deepest = 0;
  for (const Value& item : items) deepest = std::max(deepest, item.depth());
  Value out;
  out.data_ = std::make_shared<const List>(List{std::move(items), tuple, checked_depth(deepest)});
  return out;
}

Value::Value(std::shared_ptr<LoopState> value) {
  std::uint32_t deepest = 0;
  for (const Value& item : value->items) deepest = std::max(deepest, item.depth());
  value->depth = checked_depth(deepest);
  data_ = std::move(value);
}

std::uint32_t Value::depth() const {
  if (is_list()) return list().depth;
  if (const auto* held = std::get_if<std::shared_ptr<LoopState>>(&data_)) return (*held)->depth;
  if (const auto* held = std::get_if<std::shared_ptr<const Callable>>(&data_)) {
    return (*held)->self.depth() + 1;
  }
  return is_dict() ? dict().depth() : 0;
}

const void* Value::identity() const {
  return std::visit(
      [](const auto& held) -> const void* {
        if constexpr (requires { held.get(); }) {
          return held.get();
        } else {
          return nullptr;
        }
      },
      data_);
}

bool Value::truthy() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return number() != 0.0;
  if (is_string()) return !string().empty();
  if (is_list()) return !list().items.empty();
  if (is_dict()) return !dict().entries().empty();
  return true;
}

std::string Value::type_name() const {
  if (is_list()) return list().tuple ? "tuple" : "list";
  static constexpr const char* kNames[] = {"undefined", "None", "bool",    "int",
                                           "float",     "str",  "list",    "dict",
                                           "namespace", "loop", "function"};
  return kNames[data_.index()];
}

std::string Value::phrase() const {
  if (is_none()) return "None";
  if (is_undefined()) return "an undefined value";
  const std::string name = type_name();
  return fmt::format("{} {}", name == "int" ? "an" : "a", name);
}

bool equal(const Value& a, const Value& b, Budget& budget) {
  budget.step();
  if (a.is_int() && b.is_int()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.is_string() && b.is_string()) {
    budget.step(std::min(a.string().size(), b.string().size()));
    return a.string() == b.string();
  }
  if (a.is_list() && b.is_list()) {
    const List& x = a.list();
    const List& y = b.list();
    if (x.tuple != y.tuple || x.items.size() != y.items.size()) return false;
    for (std::size_t i = 0; i < x.items.size(); ++i) {
      if (!equal(x.items[i], y.items[i], budget)) return false;
    }
    return true;
  }
  if (a.is_dict() && b.is_dict()) {
    if (a.dict().entries().size() != b.dict().entries().size()) return false;
    for (const auto& [key, value] : a.dict().entries()) {
      const Value* other = b.dict().find(key);
      if (!other || !equal(value, *other, budget)) return false;
    }
    return true;
  }
  if (a.is_none() || a.is_undefined()) {
    return a.is_none() == b.is_none() && a.is_undefined() == b.is_undefined();
  }
  return a.identity() != nullptr && a.identity() == b.identity();
}

bool less(const Value& a, const Value& b, Budget& budget) {
  budget.step();
  if (a.is_number() && b.is_number()) {
    if (!a.is_float() && !b.is_float()) return a.integer() < b.integer();
    return a.number() < b.number();
  }
  if (a.is_string() && b.is_string()) {
    budget.step(std::min(a.string().size(), b.string().size()));
    return a.string() < b.string();  // UTF-8 orders as code points do
  }
  if (a.is_list() && b.is_list() && a.list().tuple == b.list().tuple) {
    const auto& x = a.list().items;
    const auto& y = b.list().items;
    for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
      if (!equal(x[i], y[i], budget)) return less(x[i], y[i], budget);
    }
    return x.size() < y.size();
  }
  if (a.is_undefined() || b.is_undefined()) {
    throw TemplateError((a.is_undefined() ? a : b).undefined().what + " is undefined");
  }
  throw TemplateError(fmt::format("{} and {} cannot be ordered", a.type_name(), b.type_name()));
}

std::size_t find_text(std::string_view text, std::string_view needle, std::size_t start) {
  if (start > text.size()) return text.npos;
  if (needle.empty()) return start;
  const void* found =
      ::memmem(text.data() + start, text.size() - start, needle.data(), needle.size());
  if (!found) return text.npos;
  return static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  if (container.is_string()) {
    if (!item.is_string()) {
      throw TemplateError(fmt::format("'in' a str: expected a str, found {}", item.type_name()));
    }
    budget.step(container.string().size() + item.string().size());
    return find_text(container.string(), item.string()) != std::string::npos;
  }
  if (container.is_dict()) return container.dict().find(item) != nullptr;
  if (container.is_undefined()) return false;
  if (container.is_list()) {
    return std::ranges::any_of(container.list().items,
                               [&](const Value& v) { return equal(v, item, budget); });
  }
  throw TemplateError(fmt::format("'in' {} is not possible", container.phrase()));
}

std::vector<Value> iterate(const Value& value, Budget& budget) {
  std::vector<Value> out;
  if (value.is_list()) {
    budget.make(value.list().items.size() * sizeof(Value));
    return value.list().items;
  }
  if (value.is_dict()) {
    budget.make(value.dict().entries().size() * sizeof(Value));
    for (const auto& entry : value.dict().entries()) out.push_back(entry.first);
    return out;
  }
  if (value.is_string()) {
    std::string_view rest = value.string();
    budget.make(rest.size() * (sizeof(Value) + 64));
    while (!rest.empty()) {
      const std::size_t size = utf8_step(rest).num_bytes;
      out.emplace_back(std::string(rest.substr(0, size)));
      rest.remove_prefix(size);
    }
    return out;
  }
  if (value.is_undefined()) return out;
  if (const auto loop = value.loop()) return loop->items;
  throw TemplateError(fmt::format("{} cannot be iterated", value.phrase()));
}

std::int64_t length(const Value& value, Budget& budget) {
  if (value.is_list()) return static_cast<std::int64_t>(value.list().items.size());
  if (value.is_dict()) return static_cast<std::int64_t>(value.dict().entries().size());
  if (value.is_undefined()) return 0;
  if (const auto loop = value.loop()) return static_cast<std::int64_t>(loop->items.size());
  if (!value.is_string()) {
    throw TemplateError(fmt::format("{} has no length", value.phrase()));
  }
  budget.step(value.string().size());
  return std::ranges::count_if(
      value.string(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

}  // namespace tandem::models::jinja
