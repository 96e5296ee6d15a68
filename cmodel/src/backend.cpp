// SPDX-License-Identifier: Apache-2.0
// The cmodel plug-in: options of the URI and the adapter to driver::Backend.
#include <memory>
#include <string>
#include <utility>

#include "check/checker.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/cmodel/engine.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/driver/plugin.hpp"

namespace tandem::cmodel {
namespace {

using driver::BackendUri;
using driver::DeviceConfig;

SimdPath parse_simd(const BackendUri& uri) {
  const std::string_view text = uri.get("simd", "auto");
  if (text == "auto") return SimdPath::kAuto;
  if (text == "avx512") return SimdPath::kAvx512;
  if (text == "avx2") return SimdPath::kAvx2;
  if (text == "portable") return SimdPath::kPortable;
  throw Error(
      ErrorCode::kInvalidArgument,
      "cmodel: option simd is auto, avx512, avx2 or portable, found '" + std::string(text) + "'");
}

/// Tells a checker what the host does, and offers no window past it.
class CheckedBackend final : public driver::InProcessBackend {
 public:
  CheckedBackend(std::string name, const DeviceConfig& config, Options options,
                 const std::shared_ptr<Checker>& checker)
      : InProcessBackend(std::move(name), config, make_engine(std::move(options), checker)),
        checker_(checker) {}

  void write32(std::uint32_t offset, std::uint32_t value) override {
    if (offset == abi::reg::kRingTail) checker_->announced(value, read32(abi::reg::kCplHead));
    InProcessBackend::write32(offset, value);
  }
  void read(PhysAddr src, std::span<std::byte> dst) override {
    if (!dst.empty() && !in_rings(src.value, dst.size())) {
      checker_->host_read(src.value, dst.size(), processor().pending());
    }
    InProcessBackend::read(src, dst);
  }
  void write(PhysAddr dst, std::span<const std::byte> src) override {
    // A write that no memory takes throws, and its bytes count for nothing.
    if (src.empty() || in_rings(dst.value, src.size()) ||
        memory().pointer(dst.value, src.size()) == nullptr) {
      return InProcessBackend::write(dst, src);
    }
    checker_->host_write(dst.value, src.size(), processor().pending());
    InProcessBackend::write(dst, src);
  }
  std::span<std::byte> window(PhysAddr /*addr*/, std::uint64_t /*num_bytes*/) override {
    return {};
  }
  void annotate(const driver::Annotation& note) override { checker_->annotate(note); }
  std::string take_findings() override { return checker_->take_findings(); }

 private:
  static std::unique_ptr<NpuEngine> make_engine(Options options, std::shared_ptr<Checker> checker) {
    options.checker = std::move(checker);
    return std::make_unique<NpuEngine>(options);
  }

  /// Whether the bytes lie in the command ring or in the completion ring.
  bool in_rings(std::uint64_t addr, std::uint64_t num_bytes) {
    namespace reg = abi::reg;
    return in_ring(addr, num_bytes, reg::kRingBaseLo, reg::kRingEntries, abi::kPacketBytes) ||
           in_ring(addr, num_bytes, reg::kCplBaseLo, reg::kCplEntries, abi::kCompletionBytes);
  }
  bool in_ring(std::uint64_t addr, std::uint64_t num_bytes, std::uint32_t base_lo,
               std::uint32_t entries, std::uint64_t record_bytes) {
    const std::uint64_t base = read32(base_lo) | std::uint64_t{read32(base_lo + 4)} << 32;
    const std::uint64_t size = read32(entries) * record_bytes;
    return addr >= base && num_bytes <= size && addr - base <= size - num_bytes;
  }

  std::shared_ptr<Checker> checker_;
};

std::unique_ptr<driver::Backend> create(const BackendUri& uri, const DeviceConfig& config) {
  const Options options{.threads = int(uri.get_uint("threads", 0, 256)), .simd = parse_simd(uri)};
  if (uri.get_bool("check", false)) {
    return std::make_unique<CheckedBackend>("cmodel:" + config.name, config, options,
                                            std::make_shared<Checker>(config));
  }
  return std::make_unique<driver::InProcessBackend>("cmodel:" + config.name, config,
                                                    std::make_unique<NpuEngine>(options));
}

constexpr driver::PluginOption kOptions[] = {
    {"threads", "0..256", "threads that execute a packet; 0: all cores; results never change"},
    {"simd", "auto|avx512|avx2|portable", "instructions to use; results never change"},
    {"check", "0|1", "report misuse of device memory; slower, results never change"},
};

}  // namespace
}  // namespace tandem::cmodel

extern "C" const tandem::driver::Plugin* tandem_backend_plugin() {
  static const tandem::driver::Plugin plugin = {
      .name = "cmodel",
      .doc = "bit-exact C++ model of the device",
      .body = tandem::driver::UriBody::kConfig,
      .options = tandem::cmodel::kOptions,
      .create = tandem::cmodel::create,
  };
  return &plugin;
}
