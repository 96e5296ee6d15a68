// SPDX-License-Identifier: Apache-2.0
#include "schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>
#include <set>
#include <utility>

#include "schema_text.hpp"
#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

constexpr char kSchemaFile[] = "sim_configs/schema.yml";

[[noreturn]] void fail(const std::string& file, int line, const std::string& key,
                       const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument,
              key.empty() ? fmt::format("{}:{}: {}", file, line, what)
                          : fmt::format("{}:{}: {}: {}", file, line, key, what));
}

std::string text_of(const YamlNode& entry, std::string_view key) {
  const YamlNode* node = entry.find(key);
  return node == nullptr ? std::string() : node->text;
}

std::uint64_t integer_of(const YamlNode& entry, std::string_view key, std::uint64_t fallback) {
  const YamlNode* node = entry.find(key);
  if (node == nullptr) {
    return fallback;
  }
  const auto value = parse_integer(node->text, false);
  TANDEM_CHECK(value.has_value());
  return *value;
}

KeyType type_of(const std::string& name) {
  static constexpr std::pair<std::string_view, KeyType> kTypes[] = {
      {"name", KeyType::kName}, {"integer", KeyType::kInteger}, {"size", KeyType::kSize},
      {"bool", KeyType::kBool}, {"map", KeyType::kMap},         {"list", KeyType::kList}};
  for (const auto& [text, type] : kTypes) {
    if (text == name) {
      return type;
    }
  }
  throw Error(ErrorCode::kInternal, fmt::format("{}: unknown type '{}'", kSchemaFile, name));
}

SchemaKey read_key(const YamlNode& entry) {
  constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();
  SchemaKey key;
  key.key = text_of(entry, "key");
  const std::size_t dot = key.key.rfind('.');
  key.parent = dot == std::string::npos ? "" : key.key.substr(0, dot);
  key.leaf = dot == std::string::npos ? key.key : key.key.substr(dot + 1);
  key.type = type_of(text_of(entry, "type"));
  key.unit = text_of(entry, "unit");
  key.min = integer_of(entry, key.type == KeyType::kList ? "min_items" : "min",
                       key.type == KeyType::kName ? 1 : 0);
  key.max = integer_of(entry,
                       key.type == KeyType::kList   ? "max_items"
                       : key.type == KeyType::kName ? "max_length"
                                                    : "max",
                       kNoLimit);
  key.multiple = integer_of(entry, "multiple", 1);
  key.power_of_two = text_of(entry, "power_of_two") == "true";
  key.unique = text_of(entry, "unique") == "true";
  key.doc = text_of(entry, "doc");
  return key;
}

std::vector<Schema::Named> read_named(const YamlNode& root, std::string_view section) {
  std::vector<Schema::Named> list;
  const YamlNode* node = root.find(section);
  TANDEM_CHECK(node != nullptr);
  for (const YamlNode& entry : node->items) {
    list.push_back({text_of(entry, "name"), text_of(entry, "doc")});
  }
  return list;
}

std::string_view article_name(KeyType type) {
  switch (type) {
    case KeyType::kName:
      return "a name";
    case KeyType::kInteger:
      return "an integer";
    case KeyType::kSize:
      return "a size such as 16 MiB";
    case KeyType::kBool:
      return "true or false";
    case KeyType::kMap:
      return "a map";
    case KeyType::kList:
      return "a list";
  }
  return "a value";
}

/// Limits from 64 KiB on read better in hexadecimal: they are addresses and sizes.
std::string number(std::uint64_t value) {
  return value < 65536 ? fmt::format("{}", value) : fmt::format("{:#x}", value);
}

/// "an integer from 1 to 256, a power of two [rows]".
std::string expectation(const SchemaKey& key) {
  std::string text(article_name(key.type));
  switch (key.type) {
    case KeyType::kName:
      text += fmt::format(" of 1 to {} characters a-z 0-9 _ -", key.max);
      break;
    case KeyType::kInteger:
    case KeyType::kSize:
      text += fmt::format(" from {} to {}", number(key.min), number(key.max));
      if (key.multiple != 1) {
        text += fmt::format(", a multiple of {}", number(key.multiple));
      }
      if (key.power_of_two) {
        text += ", a power of two";
      }
      if (!key.unit.empty()) {
        text += fmt::format(" [{}]", key.unit);
      }
      break;
    case KeyType::kList:
      text += fmt::format(" of {} to {} entries", key.min, key.max);
      break;
    default:
      break;
  }
  return text;
}

