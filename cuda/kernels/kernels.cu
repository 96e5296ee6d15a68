// SPDX-License-Identifier: Apache-2.0
// The kernels as functions of a module: names as in launch.hpp, one argument struct by value.
#include "kernels/checksum.hpp"
#include "kernels/copy.hpp"
#include "kernels/gather.hpp"
#include "kernels/matmul.hpp"
#include "kernels/scatter_add.hpp"
#include "kernels/vector_interpreter.hpp"

namespace {

extern __shared__ __align__(16) unsigned char shared_memory[];

}  // namespace

#define TANDEM_KERNEL(name, Args, blocks, call)                                    \
  extern "C" __global__ void __launch_bounds__(tandem::gpu::kBlockThreads, blocks) \
      name(const __grid_constant__ tandem::gpu::Args args) {                       \
    tandem::gpu::DeviceContext ctx(shared_memory);                                 \
    using namespace tandem::gpu;                                                   \
    call;                                                                          \
  }

TANDEM_KERNEL(tandem_copy, CopyArgs, 4, copy_body(ctx, args))
TANDEM_KERNEL(tandem_fill, CopyArgs, 4, fill_body(ctx, args))
TANDEM_KERNEL(tandem_gather, GatherArgs, 4, gather_body(ctx, args))
TANDEM_KERNEL(tandem_scatter_add, ScatterArgs, 4, scatter_add_body(ctx, args))
TANDEM_KERNEL(tandem_checksum, ChecksumArgs, 4, checksum_body(ctx, args))

// Two blocks an SM: 128 registers a thread.
#define TANDEM_MATMUL(name, tile, chain) \
  TANDEM_KERNEL(name, MatmulArgs, 2,     \
                (matmul_body<tandem::gpu::tile, tandem::gpu::chain>(ctx, args)))
TANDEM_MATMUL(tandem_matmul_skinny, SkinnyTile, FloatChain)
TANDEM_MATMUL(tandem_matmul_mid, MidTile, FloatChain)
TANDEM_MATMUL(tandem_matmul_big, BigTile, FloatChain)
TANDEM_MATMUL(tandem_matmul_skinny_i8, SkinnyTile, IntegerChain)
TANDEM_MATMUL(tandem_matmul_mid_i8, MidTile, IntegerChain)
TANDEM_MATMUL(tandem_matmul_big_i8, BigTile, IntegerChain)

TANDEM_KERNEL(tandem_vector, VectorArgs, 4, vector_body(ctx, args, tandem::gpu::Interpreter()))
