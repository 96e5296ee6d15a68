// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/sparse_ram.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"

namespace tandem::driver {
namespace {

constexpr std::uint64_t kPage = SparseRam::kPageBytes;
constexpr std::size_t kHugePage = std::size_t{2} << 20;
// Weights are streamed, so fewer TLB misses pay from here on; below it a huge page per bank would
// waste memory.
constexpr std::uint64_t kHugeFrom = std::uint64_t{32} << 20;
constexpr std::uint64_t kAddressEnd = std::uint64_t{1} << abi::kAddressBits;

std::string describe(const SparseRam::Bank& bank) {
  return fmt::format("[{:#x}, {:#x})", bank.base, bank.base + bank.size);
}

void check_banks(const std::vector<SparseRam::Bank>& banks) {
  const SparseRam::Bank* previous = nullptr;
  for (const SparseRam::Bank& bank : banks) {
    if (bank.base % kPage != 0 || bank.size % kPage != 0 || bank.size == 0 || bank.base == 0 ||
        bank.base >= kAddressEnd || bank.size > kAddressEnd - bank.base) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("memory bank at {:#x} of {:#x} bytes: base and size must be multiples of "
                      "{} bytes, not 0, and end below {:#x}",
                      bank.base, bank.size, kPage, kAddressEnd));
    }
    if (previous != nullptr && bank.base < previous->base + previous->size) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("memory bank {} overlaps bank {}",
                                                           describe(bank), describe(*previous)));
    }
    previous = &bank;
  }
}

bool is_zero(const std::byte* page) {
  // Compares the page with itself shifted by a word: memcmp is vectorised, a byte loop need not be.
  std::uint64_t first = 0;
  std::memcpy(&first, page, sizeof first);
  return first == 0 && std::memcmp(page, page + sizeof first, kPage - sizeof first) == 0;
}

/// Which pages of a mapping have been touched, asked in pieces. Falls back to "all" where the
/// kernel does not tell.
class PageMap {
 public:
  PageMap() : fd_(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)) {}
  ~PageMap() {
    if (fd_ >= 0) ::close(fd_);
  }
  PageMap(const PageMap&) = delete;
  PageMap& operator=(const PageMap&) = delete;

  /// Fills `entries` for the pages from `host` on; a non-zero entry is a page that may hold data.
  void load(const std::byte* host, std::span<std::uint64_t> entries) const {
    const off_t offset =
        static_cast<off_t>(reinterpret_cast<std::uintptr_t>(host) / kPage * sizeof entries[0]);
    const std::size_t wanted = entries.size_bytes();
    if (fd_ < 0 || ::pread(fd_, entries.data(), wanted, offset) != static_cast<ssize_t>(wanted)) {
      std::fill(entries.begin(), entries.end(), kPresent);
    }
    for (std::uint64_t& entry : entries) entry &= kPresent | kSwapped;
  }

 private:
  static constexpr std::uint64_t kPresent = std::uint64_t{1} << 63;
  static constexpr std::uint64_t kSwapped = std::uint64_t{1} << 62;
  int fd_;
};

}  // namespace

SparseRam::SparseRam(std::vector<Bank> banks) : banks_(std::move(banks)) {
  std::sort(banks_.begin(), banks_.end(),
            [](const Bank& a, const Bank& b) { return a.base < b.base; });
  check_banks(banks_);
  for (const Bank& bank : banks_) {
    if (!runs_.empty() && runs_.back().base + runs_.back().size == bank.base) {
      runs_.back().size += bank.size;
    } else {
      runs_.push_back({.base = bank.base, .size = bank.size});
    }
  }
  try {
    for (Run& run : runs_) map(run);
  } catch (...) {
    unmap_all();
    throw;
  }
}

SparseRam::~SparseRam() { unmap_all(); }

void SparseRam::map(Run& run) const {
  // Room for huge-page alignment, which leaves at least one inaccessible page before and after.
  const std::size_t reserve = run.size + 2 * kHugePage;
  void* mapping =
      ::mmap(nullptr, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("cannot reserve {} bytes of host address space for memory bank {}: {}; "
                            "choose a configuration with smaller regions",
                            run.size, describe({run.base, run.size}), std::strerror(errno)));
  }
  run.mapping = static_cast<std::byte*>(mapping);
  run.mapping_bytes = reserve;
  const std::size_t address = reinterpret_cast<std::uintptr_t>(mapping);
  run.host = run.mapping + ((address + kPage + kHugePage - 1) / kHugePage * kHugePage - address);
  if (::mprotect(run.host, run.size, PROT_READ | PROT_WRITE) != 0) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("cannot map {} bytes for memory bank {}: {}", run.size,
                            describe({run.base, run.size}), std::strerror(errno)));
  }
  // Only advice: without huge pages everything works, slower.
  if (run.size >= kHugeFrom) ::madvise(run.host, run.size, MADV_HUGEPAGE);
}

