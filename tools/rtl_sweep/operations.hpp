// SPDX-License-Identifier: Apache-2.0
// Everything that rtl/num computes, with its definition in the numerics library.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "lanes.hpp"

namespace tandem::rtl_sweep {

/// Which operands an operation is tried with.
enum class Operands : std::uint8_t {
  kFma10,     ///< a, b in E8M10, c any fp32 word.
  kFma32,     ///< Three fp32 words.
  kTwo,       ///< Two words; c a third, which `sel` needs.
  kOne,       ///< One word, any of 2^32.
  kNarrow16,  ///< One of 2^16 patterns, anything above it.
  kNarrow8    ///< One of 2^8 patterns, anything above it.
};

/// Reference: y[i] of a[i], b[i], c[i].
using Reference = void (*)(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b,
                           std::span<const std::uint32_t> c, std::span<std::uint32_t> y);

struct Operation {
  std::string name;
  Setting setting;
  Operands operands;
  Reference reference;
};

/// All operations; every arithmetic micro-operation and every element type is among them.
const std::vector<Operation>& operations();

}  // namespace tandem::rtl_sweep
