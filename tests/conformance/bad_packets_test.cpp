// SPDX-License-Identifier: Apache-2.0
// Every check of section 5 of the contract provoked on every opcode, field by field from the
// specification's tables.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "conformance/conformance.hpp"
#include "conformance/samples.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::tests {
namespace {

using abi::Fault;
using abi::FieldInfo;
using abi::Packet;

constexpr std::uint64_t kTop = ~std::uint64_t{63};  ///< 64 bytes below 2^64.
constexpr std::uint64_t kRomEnd = map::kRom + map::kRomSize;

void set(Packet& packet, std::uint16_t at, unsigned width, std::uint64_t value) {
  std::memcpy(reinterpret_cast<std::uint8_t*>(&packet) + at, &value, width / 8);
}

void set(Packet& packet, const FieldInfo& field, std::uint64_t value) {
  set(packet, field.at, field.width, value);
}

std::uint64_t get(const Packet& packet, const FieldInfo& field) {
  std::uint64_t value = 0;
  std::memcpy(&value, reinterpret_cast<const std::uint8_t*>(&packet) + field.at, field.width / 8);
  return value;
}

bool contains(const std::vector<std::string_view>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// Address and stride fields.
bool is_place(const FieldInfo& field) {
  return field.unit == "address" || (field.unit == "bytes" && field.name.ends_with("stride")) ||
         (field.unit == "bytes" && field.name.find("_stride") != std::string_view::npos);
}

class BadPacketFixture : public Conformance {
 protected:
  const abi::OpcodeInfo& info(const Sample& sample) {
    return *abi::find_opcode(static_cast<std::uint8_t>(sample.packet.opcode));
  }

  /// Calls body(sample, field) under a trace line.
  template <class Body>
  void for_each_field(const std::vector<Sample>& samples, Body&& body) {
    for (const Sample& sample : samples) {
      for (const FieldInfo& field : info(sample).fields) {
        SCOPED_TRACE(fmt::format("{}.{}", sample.name, field.name));
        body(sample, field);
      }
    }
  }

  void samples_succeed(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      SCOPED_TRACE(sample.name);
      expect_success(device().run(sample.packet));
    }
  }

  void reserved_bytes(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      std::array<bool, abi::kPacketBytes> named{};
      for (const FieldInfo& field : info(sample).fields) {
        std::fill_n(named.begin() + field.at, field.width / 8, true);
      }
      for (std::uint16_t at = 0; at < named.size(); ++at) {
        if (named[at]) continue;
        SCOPED_TRACE(fmt::format("{} byte {}", sample.name, at));
        Packet packet = sample.packet;
        set(packet, at, 8, at % 2 == 0 ? 0x01 : 0x80);
        expect_fault(packet, Fault::kBadField, at);
      }
    }
  }

  void masks(const std::vector<Sample>& samples) {
    for_each_field(samples, [&](const Sample& sample, const FieldInfo& field) {
      for (unsigned bit = 0; bit < field.width; ++bit) {
        if (((field.mask >> bit) & 1) != 0) continue;
        Packet packet = sample.packet;
        set(packet, field, get(packet, field) | std::uint64_t{1} << bit);
        expect_fault(packet, Fault::kBadField, field.at);
      }
    });
  }

  void listed_values(const std::vector<Sample>& samples) {
    for_each_field(samples, [&](const Sample& sample, const FieldInfo& field) {
      if (field.allowed.empty()) return;
      const std::uint64_t last = *std::max_element(field.allowed.begin(), field.allowed.end());
      std::vector<std::uint64_t> wrong = {last + 1, 0x7f, 0x80, 0xff};
      for (std::uint64_t value = 0; value < last; ++value) {
        if (wrong.size() < 8) wrong.push_back(value);
      }
      if (field.width > 8) wrong.push_back(0xffff);
      for (const std::uint64_t value : wrong) {
        if (std::find(field.allowed.begin(), field.allowed.end(), value) != field.allowed.end()) {
          continue;
        }
        Packet packet = sample.packet;
        set(packet, field, value);
        expect_fault(packet, Fault::kBadField, field.at);
      }
    });
  }

  void zeros(const std::vector<Sample>& samples) {
    for_each_field(samples, [&](const Sample& sample, const FieldInfo& field) {
      if (field.nonzero == abi::NonZero::kNo) return;
      Packet packet = sample.packet;
      set(packet, field, 0);
      const bool shape = field.nonzero == abi::NonZero::kShape;
      expect_fault(packet, shape ? Fault::kBadShape : Fault::kBadField, field.at);
    });
  }

