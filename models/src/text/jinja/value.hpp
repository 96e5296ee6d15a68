// SPDX-License-Identifier: Apache-2.0
// Values of the template language: Python's types as far as templates see them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace tandem::models::jinja {

class Value;
class Budget;
struct Macro;
struct Scope;

/// What goes wrong while a template runs; the interpreter adds name and line.
class TemplateError : public std::runtime_error {
 public:
  explicit TemplateError(const std::string& what, bool unimplemented = false)
      : std::runtime_error(what), unimplemented_(unimplemented) {}
  bool unimplemented() const { return unimplemented_; }

 private:
  bool unimplemented_;
};

/// A missing variable or attribute: false, empty, printable, but nothing else.
struct Undefined {
  std::string what;  ///< For messages: "variable 'x'".
};
struct None {};

/// Lists, tuples and dicts never change after they were made, so they hold no cycles; `depth` is
/// bounded, so that recursion over them is.
struct List {
  std::vector<Value> items;
  bool tuple = false;
  std::uint32_t depth = 1;
};

class Dict {
 public:
  /// Adds or replaces; a replaced entry keeps its place. The key is hashable or TemplateError.
  void set(const Value& key, Value value);
  const Value* find(const Value& key) const;
  const Value* find(std::string_view key) const;
  const std::vector<std::pair<Value, Value>>& entries() const { return entries_; }
  std::uint32_t depth() const { return depth_; }
  void clear();

 private:
  std::vector<std::pair<Value, Value>> entries_;
  std::unordered_map<std::string, std::size_t> index_;
  std::uint32_t depth_ = 1;
};

/// namespace(): the one kind of value that templates change.
struct Namespace {
  Dict values;
};

/// The `loop` variable.
struct LoopState {
  std::vector<Value> items;
  std::size_t index = 0;
  std::uint32_t depth = 1;
};

struct Callable;

using String = std::shared_ptr<const std::string>;
using ListPtr = std::shared_ptr<const List>;
using DictPtr = std::shared_ptr<const Dict>;

class Value {
 public:
  Value() : data_(Undefined{}) {}
  Value(None) : data_(None{}) {}
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(bool value) : data_(value) {}
  Value(std::int64_t value) : data_(value) {}
  Value(double value) : data_(value) {}
  Value(std::string value) : data_(std::make_shared<const std::string>(std::move(value))) {}
  Value(const char* value) : Value(std::string(value)) {}
  Value(Dict dict);
  Value(std::shared_ptr<Namespace> value) : data_(std::move(value)) {}
  Value(std::shared_ptr<LoopState> value);
  Value(std::shared_ptr<const Callable> value) : data_(std::move(value)) {}

  static Value list(std::vector<Value> items, bool tuple = false);

  bool is_undefined() const { return holds<Undefined>(); }
  bool is_none() const { return holds<None>(); }
  bool is_bool() const { return holds<bool>(); }
  bool is_int() const { return holds<std::int64_t>(); }
  bool is_float() const { return holds<double>(); }
  bool is_string() const { return holds<String>(); }
  bool is_list() const { return holds<ListPtr>(); }
  bool is_dict() const { return holds<DictPtr>(); }
  bool is_number() const { return is_int() || is_float() || is_bool(); }

  const std::string& string() const { return *std::get<String>(data_); }
  const List& list() const { return *std::get<ListPtr>(data_); }
  const Dict& dict() const { return *std::get<DictPtr>(data_); }
  bool boolean() const { return std::get<bool>(data_); }
  double real() const { return std::get<double>(data_); }
  const Undefined& undefined() const { return std::get<Undefined>(data_); }
  std::shared_ptr<Namespace> name_space() const {
    return get_or_null<std::shared_ptr<Namespace>>();
  }
  std::shared_ptr<LoopState> loop() const { return get_or_null<std::shared_ptr<LoopState>>(); }
  std::shared_ptr<const Callable> callable() const {
    return get_or_null<std::shared_ptr<const Callable>>();
  }

  /// Of an int or bool.
  std::int64_t integer() const { return is_bool() ? boolean() : std::get<std::int64_t>(data_); }
  /// Of any number.
  double number() const { return is_float() ? real() : static_cast<double>(integer()); }

  /// Python's truth value.
  bool truthy() const;
  /// "str", "int", ... for messages.
  std::string type_name() const;
  /// The same with its article: "a str", "an int", "None".
  std::string phrase() const;
  /// Nesting of lists, dicts, loops and bound methods; 0 for everything else. Namespaces count as
  /// 0: the interpreter owns them all.
  std::uint32_t depth() const;
  const void* identity() const;

