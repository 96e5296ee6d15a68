// SPDX-License-Identifier: Apache-2.0
// What every fuzz target provides, and helpers for targets that read files.
//
// A target is one file <name>_fuzz.cpp that defines the two functions below. It is built as a
// libFuzzer program with -DTANDEM_FUZZ=ON (clang), else with seeded_main.cpp, which runs a
// fixed number of inputs mutated from the seeds: an ordinary test, the same every time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// One input; returns 0. Only tandem::Error may be thrown inside, and is caught there.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Small valid inputs to start from.
std::vector<std::string> fuzz_seeds();

namespace tandem::fuzz {

/// An input as a file that exists in memory only.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();
  const std::filesystem::path& path() const { return path_; }

 private:
  int fd_;
  std::filesystem::path path_;
};

/// A file of tests/data.
std::string read_data(const std::string& name);

/// Runs `call` and ignores the tandem::Error that it may throw. Its message must be there.
template <typename Call>
void ignore_errors(Call call);

}  // namespace tandem::fuzz

#include "tandem/base/error.hpp"

namespace tandem::fuzz {

template <typename Call>
void ignore_errors(Call call) {
  try {
    call();
  } catch (const Error& error) {
    // An internal error means that bad input reached a check of our own code.
    if (error.message().empty() || error.code() == ErrorCode::kInternal) __builtin_trap();
  }
}

}  // namespace tandem::fuzz