class Checker {
 public:
  Checker(const Schema& schema, const std::string& file) : schema_(schema), file_(file) {}

  /// `parent` as in the schema ("memory[]"), `path` as shown ("memory[2]").
  void check_map(const YamlNode& node, const std::string& parent, const std::string& path) {
    if (node.kind != YamlNode::Kind::kMap) {
      fail(file_, std::max(node.line, 1), path,
           fmt::format("expected a map with the keys {}, found {}", fmt::join(leaves(parent), ", "),
                       node.describe()));
    }
    const std::string prefix = path.empty() ? "" : path + ".";
    for (const YamlNode& entry : node.items) {
      if (parent.empty() && is_foreign(entry.key)) {
        continue;
      }
      const SchemaKey* key = schema_.find(parent.empty() ? entry.key : parent + "." + entry.key);
      if (key == nullptr) {
        fail_unknown(entry, parent, prefix);
      }
      check_value(entry, *key, prefix + entry.key);
    }
    for (const SchemaKey& key : schema_.keys) {
      if (key.parent == parent && node.find(key.leaf) == nullptr) {
        fail(file_, std::max(node.line, 1), prefix + key.leaf,
             fmt::format("missing; expected {}", expectation(key)));
      }
    }
  }

 private:
  bool is_foreign(const std::string& key) const {
    return key.starts_with("x-") ||
           std::any_of(schema_.sections.begin(), schema_.sections.end(),
                       [&](const Schema::Named& section) { return section.name == key; });
  }

  std::vector<std::string> leaves(const std::string& parent) const {
    std::vector<std::string> names;
    for (const SchemaKey& key : schema_.keys) {
      if (key.parent == parent) {
        names.push_back(key.leaf);
      }
    }
    return names;
  }

  [[noreturn]] void fail_unknown(const YamlNode& entry, const std::string& parent,
                                 const std::string& prefix) const {
    std::vector<std::string> known = leaves(parent);
    if (parent.empty()) {
      for (const Schema::Named& section : schema_.sections) {
        known.push_back(section.name);
      }
    }
    const std::string near = nearest_name(entry.key, known);
    fail(file_, entry.line, prefix + entry.key.substr(0, 64),
         near.empty()
             ? fmt::format("unknown key; expected one of {}{}", fmt::join(known, ", "),
                           parent.empty() ? ", or a key of your own that starts with x-" : "")
             : fmt::format("unknown key; did you mean {}{}?", prefix, near));
  }

  [[noreturn]] void fail_value(const YamlNode& node, const SchemaKey& key,
                               const std::string& path) const {
    fail(file_, node.line, path,
         fmt::format("expected {}, found {}", expectation(key), node.describe()));
  }

  void check_value(const YamlNode& node, const SchemaKey& key, const std::string& path) {
    switch (key.type) {
      case KeyType::kMap:
        check_map(node, key.key, path);
        return;
      case KeyType::kList:
        check_list(node, key, path);
        return;
      default:
        break;
    }
    if (node.kind != YamlNode::Kind::kScalar || !is_valid_scalar(node, key)) {
      fail_value(node, key, path);
    }
  }

  static bool is_valid_scalar(const YamlNode& node, const SchemaKey& key) {
    if (key.type == KeyType::kName) {
      return !node.text.empty() && node.text.size() <= key.max &&
             node.text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") ==
                 std::string::npos;
    }
    if (node.quoted) {
      return false;
    }
    if (key.type == KeyType::kBool) {
      return parse_bool(node.text).has_value();
    }
    const auto value = parse_integer(node.text, key.type == KeyType::kSize);
    return value && *value >= key.min && *value <= key.max && *value % key.multiple == 0 &&
           (!key.power_of_two || std::has_single_bit(*value));
  }

