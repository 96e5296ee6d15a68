// SPDX-License-Identifier: Apache-2.0
#include "random_packets.hpp"

#include <algorithm>
#include <cstring>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/regs.hpp"

namespace tandem::rtltest {

using abi::Dtype;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kAddressEnd = std::uint64_t{1} << abi::kAddressBits;

std::uint64_t bytes_of(Dtype type) { return std::max(8u, abi::dtype_bits(type)) / 8; }

}  // namespace

std::vector<abi::Region> RandomPackets::draw_map() {
  map_.clear();
  std::uint64_t next = kPage * (1 + below(1 << 20));
  while (map_.size() < abi::kMaxRegions) {
    const std::uint64_t size = kPage * (1 + below(chance(50) ? 16 : 1 << 22));
    abi::Region region{next, size, chance(90), chance(75)};
    switch (below(12)) {
      case 0:
        region.base = kAddressEnd - kPage * (1 + below(64));
        break;
      case 1:
        region.base = 0 - kPage * (1 + below(4));
        break;
      case 2:
        region.size = 0;
        break;
      case 3:
        region.size = ~std::uint64_t{0} - below(2 * region.base);
        break;
      default:
        next += size;
        if (chance(40)) next += kPage * (1 + below(1 << 18));
        break;
    }
    map_.push_back(region);
  }
  std::shuffle(map_.begin(), map_.end(), random_);
  return map_;
}

std::uint32_t RandomPackets::extent() {
  const std::uint64_t bits = chance(80) ? below(7) : below(32);
  return static_cast<std::uint32_t>(1 + (random_() & ((std::uint64_t{1} << bits) - 1)));
}

std::uint64_t RandomPackets::address(std::uint64_t align) {
  const abi::Region& region = map_[below(map_.size())];
  std::uint64_t addr = region.base;
  if (chance(40)) {
    addr += region.size - below(2 * kPage);
  } else if (chance(80)) {
    addr += below(std::max<std::uint64_t>(region.size, 1));
  } else {
    addr -= below(kPage);
  }
  return addr / align * align;
}

std::uint64_t RandomPackets::stride(std::uint64_t align) {
  if (chance(15)) return 0;
  const std::uint64_t bits = chance(85) ? below(14) : below(64);
  return (random_() & ((std::uint64_t{1} << bits) - 1)) / align * align;
}

std::uint64_t RandomPackets::interesting(unsigned bits) {
  const std::uint64_t mask = ~std::uint64_t{0} >> (64 - bits);
  switch (below(6)) {
    case 0:
      return 0;
    case 1:
      return mask - below(3);
    case 2:
      return below(16) & mask;
    case 3:
      return (std::uint64_t{1} << below(bits)) & mask;
    case 4:
      return address(1) & mask;
    default:
      return random_() & mask;
  }
}

