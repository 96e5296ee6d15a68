// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "tandem/abi/metadata.hpp"
#include "tandem/debug/op_bounds.hpp"

namespace tandem::debug {
namespace {

using abi::Dtype;

constexpr double kInfinity = std::numeric_limits<double>::infinity();

bool is_float(Dtype type) {
  return type == Dtype::kF32 || type == Dtype::kBF16 || type == Dtype::kF16 ||
         type == Dtype::kE4M3 || type == Dtype::kE5M2;
}

std::uint64_t bits_of(std::span<const std::byte> bytes) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, bytes.data(), std::min(bytes.size(), sizeof bits));
  return bits;
}

/// Bits of a float in the order of its values; both zeros are 0.
std::int64_t ordered(Dtype type, std::span<const std::byte> bytes) {
  const std::uint64_t sign = std::uint64_t{1} << (abi::dtype_bits(type) - 1);
  const std::uint64_t bits = bits_of(bytes);
  const auto magnitude = static_cast<std::int64_t>(bits & (sign - 1));
  return (bits & sign) != 0 ? -magnitude : magnitude;
}

double relative_distance(double a, double b) {
  if (std::isnan(a) && std::isnan(b)) return 0;
  if (a == b) return 0;
  const double distance = std::abs(b - a) / std::abs(a);
  return std::isnan(distance) ? kInfinity : distance;
}

ElementDifference describe_element(const abi::Packet& packet, const abi::Operand& operand,
                                   Dtype type, const abi::ElementPair& pair) {
  ElementDifference element;
  element.operand = operand.name;
  element.type = type;
  element.number = pair.number;
  element.index = abi::index_text(packet, operand, pair.number);
  element.addr = pair.addr;
  element.a.assign(pair.a.begin(), pair.a.end());
  element.b.assign(pair.b.begin(), pair.b.end());
  element.ulp = ulp_distance(type, pair.a, pair.b);
  const auto a = abi::number_of(type, pair.a);
  const auto b = abi::number_of(type, pair.b);
  element.relative = a && b ? relative_distance(*a, *b) : 0;
  return element;
}

void compare_operand(const abi::Packet& packet, const abi::Operand& operand,
                     const abi::ReadMemory& a, const abi::ReadMemory& b, PacketDifference& total) {
  const Dtype type = abi::element_type(packet, operand);
  const std::uint64_t row = row_elements(packet, operand);
  abi::for_each_element(packet, operand, a, b, [&](const abi::ElementPair& pair) {
    ++total.elements;
    total.bytes += pair.a.size();
    if (pair.number % row == 0) total.sums.end_row();
    const auto value_a = abi::number_of(type, pair.a);
    if (!pair.differ) {
      if (value_a) total.sums.add(*value_a, *value_a);
      return;
    }
    if (total.differing++ == 0) total.first = describe_element(packet, operand, type, pair);
    if (!value_a) return;
    total.add_ulp(ulp_distance(type, pair.a, pair.b));
    const double value_b = *abi::number_of(type, pair.b);
    total.sums.add(value_b, *value_a);
    const double distance = std::abs(value_b - *value_a);
    if (distance > total.max_abs || (std::isnan(distance) && total.max_abs == 0)) {
      total.worst = describe_element(packet, operand, type, pair);
    }
    if (std::isfinite(distance)) total.max_abs = std::max(total.max_abs, distance);
  });
  total.sums.end_row();
}

}  // namespace

double ulp_distance(Dtype type, std::span<const std::byte> a, std::span<const std::byte> b) {
  const auto value_a = abi::number_of(type, a);
  const auto value_b = abi::number_of(type, b);
  if (!value_a || !value_b) return 0;
  if (!is_float(type)) return std::abs(*value_a - *value_b);
  if (std::isnan(*value_a) || std::isnan(*value_b)) {
    return std::isnan(*value_a) && std::isnan(*value_b) ? 0 : kInfinity;
  }
  return static_cast<double>(std::abs(ordered(type, a) - ordered(type, b)));
}

std::string value_text(const ElementDifference& element, const std::vector<std::byte>& side) {
  return abi::value_text(element.type, side);
}

std::string to_string(const ElementDifference& element) {
  const bool has_value = element.type != Dtype::kNone;
  std::string text =
      fmt::format("{}{} at {:#x}: {}{}, {}", element.operand, element.index, element.addr,
                  has_value ? fmt::format("{} ", abi::to_string(element.type)) : "",
                  value_text(element, element.a), value_text(element, element.b));
  if (has_value) {
    text += fmt::format(", {:.0f} ulp, relative {:.3g}", element.ulp, element.relative);
  }
  return text;
}

void PacketDifference::add_ulp(double ulp) {
  if (!std::isfinite(ulp)) {
    ++ulp_counts.back();
    return;
  }
  max_ulp = std::max(max_ulp, ulp);
  const int bucket = ulp < 1 ? 0 : std::ilogb(ulp);
  ++ulp_counts[std::min<std::size_t>(static_cast<std::size_t>(bucket), ulp_counts.size() - 2)];
}

void PacketDifference::add(const PacketDifference& other) {
  elements += other.elements;
  differing += other.differing;
  bytes += other.bytes;
  if (!first) first = other.first;
  if (other.worst && (!worst || other.max_abs > max_abs)) worst = other.worst;
  max_abs = std::max(max_abs, other.max_abs);
  max_ulp = std::max(max_ulp, other.max_ulp);
  for (std::size_t i = 0; i < ulp_counts.size(); ++i) ulp_counts[i] += other.ulp_counts[i];
  sums.add(other.sums);
}

PacketDifference compare_written(const abi::Packet& packet, const abi::ReadMemory& a,
                                 const abi::ReadMemory& b) {
  PacketDifference total;
  for (const abi::Operand& operand : abi::written_operands(packet)) {
    compare_operand(packet, operand, a, b, total);
  }
  return total;
}

PacketDifference compare_written(const abi::Packet& packet, runtime::Device& a,
                                 runtime::Device& b) {
  return compare_written(packet, memory_of(a), memory_of(b));
}

abi::ReadMemory memory_of(runtime::Device& device) {
  return [&device](std::uint64_t addr, std::span<std::byte> dst) {
    device.copy_out(PhysAddr(addr), dst);
  };
}

}  // namespace tandem::debug
