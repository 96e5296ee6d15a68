// SPDX-License-Identifier: Apache-2.0
// Traces and folders for tests of waves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace tandem::tests {

/// A directory in the temporary directory, removed at the end.
class ScratchDir {
 public:
  explicit ScratchDir(const std::string& name);
  ~ScratchDir();
  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// Records an exec file of rtl/fault/programs, packet by packet, on the cmodel; gives the numbers
/// of the packets that completed. Values that the file expects are not looked at.
std::vector<std::uint64_t> record_program(const std::string& name, const std::string& trace,
                                          const std::string& config = "tiny");

/// Records matrix products that use the array in every way that it has: one, two and four blocks
/// side by side, two groups of rows, several tiles and chunks, all layouts and kinds of sums.
std::vector<std::uint64_t> record_products(const std::string& trace,
                                           const std::string& config = "tiny");

}  // namespace tandem::tests
