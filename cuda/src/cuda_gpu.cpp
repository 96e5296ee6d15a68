// SPDX-License-Identifier: Apache-2.0
#include "cuda_gpu.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "kernel_image.hpp"
#include "native.hpp"
#include "nvrtc.hpp"
#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"

namespace tandem::gpu {
namespace {

// Most packets end within this time; sleeping would cost more than they take.
constexpr std::chrono::microseconds kSpin{200};
constexpr std::chrono::microseconds kPause{20};
constexpr std::size_t kStatusBytes = 256;

}  // namespace

CudaGpu::CudaGpu(const CudaOptions& options, std::shared_ptr<driver::SparseRam> host)
    : options_(options),
      api_(DriverApi::load(options.driver)),
      info_(find_device(*api_, options.device)) {
  try {
    open();
    memory_ = std::make_unique<PagedMemory>(std::move(host), static_cast<DeviceSide&>(*this));
  } catch (...) {
    close();
    throw;
  }
}

CudaGpu::~CudaGpu() { close(); }

void CudaGpu::open() {
  check(api_->cuDevicePrimaryCtxRetain(&context_, info_.handle), "cuDevicePrimaryCtxRetain");
  enter();
  const cu::AllocationProp prop{.location = {.id = info_.handle}};
  std::size_t granule = 0;
  check(api_->cuMemGetAllocationGranularity(&granule, &prop, cu::kGranularityRecommended),
        "cuMemGetAllocationGranularity");
  granule_bytes_ = std::max<std::uint64_t>(granule, PagedMemory::kPageBytes);
  launches_ = make_stream();
  copies_ = make_stream();
  check(api_->cuEventCreate(&begin_, 0), "cuEventCreate");
  check(api_->cuEventCreate(&end_, 0), "cuEventCreate");
  void* block = nullptr;
  check(api_->cuMemHostAlloc(&block, sizeof(StatusBlock), 0), "cuMemHostAlloc");
  block_ = new (block) StatusBlock;
  status_ = allocate(kStatusBytes);
  compiler_ = ProgramCompiler::create({.library = options_.nvrtc,
                                       .native_maths = options_.native,
                                       .arch = info_.major * 10 + info_.minor});
  load_kernels();
  if (options_.native) {
    native_ = NativeMatmul::create(options_.cublaslt, *this, launches_,
                                   [this](const NarrowArgs& args) { return narrow(args); });
    if (compiler_->available()) {
      narrow_ = load_function(compiler_->compile(kNarrowSource, "narrow.cu"), kNarrowName,
                              narrow_module_);
    }
  }
}

cu::Stream CudaGpu::make_stream() {
  cu::Stream stream = nullptr;
  check(api_->cuStreamCreate(&stream, cu::kStreamNonBlocking), "cuStreamCreate");
  return stream;
}

void CudaGpu::load_kernels() {
  const std::string image = kernel_image(*compiler_);
  const cu::Result result = api_->cuModuleLoadData(&module_, image.data());
  if (result == cu::kNoBinaryForGpu) {
    throw Error(
        ErrorCode::kUnimplemented,
        fmt::format("cuda:{}: this build has no code for {} (compute capability {}.{}); "
                    "build with the CUDA toolkit of driver {}",
                    info_.number, info_.name, info_.major, info_.minor, api_->version_text()));
  }
  check(result, "cuModuleLoadData");
  for (unsigned i = 0; i < kKernels; ++i) {
    check(api_->cuModuleGetFunction(&functions_[i], module_, kernel_name(Kernel(i))),
          "cuModuleGetFunction");
  }
}

/// What a device that does not answer holds is left to the end of the process: freeing would wait
/// for it.
void CudaGpu::close() noexcept {
  if (lost_) (void)native_.release();
  if (context_ == nullptr || lost_) return;
  api_->cuCtxSetCurrent(context_);
  native_.reset();
  if (compiler_) compiler_->unload(*api_);
  for (cu::Module module : {module_, narrow_module_}) {
    if (module != nullptr) api_->cuModuleUnload(module);
  }
  for (const std::uint64_t granule : backed_) api_->cuMemUnmap(granule, granule_bytes_);
  for (const auto& [address, size] : reserved_) api_->cuMemAddressFree(address, size);
  if (status_ != 0) api_->cuMemFree_v2(status_);
  if (block_ != nullptr) api_->cuMemFreeHost(block_);
  if (begin_ != nullptr) api_->cuEventDestroy_v2(begin_);
  if (end_ != nullptr) api_->cuEventDestroy_v2(end_);
  if (launches_ != nullptr) api_->cuStreamDestroy_v2(launches_);
  if (copies_ != nullptr) api_->cuStreamDestroy_v2(copies_);
  api_->cuDevicePrimaryCtxRelease_v2(info_.handle);
  context_ = nullptr;
}

// ---- failures ---------------------------------------------------------------------------------

/// Every public call begins here: contexts are current a thread, and a lost device stays lost.
void CudaGpu::enter() {
  if (lost_) {
    const std::lock_guard<std::mutex> lock(lost_mutex_);
    throw Error(ErrorCode::kUnavailable,
                fmt::format("cuda:{} ({}) was lost: {}; close the device and open it again",
                            info_.number, info_.name, lost_reason_));
  }
  check(api_->cuCtxSetCurrent(context_), "cuCtxSetCurrent");
}

/// Memory that is not there leaves the device usable; every other failure of a call loses it, since
/// the driver reports failed launches by whatever call comes next.
void CudaGpu::check(cu::Result result, const char* call) {
  if (result == cu::kSuccess) return;
  if (result == cu::kOutOfMemory) {
    throw Error(ErrorCode::kOutOfMemory,
                fmt::format("cuda:{} ({}): {} failed with {}; {} bytes hold device memory, the GPU "
                            "has {}; use a smaller model or configuration, or free the GPU",
                            info_.number, info_.name, call, api_->describe(result),
                            backed_.size() * granule_bytes_, info_.memory_bytes));
  }
  lose(ErrorCode::kUnavailable, fmt::format("{} failed with {}", call, api_->describe(result)));
}

void CudaGpu::lose(ErrorCode code, const std::string& reason) {
  {
    const std::lock_guard<std::mutex> lock(lost_mutex_);
    if (!lost_) lost_reason_ = reason;
  }
  lost_ = true;
  throw Error(code, fmt::format("cuda:{} ({}): {}; the device is lost until it is opened again",
                                info_.number, info_.name, reason));
}

/// True once everything in the stream is done, false if `cancelled` was set before.
bool CudaGpu::wait(cu::Stream stream, const std::atomic<bool>* cancelled, const char* what) {
  const Clock::time_point start = Clock::now();
  for (;;) {
    const cu::Result result = api_->cuStreamQuery(stream);
    if (result == cu::kSuccess) return true;
    if (result != cu::kNotReady) check(result, what);
    if (cancelled != nullptr && cancelled->load(std::memory_order_relaxed)) return false;
    const auto waited = Clock::now() - start;
    if (waited > options_.timeout) {
      lose(ErrorCode::kDeadlineExceeded,
           fmt::format("{} took longer than {} s (option timeout)", what,
                       std::chrono::duration<double>(options_.timeout).count()));
    }
    if (waited > kSpin) std::this_thread::sleep_for(kPause);
  }
}

// ---- memory -----------------------------------------------------------------------------------

std::uint64_t CudaGpu::reserve(std::uint64_t num_bytes) {
  cu::DevicePtr address = 0;
  check(api_->cuMemAddressReserve(&address, num_bytes, 0, 0, 0), "cuMemAddressReserve");
  reserved_.emplace_back(address, num_bytes);
  return address;
}

void CudaGpu::back(std::uint64_t granule) {
  enter();
  const cu::AllocationProp prop{.location = {.id = info_.handle}};
  cu::AllocationHandle handle = 0;
  check(api_->cuMemCreate(&handle, granule_bytes_, &prop, 0), "cuMemCreate");
  const cu::Result mapped = api_->cuMemMap(granule, granule_bytes_, 0, handle, 0);
  // The mapping keeps the memory.
  const cu::Result released = api_->cuMemRelease(handle);
  check(mapped, "cuMemMap");
  backed_.push_back(granule);
  check(released, "cuMemRelease");
  const cu::AccessDesc access{.location = {.id = info_.handle}};
  check(api_->cuMemSetAccess(granule, granule_bytes_, &access, 1), "cuMemSetAccess");
  check(api_->cuMemsetD8Async(granule, 0, granule_bytes_, copies_), "cuMemsetD8Async");
  wait(copies_, nullptr, "clearing memory");
}

void CudaGpu::upload_and_wait(std::uint64_t dst, std::span<const std::byte> src) {
  enter();
  check(api_->cuMemcpyHtoDAsync_v2(dst, src.data(), src.size(), copies_), "cuMemcpyHtoDAsync");
  wait(copies_, nullptr, "a copy to the GPU");
}

void CudaGpu::download(std::span<std::byte> dst, std::uint64_t src) {
  enter();
  check(api_->cuMemcpyDtoHAsync_v2(dst.data(), src, dst.size(), copies_), "cuMemcpyDtoHAsync");
  wait(copies_, nullptr, "a copy from the GPU");
}

std::uint64_t CudaGpu::map(std::uint64_t addr, std::uint64_t num_bytes) {
  enter();
  return memory_->on_device(addr, num_bytes, PagedMemory::Access::kWrite);
}

void CudaGpu::read(std::uint64_t addr, std::span<std::byte> dst) {
  enter();
  memory_->read(addr, dst);
}

void CudaGpu::write(std::uint64_t addr, std::span<const std::byte> src) {
  enter();
  memory_->write(addr, src);
}

std::uint64_t CudaGpu::allocate(std::size_t num_bytes) {
  enter();
  cu::DevicePtr at = 0;
  check(api_->cuMemAlloc_v2(&at, num_bytes), "cuMemAlloc");
  check(api_->cuMemsetD8Async(at, 0, num_bytes, launches_), "cuMemsetD8Async");
  return at;
}

void CudaGpu::release(std::uint64_t at) {
  enter();
  wait(launches_, nullptr, "the packets before");
  check(api_->cuMemFree_v2(at), "cuMemFree");
}

void CudaGpu::upload(std::uint64_t at, std::span<const std::byte> src) {
  enter();
  check(api_->cuMemcpyHtoDAsync_v2(at, src.data(), src.size(), launches_), "cuMemcpyHtoDAsync");
}

// ---- packets ----------------------------------------------------------------------------------

void CudaGpu::begin_packet(const std::atomic<bool>& cancelled) {
  enter();
  cancelled_ = &cancelled;
  start_ = std::uint64_t(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - opened_).count());
  check(api_->cuMemcpyHtoDAsync_v2(status_, &block_->clear, sizeof(DeviceStatus), launches_),
        "cuMemcpyHtoDAsync");
  check(api_->cuEventRecord(begin_, launches_), "cuEventRecord");
}

