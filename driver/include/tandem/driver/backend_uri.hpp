// SPDX-License-Identifier: Apache-2.0
// `name[:body][?key=value&...]`: how users name a backend.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tandem::driver {

/// A parsed URI, e.g. `rtl:edge?trace=auto&seed=7`: name "rtl", body "edge", options trace and
/// seed.
struct BackendUri {
  std::string name;  ///< Lower-case letters, digits, '_' and '-'.
  std::string body;  ///< What stands between ':' and '?'; may be empty, may hold ':' and ','.
  std::map<std::string, std::string, std::less<>>
      options;  ///< A key without '=' has the value "1".

  /// Throws kInvalidArgument that shows the URI and the position of the first character that is
  /// wrong.
  static BackendUri parse(std::string_view text);
  std::string to_string() const;

  /// Value of an option or `fallback`. The number forms throw kInvalidArgument naming option, value
  /// and range.
  std::string_view get(std::string_view key, std::string_view fallback) const;
  std::uint64_t get_uint(std::string_view key, std::uint64_t fallback, std::uint64_t max) const;
  /// 0, 1, off, on, false, true, no, yes.
  bool get_bool(std::string_view key, bool fallback) const;
};

}  // namespace tandem::driver
