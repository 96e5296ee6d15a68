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

}  // namespace
}  // namespace tandem::tests
