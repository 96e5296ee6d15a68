// SPDX-License-Identifier: Apache-2.0
// Files in memory and test data for fuzz targets.
#include "fuzz_target.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace tandem::fuzz {

MemoryFile::MemoryFile(std::string_view bytes) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
  if (fd_ < 0) throw std::runtime_error("memfd_create failed");
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count <= 0) throw std::runtime_error("write to memory file failed");
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  path_ = "/proc/self/fd/" + std::to_string(fd_);
}

MemoryFile::~MemoryFile() { ::close(fd_); }

std::string read_data(const std::string& name) {
  std::ifstream in(std::filesystem::path(TANDEM_SOURCE_DIR) / "tests" / "data" / name,
                   std::ios::binary);
  if (!in) throw std::runtime_error("cannot read tests/data/" + name);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace tandem::fuzz
