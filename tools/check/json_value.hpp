// SPDX-License-Identifier: Apache-2.0
// JSON files of reference data: bounded, and every lookup that fails names file and place.
#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace tandem::check {

/// A value of a JSON file. Keeps the file's contents alive; cheap to copy.
///
/// What is not as expected throws kInvalidArgument: "FILE: /cases/3/file: expected a string, found
/// 5; ...", the place as a JSON pointer (RFC 6901).
class JsonValue {
 public:
  /// Parses a file of at most 64 MiB, 2 million values and 64 levels. Malformed text throws
  /// kInvalidArgument with line and column; a file that cannot be read kNotFound.
  static JsonValue read(const std::filesystem::path& path);

  bool is_null() const;
  bool is_object() const;

  // Of an object.
  /// Whether the key is there and not null.
  bool has(const std::string& key) const;
  JsonValue at(const std::string& key) const;
  std::vector<std::pair<std::string, JsonValue>> members() const;

  // Of an array.
  std::size_t size() const;
  JsonValue at(std::size_t index) const;
  std::vector<JsonValue> elements() const;

  /// bool, string, integers (in their range), floating point (any number), and vectors of these.
  template <class T>
  T get() const;
  /// The value under a key of this object, `fallback` where it is absent or null.
  template <class T>
  T value(const std::string& key, T fallback) const {
    return has(key) ? at(key).get<T>() : std::move(fallback);
  }

  /// "FILE: /cases/3/file", for messages.
  std::string place() const;
  /// As JSON text.
  std::string dump() const;
  /// Throws as above: `what` behind file and place.
  [[noreturn]] void fail(std::string_view what) const;

 private:
  struct Document;
  JsonValue(std::shared_ptr<const Document> document, const nlohmann::ordered_json& value,
            std::string pointer)
      : document_(std::move(document)), value_(&value), pointer_(std::move(pointer)) {}

  [[noreturn]] void fail_expected(std::string_view expected) const;
  bool boolean() const;
  double number() const;
  std::string text() const;
  std::int64_t integer(std::int64_t min, std::uint64_t max) const;  ///< Values above 2^63 wrap.

  std::shared_ptr<const Document> document_;
  const nlohmann::ordered_json* value_;
  std::string pointer_;
};

namespace detail {
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
}  // namespace detail

template <class T>
T JsonValue::get() const {
  if constexpr (std::is_same_v<T, bool>) {
    return boolean();
  } else if constexpr (std::is_same_v<T, std::string>) {
    return text();
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(number());
  } else if constexpr (detail::kIsVector<T>) {
    T list;
    for (const JsonValue& element : elements()) {
      list.push_back(element.get<typename T::value_type>());
    }
    return list;
  } else {
    static_assert(std::is_integral_v<T>);
    return static_cast<T>(integer(std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  }
}

}  // namespace tandem::check
