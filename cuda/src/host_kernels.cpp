// SPDX-License-Identifier: Apache-2.0
// The kernels as loops over blocks and threads.
#include "host_kernels.hpp"

#include "kernels/checksum.hpp"
#include "kernels/copy.hpp"
#include "kernels/gather.hpp"
#include "kernels/matmul.hpp"
#include "kernels/scatter_add.hpp"
#include "kernels/vector_interpreter.hpp"
#include "tandem/base/error.hpp"

namespace tandem::gpu {
namespace {

using Body = void (*)(HostContext& ctx, const void* args);

template <class Args>
const Args& as(const void* args) {
  return *static_cast<const Args*>(args);
}

template <class T, class Chain>
void run_matmul(HostContext& ctx, const void* args) {
  matmul_body<T, Chain>(ctx, as<MatmulArgs>(args));
}

constexpr Body kBodies[kKernels] = {
    [](HostContext& ctx, const void* args) { copy_body(ctx, as<CopyArgs>(args)); },
    [](HostContext& ctx, const void* args) { fill_body(ctx, as<CopyArgs>(args)); },
    [](HostContext& ctx, const void* args) { gather_body(ctx, as<GatherArgs>(args)); },
    [](HostContext& ctx, const void* args) { scatter_add_body(ctx, as<ScatterArgs>(args)); },
    run_matmul<SkinnyTile, FloatChain>,
    run_matmul<MidTile, FloatChain>,
    run_matmul<BigTile, FloatChain>,
    run_matmul<SkinnyTile, IntegerChain>,
    run_matmul<MidTile, IntegerChain>,
    run_matmul<BigTile, IntegerChain>,
    [](HostContext& ctx, const void* args) {
      vector_body(ctx, as<VectorArgs>(args), Interpreter());
    },
    [](HostContext& ctx, const void* args) { checksum_body(ctx, as<ChecksumArgs>(args)); },
};

}  // namespace

void run_on_host(Kernel kernel, const LaunchShape& shape, const void* args,
                 const std::atomic<bool>* cancelled, HostOrder order) {
  TANDEM_CHECK(shape.block == kBlockThreads);
  static thread_local HostBlockMemory memory;
  const Body body = kBodies[static_cast<unsigned>(kernel)];
  for (std::uint32_t n = 0; n < shape.grid; ++n) {
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return;
    const std::uint32_t block = order.reversed ? shape.grid - 1 - n : n;
    HostContext ctx(block, shape.grid, memory, order, cancelled);
    body(ctx, args);
  }
}

}  // namespace tandem::gpu
