// SPDX-License-Identifier: Apache-2.0
// A YAML document as a tree that knows its lines.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::runtime {

/// A node of a YAML document.
struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;                 ///< From 1.
  std::string text;             ///< Of a scalar.
  bool quoted = false;          ///< The scalar stood in quotes, so it is text and not a number.
  std::string key;              ///< Of an entry of a map.
  std::vector<YamlNode> items;  ///< Elements of a list, entries of a map.

  /// Entry of a map by key; nullptr if there is none.
  const YamlNode* find(std::string_view name) const;
  /// "a list", "a map", "nothing" or the scalar in quotes, cut after 40 characters: for messages.
  std::string describe() const;
};

inline constexpr std::size_t kMaxYamlBytes = 256 * 1024;
inline constexpr std::size_t kMaxYamlNodes = 4096;
inline constexpr std::size_t kMaxYamlDepth = 16;

/// Parses one document. Anchors, aliases, tags, duplicate keys, keys that are not scalars, more
/// than one document and documents beyond the limits above are refused. Throws kInvalidArgument
/// naming `file` and line.
YamlNode parse_yaml(std::string_view text, const std::string& file);

/// Reads a whole regular file of at most `max_bytes`. Throws kNotFound or kInvalidArgument.
std::string read_text_file(const std::string& path, std::size_t max_bytes);

}  // namespace tandem::runtime
