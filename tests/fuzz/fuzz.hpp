// SPDX-License-Identifier: Apache-2.0
// What the fuzz targets share: the two functions each defines, checks that stop the run, files in
// memory.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/base/error.hpp"

/// Parses one input; returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
/// Small valid inputs to start from.
std::vector<std::string> fuzz_seeds();

namespace tandem::fuzz {

/// Stops the run; the driver then keeps the input.
[[noreturn]] inline void stop(std::string_view what, std::string_view detail = {}) {
  std::fprintf(stderr, "fuzz target: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

inline void require(bool condition, std::string_view what, std::string_view detail = {}) {
  if (!condition) stop(what, detail);
}

/// Runs `parse`. It may throw tandem::Error of another code than kInternal whose message names
/// `file`; anything else stops the run.
template <class F>
void expect_named_error(std::string_view file, F&& parse) {
  try {
    parse();
  } catch (const Error& error) {
    require(error.code() != ErrorCode::kInternal, "internal error for bad input", error.what());
    require(std::string_view(error.what()).find(file) != std::string_view::npos,
            "the message does not name the file", error.what());
  }
}

inline std::string_view as_text(std::span<const std::uint8_t> input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

/// A file that lives in memory and has a path; for parsers that open files themselves.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view bytes) : handle_(memfd_create("fuzz", MFD_CLOEXEC)) {
    require(handle_ >= 0, "memfd_create failed");
    while (!bytes.empty()) {
      const ssize_t written = write(handle_, bytes.data(), bytes.size());
      require(written > 0, "writing a memory file failed");
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  ~MemoryFile() { close(handle_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  std::string path() const { return "/proc/self/fd/" + std::to_string(handle_); }

 private:
  int handle_;
};

}  // namespace tandem::fuzz
