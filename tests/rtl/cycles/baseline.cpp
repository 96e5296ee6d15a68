// SPDX-License-Identifier: Apache-2.0
// The baseline file, and what is said where a figure left it.
#include "rtl/cycles/baseline.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <fstream>

#include "tandem/base/error.hpp"

namespace tandem::rtltest {
namespace {

constexpr std::uint64_t kTolerancePercent = 2;
constexpr std::uint64_t kToleranceCycles = 4;

std::uint64_t tolerance(std::uint64_t expected) {
  return expected * kTolerancePercent / 100 + kToleranceCycles;
}

}  // namespace

Change compare_cycles(std::uint64_t expected, std::uint64_t found) {
  if (found > expected + tolerance(expected)) return Change::kSlower;
  if (found + tolerance(expected) < expected) return Change::kFaster;
  return Change::kNone;
}

Baseline Baseline::load(const std::filesystem::path& file) {
  Baseline baseline;
  if (!std::filesystem::exists(file)) return baseline;
  try {
    for (const auto& entry : YAML::LoadFile(file.string())) {
      const auto name = entry.first.as<std::string>();
      for (const auto& figure : entry.second) {
        baseline.set(name, figure.first.as<std::string>(), figure.second.as<std::uint64_t>());
      }
    }
  } catch (const YAML::Exception& error) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: expected `case: {{setting: cycles, ...}}`, found: {}",
                            file.string(), error.mark.line + 1, error.msg));
  }
  return baseline;
}

void Baseline::save(const std::filesystem::path& file) const {
  std::ofstream out(file);
  out << "# SPDX-License-Identifier: Apache-2.0\n"
         "# Cycles of packets and ops on rtl: by configuration and memory. Written by "
         "scripts/update-cycles.sh.\n";
  for (const auto& [name, settings] : cases_) {
    if (settings.empty()) continue;
    std::string figures;
    for (const auto& [setting, cycles] : settings) {
      figures += fmt::format("{}{}: {}", figures.empty() ? "" : ", ", setting, cycles);
    }
    out << fmt::format("{}: {{{}}}\n", name, figures);
  }
  if (!out.flush()) {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot write {}", file.string()));
  }
}

std::optional<std::uint64_t> Baseline::find(const std::string& name,
                                            const std::string& setting) const {
  const auto entry = cases_.find(name);
  if (entry == cases_.end()) return std::nullopt;
  const auto figure = entry->second.find(setting);
  if (figure == entry->second.end()) return std::nullopt;
  return figure->second;
}

void Baseline::set(const std::string& name, const std::string& setting, std::uint64_t cycles) {
  cases_[name][setting] = cycles;
}

std::set<std::string> Baseline::names(const std::string& setting) const {
  std::set<std::string> names;
  for (const auto& [name, settings] : cases_) {
    if (settings.contains(setting)) names.insert(name);
  }
  return names;
}

void Baseline::remove(const std::string& name, const std::string& setting) {
  cases_[name].erase(setting);
}

std::string differences(const Baseline& baseline, const std::string& setting,
                        const std::map<std::string, std::uint64_t>& found,
                        const std::string& command) {
  std::string lines;
  bool faster = false, other = false;
  for (const auto& [name, cycles] : found) {
    const auto expected = baseline.find(name, setting);
    if (!expected) {
      other = true;
      lines += fmt::format("{}: {}: no baseline, found {} cycles\n", setting, name, cycles);
      continue;
    }
    const Change change = compare_cycles(*expected, cycles);
    if (change == Change::kNone) continue;
    (change == Change::kFaster ? faster : other) = true;
    lines += fmt::format("{}: {}: expected {} cycles (within {}), found {}: {}\n", setting, name,
                         *expected, tolerance(*expected), cycles,
                         change == Change::kSlower ? "slower" : "faster");
  }
  for (const std::string& name : baseline.names(setting)) {
    if (found.contains(name)) continue;
    other = true;
    lines += fmt::format("{}: {}: in the baseline, but no longer a case\n", setting, name);
  }
  if (lines.empty()) return lines;
  if (faster) lines += "What became faster is to stay so: commit the new baseline.\n";
  if (other) lines += "Where a change is meant, commit the new baseline.\n";
  return lines + "It is written by: " + command + '\n';
}

}  // namespace tandem::rtltest