  void places(const std::vector<Sample>& samples) {
    for_each_field(samples, [&](const Sample& sample, const FieldInfo& field) {
      if (!is_place(field) || contains(sample.unaligned, field.name)) return;
      Packet packet = sample.packet;
      if (contains(sample.absent, field.name)) {
        set(packet, field, 64);
        expect_fault(packet, Fault::kBadField, field.at);
        return;
      }
      for (const std::uint64_t off : {1, 2}) {
        set(packet, field, get(sample.packet, field) + off);
        expect_fault(packet, Fault::kMisaligned, field.at);
      }
    });
  }

  void overflows(const std::vector<Sample>& samples) {
    for_each_field(samples, [&](const Sample& sample, const FieldInfo& field) {
      if (field.unit != "address" || contains(sample.absent, field.name)) return;
      Packet packet = sample.packet;
      set(packet, field, kTop);
      expect_fault(packet, Fault::kShapeOverflow, field.at);
    });
  }

  void extents(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      const abi::OperandList list = abi::operands(sample.packet);
      for (const abi::Operand& operand : list.view()) {
        SCOPED_TRACE(fmt::format("{}.{}", sample.name, operand.name));
        one_extent(sample.packet, operand);
      }
    }
  }

  void one_extent(const Packet& good, const abi::Operand& operand) {
    const std::uint64_t hull = (operand.hull_end() - operand.base + 63) / 64 * 64;
    const bool written = operand.role != abi::Role::kRead;
    // Zeros are valid indices.
    device().fill(map::kLow, map::kLowSize + map::kHighSize + map::kRomSize, 0);
    const auto at = [&](std::uint64_t addr) {
      Packet packet = good;
      set(packet, operand.addr_field, 64, addr);
      return packet;
    };
    expect_fault(at(map::kHole), Fault::kUnmapped, map::kHole);
    expect_fault(at(0), Fault::kUnmapped, 0);
    expect_fault(at(std::uint64_t{1} << 48), Fault::kUnmapped, std::uint64_t{1} << 48);
    expect_fault(at(map::kLow - 64), Fault::kUnmapped, map::kLow - 64);
    // From writable memory into memory that packets may only read.
    if (written && hull > 64) {
      expect_fault(at(map::kRom - 64), Fault::kReadOnly, map::kRom);
    } else {
      expect_success(device().run(at(map::kRom - 64)));
    }
    if (written) expect_fault(at(map::kRom + 64), Fault::kReadOnly, map::kRom + 64);
    if (hull > 64) {
      const std::uint64_t data_end = map::kData + map::kDataSize;
      expect_fault(at(data_end - hull + 64), Fault::kUnmapped, data_end);
      if (!written) expect_fault(at(kRomEnd - hull + 64), Fault::kUnmapped, kRomEnd);
    }
    // The last bytes of a region, and a border between two regions.
    expect_success(device().run(at(map::kHigh - hull)));
    expect_success(device().run(at(map::kHigh - 64)));
  }

  /// Of two bad operands the first in the contract's order counts.
  void operand_order(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      const abi::OperandList list = abi::operands(sample.packet);
      for (int first = 0; first < list.count; ++first) {
        Packet packet = sample.packet;
        for (int i = first; i < list.count; ++i) {
          set(packet, list.items[i].addr_field, 64, map::kHole + 0x100'0000u * unsigned(9 - i));
        }
        SCOPED_TRACE(fmt::format("{}.{}", sample.name, list.items[first].name));
        expect_fault(packet, Fault::kUnmapped, map::kHole + 0x100'0000u * unsigned(9 - first));
      }
    }
  }

  /// A packet with every kind of error reports them in the contract's order as they are corrected
  /// one by one.
  void check_order(const std::vector<Sample>& samples) {
    for (const Sample& sample : samples) {
      SCOPED_TRACE(sample.name);
      std::vector<const FieldInfo*> addresses;
      const FieldInfo* extent = nullptr;
      for (const FieldInfo& field : info(sample).fields) {
        if (field.unit == "address" && !contains(sample.absent, field.name) &&
            !contains(sample.unaligned, field.name)) {
          addresses.push_back(&field);
        }
        if (field.nonzero == abi::NonZero::kShape && extent == nullptr) extent = &field;
      }
      if (addresses.empty()) continue;
      const FieldInfo& place = *addresses.front();
      Packet packet = sample.packet;
      set(packet, place, map::kHole);
      const Packet unmapped = packet;
      set(packet, place, map::kHole + 1);
      const Packet misaligned = packet;
      set(packet, place, kTop + 1);
      const Packet overflow = packet;
      if (extent != nullptr) set(packet, *extent, 0);
      const Packet shape = packet;
      set(packet, 255, 8, 1);
      expect_fault(packet, Fault::kBadField, 255);
      if (extent != nullptr) {
        expect_fault(shape, Fault::kBadShape, extent->at);
        expect_fault(overflow, Fault::kShapeOverflow, place.at);
      }
      expect_fault(misaligned, Fault::kMisaligned, place.at);
      expect_fault(unmapped, Fault::kUnmapped, map::kHole);
      expect_success(device().run(sample.packet));
    }
  }
};

