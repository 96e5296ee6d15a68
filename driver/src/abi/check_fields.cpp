// SPDX-License-Identifier: Apache-2.0
// check_packet: single fields from the tables of the specification, then each opcode's own rules.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "checks.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi {
namespace {

constexpr std::size_t kPacketWords = kPacketBytes / 8;

/// Where a field lies, in the form that reads fastest: the 8 bytes at `base`, shifted and masked.
struct Place {
  std::uint8_t base = 0;
  std::uint8_t shift = 0;
  std::uint64_t mask = 0;
  std::uint16_t at = 0;

  explicit Place(const FieldInfo& field)
      : base(static_cast<std::uint8_t>(std::min<unsigned>(field.at, kPacketBytes - 8))),
        shift(static_cast<std::uint8_t>(8 * (field.at - base))),
        mask(~std::uint64_t{0} >> (64 - field.width)),
        at(field.at) {}

  std::uint64_t load(const std::uint8_t* packet) const {
    std::uint64_t word;
    std::memcpy(&word, packet + base, sizeof word);
    return (word >> shift) & mask;
  }
};

/// A field that takes listed values, all below 256.
struct ListedValues {
  Place place;
  std::array<std::uint64_t, 4> allowed{};

  bool accepts(const std::uint8_t* packet) const {
    const std::uint64_t value = place.load(packet);
    return value < 256 && ((allowed[value / 64] >> (value % 64)) & 1) != 0;
  }
};

/// The single-field rules of one opcode in the form that is fast to test.
struct FieldRules {
  std::array<std::uint64_t, kPacketWords> zero_bits{};  ///< Bits that must be zero.
  std::vector<ListedValues> listed;
  std::vector<Place> nonzero;
  std::vector<Place> extents;
};

FieldRules make_rules(const OpcodeInfo& info) {
  FieldRules rules;
  PacketBytes zero_bytes;
  zero_bytes.fill(0xff);
  for (const FieldInfo& field : info.fields) {
    const std::uint64_t zero = ~field.mask;
    std::memcpy(zero_bytes.data() + field.at, &zero, field.width / 8u);
    if (!field.allowed.empty()) {
      ListedValues listed{Place(field), {}};
      for (std::uint16_t value : field.allowed) {
        listed.allowed[value / 64] |= std::uint64_t{1} << (value % 64);
      }
      rules.listed.push_back(listed);
    }
    if (field.nonzero == NonZero::kField) rules.nonzero.emplace_back(field);
    if (field.nonzero == NonZero::kShape) rules.extents.emplace_back(field);
  }
  rules.zero_bits = std::bit_cast<decltype(rules.zero_bits)>(zero_bytes);
  return rules;
}

const FieldRules& rules_of(const OpcodeInfo& info) {
  static const std::vector<FieldRules> all = [] {
    std::vector<FieldRules> rules;
    for (const OpcodeInfo& entry : opcodes()) rules.push_back(make_rules(entry));
    return rules;
  }();
  return all[static_cast<std::size_t>(&info - opcodes().data())];
}

bool fields_ok(const FieldRules& rules, const std::uint8_t* packet) {
  std::uint64_t bad = 0;
  for (std::size_t i = 0; i < kPacketWords; ++i) {
    std::uint64_t word;
    std::memcpy(&word, packet + 8 * i, sizeof word);
    bad |= word & rules.zero_bits[i];
  }
  if (bad != 0) return false;
  for (const ListedValues& listed : rules.listed) {
    if (!listed.accepts(packet)) return false;
  }
  for (const Place& place : rules.nonzero) {
    if (place.load(packet) == 0) return false;
  }
  return true;
}

bool field_ok(const FieldInfo& field, std::uint64_t value) {
  if ((value & ~field.mask) != 0) return false;
  if (field.nonzero == NonZero::kField && value == 0) return false;
  if (field.allowed.empty()) return true;
  for (std::uint16_t allowed : field.allowed) {
    if (value == allowed) return true;
  }
  return false;
}

/// The lowest bad field; a reserved byte counts as a field of its own.
CheckResult first_bad_field(const OpcodeInfo& info, const std::uint8_t* packet) {
  std::size_t at = 0;
  for (const FieldInfo& field : info.fields) {
    for (; at < field.at; ++at) {
      if (packet[at] != 0) return detail::bad_field(at);
    }
    if (!field_ok(field, Place(field).load(packet))) return detail::bad_field(at);
    at += field.width / 8u;
  }
  for (; at < kPacketBytes; ++at) {
    if (packet[at] != 0) return detail::bad_field(at);
  }
  return {};
}

CheckResult zero_extent(const FieldRules& rules, const std::uint8_t* packet) {
  for (const Place& place : rules.extents) {
    if (place.load(packet) == 0) return {Fault::kBadShape, place.at};
  }
  return {};
}

template <class P>
CheckResult combinations_of(const P& packet, const DeviceLimits& limits) {
  if constexpr (requires { detail::combinations(packet, limits); }) {
    return detail::combinations(packet, limits);
  } else if constexpr (requires { detail::combinations(packet); }) {
    return detail::combinations(packet);
  } else {
    return {};
  }
}

CheckResult check_overflow(const Packet& packet) {
  const OperandList list = operands(packet);
  for (const Operand& operand : list.view()) {
    if (detail::overflows(operand)) return {Fault::kShapeOverflow, operand.addr_field};
  }
  return {};
}

CheckResult check_alignment(const detail::AlignmentList& list) {
  for (const detail::Alignment& item : list.view()) {
    if ((item.value & (item.align - 1)) != 0) return {Fault::kMisaligned, item.at};
  }
  return {};
}

}  // namespace

CheckResult check_packet(const Packet& packet, const DeviceLimits& limits) {
  const OpcodeInfo* info = find_opcode(static_cast<std::uint8_t>(packet.opcode));
  if (info == nullptr) return {Fault::kUnknownOpcode, 0};
  const FieldRules& rules = rules_of(*info);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&packet);
  if (!fields_ok(rules, bytes)) return first_bad_field(*info, bytes);
  return detail::visit_packet(packet, [&](const auto& p) -> CheckResult {
    if (CheckResult r = combinations_of(p, limits)) return r;
    if (CheckResult r = zero_extent(rules, bytes)) return r;
    if constexpr (requires { detail::shape(p, limits); }) {
      if (CheckResult r = detail::shape(p, limits)) return r;
    }
    if (CheckResult r = check_overflow(packet)) return r;
    return check_alignment(detail::alignments(p));
  });
}

}  // namespace tandem::abi
