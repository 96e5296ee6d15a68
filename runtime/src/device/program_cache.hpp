// SPDX-License-Identifier: Apache-2.0
// Which micro-programs lie where in the device's program memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace tandem::runtime {

/// Programs by content, placed one behind the other from word 0, as LOAD_UCODE demands; when none
/// fits any more, all are dropped. The host keeps an image of the program memory, so that it can be
/// loaded again after a reset.
class ProgramCache {
 public:
  struct Program {
    std::uint32_t first_word = 0;
    std::uint32_t num_words = 0;
  };

  explicit ProgramCache(std::size_t capacity_words) : capacity_(capacity_words) {}

  /// First word of the program if it is there.
  std::optional<std::uint16_t> find(std::span<const std::uint64_t> words) const;
  bool fits(std::size_t num_words) const { return num_words <= capacity_ - image_.size(); }
  /// Places a program that fits.
  std::uint16_t add(std::span<const std::uint64_t> words);
  void clear();

  std::size_t capacity_words() const { return capacity_; }
  /// Contents of the program memory as far as it is in use.
  std::span<const std::uint64_t> image() const { return image_; }
  /// In ascending order.
  const std::vector<Program>& programs() const { return programs_; }

 private:
  std::size_t capacity_;
  std::vector<std::uint64_t> image_;
  std::vector<Program> programs_;
  std::unordered_multimap<std::uint64_t, std::size_t> by_hash_;  ///< Index into programs_.
};

}  // namespace tandem::runtime
