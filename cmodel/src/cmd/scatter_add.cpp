// SPDX-License-Identifier: Apache-2.0
// SCATTER_ADD: one addition after the other in index order.
#include "cmd/command.hpp"
#include "cmd/elements.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::cmodel {

void run_scatter_add(const abi::ScatterAddPacket& p, const CommandContext& context,
                     driver::ExecutionResult& result) {
  const std::byte* src = context.pointer("src");
  const std::byte* index = context.pointer("index");
  std::byte* dst = context.pointer("dst");
  const bool floats = p.elem_type == abi::Dtype::kF32;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < p.extent0; ++i) {
    for (std::uint64_t j = 0; j < p.extent1; ++j) {
      if (context.cancelled()) return;
      for (std::uint64_t l = 0; l < p.extent2; ++l) {
        const std::uint64_t at = i * p.index_stride0 + j * p.index_stride1 + l * p.index_stride2;
        const std::uint64_t row = read_index(p.index_type, index + at);
        if (row >= p.limit) {
          result.error = abi::Fault::kBadIndex;
          result.fault_addr = p.index_addr + at;
          return;
        }
        std::uint32_t addend = 0;
        std::uint32_t value = 0;
        std::memcpy(&addend, src + i * p.src_stride0 + j * p.src_stride1 + l * p.src_stride2, 4);
        const std::uint64_t to = i * p.dst_stride0 + row * p.dst_index_stride + l * p.dst_stride2;
        std::memcpy(&value, dst + to, 4);
        value = floats ? numerics::bits_of(
                             numerics::add32(numerics::float_of(value), numerics::float_of(addend)))
                       : value + addend;
        std::memcpy(dst + to, &value, 4);
        sum += element_checksum(p.dst_addr + to, value);
      }
    }
  }
  result.checksum = sum;
}

}  // namespace tandem::cmodel
