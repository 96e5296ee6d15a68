// SPDX-License-Identifier: Apache-2.0
// Runs a packet on the device and on the oracle over the same random memory and compares every byte
// and the checksum.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "conformance/conformance.hpp"
#include "conformance/oracle.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::tests {

class Functional : public Conformance {
 protected:
  static constexpr std::uint64_t kBase = map::kData;
  static constexpr std::size_t kBytes = 0x4'0000;
  // Places for operands inside the window.
  static constexpr std::uint64_t kA = kBase + 0x1000;
  static constexpr std::uint64_t kB = kBase + 0x1'0000;
  static constexpr std::uint64_t kC = kBase + 0x2'0000;
  static constexpr std::uint64_t kD = kBase + 0x3'0000;

  /// A number below `bound`, the same sequence in every run.
  std::uint32_t random(std::uint32_t bound) { return random_() % bound; }
  std::uint32_t random_between(std::uint32_t first, std::uint32_t last) {
    return first + random(last - first + 1);
  }

  /// Random bytes in the whole window.
  void scramble() {
    std::vector<std::uint8_t> bytes(kBytes);
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random_() >> 11);
    device().write(kBase, bytes);
  }
  /// `count` floats of moderate size, so that sums neither overflow nor vanish.
  void put_floats(std::uint64_t addr, std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = (static_cast<float>(random(4001)) - 2000.0f) / 512.0f;
    device().write(addr, values);
  }
  oracle::Image image() { return {kBase, device().read<std::uint8_t>(kBase, kBytes)}; }

  /// Runs the packet on the device; `reference` turns the image into the expected one.
  template <class P, class Reference>
  void compare_with(const P& packet, Reference&& reference) {
    oracle::Image expected = image();
    const oracle::Outcome outcome = reference(expected);
    const abi::Completion record = device().run(packet);
    ASSERT_EQ(record.error, outcome.error)
        << abi::to_string(record.error) << " at " << std::hex << record.fault_addr;
    EXPECT_EQ(record.fault_addr, outcome.fault_addr);
    if (outcome.error != abi::Fault::kNone) return;
    const auto found = device().read<std::uint8_t>(kBase, kBytes);
    const auto [a, b] = std::mismatch(found.begin(), found.end(), expected.bytes().begin());
    if (a != found.end()) {
      const std::uint64_t at = kBase + static_cast<std::uint64_t>(a - found.begin());
      ADD_FAILURE() << fmt::format("byte {:#x} is {:02x}, expected {:02x}; word {:08x}, {:08x}", at,
                                   *a, *b, device().read_one<std::uint32_t>(at & ~3ull),
                                   expected.load<std::uint32_t>(at & ~3ull));
    }
    EXPECT_EQ(record.checksum, expected.checksum());
    EXPECT_EQ(record.engine, abi::find_opcode(record.opcode)->engine);
  }
  template <class P>
  void compare(const P& packet) {
    compare_with(packet, [&](oracle::Image& expected) { return oracle::run(expected, packet); });
  }

 private:
  std::mt19937 random_{20240117};
};

}  // namespace tandem::tests