void CudaGpu::launch_function(cu::Function function, const LaunchShape& shape, const void* args) {
  void* parameters[] = {const_cast<void*>(args)};
  check(api_->cuLaunchKernel(function, shape.grid, 1, 1, shape.block, 1, 1, shape.shared_bytes,
                             launches_, parameters, nullptr),
        "cuLaunchKernel");
}

void CudaGpu::launch(Kernel kernel, const LaunchShape& shape, const void* args,
                     std::size_t /*num_bytes*/) {
  launch_function(functions_[unsigned(kernel)], shape, args);
}

PacketOutcome CudaGpu::end_packet() {
  check(api_->cuEventRecord(end_, launches_), "cuEventRecord");
  check(api_->cuMemcpyDtoHAsync_v2(&block_->result, status_, sizeof(DeviceStatus), launches_),
        "cuMemcpyDtoHAsync");
  PacketOutcome outcome;
  if (!wait(launches_, std::exchange(cancelled_, nullptr), "a packet's launches")) return outcome;
  outcome.status = block_->result;
  float milliseconds = 0;
  check(api_->cuEventElapsedTime(&milliseconds, begin_, end_), "cuEventElapsedTime");
  outcome.cycles = std::uint64_t(double(milliseconds) * 1e6 + 0.5);
  outcome.start_cycle = start_;
  return outcome;
}

