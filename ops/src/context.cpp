// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/context.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "checks.hpp"
#include "tandem/base/error.hpp"

namespace tandem::ops {
namespace {

constexpr std::uint64_t kAlign = 64;
constexpr std::uint64_t kFirstScratchBytes = std::uint64_t{1} << 20;
constexpr std::uint64_t kStagingHalfBytes = std::uint64_t{512} << 10;
constexpr std::uint64_t kMaxUploadBytes = std::uint64_t{256} << 10;
constexpr std::string_view kRegion = "activations";

std::uint64_t align_up(std::uint64_t bytes) { return (bytes + kAlign - 1) & ~(kAlign - 1); }

struct ProgramKey {
  const void* key;
  std::uint64_t variant;
  bool operator==(const ProgramKey&) const = default;
};
struct ProgramKeyHash {
  std::size_t operator()(const ProgramKey& key) const {
    return reinterpret_cast<std::uintptr_t>(key.key) * 0x9E3779B97F4A7C15u ^
           key.variant * 0xC2B2AE3D27D4EB4Fu;
  }
};

}  // namespace

struct Context::Impl {
  explicit Impl(runtime::Device& the_device) : device(the_device), queue(the_device.queue()) {}

  /// Bytes handed out before the current block, and in it.
  std::uint64_t position() const { return block_start + block_used; }

  /// Puts everything into one block again once no op uses scratch. Packets in flight may still use
  /// the old blocks.
  void consolidate(std::uint64_t num_bytes) {
    queue.finish();
    std::uint64_t held = 0;
    for (const runtime::Buffer& block : blocks) held += block.num_bytes();
    blocks.clear();
    const std::uint64_t grown = num_bytes > held ? std::max(num_bytes, 2 * held) : held;
    add_block(std::max(grown, kFirstScratchBytes));
    block_start = 0;
  }
  void add_block(std::uint64_t num_bytes) {
    blocks.push_back(device.malloc(kRegion, num_bytes, "ops scratch"));
    block_used = 0;
  }

  runtime::Device& device;
  runtime::Queue& queue;
  std::vector<runtime::Buffer> blocks;  ///< The last one is being handed out.
  std::uint64_t block_start = 0;
  std::uint64_t block_used = 0;
  runtime::Buffer staging;
  std::uint64_t staging_used = 0;
  std::unordered_map<ProgramKey, Program, ProgramKeyHash> programs;
  std::map<std::string, std::uint64_t, std::less<>> host_ops;
  TraceHook trace;
  int depth = 0;
};

Context::Context(runtime::Device& device) : impl_(std::make_unique<Impl>(device)) {}

Context::~Context() {
  // Packets in flight may still write scratch memory; a device error was or will be reported by
  // whoever waits.
  try {
    impl_->queue.finish();
  } catch (const Error&) {
  }
}

runtime::Device& Context::device() { return impl_->device; }
runtime::Queue& Context::queue() { return impl_->queue; }

PhysAddr Context::scratch(std::uint64_t num_bytes) {
  Impl& impl = *impl_;
  const std::uint64_t size = align_up(std::max<std::uint64_t>(num_bytes, 1));
  if (impl.position() == 0 && (impl.blocks.size() != 1 || size > impl.blocks[0].num_bytes())) {
    impl.consolidate(size);
  } else if (impl.block_used + size > impl.blocks.back().num_bytes()) {
    impl.block_start += impl.blocks.back().num_bytes();
    impl.add_block(std::max(size, impl.block_start));
  }
  const PhysAddr addr = impl.blocks.back().addr() + impl.block_used;
  impl.block_used += size;
  return addr;
}

Tensor Context::scratch_tensor(Dtype dtype, std::span<const std::uint64_t> shape) {
  Tensor tensor(PhysAddr(), dtype, shape);
  tensor.addr = scratch(tensor.numel() * tensor.elem_bytes());
  return tensor;
}

PhysAddr Context::upload(std::span<const std::byte> data) {
  Impl& impl = *impl_;
  if (data.size() > kMaxUploadBytes) {
    fail_argument("upload", "data", fmt::format("at most {} bytes", kMaxUploadBytes),
                  std::to_string(data.size()));
  }
  if (!impl.staging) {
    impl.staging = impl.device.malloc(kRegion, 2 * kStagingHalfBytes, "ops staging");
  }
  const std::uint64_t size = align_up(data.size());
  const std::uint64_t half = impl.staging_used / kStagingHalfBytes;
  if ((impl.staging_used + size - 1) / kStagingHalfBytes != half && size != 0) {
    // Into the other half, whose data packets in flight may still read.
    impl.queue.finish();
    impl.staging_used = half == 0 ? kStagingHalfBytes : 0;
  }
  const PhysAddr addr = impl.staging.addr() + impl.staging_used;
  impl.device.copy_in(addr, data);
  impl.staging_used = (impl.staging_used + size) % (2 * kStagingHalfBytes);
  return addr;
}

std::uint64_t Context::scratch_bytes() const {
  std::uint64_t bytes = 0;
  for (const runtime::Buffer& block : impl_->blocks) bytes += block.num_bytes();
  return bytes;
}

const Program& Context::program(const void* key, std::uint64_t variant,
                                const std::function<Program()>& build) {
  const ProgramKey full{key, variant};
  const auto found = impl_->programs.find(full);
  if (found != impl_->programs.end()) return found->second;
  return impl_->programs.emplace(full, build()).first->second;
}

const std::map<std::string, std::uint64_t, std::less<>>& Context::host_ops() const {
  return impl_->host_ops;
}

void Context::count_host_op(std::string_view name) {
  const auto found = impl_->host_ops.find(name);
  if (found != impl_->host_ops.end()) {
    ++found->second;
  } else {
    impl_->host_ops.emplace(name, 1);
  }
}

void Context::set_trace(TraceHook hook) { impl_->trace = std::move(hook); }

OpGuard::OpGuard(Context& ctx, std::string_view name, std::initializer_list<const Tensor*> tensors)
    : ctx_(ctx), name_(name), packets_before_(ctx.packets_) {
  Context::Impl& impl = *ctx.impl_;
  scratch_mark_ = impl.position();
  for (const Tensor* tensor : tensors) {
    if (tensor != nullptr && num_tensors_ < tensors_.size()) tensors_[num_tensors_++] = tensor;
  }
  impl.queue.begin_op(name);
  ++impl.depth;
}

OpGuard::~OpGuard() {
  Context::Impl& impl = *ctx_.impl_;
  --impl.depth;
  impl.queue.end_op();
  if (scratch_mark_ >= impl.block_start) {
    impl.block_used = scratch_mark_ - impl.block_start;
  } else if (scratch_mark_ == 0) {
    // The next op finds more than one block and makes them one.
    impl.block_start = impl.block_used = 0;
  } else {
    // Marked in an earlier block: it stays closed until the outermost op ends.
    impl.block_used = 0;
  }
  if (!impl.trace) return;
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < num_tensors_; ++i) tensors.push_back(*tensors_[i]);
  // A hook that throws must not end the program from this destructor.
  try {
    impl.trace({name_, tensors, ctx_.packets_ - packets_before_, impl.depth});
  } catch (const std::exception&) {
  }
}

}  // namespace tandem::ops
