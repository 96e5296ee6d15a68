// SPDX-License-Identifier: Apache-2.0
#include "device_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tandem/base/log.hpp"

namespace tandem::runtime {
namespace {

constexpr std::uint64_t kDigestPrime = 0x100000001b3;  // of 64-bit FNV


// More ranges than this are merged into one: a wait too many costs less than a long list.
constexpr std::size_t kMaxFreedRanges = 256;

/// Whether fault_addr of this error is an address of memory.
bool has_address(abi::Fault fault) {
  return fault == abi::Fault::kUnmapped || fault == abi::Fault::kReadOnly ||
         fault == abi::Fault::kBadIndex || fault == abi::Fault::kBusError ||
         fault == abi::Fault::kWaitTimeout;
}

}  // namespace

DeviceCore::DeviceCore(std::unique_ptr<driver::Backend> backend, driver::DeviceConfig config,
                       const driver::DriverOptions& options, bool check_mode)
    : driver_(std::make_unique<driver::Driver>(std::move(backend), std::move(config), options)),
      check_mode_(check_mode) {
  driver_->set_completion_hook(
      [this](const abi::Packet& packet, const abi::Completion& completion) {
        on_completion(packet, completion);
      });
  driver_->start();
  make_allocators();
}

DeviceCore::~DeviceCore() {
  driver_->set_completion_hook({});
  if (deferred_fault_) {
    log::error("device closed with a fault that no call reported: {}", deferred_fault_->message());
  }
  // Buffers may live on; their allocators must not call back.
  for (const auto& allocator : allocators_) {
    allocator->set_observer({});
  }
  if (recording_ != nullptr) {
    try {
      end_recording();
    } catch (const Error& error) {
      log::warning("recording not finished: {}", error.message());
    }
  }
}

void DeviceCore::make_allocators() {
  const driver::DeviceConfig& config = driver_->config();
  for (const driver::RegionConfig& region : config.regions) {
    PhysAddr base = region.base;
    std::uint64_t size = region.size;
    if (region.name == driver_->options().ring_region) {
      constexpr std::uint64_t kGranule = Allocator::kGranuleBytes;
      const std::uint64_t rings = (driver_->ring_bytes() + kGranule - 1) / kGranule * kGranule;
      if (rings >= size) {
        continue;
      }
      base = base + rings;
      size -= rings;
    }
    auto allocator = std::make_shared<Allocator>(region.name, base, size);
    allocator->set_observer(
        {.allocated = [this](const Allocator::Allocation& a) { on_allocate(a); },
         .freed = [this](const Allocator::Allocation& a) { on_free(a); }});
    allocators_.push_back(std::move(allocator));
  }
}

Allocator& DeviceCore::allocator(std::string_view region) {
  std::vector<std::string_view> names;
  for (const auto& allocator : allocators_) {
    if (allocator->region() == region) {
      return *allocator;
    }
    names.push_back(allocator->region());
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("configuration '{}' has no region '{}' to allocate from; it has {}",
                          driver_->config().name, region, fmt::join(names, ", ")));
}

std::string DeviceCore::describe(PhysAddr addr) const {
  for (const driver::RegionConfig& region : driver_->config().regions) {
    if (region.name == driver_->options().ring_region && addr >= region.base &&
        addr - region.base < driver_->ring_bytes()) {
      return fmt::format("{:#x} lies in the rings at the start of region '{}'", addr.value,
                         region.name);
    }
  }
  return describe_address(addr, allocators_, tensors_);
}

void DeviceCore::on_allocate(const Allocator::Allocation& allocation) {
  backend().annotate({.kind = driver::Annotation::Kind::kAllocate,
                      .name = allocation.label,
                      .addr = allocation.addr,
                      .num_bytes = allocation.num_bytes});
  record([&](TraceWriter& trace) {
    trace.allocate(allocation.addr, allocation.num_bytes, allocation.label);
  });
}

/// Called by destructors of buffers, so a fault that comes up here waits for the next call of the
/// queue.
void DeviceCore::on_free(const Allocator::Allocation& allocation) noexcept {
  try {
    if (check_mode_ && !deferred_fault_) {
      // The device must not take packets in flight for users of freed memory.
      if (driver_->completed() < driver_->submitted()) {
        driver_->wait_all();
      }
    }
  } catch (const Error& error) {
    deferred_fault_ = error;
  }
  try {
    remember_freed(allocation);
    tensors_.forget(allocation.addr, allocation.num_bytes);
    backend().annotate({.kind = driver::Annotation::Kind::kFree,
                        .name = allocation.label,
                        .addr = allocation.addr,
                        .num_bytes = allocation.num_bytes});
    record([&](TraceWriter& trace) { trace.free(allocation.addr); });
  } catch (const std::exception& error) {
    log::error("freeing '{}': {}", allocation.label, error.what());
  }
}

void DeviceCore::remember_freed(const Allocator::Allocation& allocation) {
  const std::uint64_t completed = driver_->completed();
  const std::uint64_t submitted = driver_->submitted();
  std::erase_if(freed_, [&](const FreedRange& range) { return range.last_seq <= completed; });
  if (submitted <= completed) {
    return;
  }
  if (freed_.size() >= kMaxFreedRanges) {
    FreedRange all = freed_.front();
    for (const FreedRange& range : freed_) {
      all.begin = std::min(all.begin, range.begin);
      all.end = std::max(all.end, range.end);
      all.last_seq = std::max(all.last_seq, range.last_seq);
    }
    freed_.assign(1, all);
  }
  freed_.push_back(
      {allocation.addr.value, allocation.addr.value + allocation.num_bytes, submitted});
}

void DeviceCore::wait_for_freed_memory(PhysAddr addr, std::uint64_t num_bytes) {
  if (freed_.empty()) {
    return;
  }
  const std::uint64_t completed = driver_->completed();
  std::erase_if(freed_, [&](const FreedRange& range) { return range.last_seq <= completed; });
  std::uint64_t last_seq = 0;
  for (const FreedRange& range : freed_) {
    if (addr.value < range.end && range.begin < addr.value + num_bytes) {
      last_seq = std::max(last_seq, range.last_seq);
    }
  }
  if (last_seq > completed) {
    guarded([&] { driver_->wait(last_seq); });
  }
}

void DeviceCore::write(PhysAddr dst, std::span<const std::byte> src) {
  if (src.empty()) {
    return;
  }
  wait_for_freed_memory(dst, src.size());
  backend().write(dst, src);
  counters_.bytes_in += src.size();
  record([&](TraceWriter& trace) { trace.write(dst, src); });
}

void DeviceCore::on_completion(const abi::Packet& packet, const abi::Completion& completion) {
  if (completion.error != abi::Fault::kNone) {
    last_fault_ = completion;
  }
  record([&](TraceWriter& trace) { trace.completion(completion); });
  counters_.packet_digest = (counters_.packet_digest ^ completion.checksum) * kDigestPrime;
  if (hook_) {
    hook_(packet, completion);
  }
}

void DeviceCore::surface_deferred_fault() {
  if (deferred_fault_) {
    fail(*std::exchange(deferred_fault_, std::nullopt));
  }
}

void DeviceCore::fail(const Error& error) {
  if (error.code() == ErrorCode::kDeviceFault || error.code() == ErrorCode::kDeadlineExceeded) {
    record([](TraceWriter& trace) { trace.reset(); });
  }
  const auto fault = std::exchange(last_fault_, std::nullopt);
  if (error.code() == ErrorCode::kDeviceFault && fault && has_address(fault->error)) {
    throw error.with_context(describe(PhysAddr(fault->fault_addr)));
  }
  throw error;
}

void DeviceCore::begin_recording(std::unique_ptr<TraceWriter> writer) {
  recording_error_.reset();
  recording_ = std::move(writer);
}

void DeviceCore::end_recording() {
  if (recording_error_) {
    throw *std::exchange(recording_error_, std::nullopt);
  }
  const auto writer = std::move(recording_);
  writer->finish();
}

void DeviceCore::drop_recording(const Error& error) {
  log::warning("recording stopped: {}", error.message());
  recording_error_ = error;
  recording_.reset();
}

}  // namespace tandem::runtime
