// SPDX-License-Identifier: Apache-2.0
#include "save_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string_view>

#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug::wave {
namespace {

/// Bits of the number behind `@`.
enum : std::uint64_t {
  kHex = 0x2,
  kDecimalFlag = 0x4,
  kBinaryFlag = 0x8,
  kRightJustified = 0x20,
  kBlank = 0x200,
  kHidden = 0x1000,
  kNamesOfFile = 0x2000,
  kFolded = 0x400000,
  kGroupBegin = 0x800000,
  kGroupEnd = 0x1000000,
  kEnumeration = 0x100000000,
};

constexpr const char* kNamesDir = "names";
constexpr int kWindowWidth = 1600;
constexpr int kWindowHeight = 950;
/// Units of time that the waves of a window of this size show at zoom 0.
constexpr double kUnitsAtZoom0 = 5.2;

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.close();
  if (!out) {
    throw Error(
        ErrorCode::kUnavailable,
        fmt::format("{} cannot be written; check directory, rights and space", path.string()));
  }
}

/// One value a line, as GTKWave shows it in hexadecimal.
std::string names_text(const std::string& names) {
  std::string text;
  if (names == "opcodes") {
    for (const abi::OpcodeInfo& info : abi::opcodes()) {
      text += fmt::format("{:02X} {}\n", static_cast<unsigned>(info.opcode), info.name);
    }
  } else if (names == "micro_ops") {
    for (const abi::MicroOpInfo& info : abi::micro_ops()) {
      text += fmt::format("{:02X} {}\n", static_cast<unsigned>(info.op), info.name);
    }
  } else {
    constexpr unsigned kFaults = static_cast<unsigned>(abi::Fault::kBadRing) + 1;
    for (unsigned fault = 0; fault < kFaults; ++fault) {
      text += fmt::format("{:04X} {}\n", fault, abi::to_string(static_cast<abi::Fault>(fault)));
    }
  }
  return text;
}

}  // namespace

SaveFile::Group::Group(SaveFile& file, const std::string& name, bool folded)
    : file_(file), name_(name), folded_(folded) {
  file_.flags(folded_ ? kGroupBegin | kBlank | kFolded : kGroupBegin | kBlank);
  file_.text_ += fmt::format("-{}\n", name_);
}

SaveFile::Group::~Group() {
  file_.flags(folded_ ? kGroupEnd | kBlank | kFolded | kHidden : kGroupEnd | kBlank);
  file_.text_ += fmt::format("-{}\n", name_);
}

SaveFile::SaveFile(std::filesystem::path path, std::string waves)
    : path_(std::move(path)), waves_(std::move(waves)) {}

void SaveFile::flags(std::uint64_t value) {
  if (value != flags_) text_ += fmt::format("@{:x}\n", value);
  flags_ = value;
}

void SaveFile::marker(std::uint64_t time, const std::string& name) {
  constexpr std::size_t kMost = 26;
  if (markers_.size() < kMost) markers_.emplace_back(time, name);
}

void SaveFile::comment(const std::string& text) {
  flags(kBlank);
  // The longest line decides how wide the column of names is.
  constexpr std::size_t kMost = 44;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::size_t end = rest.size();
    if (end > kMost) {
      end = rest.rfind(' ', kMost);
      if (end == std::string_view::npos || end == 0) end = kMost;
    }
    text_ += fmt::format("-{}\n", rest.substr(0, end));
    rest.remove_prefix(end);
    rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  }
}

void SaveFile::signal(const WaveSignal& signal, const std::string& label, Format format) {
  std::uint64_t shown = kRightJustified | kHex;
  if (format == Format::kDecimal) shown = kRightJustified | kDecimalFlag;
  if (format == Format::kBinary || signal.width == 1) shown = kRightJustified | kBinaryFlag;
  if (format == Format::kAuto && signal.enum_id >= 0) {
    shown = kRightJustified | kBinaryFlag | kEnumeration;
  }
  flags(shown);
  if (!label.empty()) text_ += fmt::format("+{{{}}} ", label);
  text_ += signal.path + signal.range + '\n';
}

void SaveFile::use_names(const std::string& names, unsigned width) {
  flags(names.empty() ? kRightJustified | kHex : kRightJustified | kHex | kNamesOfFile);
  if (names.empty() || width == 0) return;
  const auto number =
      names_.try_emplace(names, static_cast<unsigned>(names_.size()) + 1).first->second;
  text_ += fmt::format("^{} {}/{}.txt\n", number, kNamesDir, names);
}

void SaveFile::slice(const WaveSignal& signal, unsigned msb, unsigned lsb, const std::string& label,
                     const std::string& names) {
  use_names(names, msb - lsb + 1);
  text_ += fmt::format("#{{{}}}", label);
  // Bits are counted from the left.
  for (unsigned bit = msb + 1; bit-- > lsb;) {
    text_ += fmt::format(" ({}){}{}", signal.width - 1 - bit, signal.path, signal.range);
  }
  text_ += '\n';
}

void SaveFile::translated(const WaveSignal& signal, const std::string& label,
                          const std::string& names) {
  use_names(names, signal.width);
  text_ += fmt::format("+{{{}}} {}{}\n", label, signal.path, signal.range);
}

void SaveFile::close() {
  const double units = std::max(window_.to - window_.from, 1.0);
  std::string head = fmt::format(
      "[*]\n[*] Written by `tandem wave`\n[*]\n[dumpfile] \"{}\"\n[savefile] \"{}\"\n"
      "[timestart] {}\n[size] {} {}\n[pos] -1 -1\n*{:.6f} {}",
      waves_, path_.filename().string(), static_cast<std::uint64_t>(std::max(window_.from, 0.0)),
      kWindowWidth, kWindowHeight, -std::log2(units / kUnitsAtZoom0), window_.marker);
  constexpr std::size_t kMarkers = 27;
  for (std::size_t i = 0; i < kMarkers; ++i) {
    head += i < markers_.size() ? fmt::format(" {}", markers_[i].first) : " -1";
  }
  head += '\n';
  for (std::size_t i = 0; i < markers_.size(); ++i) {
    head += fmt::format("[markername] {}{}\n", static_cast<char>('A' + i), markers_[i].second);
  }
  head += "[sst_width] 200\n[signals_width] 330\n[sst_expanded] 0\n[sst_vpaned_height] 300\n";
  const std::filesystem::path names_dir = path_.parent_path() / kNamesDir;
  if (!names_.empty()) std::filesystem::create_directories(names_dir);
  for (const auto& [names, number] : names_) {
    write_file(names_dir / (names + ".txt"), names_text(names));
  }
  write_file(path_, head + text_ + "[pattern_trace] 1\n[pattern_trace] 0\n");
}

}  // namespace tandem::debug::wave
