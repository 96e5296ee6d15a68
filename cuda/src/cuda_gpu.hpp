// SPDX-License-Identifier: Apache-2.0
// A GPU behind NVIDIA's driver: memory by physical address, launches on one stream, their outcome.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "driver_api.hpp"
#include "gpu.hpp"
#include "kernels/narrow.hpp"
#include "paged_memory.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::gpu {

class NativeMatmul;
class ProgramCompiler;
struct NativeCounts;

struct CudaOptions {
  int device = 0;
  bool native = false;  ///< cuBLASLt and CUDA's own maths.
  bool compile = true;  ///< Micro-programs by NVRTC, where it is found; else interpreted.
  std::string driver;   ///< Libraries by name; empty: the usual ones.
  std::string nvrtc;
  std::string cublaslt;
  std::chrono::nanoseconds timeout = std::chrono::seconds(60);  ///< Of a packet and of a copy.
};

/// Time in outcomes is in nanoseconds: `cycles` between two events around the launches,
/// `start_cycle` since the device was opened, by the host's clock.
///
/// Thread-safety: as Gpu; `memory()` as PagedMemory.
class CudaGpu final : public Gpu, private DeviceSide {
 public:
  /// Opens the device. Throws kUnavailable, kUnimplemented (see find_device) and kOutOfMemory.
  CudaGpu(const CudaOptions& options, std::shared_ptr<driver::SparseRam> host);
  ~CudaGpu() override;

  std::string name() const override { return info_.name; }
  unsigned multiprocessors() const override { return unsigned(info_.multiprocessors); }
  const DeviceInfo& info() const { return info_; }
  cu::Stream stream() const { return launches_; }
  PagedMemory& memory() { return *memory_; }
  NativeCounts native_counts() const;

  std::uint64_t map(std::uint64_t addr, std::uint64_t num_bytes) override;
  void read(std::uint64_t addr, std::span<std::byte> dst) override;
  void write(std::uint64_t addr, std::span<const std::byte> src) override;
  std::uint64_t allocate(std::size_t num_bytes) override;
  void release(std::uint64_t at) override;
  void upload(std::uint64_t at, std::span<const std::byte> src) override;
  std::uint64_t status() const override { return status_; }
  void begin_packet(const std::atomic<bool>& cancelled) override;
  void launch(Kernel kernel, const LaunchShape& shape, const void* args,
              std::size_t num_bytes) override;
  PacketOutcome end_packet() override;
  std::optional<std::uint64_t> load_program(std::span<const std::uint64_t> words,
                                            const abi::VectorPacket& packet) override;
  void launch_program(std::uint64_t program, const LaunchShape& shape,
                      const VectorArgs& args) override;
  bool native_matmul(const abi::MatmulPacket& packet, const MatmulArgs& args) override;

 private:
  using Clock = std::chrono::steady_clock;
  /// Pinned host memory for the status, one record each way.
  struct StatusBlock {
    DeviceStatus clear;
    DeviceStatus result;
  };

  // DeviceSide.
  std::uint64_t granule_bytes() const override { return granule_bytes_; }
  std::uint64_t reserve(std::uint64_t num_bytes) override;
  void back(std::uint64_t granule) override;
  void upload(std::uint64_t dst, std::span<const std::byte> src, cu::Stream stream);
  void upload_and_wait(std::uint64_t dst, std::span<const std::byte> src) override;
  void download(std::span<std::byte> dst, std::uint64_t src) override;

  void open();
  void load_kernels();
  void close() noexcept;
  void enter();
  void check(cu::Result result, const char* call);
  [[noreturn]] void lose(ErrorCode code, const std::string& reason);
  cu::Stream make_stream();
  bool wait(cu::Stream stream, const std::atomic<bool>* cancelled, const char* what);
  bool narrow(const NarrowArgs& args);
  cu::Function load_function(const std::string& image, const char* name, cu::Module& module);
  void launch_function(cu::Function function, const LaunchShape& shape, const void* args);

  const CudaOptions options_;
  const std::shared_ptr<const DriverApi> api_;
  const DeviceInfo info_;
  const Clock::time_point opened_ = Clock::now();
  std::uint64_t granule_bytes_ = 0;

  cu::Context context_ = nullptr;
  cu::Stream launches_ = nullptr;
  cu::Stream copies_ = nullptr;
  cu::Event begin_ = nullptr;
  cu::Event end_ = nullptr;
  cu::Module module_ = nullptr;
  std::array<cu::Function, kKernels> functions_{};
  cu::Module narrow_module_ = nullptr;
  cu::Function narrow_ = nullptr;  ///< Null: it could not be compiled.
  std::uint64_t status_ = 0;
  StatusBlock* block_ = nullptr;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> reserved_;  ///< Address ranges.
  std::vector<std::uint64_t> backed_;                              ///< Granules.

  std::unique_ptr<PagedMemory> memory_;
  std::unique_ptr<ProgramCompiler> compiler_;
  std::unique_ptr<NativeMatmul> native_;

  const std::atomic<bool>* cancelled_ = nullptr;
  std::uint64_t start_ = 0;
  mutable std::mutex lost_mutex_;
  std::atomic<bool> lost_{false};
  std::string lost_reason_;
};

}  // namespace tandem::gpu
