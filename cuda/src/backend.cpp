// SPDX-License-Identifier: Apache-2.0
// The cuda plug-in: options of the URI, and the device around engine and GPU.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <memory>
#include <string>
#include <utility>

#include "cuda_gpu.hpp"
#include "engine.hpp"
#include "host_backend.hpp"
#include "native.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::gpu {
namespace {

namespace reg = abi::reg;
using driver::BackendUri;
using driver::DeviceConfig;

/// Pins of PagedMemory.
enum Pin : unsigned { kCommandRing, kCompletionRing, kPolledWord };

/// An engine over a GPU with memory of its own. SIGNAL, WAIT and LOAD_UCODE are the command
/// processor's and work on host memory: their operands are brought there.
class DeviceEngine final : public driver::Engine {
 public:
  DeviceEngine(std::unique_ptr<CudaGpu> gpu)
      : memory_(gpu->memory()), gpu_(*gpu), engine_(std::move(gpu)) {}

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    return engine_.engine_for(opcode);
  }
  void execute(const abi::Packet& packet, const abi::OperandList& operands,
               const driver::ExecutionContext& context, driver::ExecutionResult& result) override {
    engine_.execute(packet, operands, context, result);
  }
  void reset() override {
    memory_.unpin(kPolledWord);
    engine_.reset();
  }

  bool observes() const override { return true; }
  void before(const abi::Packet& packet, const abi::OperandList& operands) override {
    const bool waits = packet.opcode == abi::Opcode::kWait;
    if (!waits && packet.opcode != abi::Opcode::kSignal &&
        packet.opcode != abi::Opcode::kLoadUcode) {
      return;
    }
    for (const abi::Operand& operand : operands.view()) {
      const std::uint64_t num_bytes = operand.hull_end() - operand.base;
      if (waits) {
        memory_.pin(kPolledWord, operand.base, num_bytes);
      } else {
        memory_.on_host(operand.base, num_bytes,
                        operand.role == abi::Role::kRead ? PagedMemory::Access::kRead
                                                         : PagedMemory::Access::kWrite);
      }
    }
  }
  void after(const abi::Packet& packet, const abi::OperandList& /*operands*/,
             const driver::ExecutionResult& /*result*/) override {
    if (packet.opcode == abi::Opcode::kWait) memory_.unpin(kPolledWord);
    memory_.restore();
  }

  PagedMemory& memory() { return memory_; }
  CudaGpu& gpu() { return gpu_; }

 private:
  PagedMemory& memory_;
  CudaGpu& gpu_;
  CudaEngine engine_;
};

class CudaBackend final : public driver::InProcessBackend {
 public:
  CudaBackend(std::string name, const DeviceConfig& config, std::unique_ptr<DeviceEngine> engine)
      : InProcessBackend(std::move(name), config, std::move(engine)) {}
  ~CudaBackend() override { report(); }

  /// Cycles are nanoseconds.
  std::uint32_t read32(std::uint32_t offset) override {
    const std::uint32_t value = InProcessBackend::read32(offset);
    return offset == reg::kFeatures ? value | reg::kFeaturesTimed : value;
  }
  void write32(std::uint32_t offset, std::uint32_t value) override {
    if (offset == reg::kCtrl && (value & reg::kCtrlEnable) != 0 &&
        (read32(reg::kCtrl) & reg::kCtrlEnable) == 0) {
      pin_ring(kCommandRing, reg::kRingBaseLo, reg::kRingEntries, abi::kPacketBytes);
      pin_ring(kCompletionRing, reg::kCplBaseLo, reg::kCplEntries, abi::kCompletionBytes);
    }
    InProcessBackend::write32(offset, value);
  }
  void read(PhysAddr src, std::span<std::byte> dst) override {
    device().gpu().read(src.value, dst);
  }
  void write(PhysAddr dst, std::span<const std::byte> src) override {
    device().gpu().write(dst.value, src);
  }
  std::span<std::byte> window(PhysAddr /*addr*/, std::uint64_t /*num_bytes*/) override {
    return {};
  }
  /// Its pages may be on the GPU.
  std::shared_ptr<driver::SparseRam> ram() override { return nullptr; }

 private:
  DeviceEngine& device() { return static_cast<DeviceEngine&>(engine()); }

