// SPDX-License-Identifier: Apache-2.0
// FILL: one element value everywhere.
#include <cstring>

#include "cmd/command.hpp"
#include "cmd/elements.hpp"
#include "cmd/planes.hpp"

namespace tandem::cmodel {
namespace {

/// `size` bytes of repeated elements.
std::uint64_t fill_run(const CommandContext& context, std::uint64_t value, std::uint64_t bytes,
                       std::byte* dst, std::uint64_t addr, std::uint64_t size) {
  constexpr std::uint64_t kBlock = 4096;
  alignas(8) std::byte block[kBlock];
  const std::uint64_t filled = std::min(kBlock, size);
  for (std::uint64_t i = 0; i < filled; i += bytes) std::memcpy(block + i, &value, bytes);
  std::uint64_t sum = 0;
  for (std::uint64_t done = 0; done < size; done += kBlock) {
    const std::uint64_t here = std::min(kBlock, size - done);
    sum += context.kernels.copy(dst + done, addr + done, block, here);
  }
  return sum;
}

}  // namespace

void run_fill(const abi::FillPacket& p, const CommandContext& context,
              driver::ExecutionResult& result) {
  const LoopDim dims[] = {{p.extent0, 0, p.dst_stride0},
                          {p.extent1, 0, p.dst_stride1},
                          {p.extent2, 0, p.dst_stride2},
                          {p.extent3, 0, p.dst_stride3}};
  std::byte* dst = context.pointer("dst");
  const std::uint64_t bytes = p.elem_bytes;
  result.checksum = Loops(dims).run(context, bytes, [&](const Plane& plane) {
    std::uint64_t sum = 0;
    for (std::uint64_t r = 0; r < plane.rows.extent; ++r) {
      const std::uint64_t row = plane.dst + r * plane.rows.dst;
      if (plane.columns.dst == bytes || plane.columns.extent == 1) {
        sum += fill_run(context, p.value, bytes, dst + row, p.dst_addr + row,
                        plane.columns.extent * bytes);
        continue;
      }
      sum += for_element_size(unsigned(bytes), [&]<class T>() {
        const T value = T(p.value);
        std::uint64_t row_sum = 0;
        for (std::uint64_t c = 0; c < plane.columns.extent; ++c) {
          const std::uint64_t at = row + c * plane.columns.dst;
          std::memcpy(dst + at, &value, sizeof value);
          row_sum += element_checksum(p.dst_addr + at, value);
        }
        return row_sum;
      });
    }
    return sum;
  });
}

}  // namespace tandem::cmodel
