// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs of the vector engine: elements of any type and stride to and from words.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernels.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::cmodel {

inline constexpr int kChunk = 256;  ///< Elements of a vector register of this model.

/// One input or output of a VECTOR packet.
struct Stream {
  abi::Dtype type = abi::Dtype::kNone;
  bool saturate = false;  ///< fp8 outputs.
  std::byte* host = nullptr;
  std::uint64_t addr = 0;  ///< Device address of host[0].
  std::uint64_t col_stride = 0;
  std::uint64_t row1_stride = 0;
  std::uint64_t row0_stride = 0;

  std::uint64_t row_offset(std::uint64_t row0, std::uint64_t row1) const {
    return row0 * row0_stride + row1 * row1_stride;
  }
};

/// The elements `offset + i * col_stride`, i < count <= kChunk, as words.
void load_stream(const Kernels& kernels, const Stream& stream, std::uint64_t offset, int count,
                 std::uint32_t* out);

/// Words to the elements `offset + i * col_stride`; returns their part of the checksum.
std::uint64_t store_stream(const Kernels& kernels, const Stream& stream, std::uint64_t offset,
                           int count, const std::uint32_t* words);

}  // namespace tandem::cmodel
