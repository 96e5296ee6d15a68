// SPDX-License-Identifier: Apache-2.0
// Arguments of launches from the fields of packets, memory addresses aside.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "kernels/launch.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::gpu {

/// One loop: its extent and the byte strides of source and destination.
struct LoopDim {
  std::uint64_t extent = 1;
  std::uint64_t src = 0;
  std::uint64_t dst = 0;
};

/// Product of the extents, at most 2^64 - 1.
std::uint64_t product(std::span<const std::uint64_t> extents);

/// Loops (outermost first) over elements of `bytes` as few and as wide as they can be; `alignment`
/// is the bitwise or of all start addresses. Sets elements, extents, strides, divisors and width.
void set_loops(CopyArgs& args, std::array<LoopDim, 4> dims, std::uint64_t bytes,
               std::uint64_t alignment);

/// Everything but places.
GatherArgs gather_args(const abi::GatherPacket& packet);
/// `threads`: how many the GPU should have to work with.
ScatterArgs scatter_args(const abi::ScatterAddPacket& packet, std::uint64_t threads);
MatmulArgs matmul_args(const abi::MatmulPacket& packet);

/// Phases, reductions and how rows are dealt to threads, for the words of a valid program.
/// `threads` as above.
VectorArgs vector_args(const abi::VectorPacket& packet, std::span<const std::uint64_t> words,
                       std::uint64_t threads);

}  // namespace tandem::gpu
