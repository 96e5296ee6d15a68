// SPDX-License-Identifier: Apache-2.0
// What the tests of the vector engine share: packets, programs, tables, the comparison with the
// oracle.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "conformance/functional.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::tests {

/// Bit patterns at which floating-point and integer operations change their behaviour.
inline const std::vector<std::uint32_t> kSpecialWords = {
    0x0000'0000, 0x8000'0000, 0x0000'0001, 0x8000'0001, 0x007f'ffff, 0x0080'0000, 0x0080'0001,
    0x3f80'0000, 0xbf80'0000, 0x3f7f'ffff, 0x3f80'0001, 0x4000'0000, 0x4b80'0000, 0xcb80'0001,
    0x4eff'ffff, 0x4f00'0000, 0xcf00'0000, 0xcf00'0001, 0x4f80'0000, 0x3f00'0000, 0xbf00'0000,
    0x3fc0'0000, 0x4020'0000, 0x7f7f'ffff, 0xff7f'ffff, 0x7f80'0000, 0xff80'0000, 0x7fc0'0000,
    0xffc0'0001, 0x7f80'0001, 0xffff'ffff, 0x7fff'ffff, 0x0000'001f, 0x0000'0020, 0x1234'5678};

class VectorFixture : public Functional {
 protected:
  static std::uint64_t size_of(abi::Dtype type) { return abi::dtype_bits(type) / 8; }

  static abi::VectorStream stream(abi::Dtype type, std::uint64_t addr, std::uint64_t cols) {
    const std::uint64_t e = size_of(type);
    return {type, addr, e, e * cols, 0};
  }

  /// `rows` rows of `cols` columns; inputs and outputs are set by the caller.
  static abi::VectorPacket shape(std::uint32_t cols, std::uint32_t rows = 1) {
    abi::VectorPacket p;
    p.cols = cols;
    p.rows1 = rows;
    p.rows0 = 1;
    return p;
  }

  void load(std::string_view text, abi::VectorPacket& packet, std::uint16_t start = 0) {
    program_ = abi::assemble_ucode(text);
    packet.ucode_start = start;
    packet.ucode_words = static_cast<std::uint16_t>(program_.size());
    ASSERT_EQ(device().load_program(program_, start).error, abi::Fault::kNone);
  }

  void compare_vector(const abi::VectorPacket& packet) {
    compare_with(packet, [&](oracle::Image& expected) {
      oracle::run_vector(expected, packet, program_, tables_);
      return oracle::Outcome{};
    });
  }

  void load_table(unsigned table, const oracle::Table& values) {
    tables_[table] = values;
    device().write(map::kData + 0x81'0000, std::span<const std::uint32_t>(values));
    abi::LoadUcodePacket p;
    p.words = abi::kTableWords;
    p.target = table == 0 ? abi::UcodeTarget::kTable0 : abi::UcodeTarget::kTable1;
    p.src_addr = map::kData + 0x81'0000;
    ASSERT_EQ(device().run(p).error, abi::Fault::kNone);
  }

  std::vector<std::uint64_t> program_;
  std::array<oracle::Table, 2> tables_{};
};

}  // namespace tandem::tests
