// SPDX-License-Identifier: Apache-2.0
// The NPU on a GPU: packets become launches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "gpu.hpp"
#include "tandem/driver/command_processor.hpp"

namespace tandem::gpu {

/// Which tile the matrix kernels use. Results never depend on it.
enum class MatmulTiles : std::uint8_t { kAuto, kSkinny, kMid, kBig };

struct EngineOptions {
  MatmulTiles tiles = MatmulTiles::kAuto;
  /// Blocks of a launch at most; 0: as many as there is work. Results never depend on it.
  std::uint32_t max_blocks = 0;
};

/// Executes MATMUL, VECTOR, COPY, FILL, GATHER and SCATTER_ADD on a Gpu. Memory is the Gpu's alone:
/// `ExecutionContext::ram` is not looked at.
///
/// Thread-safety: as driver::Engine.
class CudaEngine : public driver::Engine {
 public:
  explicit CudaEngine(std::unique_ptr<Gpu> gpu, EngineOptions options = {});
  ~CudaEngine() override;

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override;
  /// Throws what the Gpu throws; the packet then ends with BUS_ERROR.
  void execute(const abi::Packet& packet, const abi::OperandList& operands,
               const driver::ExecutionContext& context, driver::ExecutionResult& result) override;
  void reset() override;

  Gpu& gpu() { return *gpu_; }

 private:
  struct Operands;

  void launch_copy(const abi::CopyPacket& packet, const Operands& operands);
  void launch_fill(const abi::FillPacket& packet, const Operands& operands);
  GatherArgs launch_gather(const abi::GatherPacket& packet, const Operands& operands);
  ScatterArgs launch_scatter_add(const abi::ScatterAddPacket& packet, const Operands& operands);
  void launch_matmul(const abi::MatmulPacket& packet, const Operands& operands);
  void launch_vector(const abi::VectorPacket& packet, const Operands& operands,
                     const driver::UcodeMemory& ucode);
  void upload_ucode(const driver::UcodeMemory& ucode);
  LaunchShape shape_of(Kernel kernel, std::uint64_t blocks) const;
  template <class Args>
  void launch(Kernel kernel, const LaunchShape& shape, const Args& args) {
    gpu_->launch(kernel, shape, &args, sizeof args);
  }

  std::unique_ptr<Gpu> gpu_;
  EngineOptions options_;
  std::uint64_t words_at_ = 0;   ///< The micro-program memory on the GPU.
  std::uint64_t tables_at_ = 0;  ///< Both tables.
  std::size_t words_ = 0;
  std::optional<std::uint64_t> uploaded_;  ///< Generation that lies there.
};

/// Shared memory of the kernel.
std::uint32_t shared_bytes_of(Kernel kernel);

}  // namespace tandem::gpu
