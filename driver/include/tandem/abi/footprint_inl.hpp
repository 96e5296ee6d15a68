// SPDX-License-Identifier: Apache-2.0
// Body of for_each_run.
#pragma once

namespace tandem::abi {

template <class Visit>
void for_each_run(const Operand& operand, Visit&& visit) {
  // Fold inner dimensions that continue the run into it; fewer, longer runs result.
  std::uint64_t run = operand.run_bytes;
  int dims = operand.num_dims;
  while (dims > 0) {
    const Operand::Dim& inner = operand.dims[dims - 1];
    if (inner.extent != 1 && inner.stride != run && inner.stride != 0) break;
    if (inner.extent != 1 && inner.stride == run) run *= inner.extent;
    --dims;
  }
  std::array<std::uint64_t, Operand::kMaxDims> index{};
  std::uint64_t addr = operand.base;
  for (;;) {
    visit(addr, run);
    int d = dims - 1;
    for (; d >= 0; --d) {
      if (++index[d] < operand.dims[d].extent) {
        addr += operand.dims[d].stride;
        break;
      }
      addr -= (index[d] - 1) * operand.dims[d].stride;
      index[d] = 0;
    }
    if (d < 0) return;
  }
}

}  // namespace tandem::abi