abi::Packet RandomPackets::matmul() {
  abi::MatmulPacket p;
  p.m = extent(), p.n = extent(), p.k = extent();
  p.batch0 = chance(70) ? 1 : extent(), p.batch1 = chance(50) ? 1 : extent();
  const auto floats = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};
  p.a_layout = pick({abi::ALayout::kRows, abi::ALayout::kCols});
  p.b_layout = pick({abi::BLayout::kKn, abi::BLayout::kNk, abi::BLayout::kPanels});
  p.init_mode = pick({abi::InitMode::kZero, abi::InitMode::kBias, abi::InitMode::kAccumulate});
  p.a_type = pick(floats), p.b_type = pick(floats);
  p.c_type = pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16});
  const std::uint64_t kind = below(4);
  if (kind == 1) {
    p.a_type = p.b_type = Dtype::kI8, p.c_type = Dtype::kI32;
  } else if (kind == 2) {
    p.scale_mode = abi::ScaleMode::kGroup;
    p.b_type = pick({Dtype::kI8, Dtype::kU4});
    p.b_layout = pick({abi::BLayout::kNk, abi::BLayout::kPanels});
    p.scale_type = pick({Dtype::kF16, Dtype::kF32});
    p.group_size = pick<std::uint16_t>({16, 32, 64, 128});
  } else if (kind == 3) {
    p.scale_mode = abi::ScaleMode::kRowCol;
    p.a_type = p.b_type = Dtype::kI8, p.scale_type = Dtype::kF32;
    p.init_mode = pick({abi::InitMode::kZero, abi::InitMode::kBias});
  }
  const bool panels = p.b_layout == abi::BLayout::kPanels;
  const std::uint64_t a = bytes_of(p.a_type), b = panels ? 64 : bytes_of(p.b_type);
  const std::uint64_t c = bytes_of(p.c_type);
  const std::uint64_t s = panels && kind == 2 ? 64 : bytes_of(p.scale_type);
  p.a_addr = address(a), p.b_addr = address(b), p.c_addr = address(c);
  p.a_row_stride = stride(a), p.a_batch0_stride = stride(a), p.a_batch1_stride = stride(a);
  p.b_row_stride = stride(b), p.b_batch0_stride = stride(b), p.b_batch1_stride = stride(b);
  p.c_row_stride = stride(c), p.c_batch0_stride = stride(c), p.c_batch1_stride = stride(c);
  if (p.init_mode == abi::InitMode::kBias) p.bias_addr = address(4);
  if (kind >= 2) {
    p.b_scale_addr = address(s);
    p.b_scale_batch0_stride = stride(s), p.b_scale_batch1_stride = stride(s);
  }
  if (kind == 2) p.b_min_addr = address(s), p.b_scale_row_stride = stride(s);
  if (kind == 3) {
    p.a_scale_addr = address(4);
    p.a_scale_batch0_stride = stride(4), p.a_scale_batch1_stride = stride(4);
  }
  return abi::to_packet(p);
}

abi::Packet RandomPackets::vector() {
  abi::VectorPacket p;
  p.cols = extent(), p.rows1 = extent(), p.rows0 = extent();
  p.ucode_start = static_cast<std::uint16_t>(random_());
  p.ucode_words = static_cast<std::uint16_t>(1 + below(100));
  abi::Packet packet = abi::to_packet(p);
  auto* bytes = reinterpret_cast<std::uint8_t*>(&packet);
  const auto put = [&](std::size_t at, std::uint64_t value, std::size_t num_bytes) {
    std::memcpy(bytes + at, &value, num_bytes);
  };
  for (std::size_t s = 0; s < 7; ++s) {
    const bool output = s >= 4;
    const bool first_output = s == 4;
    if (!first_output && chance(50)) continue;
    const Dtype type = static_cast<Dtype>(1 + below(10));
    const std::uint64_t e = bytes_of(type);
    const bool scalar = output && chance(30);
    put(40 + s, static_cast<std::uint64_t>(type), 1);
    if (!scalar) put(48 + 2 * s, stride(e) & 0xffff, 2);
    put(80 + 24 * s, address(e), 8);
    put(88 + 24 * s, stride(e), 8);
    put(96 + 24 * s, stride(e), 8);
    if (scalar) bytes[32] = static_cast<std::uint8_t>(bytes[32] | 1u << (s - 4));
    const bool fp8 = type == Dtype::kE4M3 || type == Dtype::kE5M2;
    if (output && fp8 && chance(50)) {
      bytes[33] = static_cast<std::uint8_t>(bytes[33] | 1u << (s - 4));
    }
  }
  return packet;
}

abi::Packet RandomPackets::copy() {
  abi::CopyPacket p;
  p.extent0 = extent(), p.extent1 = extent(), p.extent2 = extent(), p.extent3 = extent();
  p.elem_bytes = pick<std::uint8_t>({1, 2, 4, 8});
  const std::uint64_t e = p.elem_bytes;
  p.dst_addr = address(e);
  p.dst_stride0 = stride(e), p.dst_stride1 = stride(e);
  p.dst_stride2 = stride(e), p.dst_stride3 = stride(e);
  if (chance(30)) {
    abi::Packet packet = abi::to_packet(p);
    packet.opcode = abi::Opcode::kFill;
    auto fill = abi::packet_as<abi::FillPacket>(packet);
    fill.value = interesting(static_cast<unsigned>(8 * e));
    return abi::to_packet(fill);
  }
  p.src_addr = address(e);
  p.src_stride0 = stride(e), p.src_stride1 = stride(e);
  p.src_stride2 = stride(e), p.src_stride3 = stride(e);
  return abi::to_packet(p);
}

