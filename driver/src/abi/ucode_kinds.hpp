// SPDX-License-Identifier: Apache-2.0
// Which selectors the operand kinds of MicroOpInfo take.
#pragma once

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi::detail {

inline constexpr unsigned kNumTables = 2;

/// True for operations whose sources are fp32 numbers, so that immediates read best as such.
inline bool takes_floats(const MicroOpInfo& info) {
  return info.op_class == MicroOpClass::kFma || info.op_class == MicroOpClass::kCompare ||
         info.op == MicroOp::kF2i || info.op == MicroOp::kF2t;
}

inline bool is_source(char kind) { return kind == 'r' || kind == 'v' || kind == 's'; }

inline bool selector_ok(char kind, unsigned selector, bool is_destination) {
  switch (kind) {
    case '-':
      return selector == 0;
    case 'd':
      return is_v(selector) || is_s(selector);
    case 'r':
      return is_vector(selector) || is_scalar(selector);
    case 'v':
      return is_destination ? is_v(selector) : is_vector(selector);
    case 's':
      return is_destination ? is_s(selector) : is_scalar(selector);
    case 'i':
      return selector < kVectorInputs;
    case 'o':
      return selector < kVectorOutputs;
    case 't':
      return selector < kNumTables;
    default:
      return false;
  }
}

}  // namespace tandem::abi::detail
