// SPDX-License-Identifier: Apache-2.0
// The bit-exact model of the NPU as an engine of the command processor.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "tandem/driver/command_processor.hpp"

namespace tandem::cmodel {

/// Which instructions the kernels use. Results never depend on it.
enum class SimdPath : std::uint8_t {
  kAuto,      ///< The fastest that the processor has.
  kAvx512,    ///< AVX-512 F, BW, CD, DQ, VL, with FMA and F16C.
  kAvx2,      ///< AVX2, FMA, F16C.
  kPortable,  ///< Plain C++.
};

class Checker;

struct Options {
  int threads = 0;  ///< 1 to 256; 0: as many as the processor runs at once. Never changes results.
  SimdPath simd = SimdPath::kAuto;
  std::shared_ptr<Checker> checker = nullptr;  ///< Sees every packet; null: no check mode.
};

struct Kernels;
class ThreadPool;
class ProgramCache;

/// Executes MATMUL, VECTOR, COPY, FILL, GATHER and SCATTER_ADD from simulated memory. Holds no copy
/// of device memory beyond a packet and a bounded scratch memory for each thread.
///
/// Thread-safety: as driver::Engine.
class NpuEngine : public driver::Engine {
 public:
  /// Throws kUnimplemented if processor or build lack the chosen instructions, kInvalidArgument for
  /// a number of threads out of range.
  explicit NpuEngine(const Options& options);
  ~NpuEngine() override;

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override;
  void execute(const abi::Packet& packet, const abi::OperandList& operands,
               const driver::ExecutionContext& context, driver::ExecutionResult& result) override;
  void reset() override;
  bool observes() const override { return checker_ != nullptr; }
  void before(const abi::Packet& packet, const abi::OperandList& operands) override;
  void after(const abi::Packet& packet, const abi::OperandList& operands,
             const driver::ExecutionResult& result) override;

  /// "avx512", "avx2" or "portable".
  std::string_view simd_name() const;
  int threads() const;

 private:
  const Kernels& kernels_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<ProgramCache> programs_;
  std::shared_ptr<Checker> checker_;
};

}  // namespace tandem::cmodel
