// SPDX-License-Identifier: Apache-2.0
#include "memory_walk.hpp"

#include <algorithm>
#include <cstring>

#include "tandem/driver/sparse_ram.hpp"

namespace tandem::runtime {
namespace {

constexpr std::uint64_t kPieceBytes = std::uint64_t{1} << 20;

/// Simulated RAM may hold more than the memory map, e.g. for devices behind a device.
bool is_mapped(const DeviceCore& core, std::uint64_t addr) {
  for (const auto& region : core.driver().config().regions) {
    if (addr >= region.base.value && addr - region.base.value < region.size) {
      return true;
    }
  }
  return false;
}

std::uint64_t round_down(std::uint64_t value) { return value & ~(kPageBytes - 1); }
std::uint64_t round_up(std::uint64_t value) { return round_down(value + kPageBytes - 1); }

const driver::RegionConfig* ring_region(const DeviceCore& core) {
  for (const auto& region : core.driver().config().regions) {
    if (region.name == core.driver().options().ring_region) {
      return &region;
    }
  }
  return nullptr;
}

/// Page-aligned ranges that live allocations touch, ascending, each page once.
std::vector<std::pair<std::uint64_t, std::uint64_t>> live_ranges(const DeviceCore& core) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (const auto& allocator : core.allocators()) {
    for (const auto& allocation : allocator->live()) {
      const std::uint64_t addr = allocation.addr.value;
      ranges.emplace_back(round_down(addr), round_up(addr + allocation.num_bytes));
    }
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t done = 0;
  for (auto& [begin, end] : ranges) {
    begin = std::max(begin, done);
    done = std::max(done, end);
  }
  std::erase_if(ranges, [](const auto& range) { return range.first >= range.second; });
  return ranges;
}

void visit_live_pages(DeviceCore& core, const PageVisitor& visit) {
  std::vector<std::byte> buffer(kPieceBytes);
  for (const auto& [begin, end] : live_ranges(core)) {
    for (std::uint64_t at = begin; at < end; at += kPieceBytes) {
      const auto piece = std::span(buffer).first(std::min(kPieceBytes, end - at));
      core.backend().read(PhysAddr(at), piece);
      for (std::size_t i = 0; i < piece.size(); i += kPageBytes) {
        const auto page = piece.subspan(i, kPageBytes);
        if (!is_ring_page(core, at + i) && !is_zero(page)) {
          visit(at + i, page);
        }
      }
    }
  }
}

void write_zeros(DeviceCore& core, std::uint64_t begin, std::uint64_t end) {
  static const std::vector<std::byte> zeros(kPieceBytes);
  for (std::uint64_t at = begin; at < end; at += kPieceBytes) {
    core.backend().write(PhysAddr(at), std::span(zeros).first(std::min(kPieceBytes, end - at)));
  }
}

}  // namespace

bool is_zero(std::span<const std::byte> bytes) {
  return bytes.empty() || (bytes[0] == std::byte{0} &&
                           std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

bool is_ring_page(const DeviceCore& core, std::uint64_t addr) {
  const driver::RegionConfig* region = ring_region(core);
  return region != nullptr && addr + kPageBytes > region->base.value &&
         addr < region->base.value + core.driver().ring_bytes();
}

void for_each_page(DeviceCore& core, const PageVisitor& visit) {
  const auto ram = core.backend().ram();
  if (ram == nullptr) {
    visit_live_pages(core, visit);
    return;
  }
  ram->for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
    if (!is_ring_page(core, addr) && is_mapped(core, addr)) {
      visit(addr, page);
    }
  });
}

void clear_memory(DeviceCore& core) {
  if (const auto ram = core.backend().ram()) {
    for (const auto& region : core.driver().config().regions) {
      std::uint64_t begin = region.base.value;
      const std::uint64_t end = begin + region.size;
      while (begin < end && is_ring_page(core, begin)) {
        begin += kPageBytes;
      }
      ram->discard(begin, end - begin);
    }
  }
  // Devices with RAM of their own need the bytes written; check mode needs to see that live memory
  // has contents.
  if (core.backend().ram() == nullptr || core.check_mode()) {
    for (const auto& allocator : core.allocators()) {
      for (const auto& allocation : allocator->live()) {
        write_zeros(core, allocation.addr.value, allocation.addr.value + allocation.num_bytes);
      }
    }
  }
}

}  // namespace tandem::runtime
