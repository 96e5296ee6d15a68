// SPDX-License-Identifier: Apache-2.0
// Native mode's matrix products, by cuBLASLt with tensor cores.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "driver_types.hpp"
#include "gpu.hpp"
#include "kernels/narrow.hpp"
#include "native_plan.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::gpu {

/// The kernel of narrow.hpp, to be compiled by NVRTC.
inline constexpr char kNarrowName[] = "tandem_narrow";
inline constexpr char kNarrowSource[] =
    "#include \"kernels/entry.hpp\"\n#include \"kernels/narrow.hpp\"\n"
    "TANDEM_GPU_ENTRY(tandem_narrow, NarrowArgs, narrow_body(ctx, args))\n";

/// What native mode did and what it left to the exact kernels.
struct NativeCounts {
  std::uint64_t products = 0;                  ///< Packets by cuBLASLt.
  std::map<std::string, std::uint64_t> exact;  ///< Packets by the exact kernel, by reason.
};

/// Thread-safety: one thread at a time, with the device's context current.
class NativeMatmul {
 public:
  /// Launches NarrowArgs on the stream; false if that kernel is not there.
  using Narrow = std::function<bool(const NarrowArgs&)>;
  /// `library`: of cuBLASLt; empty: $TANDEM_CUDA_CUBLASLT, or the usual names. Throws kUnavailable
  /// with what was looked for.
  static std::unique_ptr<NativeMatmul> create(const std::string& library, Gpu& gpu,
                                              cu::Stream stream, Narrow narrow);
  ~NativeMatmul();

  /// True: the product is in the stream. False: the exact kernel has to do it. Throws kUnavailable
  /// if cuBLASLt fails.
  bool run(const MatmulArgs& args);
  const NativeCounts& counts() const { return counts_; }

 private:
  struct Library;
  struct Algorithm {  ///< cublasLtMatmulHeuristicResult_t
    std::uint64_t algo[8] = {};
    std::size_t workspace_bytes = 0;
    int state = 0;
    float waves = 0;
    int reserved[4] = {};
  };
  class Descriptors;
  using Key = std::array<std::uint64_t, 20>;

  NativeMatmul(std::unique_ptr<Library> library, Gpu& gpu, cu::Stream stream, Narrow narrow);
  const Algorithm* algorithm(const NativePlan& plan, const NativeCall& call);
  bool refuse(const std::string& reason);
  std::uint64_t scratch(std::uint64_t num_bytes);
  void check(int status, const char* call) const;

  const std::unique_ptr<Library> library_;
  Gpu& gpu_;
  const cu::Stream stream_;
  const Narrow narrow_;
  void* handle_ = nullptr;
  std::uint64_t workspace_ = 0;
  std::uint64_t scratch_ = 0;
  std::uint64_t scratch_bytes_ = 0;
  std::map<Key, Algorithm> algorithms_;  ///< waves < 0: there is none.
  NativeCounts counts_;
};

}  // namespace tandem::gpu
