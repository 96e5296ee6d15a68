// SPDX-License-Identifier: Apache-2.0
#include "bounds/matmul_terms.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <span>
#include <utility>

#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::debug {
namespace {

using abi::BLayout;
using abi::Dtype;
using abi::InitMode;
using abi::ScaleMode;

constexpr std::uint64_t kPageBytes = 4096;
// A column of B as stored may lie in as many pages as it has elements.
constexpr std::size_t kEntries = 4096;
constexpr std::uint64_t kPanel = abi::kPanelColumns;

std::uint64_t size_of(Dtype type) { return abi::dtype_bits(type) / 8; }

}  // namespace

PageCache::PageCache(abi::ReadMemory memory) : memory_(std::move(memory)), entries_(kEntries) {}

void PageCache::read(std::uint64_t addr, std::span<std::byte> dst) {
  while (!dst.empty()) {
    const std::uint64_t offset = addr % kPageBytes;
    Entry& entry = entries_[addr / kPageBytes % kEntries];
    if (entry.base != addr - offset) {
      entry.bytes.resize(kPageBytes);
      memory_(addr - offset, entry.bytes);
      entry.base = addr - offset;
    }
    const std::size_t count = std::min<std::size_t>(dst.size(), kPageBytes - offset);
    std::memcpy(dst.data(), entry.bytes.data() + offset, count);
    dst = dst.subspan(count);
    addr += count;
  }
}

MatmulTerms::MatmulTerms(const abi::MatmulPacket& packet, abi::ReadMemory memory)
    : p_(packet), memory_(std::move(memory)) {}

template <class T>
T MatmulTerms::load(std::uint64_t addr) {
  T value{};
  memory_.read(addr, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

float MatmulTerms::load_float(Dtype type, std::uint64_t addr) {
  if (type == Dtype::kF32) return load<float>(addr);
  std::array<std::byte, 4> bytes{};
  const auto element = std::span(bytes).first(size_of(type));
  memory_.read(addr, element);
  return static_cast<float>(abi::number_of(type, element).value_or(0));
}

std::uint64_t MatmulTerms::c_addr(const MatmulElement& e) const {
  return p_.c_addr + e.batch0 * p_.c_batch0_stride + e.batch1 * p_.c_batch1_stride +
         e.m * p_.c_row_stride + e.n * size_of(p_.c_type);
}

std::uint32_t MatmulTerms::initial(const MatmulElement& e) {
  if (p_.init_mode == InitMode::kBias) return load<std::uint32_t>(p_.bias_addr + 4 * e.n);
  if (p_.init_mode != InitMode::kAccumulate) return 0;
  if (p_.c_type == Dtype::kI32) return load<std::uint32_t>(c_addr(e));
  return numerics::bits_of(load_float(p_.c_type, c_addr(e)));
}

std::uint64_t MatmulTerms::a_addr(const MatmulElement& e, std::uint64_t k) const {
  const bool rows = p_.a_layout == abi::ALayout::kRows;
  return p_.a_addr + e.batch0 * p_.a_batch0_stride + e.batch1 * p_.a_batch1_stride +
         (rows ? e.m : k) * p_.a_row_stride + (rows ? k : e.m) * size_of(p_.a_type);
}

float MatmulTerms::a(const MatmulElement& e, std::uint64_t k) {
  return numerics::to_e8m10(load_float(p_.a_type, a_addr(e, k)));
}
std::int32_t MatmulTerms::a_integer(const MatmulElement& e, std::uint64_t k) {
  return load<std::int8_t>(a_addr(e, k));
}

std::pair<std::uint64_t, std::uint64_t> MatmulTerms::b_place(const MatmulElement& e,
                                                             std::uint64_t k) const {
  switch (p_.b_layout) {
    case BLayout::kKn:
      return {k, e.n};
    case BLayout::kNk:
      return {e.n, k};
    default:
      return {e.n / kPanel, k * kPanel + e.n % kPanel};
  }
}

std::uint64_t MatmulTerms::b_row_addr(const MatmulElement& e, std::uint64_t row) const {
  return p_.b_addr + e.batch0 * p_.b_batch0_stride + e.batch1 * p_.b_batch1_stride +
         row * p_.b_row_stride;
}

std::int32_t MatmulTerms::b_integer(const MatmulElement& e, std::uint64_t k) {
  const auto [row, element] = b_place(e, k);
  const std::uint64_t base = b_row_addr(e, row);
  if (p_.b_type == Dtype::kI8) return load<std::int8_t>(base + element);
  const auto pair = load<std::uint8_t>(base + element / 2);
  return element % 2 == 0 ? pair & 15 : pair >> 4;
}

std::uint64_t MatmulTerms::scale_offset(const MatmulElement& e, std::uint64_t k) const {
  const std::uint64_t group = k / p_.group_size;
  const bool panels = p_.b_layout == BLayout::kPanels;
  return e.batch0 * p_.b_scale_batch0_stride + e.batch1 * p_.b_scale_batch1_stride +
         (panels ? e.n / kPanel : e.n) * p_.b_scale_row_stride +
         (panels ? group * kPanel + e.n % kPanel : group) * size_of(p_.scale_type);
}

float MatmulTerms::b(const MatmulElement& e, std::uint64_t k) {
  if (p_.scale_mode != ScaleMode::kGroup) {
    const auto [row, element] = b_place(e, k);
    return numerics::to_e8m10(
        load_float(p_.b_type, b_row_addr(e, row) + element * size_of(p_.b_type)));
  }
  const std::uint64_t at = scale_offset(e, k);
  const float scale = load_float(p_.scale_type, p_.b_scale_addr + at);
  const float minimum = load_float(p_.scale_type, p_.b_min_addr + at);
  return numerics::to_e8m10(numerics::fma32(scale, static_cast<float>(b_integer(e, k)), minimum));
}

float MatmulTerms::b_magnitude(const MatmulElement& e, std::uint64_t k) {
  if (p_.scale_mode != ScaleMode::kGroup) return std::abs(b(e, k));
  const std::uint64_t at = scale_offset(e, k);
  const float scale = load_float(p_.scale_type, p_.b_scale_addr + at);
  const float minimum = load_float(p_.scale_type, p_.b_min_addr + at);
  return std::abs(scale * static_cast<float>(b_integer(e, k))) + std::abs(minimum);
}

}  // namespace tandem::debug
