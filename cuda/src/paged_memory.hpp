// SPDX-License-Identifier: Apache-2.0
// Device memory with two sides: pages live in simulated RAM on the host, on the GPU, or on both.
//
// Rings and the words of SIGNAL and WAIT are used by the host side alone and never leave it;
// weights and activations live on the GPU. A page moves when the other side needs it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "tandem/driver/sparse_ram.hpp"

namespace tandem::gpu {

/// The GPU's half. Addresses are the GPU's. Everything is done when a call returns.
class DeviceSide {
 public:
  virtual ~DeviceSide() = default;
  virtual std::uint64_t granule_bytes() const = 0;  ///< A power of two, at least a page.
  /// Address space without memory; `num_bytes` is a multiple of the granule.
  virtual std::uint64_t reserve(std::uint64_t num_bytes) = 0;
  /// Puts memory that reads as zero behind a granule. Throws kOutOfMemory.
  virtual void back(std::uint64_t granule) = 0;
  virtual void upload_and_wait(std::uint64_t dst, std::span<const std::byte> src) = 0;
  virtual void download(std::span<std::byte> dst, std::uint64_t src) = 0;
};

/// Thread-safety: all members may be called from any thread. Bytes that a packet in flight uses are
/// its own; other bytes of the same page may be read and written meanwhile.
class PagedMemory {
 public:
  enum class Access : std::uint8_t { kRead, kWrite };  ///< kWrite: may read, too.

  /// Reserves an address range for each group of banks that adjoin. Throws what `device` throws.
  PagedMemory(std::shared_ptr<driver::SparseRam> host, DeviceSide& device);

  /// Makes a range of physical addresses current on the GPU, backed by memory, and returns the
  /// GPU's address of `addr`. Pages that are written live only there from now on. Throws
  /// kInvalidArgument for addresses without memory and what the device throws; pages keep their
  /// contents then.
  std::uint64_t on_device(std::uint64_t addr, std::uint64_t num_bytes, Access access);
  /// Makes a range current in host RAM. As above for `access`.
  void on_host(std::uint64_t addr, std::uint64_t num_bytes, Access access);

  /// Keeps a range in host RAM, where only the host side of the device looks: `restore` brings it
  /// back after each packet. One range for each `slot` below kPins; throws as on_host, and the old
  /// range of the slot is free in any case.
  void pin(unsigned slot, std::uint64_t addr, std::uint64_t num_bytes);
  void unpin(unsigned slot);
  void restore();

  /// Host accesses, as Backend::read and write. Large writes go straight to the GPU, unless its
  /// memory is full.
  void read(std::uint64_t src, std::span<std::byte> dst);
  void write(std::uint64_t dst, std::span<const std::byte> src);

  std::uint64_t backed_bytes() const;  ///< Of GPU memory.

  static constexpr unsigned kPins = 3;
  static constexpr std::uint64_t kPageBytes = driver::SparseRam::kPageBytes;
  /// Writes from this size on go to the GPU at once: it is where big tensors are used.
  static constexpr std::uint64_t kDirectBytes = 64 * 1024;

 private:
  enum class State : std::uint8_t { kBoth, kHost, kDevice };  ///< Where a page is current.

  struct Granule {
    bool backed = false;
    std::uint32_t host_only = 0;
    std::uint32_t device_only = 0;
    std::vector<State> pages;
  };
  /// Banks that adjoin. Granules are made when they are first needed.
  struct Run {
    std::uint64_t base = 0;
    std::uint64_t size = 0;
    std::uint64_t device = 0;
    std::vector<std::unique_ptr<Granule>> granules;
  };
  struct Piece;

  Run& run_of(std::uint64_t addr, std::uint64_t num_bytes);
  Granule& granule_at(Run& run, std::uint64_t offset);
  void set(Granule& granule, std::uint64_t page, State state);
  void back(Run& run, std::uint64_t offset);
  bool settled(const Granule& granule, Access access, State side) const;
  bool pinned(std::uint64_t addr) const;
  State write_target(Run& run, const Piece& piece, bool direct);
  template <class Body>
  void for_pieces(Run& run, std::uint64_t offset, std::uint64_t num_bytes, Body&& body);
  void to_host(std::uint64_t addr, std::uint64_t num_bytes, Access access);
  template <class Move>
  void make_current(std::uint64_t addr, std::uint64_t num_bytes, Access access, State side,
                    Move&& move);

  const std::shared_ptr<driver::SparseRam> host_;
  DeviceSide& device_;
  const std::uint64_t granule_bytes_;
  mutable std::mutex mutex_;
  std::vector<Run> runs_;
  struct {
    std::uint64_t addr = 0;
    std::uint64_t num_bytes = 0;
  } pins_[kPins];
  std::uint64_t backed_bytes_ = 0;
};

}  // namespace tandem::gpu
