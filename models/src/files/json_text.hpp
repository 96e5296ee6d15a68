// SPDX-License-Identifier: Apache-2.0
// JSON from untrusted files: bounded size, depth and number of values, errors with file and line.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::models {

using Json = nlohmann::ordered_json;

/// What a document may cost. A value takes up to about 120 bytes of memory.
struct JsonLimits {
  std::uint64_t max_bytes = std::uint64_t{4} << 20;
  std::uint64_t max_values = 400'000;
  std::uint32_t max_depth = 64;
};

inline constexpr JsonLimits kTokenizerJsonLimits{std::uint64_t{128} << 20, 8'000'000, 64};

/// Parses one document; `where` names it in messages ("config.json").
/// Errors: kInvalidArgument with `where`:line:column for malformed text, a key that appears twice
/// in an object, invalid UTF-8, or a passed limit.
Json parse_json(std::string_view text, const std::string& where, const JsonLimits& limits = {});

/// Parses a file. Errors: as parse_json, and those of MappedFile::open.
Json read_json_file(const std::filesystem::path& path, const JsonLimits& limits = {});

/// One object of a document together with its place, for lookups whose errors say
/// "file: key a.b: expected ..., found ...". Refers to a Json that must outlive it.
class JsonFields {
 public:
  /// Errors: kInvalidArgument when `object` is no object.
  JsonFields(const Json& object, std::string where, std::string prefix = "");

  /// The value, or nullptr when the key is absent or null.
  const Json* find(const std::string& key) const;
  bool has(const std::string& key) const { return find(key) != nullptr; }

  // Absent or null gives nullopt, another type than expected kInvalidArgument.
  std::optional<std::int64_t> integer(const std::string& key) const;
  std::optional<double> number(const std::string& key) const;
  std::optional<bool> flag(const std::string& key) const;
  std::optional<std::string> text(const std::string& key) const;

  /// The object under a key. Errors: kInvalidArgument when absent or no object.
  JsonFields object(const std::string& key) const;
  /// The array under a key. Errors likewise.
  const Json& array(const std::string& key) const;

  /// "config.json: key rope_scaling.factor".
  std::string place(const std::string& key) const;
  [[noreturn]] void fail(const std::string& key, const std::string& what) const;
  [[noreturn]] void missing(const std::string& key, const std::string& expected) const;

 private:
  const Json* object_;
  std::string where_;
  std::string prefix_;
};

/// Short description of a value for messages: its type, and the value itself where it is short.
std::string describe(const Json& value);

}  // namespace tandem::models
