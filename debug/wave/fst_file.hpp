// SPDX-License-Identifier: Apache-2.0
// Reads waveforms in GTKWave's FST format: names first, then the values of chosen signals in a
// window of time. Nothing else of the file is decompressed, so its size does not matter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::debug::wave {

/// Names of the values of an enumerated signal.
struct WaveEnum {
  std::string name;
  std::vector<std::pair<std::string, std::string>> values;  ///< Binary digits, name.
};

struct WaveSignal {
  std::string path;   ///< "npu_top.u_mem.m_axi_awaddr", without the bit range.
  std::string range;  ///< "[47:0]", or empty for one bit.
  std::uint32_t width = 0;
  std::uint32_t handle = 0;   ///< Equal for signals that are the same wire.
  std::int32_t enum_id = -1;  ///< In FstFile::enums().
};

/// Thread-safety: one thread at a time.
class FstFile {
 public:
  /// Reads names and places of blocks. Throws kNotFound or, with byte offset, kInvalidArgument.
  explicit FstFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  std::span<const WaveSignal> signals() const { return signals_; }
  std::span<const WaveEnum> enums() const { return enums_; }
  /// Null if there is no signal of this path.
  const WaveSignal* find(std::string_view path) const;
  /// Throws kNotFound naming file and signal.
  const WaveSignal& at(std::string_view path) const;
  std::uint64_t first_time() const;
  std::uint64_t last_time() const;

 private:
  friend class WaveScan;
  struct Block {
    std::uint64_t at = 0;  ///< Of its length field.
    std::uint64_t size = 0;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };

  [[noreturn]] void damaged(std::uint64_t at, const std::string& what) const;
  std::vector<std::uint8_t> read(std::uint64_t at, std::uint64_t num_bytes);
  void read_blocks();
  void read_geometry(const Block& block);
  void read_names(const Block& block, std::uint8_t type);
  void parse_names(std::span<const std::uint8_t> text);

  std::filesystem::path path_;
  std::ifstream file_;
  std::uint64_t file_bytes_ = 0;
  std::vector<WaveSignal> signals_;
  std::map<std::string, std::size_t, std::less<>> by_path_;
  std::vector<WaveEnum> enums_;
  std::vector<std::uint32_t> frame_bytes_;  ///< By handle - 1: characters of a value in a frame.
  std::vector<Block> blocks_;               ///< Of values, ascending in time.
};

/// Values of some signals, moving forward in time.
class WaveScan {
 public:
  /// Signals are numbered in the order in which they are given.
  WaveScan(FstFile& file, std::vector<const WaveSignal*> signals);

  /// Calls `visit(time)` at every recorded time in [from, to] after the values have changed to
  /// those of that time; false ends the scan.
  void run(std::uint64_t from, std::uint64_t to,
           const std::function<bool(std::uint64_t time)>& visit);

  /// The value of signal `i` now, least significant word first; X counts as 0.
  std::span<const std::uint32_t> words(std::size_t i) const { return values_[slots_[i]]; }
  bool bit(std::size_t i) const { return (values_[slots_[i]][0] & 1) != 0; }
  /// Bits [lsb, lsb + width) of it, width up to 64.
  std::uint64_t bits(std::size_t i, unsigned lsb = 0, unsigned width = 64) const;
  /// Whether signal `i` has changed at the time of this visit.
  bool changed(std::size_t i) const { return changed_[slots_[i]] != 0; }

 private:
  /// Changes of one signal in a block.
  struct Chain {
    std::vector<std::uint8_t> bytes;
    std::size_t at = 0;
  };

  bool scan_block(const FstFile::Block& block, bool first, std::uint64_t from, std::uint64_t to,
                  const std::function<bool(std::uint64_t)>& visit);
  void take_frame(std::span<const std::uint8_t> frame);
  void apply(std::size_t slot, std::uint32_t code);

  FstFile& file_;
  std::vector<std::size_t> slots_;      ///< Of signal i: its place in what follows.
  std::vector<std::uint32_t> handles_;  ///< Ascending.
  std::vector<std::uint32_t> widths_;
  std::vector<std::vector<std::uint32_t>> values_;
  std::vector<char> changed_;
  std::vector<std::size_t> touched_;
  std::vector<Chain> chains_;
};

}  // namespace tandem::debug::wave
