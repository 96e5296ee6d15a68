// SPDX-License-Identifier: Apache-2.0
#include "memory_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

constexpr std::uint64_t kMaxPieceBytes = std::uint64_t{512} << 10;
constexpr std::uint64_t kMaxTouchedPages = (std::uint64_t{1} << 30) / kPageBytes;
// Runs of an operand that are looked at; packets of real runs have far fewer.
constexpr std::uint64_t kMaxRuns = std::uint64_t{1} << 26;

template <class Visit>
void for_each_page(std::uint64_t addr, std::uint64_t num_bytes, Visit&& visit) {
  for (std::uint64_t at = 0; at < num_bytes;) {
    const std::uint64_t offset = (addr + at) % kPageBytes;
    const std::uint64_t count = std::min(kPageBytes - offset, num_bytes - at);
    visit(addr + at - offset, offset, at, count);
    at += count;
  }
}

bool is_mapped(const abi::Packet& packet, const driver::DeviceConfig& config) {
  std::vector<abi::Region> regions;
  for (const driver::RegionConfig& region : config.regions) {
    regions.push_back({region.base.value, region.size, true, region.writable});
  }
  const std::vector<abi::Operand> operands = abi::memory_operands(packet);
  return !operands.empty() && !abi::check_extents(operands, regions);
}

class PageCollector {
 public:
  void add(const abi::Operand& operand) {
    abi::Operand distinct = operand;
    std::uint64_t runs = 1;
    for (abi::Operand::Dim& dim : distinct.dims) {
      if (dim.stride == 0) dim.extent = 1;
      runs *= std::min(dim.extent, kMaxRuns);
      if (runs > kMaxRuns) refuse();
    }
    abi::for_each_run(distinct,
                      [&](std::uint64_t addr, std::uint64_t num_bytes) { add(addr, num_bytes); });
  }
  void add(std::uint64_t addr, std::uint64_t num_bytes) {
    const std::uint64_t first = addr / kPageBytes * kPageBytes;
    for (std::uint64_t page = first; page < addr + num_bytes; page += kPageBytes) {
      if (page == last_) continue;
      pages_.insert(page);
      last_ = page;
    }
    if (pages_.size() > kMaxTouchedPages) refuse();
  }
  PageSet take() { return std::move(pages_); }

 private:
  [[noreturn]] static void refuse() {
    throw Error(ErrorCode::kInvalidArgument,
                "the packet touches more memory than a case may hold, 1 GiB; use the trace");
  }

  PageSet pages_;
  std::uint64_t last_ = 1;  // No page.
};

/// Rows that the index data of GATHER or SCATTER_ADD selects. P is either packet.
template <class P>
void add_selected(const P& packet, const abi::Operand& operand, std::uint64_t index_stride,
                  const abi::ReadMemory& memory, PageCollector& pages) {
  const unsigned index_bytes = packet.index_type == abi::Dtype::kI64 ? 8 : 4;
  const std::uint64_t per_dim = std::uint64_t{packet.extent0} * packet.extent1;
  if (per_dim > kMaxRuns / packet.extent2) {
    throw Error(ErrorCode::kInvalidArgument, "the packet has more indices than a case may hold");
  }
  for (std::uint64_t i = 0; i < packet.extent0; ++i) {
    for (std::uint64_t j = 0; j < packet.extent1; ++j) {
      for (std::uint64_t l = 0; l < packet.extent2; ++l) {
        std::uint64_t word = 0;
        memory(packet.index_addr + i * packet.index_stride0 + j * packet.index_stride1 +
                   l * packet.index_stride2,
               std::as_writable_bytes(std::span(&word, 1)).first(index_bytes));
        if (word >= packet.limit) return;  // BAD_INDEX there.
        pages.add(operand.base + i * operand.dims[0].stride + word * index_stride +
                      l * operand.dims[2].stride,
                  operand.run_bytes);
      }
    }
  }
}

void add_indexed(const abi::Packet& packet, const abi::Operand& operand,
                 const abi::ReadMemory& memory, PageCollector& pages) {
  if (packet.opcode == abi::Opcode::kGather) {
    const auto gather = abi::packet_as<abi::GatherPacket>(packet);
    add_selected(gather, operand, gather.src_index_stride, memory, pages);
  } else {
    const auto scatter = abi::packet_as<abi::ScatterAddPacket>(packet);
    add_selected(scatter, operand, scatter.dst_index_stride, memory, pages);
  }
}

}  // namespace

MemoryImage::MemoryImage(std::span<const MemoryPiece> pieces) {
  for (const MemoryPiece& piece : pieces) write(piece.addr.value, piece.bytes);
}

void MemoryImage::write(std::uint64_t addr, std::span<const std::byte> bytes) {
  for_each_page(addr, bytes.size(), [&](auto base, auto offset, auto at, auto count) {
    std::memcpy(pages_[base].data() + offset, bytes.data() + at, count);
  });
}

void MemoryImage::write(std::span<const HostWrite> writes) {
  for (const HostWrite& item : writes) write(item.piece.addr.value, item.piece.bytes);
}

void MemoryImage::read(std::uint64_t addr, std::span<std::byte> bytes) const {
  for_each_page(addr, bytes.size(), [&](auto base, auto offset, auto at, auto count) {
    const auto page = pages_.find(base);
    if (page == pages_.end()) {
      std::memset(bytes.data() + at, 0, count);
    } else {
      std::memcpy(bytes.data() + at, page->second.data() + offset, count);
    }
  });
}

std::vector<MemoryPiece> MemoryImage::pieces() const {
  PageSet pages;
  for (const auto& [base, page] : pages_) pages.insert(base);
  return take_pages([this](auto addr, auto dst) { read(addr, dst); }, pages, false);
}

PageSet touched_pages(const abi::Packet& packet, const driver::DeviceConfig& config,
                      const abi::ReadMemory& memory, bool only_writes) {
  PageCollector pages;
  if (!is_mapped(packet, config)) return {};
  for (const abi::Operand& operand : abi::memory_operands(packet)) {
    if (only_writes && operand.role == abi::Role::kRead) continue;
    if (operand.indexed) {
      add_indexed(packet, operand, memory, pages);
    } else {
      pages.add(operand);
    }
  }
  return pages.take();
}

std::vector<MemoryPiece> take_pages(const abi::ReadMemory& memory, const PageSet& pages,
                                    bool keep_zeros) {
  std::vector<MemoryPiece> pieces;
  Page page;
  for (const std::uint64_t base : pages) {
    memory(base, page);
    const bool zero = std::ranges::all_of(page, [](std::byte b) { return b == std::byte{0}; });
    if (zero && !keep_zeros) continue;
    const bool adjacent = !pieces.empty() && pieces.back().bytes.size() < kMaxPieceBytes &&
                          pieces.back().addr.value + pieces.back().bytes.size() == base;
    if (!adjacent) pieces.push_back({PhysAddr(base), {}});
    pieces.back().bytes.insert(pieces.back().bytes.end(), page.begin(), page.end());
  }
  return pieces;
}

}  // namespace tandem::debug
