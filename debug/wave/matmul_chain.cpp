// SPDX-License-Identifier: Apache-2.0
#include "matmul_chain.hpp"

#include <algorithm>

#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"
#include "words.hpp"

namespace tandem::debug::wave {
namespace {

using abi::BLayout;
using abi::Dtype;
using abi::InitMode;
using abi::MatmulPacket;
using abi::ScaleMode;
using driver::SparseRam;

constexpr std::uint64_t kPanel = abi::kPanelColumns;

std::uint64_t size_of(Dtype type) { return abi::dtype_bits(type) / 8; }

float load_float(const SparseRam& ram, Dtype type, std::uint64_t addr) {
  return numerics::float_of(load_word(ram, type, addr));
}

std::uint64_t c_at(const MatmulPacket& p, const MatmulElement& e) {
  return p.c_addr + e.batch0 * p.c_batch0_stride + e.batch1 * p.c_batch1_stride +
         e.m * p.c_row_stride + e.n * size_of(p.c_type);
}

/// One chain: everything that does not depend on k.
class Chain {
 public:
  Chain(const MatmulPacket& p, const SparseRam& ram, const MatmulElement& e)
      : p_(p),
        ram_(ram),
        e_(e),
        a_(p.a_addr + e.batch0 * p.a_batch0_stride + e.batch1 * p.a_batch1_stride),
        b_(p.b_addr + e.batch0 * p.b_batch0_stride + e.batch1 * p.b_batch1_stride),
        scale_(e.batch0 * p.b_scale_batch0_stride + e.batch1 * p.b_scale_batch1_stride) {}

  std::vector<std::uint32_t> run() const {
    const bool integer = p_.a_type == Dtype::kI8;
    std::uint32_t acc = 0;
    if (p_.init_mode == InitMode::kBias) acc = load<std::uint32_t>(ram_, p_.bias_addr + 4 * e_.n);
    if (p_.init_mode == InitMode::kAccumulate) acc = load_word(ram_, p_.c_type, c_at(p_, e_));
    std::vector<std::uint32_t> values{acc};
    values.reserve(std::size_t{p_.k} + 1);
    for (std::uint64_t k = 0; k < p_.k; ++k) {
      acc = integer ? integer_step(k, acc) : float_step(k, acc);
      values.push_back(acc);
    }
    return values;
  }

 private:
  std::uint64_t a_at(std::uint64_t k) const {
    const bool rows = p_.a_layout == abi::ALayout::kRows;
    return a_ + (rows ? e_.m : k) * p_.a_row_stride + (rows ? k : e_.m) * size_of(p_.a_type);
  }
  /// Row and element within it of B at (k, n).
  std::pair<std::uint64_t, std::uint64_t> b_place(std::uint64_t k) const {
    switch (p_.b_layout) {
      case BLayout::kKn:
        return {k, e_.n};
      case BLayout::kNk:
        return {e_.n, k};
      default:
        return {e_.n / kPanel, k * kPanel + e_.n % kPanel};
    }
  }
  std::int32_t b_integer(std::uint64_t k) const {
    const auto [row, element] = b_place(k);
    const std::uint64_t base = b_ + row * p_.b_row_stride;
    if (p_.b_type == Dtype::kI8) return load<std::int8_t>(ram_, base + element);
    const auto pair = load<std::uint8_t>(ram_, base + element / 2);
    return element % 2 == 0 ? pair & 15 : pair >> 4;
  }
  float weight(std::uint64_t k) const {
    if (p_.scale_mode != ScaleMode::kGroup) {
      const auto [row, element] = b_place(k);
      return numerics::to_e8m10(
          load_float(ram_, p_.b_type, b_ + row * p_.b_row_stride + element * size_of(p_.b_type)));
    }
    const std::uint64_t group = k / p_.group_size;
    const bool panels = p_.b_layout == BLayout::kPanels;
    const std::uint64_t at =
        scale_ + (panels ? e_.n / kPanel : e_.n) * p_.b_scale_row_stride +
        (panels ? group * kPanel + e_.n % kPanel : group) * size_of(p_.scale_type);
    const float scale = load_float(ram_, p_.scale_type, p_.b_scale_addr + at);
    const float minimum = load_float(ram_, p_.scale_type, p_.b_min_addr + at);
    return numerics::to_e8m10(numerics::fma32(scale, static_cast<float>(b_integer(k)), minimum));
  }
  std::uint32_t float_step(std::uint64_t k, std::uint32_t acc) const {
    const float a = numerics::to_e8m10(load_float(ram_, p_.a_type, a_at(k)));
    return numerics::bits_of(numerics::fma32(a, weight(k), numerics::float_of(acc)));
  }
  std::uint32_t integer_step(std::uint64_t k, std::uint32_t acc) const {
    const std::int32_t a = load<std::int8_t>(ram_, a_at(k));
    return acc + static_cast<std::uint32_t>(a * b_integer(k));
  }

  const MatmulPacket& p_;
  const SparseRam& ram_;
  const MatmulElement& e_;
  std::uint64_t a_;
  std::uint64_t b_;
  std::uint64_t scale_;
};

constexpr unsigned kMinBlocks = 4;

/// How many blocks of columns the array rows work on side by side, as a power of two.
unsigned split_log2(std::uint64_t rows, unsigned array_rows) {
  if (rows > array_rows / 2) return 0;
  return rows > array_rows / 4 ? 1 : 2;
}

}  // namespace

std::optional<MatmulElement> element_at(const abi::MatmulPacket& p, std::uint64_t addr) {
  const std::uint64_t bytes = size_of(p.c_type);
  for (std::uint64_t b0 = 0; b0 < p.batch0; ++b0) {
    for (std::uint64_t b1 = 0; b1 < p.batch1; ++b1) {
      const std::uint64_t offset = addr - c_at(p, {b0, b1, 0, 0});
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
  return Chain(packet, before, element).run();
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