abi::Packet RandomPackets::indexed() {
  abi::GatherPacket p;
  p.extent0 = extent(), p.extent1 = extent(), p.extent2 = extent(), p.limit = extent();
  const bool scatter = chance(50);
  p.elem_bytes = scatter ? 4 : pick<std::uint8_t>({1, 2, 4, 8});
  p.index_type = pick({Dtype::kI32, Dtype::kI64});
  const std::uint64_t e = p.elem_bytes, i = bytes_of(p.index_type);
  p.src_addr = address(e), p.dst_addr = address(e), p.index_addr = address(i);
  p.src_stride0 = stride(e), p.src_index_stride = stride(e), p.src_stride2 = stride(e);
  p.dst_stride0 = stride(e), p.dst_stride1 = stride(e), p.dst_stride2 = stride(e);
  p.index_stride0 = stride(i), p.index_stride1 = stride(i), p.index_stride2 = stride(i);
  abi::Packet packet = abi::to_packet(p);
  if (scatter) {
    packet.opcode = abi::Opcode::kScatterAdd;
    auto add = abi::packet_as<abi::ScatterAddPacket>(packet);
    add.elem_type = pick({Dtype::kF32, Dtype::kI32});
    return abi::to_packet(add);
  }
  return packet;
}

abi::Packet RandomPackets::control() {
  switch (below(5)) {
    case 0: {
      abi::SignalPacket p;
      p.elem_bytes = pick<std::uint8_t>({4, 8});
      p.addr = address(p.elem_bytes);
      p.value = interesting(8u * p.elem_bytes);
      return abi::to_packet(p);
    }
    case 1: {
      abi::WaitPacket p;
      p.addr = address(4);
      p.mask = static_cast<std::uint32_t>(random_());
      p.value = static_cast<std::uint32_t>(random_());
      p.cycle_limit = 1 + below(1000);
      return abi::to_packet(p);
    }
    case 2: {
      abi::LoadUcodePacket p;
      p.target = static_cast<abi::UcodeTarget>(below(3));
      const bool program = p.target == abi::UcodeTarget::kProgram;
      p.words = program ? extent() : 256;
      p.dst_word = program ? static_cast<std::uint32_t>(below(120)) : 0;
      p.src_addr = address(program ? 8 : 4);
      return abi::to_packet(p);
    }
    case 3:
      return abi::to_packet(abi::FencePacket{});
    default:
      return abi::to_packet(abi::NopPacket{});
  }
}

abi::Packet RandomPackets::valid() {
  abi::Packet packet;
  switch (below(6)) {
    case 0:
    case 1:
      packet = matmul();
      break;
    case 2:
      packet = vector();
      break;
    case 3:
      packet = copy();
      break;
    case 4:
      packet = indexed();
      break;
    default:
      packet = control();
      break;
  }
  packet.seq = random_();
  packet.flags = static_cast<std::uint8_t>(below(2));
  packet.wait_mask = static_cast<std::uint8_t>(below(8));
  return packet;
}

void RandomPackets::mutate(abi::Packet& packet) {
  auto* bytes = reinterpret_cast<std::uint8_t*>(&packet);
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  if (info == nullptr || chance(10)) {
    bytes[below(abi::kPacketBytes)] = static_cast<std::uint8_t>(interesting(8));
    return;
  }
  if (chance(1)) {
    bytes[0] = static_cast<std::uint8_t>(random_());
    return;
  }
  // Fields but the opcode.
  const abi::FieldInfo& field = info->fields[1 + below(info->fields.size() - 1)];
  const std::uint64_t value = !field.allowed.empty() && chance(80)
                                  ? field.allowed[below(field.allowed.size())]
                              : chance(30) && field.width == 64 ? address(1 + below(64))
                                                                : interesting(field.width);
  std::memcpy(bytes + field.at, &value, field.width / 8u);
}

abi::Packet RandomPackets::draw() {
  abi::Packet packet = valid();
  if (chance(60)) {
    for (std::uint64_t n = 1 + below(3); n != 0; --n) mutate(packet);
  }
  return packet;
}

}  // namespace tandem::rtltest
