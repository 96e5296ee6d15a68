// SPDX-License-Identifier: Apache-2.0
// COPY, FILL, GATHER, SCATTER_ADD, and the packets of the command processor.
#include <array>

#include "rtl/cycles/cases.hpp"

namespace tandem::rtltest {
namespace {

using Extents = std::array<std::uint32_t, 4>;
using Strides = std::array<std::uint64_t, 4>;

template <class P>
void set_extents(P& packet, const Extents& extents) {
  packet.extent0 = extents[0];
  packet.extent1 = extents[1];
  packet.extent2 = extents[2];
  packet.extent3 = extents[3];
}

template <class P>
void set_destination(P& packet, std::uint64_t addr, const Strides& strides) {
  packet.dst_addr = addr;
  packet.dst_stride0 = strides[0];
  packet.dst_stride1 = strides[1];
  packet.dst_stride2 = strides[2];
  packet.dst_stride3 = strides[3];
}

/// Bytes that a tensor of these extents and strides reaches over.
std::uint64_t hull(const Extents& extents, const Strides& strides, std::uint64_t element) {
  std::uint64_t bytes = element;
  for (unsigned i = 0; i < extents.size(); ++i) bytes += (extents[i] - 1) * strides[i];
  return bytes;
}

CycleCase copy(const char* name, std::uint8_t element, Extents extents, Strides from, Strides to,
               std::uint64_t from_offset = 0, std::uint64_t to_offset = 0) {
  return {std::string("copy ") + name, [=](CycleDevice& device) {
            abi::CopyPacket packet;
            packet.elem_bytes = element;
            set_extents(packet, extents);
            packet.src_addr =
                device.memory(from_offset + hull(extents, from, element)) + from_offset;
            packet.src_stride0 = from[0];
            packet.src_stride1 = from[1];
            packet.src_stride2 = from[2];
            packet.src_stride3 = from[3];
            set_destination(packet,
                            device.memory(to_offset + hull(extents, to, element)) + to_offset, to);
            return device.run(packet);
          }};
}

CycleCase fill(const char* name, std::uint8_t element, Extents extents, Strides to,
               std::uint64_t offset = 0) {
  return {std::string("fill ") + name, [=](CycleDevice& device) {
            abi::FillPacket packet;
            packet.elem_bytes = element;
            packet.value = 0x5a;
            set_extents(packet, extents);
            set_destination(packet, device.memory(offset + hull(extents, to, element)) + offset,
                            to);
            return device.run(packet);
          }};
}

/// Rows 5, 10, 15, ... modulo a prime: no two near each other are equal.
std::uint64_t indices(CycleDevice& device, std::uint32_t count, std::uint32_t limit,
                      std::uint32_t step) {
  std::vector<std::int32_t> values(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    values[i] = static_cast<std::int32_t>(i * step % limit);
  }
  return device.memory_with(std::as_bytes(std::span(values)));
}

CycleCase gather(const char* name, std::uint8_t element, std::uint32_t rows, std::uint32_t cols,
                 std::uint64_t skew = 0) {
  return {std::string("gather ") + name, [=](CycleDevice& device) {
            constexpr std::uint32_t kLimit = 61;
            const std::uint64_t row = std::uint64_t{cols} * element + skew;
            abi::GatherPacket packet;
            packet.extent0 = 1;
            packet.extent1 = rows;
            packet.extent2 = cols;
            packet.limit = kLimit;
            packet.elem_bytes = element;
            packet.index_type = abi::Dtype::kI32;
            packet.src_addr = device.memory(kLimit * row);
            packet.src_index_stride = row;
            packet.src_stride2 = element;
            packet.dst_addr = device.memory(rows * row);
            packet.dst_stride1 = row;
            packet.dst_stride2 = element;
            packet.index_addr = indices(device, rows, kLimit, 5);
            packet.index_stride1 = sizeof(std::int32_t);
            return device.run(packet);
          }};
}

CycleCase scatter_add(const char* name, abi::Dtype type, std::uint32_t step) {
  return {std::string("scatter_add ") + name, [=](CycleDevice& device) {
            constexpr std::uint32_t kLimit = 31, kRows = 8, kCols = 48;
            constexpr std::uint64_t kRow = kCols * 4;
            abi::ScatterAddPacket packet;
            packet.extent0 = 1;
            packet.extent1 = kRows;
            packet.extent2 = kCols;
            packet.limit = kLimit;
            packet.elem_type = type;
            packet.index_type = abi::Dtype::kI32;
            packet.src_addr = device.memory(kRows * kRow);
            packet.src_stride1 = kRow;
            packet.src_stride2 = 4;
            packet.dst_addr = device.memory(kLimit * kRow);
            packet.dst_index_stride = kRow;
            packet.dst_stride2 = 4;
            packet.index_addr = indices(device, kRows, kLimit, step);
            packet.index_stride1 = sizeof(std::int32_t);
            return device.run(packet);
          }};
}

CycleCase load_ucode(const char* name, abi::UcodeTarget target, std::uint32_t words) {
  return {std::string("load_ucode ") + name, [=](CycleDevice& device) {
            abi::LoadUcodePacket packet;
            packet.words = words;
            packet.target = target;
            packet.src_addr =
                device.memory(std::uint64_t{words} * (target == abi::UcodeTarget::kProgram
                                                          ? sizeof(std::uint64_t)
                                                          : sizeof(std::uint32_t)));
            const std::uint64_t cycles = device.run(packet);
            device.queue().forget_programs();
            return cycles;
          }};
}

template <class P>
CycleCase together(const char* name, P packet, unsigned count) {
  return {name, [=](CycleDevice& device) {
            P placed = packet;
            if constexpr (requires { placed.addr; }) placed.addr = device.memory(8);
            return device.run_together(abi::to_packet(placed), count);
          }};
}

}  // namespace

std::vector<CycleCase> dma_cases() {
  return {
      copy("contiguous 16 KiB", 4, {1, 1, 1, 4096}, {0, 0, 0, 4}, {0, 0, 0, 4}),
      copy("unaligned 4095 bytes", 1, {1, 1, 1, 4095}, {0, 0, 0, 1}, {0, 0, 0, 1}, 1, 3),
      copy("rows with gaps", 2, {1, 1, 48, 40}, {0, 0, 112, 2}, {0, 0, 96, 2}),
      copy("one row to many", 2, {1, 1, 32, 64}, {0, 0, 0, 2}, {0, 0, 128, 2}),
      copy("transposed 32 x 48 of 2 bytes", 2, {1, 1, 48, 32}, {0, 0, 2, 96}, {0, 0, 64, 2}),
      copy("transposed 24 x 24 of 4 bytes", 4, {1, 1, 24, 24}, {0, 0, 4, 96}, {0, 0, 96, 4}),
      copy("heads of tokens", 2, {1, 6, 8, 32}, {0, 64, 384, 2}, {0, 512, 64, 2}),
      copy("every second of 512 bytes", 1, {1, 1, 1, 512}, {0, 0, 0, 2}, {0, 0, 0, 1}),
      fill("contiguous 16 KiB", 4, {1, 1, 1, 4096}, {0, 0, 0, 4}),
      fill("unaligned 1001 bytes", 1, {1, 1, 1, 1001}, {0, 0, 0, 1}, 5),
      fill("rows with gaps", 8, {1, 1, 32, 12}, {0, 0, 160, 8}),
      gather("rows of 256 bytes", 2, 24, 128),
      gather("unaligned rows of 90 bytes", 2, 24, 45, 2),
      gather("single elements", 4, 96, 1),
      scatter_add("f32 rows", abi::Dtype::kF32, 5),
      scatter_add("f32, one row again and again", abi::Dtype::kF32, 0),
      scatter_add("int32 rows", abi::Dtype::kI32, 5),
  };
}

std::vector<CycleCase> command_cases() {
  abi::SignalPacket signal;
  signal.elem_bytes = 4;
  return {
      load_ucode("8 words", abi::UcodeTarget::kProgram, 8),
      load_ucode("200 words", abi::UcodeTarget::kProgram, 200),
      load_ucode("table", abi::UcodeTarget::kTable0, abi::kTableWords),
      together("nop, 48 back to back", abi::NopPacket{}, 48),
      together("fence, 16 back to back", abi::FencePacket{}, 16),
      together("signal, 16 back to back", signal, 16),
  };
}

}  // namespace tandem::rtltest
