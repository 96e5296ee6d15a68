// SPDX-License-Identifier: Apache-2.0
// Traces made record by record, for tests of what reads them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tandem/abi/packet_cast.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::tests {

inline constexpr std::uint64_t kTraceMemory = 0x1'0000'0000;

inline driver::DeviceConfig written_config() {
  driver::DeviceConfig config;
  config.name = "toy";
  config.array_rows = config.array_cols = 4;
  config.axi_data_bits = 128;
  config.regions = {{"commands", PhysAddr(0x8000'0000), 0x10'0000, true},
                    {"activations", PhysAddr(kTraceMemory), 0x100'0000, true}};
  return config;
}

/// Packets get numbers from 1 on.
class WrittenTrace {
 public:
  explicit WrittenTrace(const std::string& path) : writer_(path, "toy:toy", written_config()) {}

  runtime::TraceWriter& writer() { return writer_; }

  /// A packet on `engine` with its completion.
  template <class P>
  std::uint64_t packet(P packet, abi::Engine engine, std::uint64_t start, std::uint64_t cycles,
                       abi::Fault error = abi::Fault::kNone) {
    const std::uint64_t seq = submit(packet);
    abi::Completion record;
    record.seq = seq;
    record.opcode = static_cast<std::uint8_t>(packet.opcode);
    record.engine = engine;
    record.error = error;
    record.start_cycle = start;
    record.cycles = cycles;
    writer_.completion(record);
    return seq;
  }
  /// A packet without completion.
  template <class P>
  std::uint64_t submit(P packet) {
    packet.seq = ++seq_;
    writer_.packet(abi::to_packet(packet));
    return seq_;
  }
  void finish() { writer_.finish(); }

 private:
  runtime::TraceWriter writer_;
  std::uint64_t seq_ = 0;
};

/// f32 C[m, n] = A[m, k] * B[k, n]; A, B and C lie 0x10000 apart, rows one behind the other.
inline abi::MatmulPacket product(std::uint32_t m, std::uint32_t n, std::uint32_t k) {
  abi::MatmulPacket packet;
  packet.m = m, packet.n = n, packet.k = k, packet.batch0 = packet.batch1 = 1;
  packet.a_type = packet.b_type = packet.c_type = abi::Dtype::kF32;
  packet.a_addr = kTraceMemory, packet.a_row_stride = std::uint64_t{k} * 4;
  packet.b_addr = kTraceMemory + 0x1'0000, packet.b_row_stride = std::uint64_t{n} * 4;
  packet.c_addr = kTraceMemory + 0x2'0000, packet.c_row_stride = std::uint64_t{n} * 4;
  return packet;
}

/// Fills every second word of `words` from `addr` on.
inline abi::FillPacket every_second_word(std::uint64_t addr, std::uint32_t words) {
  abi::FillPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = words;
  packet.elem_bytes = 4;
  packet.dst_addr = addr;
  packet.dst_stride3 = 8;
  return packet;
}

}  // namespace tandem::tests