  void check_list(const YamlNode& node, const SchemaKey& key, const std::string& path) {
    if (node.kind != YamlNode::Kind::kList) {
      fail_value(node, key, path);
    }
    if (node.items.size() < key.min || node.items.size() > key.max) {
      fail(file_, node.line, path,
           fmt::format("expected {}, found {} entries", expectation(key), node.items.size()));
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      check_map(node.items[i], key.key + "[]", fmt::format("{}[{}]", path, i));
    }
    for (const SchemaKey& element : schema_.keys) {
      if (element.unique && element.parent == key.key + "[]") {
        check_unique(node, element.leaf, path);
      }
    }
  }

  void check_unique(const YamlNode& list, const std::string& leaf, const std::string& path) {
    for (std::size_t i = 0; i < list.items.size(); ++i) {
      for (std::size_t j = 0; j < i; ++j) {
        const YamlNode& second = *list.items[i].find(leaf);
        const YamlNode& first = *list.items[j].find(leaf);
        if (first.text == second.text) {
          fail(file_, second.line, fmt::format("{}[{}].{}", path, i, leaf),
               fmt::format("{} is already the {} of {}[{}] at line {}; expected different ones",
                           second.describe(), leaf, path, j, first.line));
        }
      }
    }
  }

  const Schema& schema_;
  const std::string& file_;
};

/// Levenshtein distance.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) {
    row[j] = j;
  }
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = diagonal + (a[i - 1] != b[j - 1] ? 1 : 0);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row[b.size()];
}

}  // namespace

const SchemaKey* Schema::find(std::string_view key) const {
  const auto it =
      std::find_if(keys.begin(), keys.end(), [&](const SchemaKey& k) { return k.key == key; });
  return it == keys.end() ? nullptr : &*it;
}

const Schema& config_schema() {
  static const Schema schema = [] {
    const YamlNode root = parse_yaml(kSchemaText, kSchemaFile);
    Schema result;
    const YamlNode* keys = root.find("keys");
    TANDEM_CHECK(keys != nullptr);
    for (const YamlNode& entry : keys->items) {
      result.keys.push_back(read_key(entry));
    }
    result.regions = read_named(root, "regions");
    result.sections = read_named(root, "sections");
    return result;
  }();
  return schema;
}

void check_against_schema(const YamlNode& root, const Schema& schema, const std::string& file) {
  Checker(schema, file).check_map(root, "", "");
}

std::optional<std::uint64_t> parse_integer(std::string_view text, bool units) {
  static constexpr std::pair<std::string_view, unsigned> kUnits[] = {
      {"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  unsigned shift = 0;
  for (const auto& [unit, bits] : kUnits) {
    if (units && text.ends_with(unit)) {
      shift = bits;
      text.remove_suffix(unit.size());
      while (text.ends_with(' ')) {
        text.remove_suffix(1);
      }
      break;
    }
  }
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) {
    text.remove_prefix(2);
  } else if (text.size() > 1 && text.front() == '0') {
    return std::nullopt;  // Octal to some readers, decimal to others.
  }
  if (text.empty() || text.front() == '_' || text.back() == '_') {
    return std::nullopt;
  }
  const std::uint64_t base = hexadecimal ? 16 : 10;
  const std::uint64_t limit = std::numeric_limits<std::uint64_t>::max() >> shift;
  std::uint64_t value = 0;
  for (const char c : text) {
    if (c == '_') {
      continue;
    }
    const unsigned digit = c >= '0' && c <= '9'   ? unsigned(c - '0')
                           : c >= 'a' && c <= 'f' ? unsigned(c - 'a') + 10
                           : c >= 'A' && c <= 'F' ? unsigned(c - 'A') + 10
                                                  : 16;
    if (digit >= base || value > (limit - digit) / base) {
      return std::nullopt;
    }
    value = value * base + digit;
  }
  return value << shift;
}

std::optional<bool> parse_bool(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") {
    return true;
  }
  if (text == "false" || text == "no" || text == "off") {
    return false;
  }
  return std::nullopt;
}

std::string nearest_name(std::string_view wrong, const std::vector<std::string>& names) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, wrong.size() / 3) + 1;
  if (wrong.size() > 64) {
    return best;
  }
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(wrong, name);
    if (distance < best_distance && distance < name.size()) {
      best = name;
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace tandem::runtime
