// SPDX-License-Identifier: Apache-2.0
// The schema of configuration files: what sim_configs/schema.yml says, and the check of a file
// against it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "yaml_tree.hpp"

namespace tandem::runtime {

enum class KeyType { kName, kInteger, kSize, kBool, kMap, kList };

/// One key of the schema.
struct SchemaKey {
  std::string key;     ///< Full path, e.g. "memory[].base".
  std::string parent;  ///< Path of the map that holds it: "" or "memory[]".
  std::string leaf;    ///< Last part: "base".
  KeyType type = KeyType::kInteger;
  std::string unit;
  std::uint64_t min = 0;  ///< Of values, items of a list, or characters of a name.
  std::uint64_t max = 0;
  std::uint64_t multiple = 1;
  bool power_of_two = false;
  bool unique = false;
  std::string doc;
};

struct Schema {
  struct Named {
    std::string name;
    std::string doc;
  };
  std::vector<SchemaKey> keys;
  std::vector<Named> regions;   ///< Every configuration has them.
  std::vector<Named> sections;  ///< Top-level keys that other readers check.

  const SchemaKey* find(std::string_view key) const;
};

/// The schema compiled into this library.
const Schema& config_schema();

/// Throws kInvalidArgument with file, line, key, expected and found for the first node of `root`
/// that breaks the schema.
void check_against_schema(const YamlNode& root, const Schema& schema, const std::string& file);

/// Integer in decimal or 0x hexadecimal, '_' between digits allowed; with `units`, followed by an
/// optional KiB, MiB, GiB or TiB. Empty if the text is none or does not fit 64 bits.
std::optional<std::uint64_t> parse_integer(std::string_view text, bool units);

/// true, false, yes, no, on, off.
std::optional<bool> parse_bool(std::string_view text);

/// The name nearest to `wrong` if it is near enough to be meant; else empty.
std::string nearest_name(std::string_view wrong, const std::vector<std::string>& names);

}  // namespace tandem::runtime
