// SPDX-License-Identifier: Apache-2.0
// GTKWave's save files, and its files of names for values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "fst_file.hpp"

namespace tandem::debug::wave {

/// Collects what a save file says, line by line; `close` writes it. The folder can be moved: the
/// waves and the files of names (in names/) are given relative to it.
class SaveFile {
 public:
  enum class Format : std::uint8_t {
    kAuto,  ///< Names of an enumeration, one bit, or hexadecimal.
    kDecimal,
    kBinary,
  };
  struct Window {
    double from = 0;
    double to = 0;
    std::uint64_t marker = 0;
  };
  /// Lines between its two ends are a group, which may begin folded.
  class Group {
   public:
    Group(SaveFile& file, const std::string& name, bool folded = false);
    ~Group();
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

   private:
    SaveFile& file_;
    std::string name_;
    bool folded_;
  };

  /// `waves`: file beside it.
  SaveFile(std::filesystem::path path, std::string waves);

  void set_window(const Window& window) { window_ = window; }
  /// At most 26.
  void marker(std::uint64_t time, const std::string& name);
  void comment(const std::string& text);
  /// An empty label shows the signal's name.
  void signal(const WaveSignal& signal, const std::string& label, Format format);
  /// Bits [msb:lsb] of a signal; `names`: of their values, see `translated`.
  void slice(const WaveSignal& signal, unsigned msb, unsigned lsb, const std::string& label,
             const std::string& names = {});
  /// `names`: opcodes, micro_ops or errors, as the specification has them.
  void translated(const WaveSignal& signal, const std::string& label, const std::string& names);
  /// Throws kUnavailable if a file cannot be written.
  void close();

 private:
  void flags(std::uint64_t value);
  void use_names(const std::string& names, unsigned width);

  std::filesystem::path path_;
  std::string waves_;
  Window window_;
  std::vector<std::pair<std::uint64_t, std::string>> markers_;
  std::string text_;
  std::uint64_t flags_ = 0;
  std::map<std::string, unsigned> names_;  ///< Number of each file of names that is in use.
};

}  // namespace tandem::debug::wave
