// SPDX-License-Identifier: Apache-2.0
// What two devices left where a packet writes: element by element.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/debug/error_figures.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::debug {

/// An element with its value on both devices.
struct ElementDifference {
  std::string operand;  ///< "c", "out0", "dst" ...
  abi::Dtype type = abi::Dtype::kNone;
  std::uint64_t number = 0;  ///< In the order of the operand's indices.
  std::string index;         ///< "[0, 0, 1, 3]".
  std::uint64_t addr = 0;
  std::vector<std::byte> a;
  std::vector<std::byte> b;
  double ulp = 0;       ///< Values of the element's type between the two; infinite with one NaN.
  double relative = 0;  ///< |b - a| / |a|; infinite with one NaN or where only a is 0.
};

/// "c[0, 0, 1, 3] at 0x100: f32 9 (0x41100000), 13 (0x41500000), 4194304 ulp, relative 0.44".
std::string to_string(const ElementDifference& element);
/// Value of one side, "9 (0x41100000)".
std::string value_text(const ElementDifference& element, const std::vector<std::byte>& side);

/// How far B is from A over all elements of a packet's written operands. Where an element has no
/// value (moved bits, NaN on one side) only `differing` counts it.
struct PacketDifference {
  std::uint64_t elements = 0;
  std::uint64_t differing = 0;
  std::uint64_t bytes = 0;                 ///< Looked at on each device.
  std::optional<ElementDifference> first;  ///< In the order of operands and indices.
  std::optional<ElementDifference> worst;  ///< The largest |b - a|.
  double max_abs = 0;
  double max_ulp = 0;
  /// Differing elements by distance: [i] counts those of 2^i to 2^(i + 1) - 1 ulp, the last one
  /// those with NaN on one side only.
  std::array<std::uint64_t, 65> ulp_counts{};
  ErrorSums sums;

  /// Of B's values against A's; rows are those of the operands.
  ErrorFigures figures() const { return sums.figures(); }
  /// Counts a differing element's distance.
  void add_ulp(double ulp);
  /// Adds what another packet differs by.
  void add(const PacketDifference& other);
};

/// Values of the type that lie between two elements: 0 for equal bits, 1 for neighbours.
double ulp_distance(abi::Dtype type, std::span<const std::byte> a, std::span<const std::byte> b);

/// Compares everything that the packet may have written.
PacketDifference compare_written(const abi::Packet& packet, const abi::ReadMemory& a,
                                 const abi::ReadMemory& b);
PacketDifference compare_written(const abi::Packet& packet, runtime::Device& a, runtime::Device& b);

/// Reads the memory of a device.
abi::ReadMemory memory_of(runtime::Device& device);

}  // namespace tandem::debug
