// SPDX-License-Identifier: Apache-2.0
// Cycles that cases took when they were last agreed on: a YAML file, one line a case.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace tandem::rtltest {

/// How a figure of a case compares with its baseline.
enum class Change { kNone, kSlower, kFaster };

/// Figures within 2 % + 4 cycles count as equal.
Change compare_cycles(std::uint64_t expected, std::uint64_t found);

/// Cycles by case and setting ("edge zero-wait").
class Baseline {
 public:
  /// An empty one where there is no such file. Throws kInvalidArgument naming file and line.
  static Baseline load(const std::filesystem::path& file);
  /// Sorted by case, so that files differ only where figures do.
  void save(const std::filesystem::path& file) const;

  std::optional<std::uint64_t> find(const std::string& name, const std::string& setting) const;
  void set(const std::string& name, const std::string& setting, std::uint64_t cycles);
  /// Cases that have a figure for the setting.
  std::set<std::string> names(const std::string& setting) const;
  void remove(const std::string& name, const std::string& setting);

 private:
  std::map<std::string, std::map<std::string, std::uint64_t>> cases_;
};

/// Compares all figures of a setting with the baseline. Empty if every case is there and equal,
/// else a line for each that is not, and what `command` does about it.
std::string differences(const Baseline& baseline, const std::string& setting,
                        const std::map<std::string, std::uint64_t>& found,
                        const std::string& command);

}  // namespace tandem::rtltest