  /// A ring that no memory holds is the command processor's to refuse.
  void pin_ring(Pin pin, std::uint32_t base_lo, std::uint32_t entries, std::uint64_t record_bytes) {
    const std::uint64_t base = InProcessBackend::read32(base_lo) |
                               std::uint64_t{InProcessBackend::read32(base_lo + 4)} << 32;
    const std::uint64_t num_bytes = InProcessBackend::read32(entries) * record_bytes;
    if (num_bytes != 0 && memory().pointer(base, num_bytes) != nullptr) {
      device().memory().pin(pin, base, num_bytes);
    } else {
      device().memory().unpin(pin);
    }
  }

  void report() {
    const NativeCounts counts = device().gpu().native_counts();
    for (const auto& [reason, packets] : counts.exact) {
      log::info("{}: {} MATMUL packets by the exact kernel: {}", name(), packets, reason);
    }
    if (counts.products + counts.exact.size() != 0) {
      log::info("{}: {} MATMUL packets by cuBLASLt", name(), counts.products);
    }
  }
};

/// True for the first value, which is the default.
bool parse_choice(const BackendUri& uri, std::string_view key, std::string_view first,
                  std::string_view second) {
  const std::string_view value = uri.get(key, first);
  if (value == first || value == second) return value == first;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("cuda: option {} is {} or {}, found '{}'", key, first, second, value));
}

bool parse_native(const BackendUri& uri) { return !parse_choice(uri, "mode", "exact", "native"); }

int parse_device(const BackendUri& uri) {
  int number = 0;
  const std::string& body = uri.body;
  if (body.empty()) return number;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), number);
  if (error != std::errc{} || end != body.data() + body.size() || number < 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("backend URI \"{}\": expected the number of a GPU or 'host' after "
                            "'cuda:', found '{}'",
                            uri.to_string(), body));
  }
  return number;
}

std::unique_ptr<driver::Backend> create_host(const BackendUri& uri, const DeviceConfig& config) {
  if (parse_native(uri)) {
    throw Error(ErrorCode::kUnimplemented,
                "cuda:host has no native mode: cuBLASLt and CUDA's maths need a GPU");
  }
  return make_host_backend(config);
}

std::unique_ptr<driver::Backend> create(const BackendUri& uri, const DeviceConfig& config) {
  if (uri.body == "host") return create_host(uri, config);
  const auto default_timeout =
      std::chrono::duration_cast<std::chrono::seconds>(driver::progress_timeout() / 2).count();
  CudaOptions options;
  options.device = parse_device(uri);
  options.native = parse_native(uri);
  options.compile = parse_choice(uri, "programs", "compiled", "interpreted");
  options.driver = uri.get("driver", "");
  options.nvrtc = uri.get("nvrtc", "");
  options.cublaslt = uri.get("cublaslt", "");
  options.timeout = std::chrono::seconds(
      std::max<std::uint64_t>(1, uri.get_uint("timeout", std::uint64_t(default_timeout), 86400)));
  DeviceConfig own = config;
  own.ram = driver::make_ram(config);
  auto gpu = std::make_unique<CudaGpu>(options, own.ram);
  const std::string name = fmt::format("cuda:{}{} ({})", options.device,
                                       options.native ? "?mode=native" : "", gpu->name());
  return std::make_unique<CudaBackend>(name, own, std::make_unique<DeviceEngine>(std::move(gpu)));
}

constexpr driver::PluginOption kOptions[] = {
    {"mode", "exact|native", "exact: the contract's bits; native: cuBLASLt and CUDA's own maths"},
    {"timeout", "1..86400", "seconds that a packet may take; half the driver's limit by default"},
    {"programs", "compiled|interpreted", "how micro-programs run, where NVRTC is found"},
    {"driver", "FILE", "library of the driver, instead of libcuda.so.1"},
    {"nvrtc", "FILE", "library of the compiler, instead of libnvrtc"},
    {"cublaslt", "FILE", "library for native products, instead of libcublasLt"},
};

}  // namespace
}  // namespace tandem::gpu

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "cuda",
      .doc = "NVIDIA GPU by number (cuda:0), or its kernels on the processor (cuda:host)",
      .body = tandem::driver::UriBody::kOther,
      .options = tandem::gpu::kOptions,
      .create = tandem::gpu::create,
  };
  return &plugin;
}
