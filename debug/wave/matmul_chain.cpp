// SPDX-License-Identifier: Apache-2.0
#include "matmul_chain.hpp"

#include <algorithm>
#include <span>

#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::debug::wave {
namespace {

using driver::SparseRam;

constexpr std::uint64_t kPanel = abi::kPanelColumns;

/// Bytes outside of memory are 0.
abi::ReadMemory reader(const SparseRam& ram) {
  return [&ram](std::uint64_t addr, std::span<std::byte> dst) {
    if (const std::byte* host = ram.pointer(addr, dst.size())) {
      std::copy_n(host, dst.size(), dst.begin());
    } else {
      std::ranges::fill(dst, std::byte{});
    }
  };
}

constexpr unsigned kMinBlocks = 4;

/// How many blocks of columns the array rows work on side by side, as a power of two.
unsigned split_log2(std::uint64_t rows, unsigned array_rows) {
  if (rows > array_rows / 2) return 0;
  return rows > array_rows / 4 ? 1 : 2;
}

}  // namespace

std::optional<MatmulElement> element_at(const abi::MatmulPacket& p, std::uint64_t addr) {
  const std::uint64_t bytes = abi::dtype_bits(p.c_type) / 8;
  for (std::uint64_t b0 = 0; b0 < p.batch0; ++b0) {
    for (std::uint64_t b1 = 0; b1 < p.batch1; ++b1) {
      const std::uint64_t offset =
          addr - (p.c_addr + b0 * p.c_batch0_stride + b1 * p.c_batch1_stride);
      // Rows lie one behind the other unless there is only one.
      const std::uint64_t m = p.c_row_stride == 0 ? 0 : offset / p.c_row_stride;
      const std::uint64_t n = (offset - m * p.c_row_stride) / bytes;
      if (m < p.m && n < p.n) return MatmulElement{b0, b1, m, n};
    }
  }
  return std::nullopt;
}

std::vector<std::uint32_t> accumulator_chain(const abi::MatmulPacket& packet,
                                             const SparseRam& before,
                                             const MatmulElement& element) {
  MatmulTerms terms(packet, reader(before));
  const bool integer = packet.a_type == abi::Dtype::kI8;
  std::uint32_t acc = terms.initial(element);
  std::vector<std::uint32_t> values{acc};
  values.reserve(std::size_t{packet.k} + 1);
  for (std::uint64_t k = 0; k < packet.k; ++k) {
    acc = integer ? acc + static_cast<std::uint32_t>(terms.a_integer(element, k) *
                                                     terms.b_integer(element, k))
                  : numerics::bits_of(numerics::fma32(terms.a(element, k), terms.b(element, k),
                                                      numerics::float_of(acc)));
    values.push_back(acc);
  }
  return values;
}

ArrayPlace array_place(const abi::MatmulPacket& p, const driver::DeviceConfig& config,
                       const MatmulElement& e) {
  const unsigned rows = config.array_rows;
  const unsigned cols = config.array_cols;
  const unsigned blocks = std::max<unsigned>(kPanel / cols, kMinBlocks);
  const std::uint64_t row_tile = 2ULL * rows;
  const auto tiles_of = [&](std::uint64_t first_row) {
    const unsigned split = split_log2(p.m - first_row, rows);
    const std::uint64_t width = std::uint64_t{blocks} * cols << split;
    return (p.n + width - 1) / width;
  };
  // Tiles before: whole batches, then whole rows of tiles, then the row's own.
  std::uint64_t per_batch = 0;
  std::uint64_t before = 0;
  for (std::uint64_t first = 0; first < p.m; first += row_tile) {
    if (first + row_tile <= e.m) before += tiles_of(first);
    per_batch += tiles_of(first);
  }
  const std::uint64_t first_row = e.m / row_tile * row_tile;
  const unsigned split = split_log2(p.m - first_row, rows);
  const std::uint64_t width = std::uint64_t{blocks} * cols << split;
  ArrayPlace place;
  place.tile = (e.batch0 * p.batch1 + e.batch1) * per_batch + before + e.n / width;
  place.column = static_cast<unsigned>(e.n % cols);
  const auto row = static_cast<unsigned>(e.m - first_row);
  const auto block = static_cast<unsigned>(e.n % width / cols);  // over all superlines
  const unsigned group = block / blocks;
  const unsigned in_group = block % blocks;
  const unsigned parts = 1U << split;
  if (split == 0) {
    place.row = row % rows;
    place.slot = row / rows * blocks + in_group;
  } else {
    place.row = row + in_group % parts * (rows / parts);
    place.slot = group * (blocks / parts) + in_group / parts;
  }
  return place;
}

}  // namespace tandem::debug::wave
