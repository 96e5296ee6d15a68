// SPDX-License-Identifier: Apache-2.0
// One engine over a small memory, and random contents for it.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "packetgen/random.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/cmodel/engine.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::cmodel::test {

/// Device memory as bytes from kBase on.
using Memory = std::vector<std::byte>;
inline constexpr std::uint64_t kBase = 0x1'0000'0000;

struct EngineSetup {
  SimdPath simd;
  int threads;
};
std::ostream& operator<<(std::ostream& out, const EngineSetup& setup);

/// Every path that this processor has, with one thread and with two.
std::vector<EngineSetup> engine_setups();
/// For INSTANTIATE_TEST_SUITE_P, e.g. "avx2_threads_2".
std::string setup_name(const ::testing::TestParamInfo<EngineSetup>& info);

class TestDevice {
 public:
  TestDevice(const EngineSetup& setup, std::uint64_t memory_bytes);

  /// Executes a packet, which must pass all checks, on `memory` and leaves the result there.
  template <class PacketType>
  driver::ExecutionResult run(const PacketType& packet, Memory& memory) {
    return run_packet(std::bit_cast<abi::Packet>(packet), memory);
  }
  driver::UcodeMemory& ucode() { return ucode_; }

 private:
  driver::ExecutionResult run_packet(const abi::Packet& packet, Memory& memory);

  driver::SparseRam ram_;
  NpuEngine engine_;
  driver::UcodeMemory ucode_;
  std::atomic<bool> cancelled_{false};
};

using packetgen::fill_random;
using packetgen::Random;

/// Hands out addresses from kBase on, with guard bytes between operands.
class AddressSpace {
 public:
  std::uint64_t take(std::uint64_t bytes, std::uint64_t alignment = 64);
  std::uint64_t used() const { return next_ - kBase; }

 private:
  std::uint64_t next_ = kBase;
};

/// Moves operand `index` of a packet, with its bytes, to a new end of `memory`, as close to it as
/// the alignment allows; behind it no memory answers.
void move_to_end(abi::Packet& packet, int index, Memory& memory);

/// Index of the first differing byte with its surroundings, for messages.
std::string first_difference(const Memory& expected, const Memory& found);

}  // namespace tandem::cmodel::test