void SparseRam::unmap_all() noexcept {
  for (Run& run : runs_) {
    if (run.mapping != nullptr) ::munmap(run.mapping, run.mapping_bytes);
    run.mapping = nullptr;
  }
}

std::uint64_t SparseRam::first_hole(std::uint64_t addr, std::uint64_t num_bytes) const {
  for (const Run& run : runs_) {
    const std::uint64_t offset = addr - run.base;
    if (offset < run.size) return addr + std::min(num_bytes, run.size - offset);
  }
  return addr;
}

void SparseRam::throw_unmapped(std::uint64_t addr, std::uint64_t num_bytes,
                               const char* verb) const {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} {} bytes at {:#x}: no memory answers at {:#x}; memory is {}", verb,
                          num_bytes, addr, first_hole(addr, num_bytes), describe_banks()));
}

void SparseRam::read(std::uint64_t src, std::span<std::byte> dst) const {
  if (dst.empty()) return;
  const std::byte* host = pointer(src, dst.size());
  if (host == nullptr) throw_unmapped(src, dst.size(), "reading");
  std::memcpy(dst.data(), host, dst.size());
}

void SparseRam::write(std::uint64_t dst, std::span<const std::byte> src) {
  if (src.empty()) return;
  std::byte* host = pointer(dst, src.size());
  if (host == nullptr) throw_unmapped(dst, src.size(), "writing");
  std::memcpy(host, src.data(), src.size());
}

void SparseRam::for_each_page(
    const std::function<void(std::uint64_t, std::span<const std::byte>)>& visit) const {
  const PageMap page_map;
  std::vector<std::uint64_t> entries(std::size_t{1} << 16);
  for (const Run& run : runs_) {
    const std::uint64_t num_pages = run.size / kPage;
    for (std::uint64_t first = 0; first < num_pages; first += entries.size()) {
      const std::span<std::uint64_t> piece(
          entries.data(), std::min<std::uint64_t>(entries.size(), num_pages - first));
      page_map.load(run.host + first * kPage, piece);
      for (std::size_t i = 0; i < piece.size(); ++i) {
        const std::byte* page = run.host + (first + i) * kPage;
        if (piece[i] != 0 && !is_zero(page)) {
          visit(run.base + (first + i) * kPage, {page, kPage});
        }
      }
    }
  }
}

void SparseRam::clear() {
  for (const Run& run : runs_) discard(run.base, run.size);
}

void SparseRam::discard(std::uint64_t addr, std::uint64_t num_bytes) {
  if (num_bytes == 0) return;
  std::byte* host = pointer(addr, num_bytes);
  if (host == nullptr) throw_unmapped(addr, num_bytes, "discarding");
  const std::uint64_t head = (kPage - addr % kPage) % kPage;
  if (head >= num_bytes) return;
  const std::uint64_t whole = (num_bytes - head) / kPage * kPage;
  if (whole != 0 && ::madvise(host + head, whole, MADV_DONTNEED) != 0) {
    std::memset(host + head, 0, whole);
  }
}

std::uint64_t SparseRam::resident_bytes() const {
  // smaps, because it leaves out the shared zero page that reading maps; the guard pages keep its
  // entries apart.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/proc/self/smaps", "re"),
                                                             &std::fclose);
  if (!file) return 0;
  char line[512];
  bool ours = false;
  std::uint64_t bytes = 0;
  while (std::fgets(line, sizeof line, file.get()) != nullptr) {
    unsigned long begin = 0;
    unsigned long end = 0;
    unsigned long kilobytes = 0;
    if (std::sscanf(line, "%lx-%lx ", &begin, &end) == 2) {
      ours = std::any_of(runs_.begin(), runs_.end(), [&](const Run& run) {
        const auto host = reinterpret_cast<std::uintptr_t>(run.host);
        return begin < host + run.size && host < end;
      });
    } else if (ours && std::sscanf(line, "Rss: %lu kB", &kilobytes) == 1) {
      bytes += std::uint64_t{kilobytes} * 1024;
    }
  }
  return bytes;
}

std::string SparseRam::describe_banks() const {
  if (banks_.empty()) return "empty";
  std::string text;
  for (const Bank& bank : banks_) {
    if (!text.empty()) text += ' ';
    text += describe(bank);
  }
  return text;
}

}  // namespace tandem::driver
