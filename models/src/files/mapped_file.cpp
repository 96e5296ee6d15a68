// SPDX-License-Identifier: Apache-2.0
// Maps files with mmap.
#include "tandem/models/files/mapped_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

/// Closes a descriptor at the end of a scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
  // Non-blocking, so that a FIFO in place of a model is refused instead of waited for.
  const Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) {
    const bool missing = errno == ENOENT || errno == ENOTDIR;
    throw Error(missing ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
                fmt::format("{}: cannot open: {}", path.string(), std::strerror(errno)));
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected a regular file, found {}", path.string(),
                            S_ISDIR(info.st_mode) ? "a directory" : "something else"));
  }
  MappedFile file;
  file.path_ = path;
  if (info.st_size > 0) {
    const auto num_bytes = static_cast<std::uint64_t>(info.st_size);
    void* data = ::mmap(nullptr, num_bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) {
      throw Error(ErrorCode::kOutOfMemory, fmt::format("{}: cannot map {} bytes: {}", path.string(),
                                                       num_bytes, std::strerror(errno)));
    }
    file.data_ = static_cast<const std::byte*>(data);
    file.num_bytes_ = num_bytes;
  }
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      num_bytes_(std::exchange(other.num_bytes_, 0)),
      path_(std::move(other.path_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    unmap();
    data_ = std::exchange(other.data_, nullptr);
    num_bytes_ = std::exchange(other.num_bytes_, 0);
    path_ = std::move(other.path_);
  }
  return *this;
}

MappedFile::~MappedFile() { unmap(); }

void MappedFile::unmap() noexcept {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), num_bytes_);
}

void MappedFile::advise_done(std::uint64_t offset, std::uint64_t num_bytes) const noexcept {
  if (data_ == nullptr || offset >= num_bytes_) return;
  const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::uint64_t end = offset + std::min(num_bytes, num_bytes_ - offset);
  const std::uint64_t first = (offset + page - 1) / page * page;
  // The last page of the file has no neighbour behind it that could still be needed.
  const std::uint64_t last = end == num_bytes_ ? end : end / page * page;
  if (first >= last) return;
  ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace tandem::models