class BadPacket : public BadPacketFixture {};
class BadEnginePacket : public BadPacketFixture {
 protected:
  void SetUp() override {
    BadPacketFixture::SetUp();
    if (!IsSkipped()) load_sample_program(device());
  }
};
TANDEM_CONFORMANCE_FIXTURE(BadPacket);
TANDEM_CONFORMANCE_FIXTURE(BadEnginePacket);

TEST_P(BadPacket, SamplesSucceed) { samples_succeed(control_samples()); }
TEST_P(BadPacket, ReservedBytes) { reserved_bytes(control_samples()); }
TEST_P(BadPacket, Masks) { masks(control_samples()); }
TEST_P(BadPacket, ListedValues) { listed_values(control_samples()); }
TEST_P(BadPacket, Zeros) { zeros(control_samples()); }
TEST_P(BadPacket, AddressesAndStrides) { places(control_samples()); }
TEST_P(BadPacket, Extents) { extents(control_samples()); }
TEST_P(BadPacket, CheckOrder) { check_order(control_samples()); }

TEST_P(BadPacket, WordThatPassesTheEndOfTheAddressSpace) {
  abi::SignalPacket signal = sample_signal();
  signal.addr = ~std::uint64_t{0} - 2;  // misaligned as well; overflow comes first
  expect_fault(signal, Fault::kShapeOverflow, 64);
  signal.addr = ~std::uint64_t{0} - 3;
  expect_fault(signal, Fault::kUnmapped, ~std::uint64_t{0} - 3);
  abi::WaitPacket wait = sample_wait();
  wait.addr = ~std::uint64_t{0};
  expect_fault(wait, Fault::kShapeOverflow, 64);
}

TEST_P(BadPacket, SignalValueFitsItsBytes) {
  abi::SignalPacket signal = sample_signal();
  signal.value = 0x1'0000'0000;
  expect_fault(signal, Fault::kBadField, 72);
  signal.elem_bytes = 8;
  expect_success(device().run(signal));
}

TEST_P(BadEnginePacket, SamplesSucceed) { samples_succeed(engine_samples()); }
TEST_P(BadEnginePacket, ReservedBytes) { reserved_bytes(engine_samples()); }
TEST_P(BadEnginePacket, Masks) { masks(engine_samples()); }
TEST_P(BadEnginePacket, ListedValues) { listed_values(engine_samples()); }
TEST_P(BadEnginePacket, Zeros) { zeros(engine_samples()); }
TEST_P(BadEnginePacket, AddressesAndStrides) { places(engine_samples()); }
TEST_P(BadEnginePacket, Overflows) { overflows(engine_samples()); }
TEST_P(BadEnginePacket, Extents) { extents(engine_samples()); }
TEST_P(BadEnginePacket, OperandOrder) { operand_order(engine_samples()); }
TEST_P(BadEnginePacket, CheckOrder) { check_order(engine_samples()); }

TEST_P(BadEnginePacket, StridesOverflowToo) {
  abi::CopyPacket copy = sample_copy();
  copy.dst_stride2 = std::uint64_t{1} << 63;
  expect_fault(copy, Fault::kShapeOverflow, 104);
  copy.src_stride0 = ~std::uint64_t{3};
  expect_fault(copy, Fault::kShapeOverflow, 64);
  // With an extent of 1 a stride moves nothing.
  copy = sample_copy();
  copy.extent2 = 1;
  copy.dst_stride2 = std::uint64_t{1} << 63;
  expect_success(device().run(copy));
  abi::GatherPacket gather = sample_gather();
  gather.limit = 0xffff'ffff;
  gather.src_index_stride = std::uint64_t{1} << 40;
  expect_fault(gather, Fault::kShapeOverflow, 64);
}