 private:
  template <typename T>
  bool holds() const {
    return std::holds_alternative<T>(data_);
  }
  template <typename T>
  T get_or_null() const {
    const T* found = std::get_if<T>(&data_);
    return found ? *found : nullptr;
  }

  std::variant<Undefined, None, bool, std::int64_t, double, String, ListPtr, DictPtr,
               std::shared_ptr<Namespace>, std::shared_ptr<LoopState>,
               std::shared_ptr<const Callable>>
      data_;
};

/// Something that can be called: a macro in the scope that defines it, a global function, or a
/// method of a value.
struct Callable {
  const Macro* macro = nullptr;
  std::weak_ptr<Scope> scope;  // of the macro
  Value self;                  // of a method
  bool method = false;
  std::string name;
};

/// Counts the work of one rendering and stops it at its limits.
class Budget {
 public:
  Budget(std::uint64_t max_steps, std::uint64_t max_bytes)
      : max_steps_(max_steps), max_bytes_(max_bytes) {}

  /// One step, and one more for every 64 bytes or elements looked at.
  void step(std::uint64_t looked_at = 0) {
    steps_ += 1 + looked_at / 64;
    if (steps_ > max_steps_) throw TemplateError("the template takes more steps than allowed");
  }
  /// Memory for a new string or list; before it is made.
  void make(std::uint64_t num_bytes) {
    if (num_bytes > max_bytes_ || bytes_ + num_bytes > max_bytes_) {
      throw TemplateError("the template makes more text than allowed");
    }
    step(num_bytes);
    bytes_ += num_bytes + 32;
  }

 private:
  std::uint64_t max_steps_;
  std::uint64_t max_bytes_;
  std::uint64_t steps_ = 0;
  std::uint64_t bytes_ = 0;
};

bool equal(const Value& a, const Value& b, Budget& budget);
/// a < b as Python orders them; TemplateError for types without an order.
bool less(const Value& a, const Value& b, Budget& budget);
/// `item in container`.
bool contains(const Value& container, const Value& item, Budget& budget);

/// str(value) and repr(value).
std::string to_text(const Value& value, Budget& budget);
std::string to_repr(const Value& value, Budget& budget);
/// Python's repr of a float.
std::string float_text(double value);

struct JsonStyle {
  int indent = -1;  ///< -1: one line.
  bool sort_keys = false;
  bool ascii = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};
std::string to_json(const Value& value, const JsonStyle& style, Budget& budget);

/// Call with arguments already evaluated.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  /// The argument at `index` or called `name`; nullptr when absent.
  const Value* get(std::size_t index, std::string_view name) const;
  /// TemplateError unless between `least` and `most` arguments are there, and all names known.
  void check(std::string_view function, std::size_t least, std::size_t most,
             std::initializer_list<std::string_view> names = {}) const;
  // Typed arguments; TemplateError naming function and argument when the type is another.
  std::string text(std::string_view function, std::size_t index, std::string_view name,
                   std::string_view otherwise) const;
  std::int64_t integer(std::string_view function, std::size_t index, std::string_view name,
                       std::int64_t otherwise) const;
  bool truth(std::size_t index, std::string_view name, bool otherwise) const;
};

/// value.name and value[key]: Undefined where there is nothing.
Value get_attribute(const Value& value, const std::string& name, Budget& budget);
Value get_item(const Value& value, const Value& key, Budget& budget);
/// value[start:stop:step]; undefined parts are left out.
Value get_slice(const Value& value, const Value& start, const Value& stop, const Value& step,
                Budget& budget);
/// left op right for + - * / // % **.
Value binary_operation(const std::string& op, const Value& left, const Value& right,
                       Budget& budget);

/// value.name(...): Python's methods of str, list, tuple and dict.
Value call_method(const Value& self, const std::string& name, const Arguments& arguments,
                  Budget& budget);
bool has_method(const Value& self, const std::string& name);
/// "%s" formatting.
std::string format_text(const std::string& format, const std::vector<Value>& values,
                        Budget& budget);
/// Text without the characters of `characters` (white space when empty) at its ends.
std::string_view strip_text(std::string_view text, std::string_view characters, bool left,
                            bool right);

Value apply_filter(const std::string& name, const Value& value, const Arguments& arguments,
                   Budget& budget);
bool apply_test(const std::string& name, const Value& value, const Arguments& arguments,
                Budget& budget);

/// The elements that a `for` sees: items, keys, or characters. TemplateError when there are none.
std::vector<Value> iterate(const Value& value, Budget& budget);
/// len(value).
std::int64_t length(const Value& value, Budget& budget);

/// The place of `needle` in `text` from `start` on, in linear time; npos when absent.
std::size_t find_text(std::string_view text, std::string_view needle, std::size_t start = 0);

}  // namespace tandem::models::jinja
