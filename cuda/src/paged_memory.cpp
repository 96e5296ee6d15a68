// SPDX-License-Identifier: Apache-2.0
#include "paged_memory.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"

namespace tandem::gpu {

/// The part of a range that lies in one page; `offset` is that of its first byte in the run.
struct PagedMemory::Piece {
  Granule& granule;
  std::uint64_t page = 0;  ///< In the granule.
  std::uint64_t offset = 0;
  std::uint64_t num_bytes = 0;

  State state() const { return granule.pages[page]; }
  bool whole() const { return num_bytes == kPageBytes; }
};

PagedMemory::PagedMemory(std::shared_ptr<driver::SparseRam> host, DeviceSide& device)
    : host_(std::move(host)), device_(device), granule_bytes_(device.granule_bytes()) {
  for (const driver::SparseRam::Bank& bank : host_->banks()) {
    if (!runs_.empty() && runs_.back().base + runs_.back().size == bank.base) {
      runs_.back().size += bank.size;
    } else {
      Run& run = runs_.emplace_back();
      run.base = bank.base;
      run.size = bank.size;
    }
  }
  for (Run& run : runs_) {
    const std::uint64_t granules = (run.size + granule_bytes_ - 1) / granule_bytes_;
    run.granules.resize(granules);
    run.device = device_.reserve(granules * granule_bytes_);
  }
}

PagedMemory::Run& PagedMemory::run_of(std::uint64_t addr, std::uint64_t num_bytes) {
  for (Run& run : runs_) {
    const std::uint64_t offset = addr - run.base;
    if (offset < run.size && num_bytes <= run.size - offset) return run;
  }
  std::byte nothing{};
  // Throws with the address and the banks that exist.
  host_->read(host_->first_hole(addr, num_bytes), std::span(&nothing, 1));
  throw Error(ErrorCode::kInternal, "cuda: memory and its page table have different banks");
}

PagedMemory::Granule& PagedMemory::granule_at(Run& run, std::uint64_t offset) {
  std::unique_ptr<Granule>& entry = run.granules[offset / granule_bytes_];
  if (!entry) {
    entry = std::make_unique<Granule>();
    entry->pages.resize(granule_bytes_ / kPageBytes, State::kBoth);
  }
  return *entry;
}

void PagedMemory::set(Granule& granule, std::uint64_t page, State state) {
  State& old = granule.pages[page];
  if (old == state) return;
  const auto count = [&](State which) -> std::uint32_t* {
    if (which == State::kHost) return &granule.host_only;
    return which == State::kDevice ? &granule.device_only : nullptr;
  };
  if (std::uint32_t* before = count(old)) --*before;
  if (std::uint32_t* after = count(state)) ++*after;
  old = state;
}

void PagedMemory::back(Run& run, std::uint64_t offset) {
  Granule& granule = granule_at(run, offset);
  if (granule.backed) return;
  device_.back(run.device + offset / granule_bytes_ * granule_bytes_);
  granule.backed = true;
  backed_bytes_ += granule_bytes_;
}

/// Whether nothing is left to do for any page of a granule.
bool PagedMemory::settled(const Granule& granule, Access access, State side) const {
  const bool device = side == State::kDevice;
  if (device && !granule.backed) return false;
  if ((device ? granule.host_only : granule.device_only) != 0) return false;
  return access == Access::kRead ||
         (device ? granule.device_only : granule.host_only) == granule.pages.size();
}

template <class Body>
void PagedMemory::for_pieces(Run& run, std::uint64_t offset, std::uint64_t num_bytes, Body&& body) {
  const std::uint64_t end = offset + num_bytes;
  while (offset < end) {
    const std::uint64_t in_page = offset % kPageBytes;
    const std::uint64_t count = std::min(kPageBytes - in_page, end - offset);
    body(Piece{granule_at(run, offset), offset % granule_bytes_ / kPageBytes, offset, count});
    offset += count;
  }
}

/// Moves pages that are current only on the other side, in pieces as long as possible.
template <class Move>
void PagedMemory::make_current(std::uint64_t addr, std::uint64_t num_bytes, Access access,
                               State side, Move&& move) {
  Run& run = run_of(addr, num_bytes);
  const State other = side == State::kDevice ? State::kHost : State::kDevice;
  const std::uint64_t first = (addr - run.base) / kPageBytes * kPageBytes;
  const std::uint64_t end =
      std::min(run.size, (addr - run.base + num_bytes + kPageBytes - 1) / kPageBytes * kPageBytes);
  for (std::uint64_t at = first; at < end;) {
    const std::uint64_t stop = std::min(end, (at / granule_bytes_ + 1) * granule_bytes_);
    Granule& granule = granule_at(run, at);
    if (side == State::kDevice) back(run, at);
    if (!settled(granule, access, side)) {
      std::uint64_t begin = at;
      std::uint64_t length = 0;
      for_pieces(run, at, stop - at, [&](const Piece& piece) {
        if (piece.state() != other) return;
        if (begin + length != piece.offset) {
          if (length != 0) move(run, begin, length);
          begin = piece.offset;
          length = 0;
        }
        length += piece.num_bytes;
      });
      if (length != 0) move(run, begin, length);
      for_pieces(run, at, stop - at, [&](const Piece& piece) {
        if (access == Access::kWrite) {
          set(granule, piece.page, side);
        } else if (piece.state() == other) {
          set(granule, piece.page, State::kBoth);
        }
      });
    }
    at = stop;
  }
}

std::uint64_t PagedMemory::on_device(std::uint64_t addr, std::uint64_t num_bytes, Access access) {
  const std::lock_guard<std::mutex> lock(mutex_);
  make_current(addr, num_bytes, access, State::kDevice,
               [this](Run& run, std::uint64_t offset, std::uint64_t length) {
                 device_.upload_and_wait(run.device + offset,
                                         {host_->pointer(run.base + offset, length), length});
               });
  Run& run = run_of(addr, num_bytes);
  return run.device + (addr - run.base);
}

void PagedMemory::to_host(std::uint64_t addr, std::uint64_t num_bytes, Access access) {
  make_current(
      addr, num_bytes, access, State::kHost,
      [this](Run& run, std::uint64_t offset, std::uint64_t length) {
        device_.download({host_->pointer(run.base + offset, length), length}, run.device + offset);
      });
}

void PagedMemory::on_host(std::uint64_t addr, std::uint64_t num_bytes, Access access) {
  const std::lock_guard<std::mutex> lock(mutex_);
  to_host(addr, num_bytes, access);
}

void PagedMemory::pin(unsigned slot, std::uint64_t addr, std::uint64_t num_bytes) {
  const std::lock_guard<std::mutex> lock(mutex_);
  pins_[slot] = {};
  to_host(addr, num_bytes, Access::kWrite);
  pins_[slot] = {addr, num_bytes};
}

void PagedMemory::unpin(unsigned slot) {
  const std::lock_guard<std::mutex> lock(mutex_);
  pins_[slot] = {};
}

void PagedMemory::restore() {
  const std::lock_guard<std::mutex> lock(mutex_);
  for (const auto& pin : pins_) {
    if (pin.num_bytes != 0) to_host(pin.addr, pin.num_bytes, Access::kWrite);
  }
}

/// Whether the page at `addr` holds a byte of a pinned range.
bool PagedMemory::pinned(std::uint64_t addr) const {
  return std::any_of(std::begin(pins_), std::end(pins_), [addr](const auto& pin) {
    return pin.num_bytes != 0 && addr + kPageBytes > pin.addr && addr < pin.addr + pin.num_bytes;
  });
}

void PagedMemory::read(std::uint64_t src, std::span<std::byte> dst) {
  if (dst.empty()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  Run& run = run_of(src, dst.size());
  const std::uint64_t first = src - run.base;
  std::uint64_t begin = first;
  bool from_device = false;
  const auto copy = [&](std::uint64_t end) {
    if (begin == end) return;
    const std::span<std::byte> part = dst.subspan(begin - first, end - begin);
    if (from_device) {
      device_.download(part, run.device + begin);
    } else {
      std::memcpy(part.data(), host_->pointer(run.base + begin, part.size()), part.size());
    }
  };
  for_pieces(run, first, dst.size(), [&](const Piece& piece) {
    const bool device = piece.state() == State::kDevice;
    if (device == from_device) return;
    copy(piece.offset);
    begin = piece.offset;
    from_device = device;
  });
  copy(first + dst.size());
}

/// Where the bytes of a piece are to go.
PagedMemory::State PagedMemory::write_target(Run& run, const Piece& piece, bool direct) {
  // Bytes around them in the page are current only there.
  if (!piece.whole()) return piece.state() == State::kDevice ? State::kDevice : State::kHost;
  if (!direct || pinned(run.base + piece.offset)) return State::kHost;
  try {
    back(run, piece.offset);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kOutOfMemory) throw;
    log::debug("cuda: {} bytes stay in host memory: {}", granule_bytes_, error.message());
    return State::kHost;
  }
  return State::kDevice;
}

void PagedMemory::write(std::uint64_t dst, std::span<const std::byte> src) {
  if (src.empty()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  Run& run = run_of(dst, src.size());
  const std::uint64_t first = dst - run.base;
  const bool direct = src.size() >= kDirectBytes;
  std::uint64_t begin = first;
  State target = State::kBoth;
  const auto copy = [&](std::uint64_t end) {
    if (begin == end) return;
    const std::span<const std::byte> part = src.subspan(begin - first, end - begin);
    if (target == State::kDevice) {
      device_.upload_and_wait(run.device + begin, part);
    } else {
      std::memcpy(host_->pointer(run.base + begin, part.size()), part.data(), part.size());
    }
    for_pieces(run, begin, part.size(),
               [&](const Piece& piece) { set(piece.granule, piece.page, target); });
  };
  for_pieces(run, first, src.size(), [&](const Piece& piece) {
    const State wanted = write_target(run, piece, direct);
    if (wanted == target) return;
    copy(piece.offset);
    begin = piece.offset;
    target = wanted;
  });
  copy(first + src.size());
}

std::uint64_t PagedMemory::backed_bytes() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return backed_bytes_;
}

}  // namespace tandem::gpu
