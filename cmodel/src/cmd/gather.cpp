// SPDX-License-Identifier: Apache-2.0
// GATHER: moves indexed elements; a row at a time where the whole row has one index.
#include "cmd/command.hpp"
#include "cmd/elements.hpp"
#include "fault.hpp"

namespace tandem::cmodel {

void run_gather(const abi::GatherPacket& p, const CommandContext& context,
                driver::ExecutionResult& result) {
  const std::byte* src = context.pointer("src");
  const std::byte* index = context.pointer("index");
  std::byte* dst = context.pointer("dst");
  const std::uint64_t bytes = p.elem_bytes;
  const bool whole_rows = p.index_stride2 == 0 && p.src_stride2 == bytes && p.dst_stride2 == bytes;
  const std::uint64_t indices = whole_rows ? 1 : p.extent2;
  std::uint64_t sum = 0;
  for (std::uint64_t i = 0; i < p.extent0; ++i) {
    for (std::uint64_t j = 0; j < p.extent1; ++j) {
      if (context.cancelled()) return;
      for (std::uint64_t l = 0; l < indices; ++l) {
        const std::uint64_t at = i * p.index_stride0 + j * p.index_stride1 + l * p.index_stride2;
        const std::uint64_t row =
            TANDEM_CMODEL_FAULT(cmodel_index_mask, read_index(p.index_type, index + at),
                                read_index(p.index_type, index + at) & 3);
        if (row >= p.limit) {
          result.error = abi::Fault::kBadIndex;
          result.fault_addr = p.index_addr + at;
          return;
        }
        const std::byte* from =
            src + i * p.src_stride0 + row * p.src_index_stride + l * p.src_stride2;
        const std::uint64_t to = i * p.dst_stride0 + j * p.dst_stride1 + l * p.dst_stride2;
        if (whole_rows) {
          sum += context.kernels.copy(dst + to, p.dst_addr + to, from, p.extent2 * bytes);
          continue;
        }
        sum += for_element_size(unsigned(bytes), [&]<class T>() {
          T value;
          std::memcpy(&value, from, sizeof value);
          std::memcpy(dst + to, &value, sizeof value);
          return element_checksum(p.dst_addr + to, value);
        });
      }
    }
  }
  result.checksum = sum;
}

}  // namespace tandem::cmodel