std::optional<std::uint64_t> CudaGpu::load_program(std::span<const std::uint64_t> words,
                                                   const abi::VectorPacket& packet) {
  if (!options_.compile) return std::nullopt;
  CompiledProgram* program = compiler_->find(words, packet);
  if (program == nullptr) return std::nullopt;
  if (program->broken) return std::nullopt;
  try {
    return compiler_->load(*program, [this](const std::string& image, const char* name) {
      cu::Module module = nullptr;
      cu::Function function = load_function(image, name, module);
      return std::pair(module, function);
    });
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnimplemented) throw;
    program->broken = true;
    log::warning("cuda: the interpreter runs a micro-program of {} words: {}", words.size(),
                 error.message());
    return std::nullopt;
  }
}

/// Throws kUnimplemented for an image that this driver does not take, such as that of a newer
/// NVRTC: the device is as good as before.
cu::Function CudaGpu::load_function(const std::string& image, const char* name,
                                    cu::Module& module) {
  cu::Function function = nullptr;
  cu::Result result = api_->cuModuleLoadData(&module, image.data());
  if (result == cu::kSuccess) result = api_->cuModuleGetFunction(&function, module, name);
  if (result == cu::kOutOfMemory) check(result, "cuModuleLoadData");
  if (result != cu::kSuccess) {
    throw Error(
        ErrorCode::kUnimplemented,
        fmt::format("driver {} does not load the code of NVRTC {}: {}", api_->version_text(),
                    compiler_->version_text(), api_->describe(result)));
  }
  return function;
}

bool CudaGpu::narrow(const NarrowArgs& args) {
  if (narrow_ == nullptr) return false;
  const LaunchShape shape{.grid = grid_for(args.extent[0] * args.extent[1] * args.extent[2]),
                          .block = kBlockThreads};
  launch_function(narrow_, shape, &args);
  return true;
}

void CudaGpu::launch_program(std::uint64_t program, const LaunchShape& shape,
                             const VectorArgs& args) {
  launch_function(compiler_->function(program), shape, &args);
}

bool CudaGpu::native_matmul(const abi::MatmulPacket& /*packet*/, const MatmulArgs& args) {
  return native_ != nullptr && native_->run(args);
}

NativeCounts CudaGpu::native_counts() const {
  return native_ != nullptr ? native_->counts() : NativeCounts{};
}

}  // namespace tandem::gpu
