// SPDX-License-Identifier: Apache-2.0
#include "packetgen/dma_cases.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

namespace tandem::packetgen {
namespace {

constexpr std::uint64_t kMaxHull = 0x1'8000;  // bytes of an operand

}  // namespace

PacketMaker::Extents PacketMaker::extents(std::uint64_t elements) {
  Extents extents{1, 1, 1, 1};
  std::array<unsigned, 4> order{0, 1, 2, 3};
  std::shuffle(order.begin(), order.end(), random_);
  std::uint64_t room = elements;
  for (const unsigned d : order) {
    if (chance(35)) continue;
    const std::uint64_t bound = chance(60) ? std::min<std::uint64_t>(room, 9) : room;
    extents[d] = 1 + below(bound);
    room /= extents[d];
  }
  return extents;
}

PacketMaker::Strides PacketMaker::strides(const Extents& extents, std::uint64_t bytes) {
  for (unsigned gaps = 35;; gaps /= 2) {
    Strides strides{};
    std::array<unsigned, 4> order{3, 2, 1, 0};
    if (chance(40)) std::shuffle(order.begin(), order.end(), random_);
    std::uint64_t dense = bytes;
    for (const unsigned d : order) {
      if (extents[d] == 1) {
        strides[d] = random_() & ~std::uint64_t{7};
        continue;
      }
      strides[d] = chance(gaps) ? dense + bytes * below(70) : dense;
      dense = strides[d] * extents[d];
    }
    if (hull(extents, strides, bytes) <= kMaxHull) return strides;
  }
}

PacketMaker::Strides PacketMaker::source_strides(const Extents& extents, std::uint64_t bytes) {
  Strides chosen = strides(extents, bytes);
  for (unsigned d = 0; d < 4; ++d) {
    if (extents[d] != 1 && chance(12)) chosen[d] = 0;
  }
  return chosen;
}

std::uint64_t PacketMaker::hull(const Extents& extents, const Strides& strides,
                                std::uint64_t bytes) {
  std::uint64_t last = 0;
  for (unsigned d = 0; d < 4; ++d) {
    if (extents[d] > 1) last += (extents[d] - 1) * strides[d];
  }
  return last + bytes;
}

std::uint64_t PacketMaker::place(unsigned bank, std::uint64_t hull, std::uint64_t bytes) {
  const driver::SparseRam::Bank place = dma_banks()[bank];
  const std::uint64_t room = (place.size - hull) / bytes;
  const std::uint64_t align = chance(30) ? 64 / bytes : 1;
  return place.base + below(room / align + 1) * align * bytes;
}

std::vector<std::uint8_t> PacketMaker::indices(std::uint64_t hull, bool wide, std::uint32_t limit) {
  const std::uint64_t bytes = wide ? 8 : 4;
  std::vector<std::uint8_t> data(hull);
  const std::uint64_t span = chance(30) ? 1 + below(std::min<std::uint32_t>(limit, 3)) : limit;
  for (std::uint64_t at = 0; at + bytes <= hull; at += bytes) {
    const std::uint64_t index = below(span);
    std::memcpy(&data[at], &index, bytes);
  }
  if (chance(15)) {
    const std::array<std::uint64_t, 4> bad{limit, ~std::uint64_t{0}, 0x8000'0000,
                                           std::uint64_t{1} << 32 | 0x8000'0000};
    std::memcpy(&data[below(hull / bytes) * bytes], &bad[below(4)], bytes);
  }
  return data;
}

std::vector<std::uint8_t> PacketMaker::words(std::uint64_t hull, bool floats) {
  constexpr std::array<std::uint32_t, 6> kSpecial{0,           0x8000'0000, 0x7f80'0000,
                                                  0xff80'0000, 0x7fa1'2345, 0x0000'0007};
  std::vector<std::uint8_t> data(hull);
  for (std::uint64_t at = 0; at + 4 <= hull; at += 4) {
    auto word = static_cast<std::uint32_t>(random_());
    // Exponents close to each other, so that sums round and cancel.
    if (floats) word = (word & 0x807f'ffff) | static_cast<std::uint32_t>(120 + below(12)) << 23;
    if (floats && chance(2)) word = kSpecial[below(kSpecial.size())];
    std::memcpy(&data[at], &word, 4);
  }
  return data;
}

PacketCase PacketMaker::copy() {
  abi::CopyPacket p;
  p.elem_bytes = static_cast<std::uint8_t>(1 << below(4));
  const Extents e = extents(chance(10) ? 8000 : 700);
  const Strides src = source_strides(e, p.elem_bytes);
  const Strides dst = strides(e, p.elem_bytes);
  p.extent0 = static_cast<std::uint32_t>(e[0]);
  p.extent1 = static_cast<std::uint32_t>(e[1]);
  p.extent2 = static_cast<std::uint32_t>(e[2]);
  p.extent3 = static_cast<std::uint32_t>(e[3]);
  p.src_stride0 = src[0];
  p.src_stride1 = src[1];
  p.src_stride2 = src[2];
  p.src_stride3 = src[3];
  p.dst_stride0 = dst[0];
  p.dst_stride1 = dst[1];
  p.dst_stride2 = dst[2];
  p.dst_stride3 = dst[3];
  p.src_addr = place(0, hull(e, src, p.elem_bytes), p.elem_bytes);
  p.dst_addr = place(1, hull(e, dst, p.elem_bytes), p.elem_bytes);
  return {abi::to_packet(p), {}};
}

PacketCase PacketMaker::fill() {
  abi::FillPacket p;
  p.elem_bytes = static_cast<std::uint8_t>(1 << below(4));
  const Extents e = extents(chance(10) ? 8000 : 1000);
  const Strides dst = strides(e, p.elem_bytes);
  p.extent0 = static_cast<std::uint32_t>(e[0]);
  p.extent1 = static_cast<std::uint32_t>(e[1]);
  p.extent2 = static_cast<std::uint32_t>(e[2]);
  p.extent3 = static_cast<std::uint32_t>(e[3]);
  p.dst_stride0 = dst[0];
  p.dst_stride1 = dst[1];
  p.dst_stride2 = dst[2];
  p.dst_stride3 = dst[3];
  p.dst_addr = place(1, hull(e, dst, p.elem_bytes), p.elem_bytes);
  p.value = random_() >> (64 - 8 * p.elem_bytes);
  return {abi::to_packet(p), {}};
}

PacketCase PacketMaker::gather() {
  abi::GatherPacket p;
  PacketCase result;
  p.elem_bytes = static_cast<std::uint8_t>(1 << below(4));
  const bool wide = chance(50);
  p.index_type = wide ? abi::Dtype::kI64 : abi::Dtype::kI32;
  const std::uint64_t index_bytes = wide ? 8 : 4;
  Extents e = extents(500);
  e[0] = 1;
  p.limit = static_cast<std::uint32_t>(1 + below(chance(20) ? 2 : 24));
  const bool rows = chance(50);  // One index for all l.
  const Extents table{e[1], p.limit, 1, e[3]};
  Strides src = source_strides(table, p.elem_bytes);
  Strides dst = strides(e, p.elem_bytes);
  Strides index = source_strides(e, index_bytes);
  if (rows) {
    if (e[3] > 1) {
      index[3] = 0;
      src[3] = p.elem_bytes;
    }
    if (chance(70)) dst = {0, e[2] * e[3] * p.elem_bytes, e[3] * p.elem_bytes, p.elem_bytes};
  }
  p.extent0 = static_cast<std::uint32_t>(e[1]);
  p.extent1 = static_cast<std::uint32_t>(e[2]);
  p.extent2 = static_cast<std::uint32_t>(e[3]);
  p.src_stride0 = src[0];
  p.src_index_stride = src[1];
  p.src_stride2 = src[3];
  p.dst_stride0 = dst[1];
  p.dst_stride1 = dst[2];
  p.dst_stride2 = dst[3];
  p.index_stride0 = index[1];
  p.index_stride1 = index[2];
  p.index_stride2 = index[3];
  p.src_addr = place(0, hull(table, src, p.elem_bytes), p.elem_bytes);
  p.dst_addr = place(1, hull(e, dst, p.elem_bytes), p.elem_bytes);
  const std::uint64_t index_hull = hull(e, index, index_bytes);
  p.index_addr = place(0, index_hull, index_bytes);
  result.data.push_back({p.index_addr, indices(index_hull, wide, p.limit)});
  result.packet = abi::to_packet(p);
  return result;
}

PacketCase PacketMaker::scatter_add() {
  abi::ScatterAddPacket p;
  PacketCase result;
  const bool floats = chance(70);
  p.elem_type = floats ? abi::Dtype::kF32 : abi::Dtype::kI32;
  const bool wide = chance(50);
  p.index_type = wide ? abi::Dtype::kI64 : abi::Dtype::kI32;
  const std::uint64_t index_bytes = wide ? 8 : 4;
  Extents e = extents(300);
  e[0] = 1;
  p.limit = static_cast<std::uint32_t>(1 + below(chance(20) ? 2 : 24));
  const Extents table{e[1], p.limit, 1, e[3]};
  Strides src = source_strides(e, 4);
  Strides dst = chance(80) ? strides(table, 4) : source_strides(table, 4);
  Strides index = source_strides(e, index_bytes);
  if (chance(50) && e[3] > 1) {  // Rows, which sometimes overlap.
    index[3] = 0;
    src[3] = 4;
    dst[3] = 4;
    if (p.limit > 1) dst[1] = 4 * (chance(70) ? e[3] + below(20) : below(e[3] + 1));
    if (e[1] > 1 && chance(50)) dst[0] = 4 * below(2 * e[3]);
  }
  p.extent0 = static_cast<std::uint32_t>(e[1]);
  p.extent1 = static_cast<std::uint32_t>(e[2]);
  p.extent2 = static_cast<std::uint32_t>(e[3]);
  p.src_stride0 = src[1];
  p.src_stride1 = src[2];
  p.src_stride2 = src[3];
  p.dst_stride0 = dst[0];
  p.dst_index_stride = dst[1];
  p.dst_stride2 = dst[3];
  p.index_stride0 = index[1];
  p.index_stride1 = index[2];
  p.index_stride2 = index[3];
  const std::uint64_t src_hull = hull(e, src, 4);
  const std::uint64_t dst_hull = hull(table, dst, 4);
  const std::uint64_t index_hull = hull(e, index, index_bytes);
  p.src_addr = place(0, src_hull, 4);
  p.dst_addr = place(1, dst_hull, 4);
  p.index_addr = place(0, index_hull, index_bytes);
  // Sometimes right behind the destination, in the beat that is read and written.
  const std::uint64_t behind = (p.dst_addr + dst_hull + 7) / 8 * 8;
  const driver::SparseRam::Bank bank = dma_banks()[1];
  if (chance(30) && behind + index_hull <= bank.base + bank.size) p.index_addr = behind;
  result.data.push_back({p.src_addr, words(src_hull, floats)});
  result.data.push_back({p.dst_addr, words(dst_hull, floats)});
  result.data.push_back({p.index_addr, indices(index_hull, wide, p.limit)});
  result.packet = abi::to_packet(p);
  return result;
}

PacketCase PacketMaker::any() {
  switch (below(4)) {
    case 0:
      return copy();
    case 1:
      return fill();
    case 2:
      return gather();
    default:
      return scatter_add();
  }
}

}  // namespace tandem::packetgen