TEST_P(BadEnginePacket, FillValueFitsItsBytes) {
  for (const std::uint8_t bytes : {1, 2, 4}) {
    abi::FillPacket fill = sample_fill();
    fill.elem_bytes = bytes;
    fill.value = std::uint64_t{1} << (8 * bytes);
    expect_fault(fill, Fault::kBadField, 64);
    fill.value -= 1;
    expect_success(device().run(fill));
  }
}

struct MatmulChange {
  const char* what;
  void (*apply)(abi::MatmulPacket&);
  std::size_t at;
};

TEST_P(BadEnginePacket, MatmulCombinations) {
  using M = abi::MatmulPacket;
  using abi::BLayout;
  using abi::Dtype;
  using abi::InitMode;
  using abi::ScaleMode;
  const auto sample = [](std::string_view name) {
    for (const Sample& s : engine_samples()) {
      if (s.name == name) return abi::packet_as<M>(s.packet);
    }
    ADD_FAILURE() << "no sample " << name;
    return M{};
  };
  const auto expect = [&](std::string_view name, std::initializer_list<MatmulChange> changes) {
    for (const MatmulChange& change : changes) {
      SCOPED_TRACE(fmt::format("{}: {}", name, change.what));
      M packet = sample(name);
      change.apply(packet);
      expect_fault(packet, Fault::kBadField, change.at);
    }
  };
  expect(
      "matmul_group",
      {{"float B", [](M& p) { p.b_type = Dtype::kF16; }, offsetof(M, b_type)},
       {"i8 A", [](M& p) { p.a_type = Dtype::kI8; }, offsetof(M, a_type)},
       {"both", [](M& p) { p.a_type = Dtype::kI8, p.b_type = Dtype::kF32; }, offsetof(M, b_type)},
       {"i32 C", [](M& p) { p.c_type = Dtype::kI32; }, offsetof(M, c_type)},
       {"no scale", [](M& p) { p.scale_type = Dtype::kNone; }, offsetof(M, scale_type)},
       {"kn", [](M& p) { p.b_layout = BLayout::kKn; }, offsetof(M, b_layout)},
       {"no group", [](M& p) { p.group_size = 0; }, offsetof(M, group_size)},
       {"a_scale", [](M& p) { p.a_scale_addr = 64; }, offsetof(M, a_scale_addr)},
       {"c_type before b_layout", [](M& p) { p.c_type = Dtype::kI32, p.b_layout = BLayout::kKn; },
        offsetof(M, c_type)}});
  expect(
      "matmul",
      {{"u4 B", [](M& p) { p.b_type = Dtype::kU4; }, offsetof(M, b_type)},
       {"i8 B", [](M& p) { p.b_type = Dtype::kI8; }, offsetof(M, b_type)},
       {"i8 A", [](M& p) { p.a_type = Dtype::kI8; }, offsetof(M, b_type)},
       {"i32 C", [](M& p) { p.c_type = Dtype::kI32; }, offsetof(M, c_type)},
       {"row_col", [](M& p) { p.scale_mode = ScaleMode::kRowCol; }, offsetof(M, scale_mode)},
       {"scale type", [](M& p) { p.scale_type = Dtype::kF32; }, offsetof(M, scale_type)},
       {"group", [](M& p) { p.group_size = 32; }, offsetof(M, group_size)},
       {"bias", [](M& p) { p.bias_addr = 64; }, offsetof(M, bias_addr)},
       {"bias of accumulate", [](M& p) { p.init_mode = InitMode::kAccumulate, p.bias_addr = 64; },
        offsetof(M, bias_addr)},
       {"i8 x i8 into a float", [](M& p) { p.a_type = p.b_type = Dtype::kI8; },
        offsetof(M, c_type)}});
  expect("matmul_row_col",
         {{"f16 scale", [](M& p) { p.scale_type = Dtype::kF16; }, offsetof(M, scale_type)},
          {"i32 C", [](M& p) { p.c_type = Dtype::kI32; }, offsetof(M, c_type)},
          {"accumulate", [](M& p) { p.init_mode = InitMode::kAccumulate; }, offsetof(M, init_mode)},
          {"minimum", [](M& p) { p.b_min_addr = 64; }, offsetof(M, b_min_addr)}});
}

TEST_P(BadEnginePacket, VectorCombinations) {
  using V = abi::VectorPacket;
  using abi::Dtype;
  const auto without_out1 = [] {
    V p = sample_vector();
    p.out1_type = Dtype::kNone;
    p.out1_col_stride = 0;
    p.out1_addr = p.out1_row0_stride = p.out1_row1_stride = 0;
    return p;
  };
  V p = without_out1();
  p.out_scalar |= 2;
  expect_fault(p, Fault::kBadField, offsetof(V, out_scalar));
  p = sample_vector();
  for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kI8}) {
    p.out0_type = type;
    p.saturate = 1;
    expect_fault(p, Fault::kBadField, offsetof(V, saturate));
  }
  p = without_out1();
  p.out1_col_stride = 4;
  expect_fault(p, Fault::kBadField, offsetof(V, out1_col_stride));
  p = without_out1();
  p.out1_addr = 64;
  expect_fault(p, Fault::kBadField, offsetof(V, out1_addr));
  p = without_out1();
  p.out1_row1_stride = 64;
  expect_fault(p, Fault::kBadField, offsetof(V, out1_row1_stride));
  p = sample_vector();
  p.in3_type = Dtype::kNone;
  expect_fault(p, Fault::kBadField, offsetof(V, in3_col_stride));
  p.in3_col_stride = 0;
  expect_fault(p, Fault::kBadField, offsetof(V, in3_addr));
}

TEST_P(BadEnginePacket, LoadUcodeLimits) {
  using L = abi::LoadUcodePacket;
  L p = sample_load_ucode();
  p.dst_word = 12;  // 11 words are loaded
  expect_fault(p, Fault::kBadField, offsetof(L, dst_word));
  p.dst_word = 11;
  p.words = test_config().ucode_words - 11 + 1;
  expect_fault(p, Fault::kBadShape, offsetof(L, words));
  p.words = 0xffff'ffff;
  expect_fault(p, Fault::kBadShape, offsetof(L, words));
  for (const abi::UcodeTarget target : {abi::UcodeTarget::kTable0, abi::UcodeTarget::kTable1}) {
    p = sample_load_ucode();
    p.target = target;
    p.dst_word = 1;
    p.words = 256;
    expect_fault(p, Fault::kBadField, offsetof(L, dst_word));
    p.dst_word = 0;
    for (const std::uint32_t words : {255u, 257u}) {
      p.words = words;
      expect_fault(p, Fault::kBadShape, offsetof(L, words));
    }
    p.words = 256;
    p.src_addr += 4;
    expect_success(device().run(p));
  }
}

TEST_P(BadEnginePacket, IndicesReportTheFirstBadOne) {
  abi::GatherPacket gather = sample_gather();
  const std::uint64_t second = gather.index_addr + gather.index_stride1 + 4 * 7;
  const std::uint64_t later = gather.index_addr + gather.index_stride0;
  device().write_one<std::int32_t>(later, -1);
  expect_fault(gather, Fault::kBadIndex, later);
  device().write_one<std::int32_t>(second, 5);  // the limit
  expect_fault(gather, Fault::kBadIndex, second);
  abi::ScatterAddPacket scatter = sample_scatter_add();
  expect_fault(scatter, Fault::kBadIndex, second);
  device().write_one<std::int32_t>(second, 4);
  expect_fault(scatter, Fault::kBadIndex, later);
  device().write_one<std::int32_t>(later, 0);
  expect_success(device().run(scatter));
  expect_success(device().run(gather));
  // 64-bit indices count with all their bits.
  gather.index_type = abi::Dtype::kI64;
  gather.extent2 = 1;
  gather.index_stride1 = gather.index_stride2 = 8;
  const std::uint64_t wide = gather.index_addr + 8;
  device().fill(gather.index_addr, 64, 0);
  device().write_one<std::int64_t>(wide, std::int64_t{1} << 32);
  expect_fault(gather, Fault::kBadIndex, wide);
  device().write_one<std::uint64_t>(wide, 0x8000'0000'0000'0000);
  expect_fault(gather, Fault::kBadIndex, wide);
}

TEST_P(BadEnginePacket, FailedCheckWritesNothing) {
  abi::CopyPacket copy = sample_copy();
  device().fill(copy.src_addr, 0x1000, 0x11);
  device().fill(copy.dst_addr, 0x2000, 0x22);
  copy.src_addr = map::kRom + map::kRomSize - 64;
  expect_fault(copy, Fault::kUnmapped, kRomEnd);
  EXPECT_EQ(device().read<std::uint8_t>(copy.dst_addr, 0x2000),
            std::vector<std::uint8_t>(0x2000, 0x22));
}

}  // namespace
}  // namespace tandem::tests
