// SPDX-License-Identifier: Apache-2.0
// What a device, its queue and its snapshots share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory_names.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/runtime/allocator.hpp"
#include "tandem/runtime/device.hpp"
#include "trace_writer.hpp"

namespace tandem::runtime {

/// Driver, memory map, recording and the bookkeeping around memory.
class DeviceCore {
 public:
  DeviceCore(std::unique_ptr<driver::Backend> backend, driver::DeviceConfig config,
             const driver::DriverOptions& options, bool check_mode);
  ~DeviceCore();
  DeviceCore(const DeviceCore&) = delete;
  DeviceCore& operator=(const DeviceCore&) = delete;

  driver::Driver& driver() { return *driver_; }
  const driver::Driver& driver() const { return *driver_; }
  driver::Backend& backend() { return driver_->backend(); }
  bool check_mode() const { return check_mode_; }

  std::span<const std::shared_ptr<Allocator>> allocators() const { return allocators_; }
  /// Throws kNotFound with the names of all regions.
  Allocator& allocator(std::string_view region);
  TensorNames& tensors() { return tensors_; }
  TransferCounters& counters() { return counters_; }
  /// One sentence about an address for messages.
  std::string describe(PhysAddr addr) const;

  /// Host writes, ordered behind packets that use freed memory in the range; recorded and counted.
  void write(PhysAddr dst, std::span<const std::byte> src);
  /// Waits for packets in flight that may use memory in the range that was freed since they were
  /// submitted.
  void wait_for_freed_memory(PhysAddr addr, std::uint64_t num_bytes);

  /// Calls a driver function; a fault gets a line that says what the faulting address is, and is
  /// recorded.
  template <class F>
  decltype(auto) guarded(F&& call) {
    surface_deferred_fault();
    try {
      return call();
    } catch (const Error& error) {
      fail(error);
    }
  }

  /// Runs `entry(writer)` while a recording is on. A recording that fails ends, and its error
  /// surfaces from `end_recording`.
  template <class F>
  void record(F&& entry) {
    if (recording_ != nullptr) {
      try {
        entry(*recording_);
      } catch (const Error& error) {
        drop_recording(error);
      }
    }
  }
  bool recording() const { return recording_ != nullptr; }
  bool recording_failed() const { return recording_error_.has_value(); }
  void begin_recording(std::unique_ptr<TraceWriter> writer);
  void end_recording();

  /// Completions pass through here first.
  using CompletionHook = std::function<void(const abi::Packet&, const abi::Completion&)>;
  void set_completion_hook(CompletionHook hook) { hook_ = std::move(hook); }

 private:
  struct FreedRange {
    std::uint64_t begin;
    std::uint64_t end;
    std::uint64_t last_seq;  ///< Packets up to here may use it.
  };

  void make_allocators();
  void on_allocate(const Allocator::Allocation& allocation);
  void on_free(const Allocator::Allocation& allocation) noexcept;
  void on_completion(const abi::Packet& packet, const abi::Completion& completion);
  void remember_freed(const Allocator::Allocation& allocation);
  void surface_deferred_fault();
  [[noreturn]] void fail(const Error& error);
  void drop_recording(const Error& error);

  std::unique_ptr<driver::Driver> driver_;
  bool check_mode_ = false;
  std::vector<std::shared_ptr<Allocator>> allocators_;
  TensorNames tensors_;
  TransferCounters counters_;
  std::vector<FreedRange> freed_;
  std::unique_ptr<TraceWriter> recording_;
  std::optional<Error> recording_error_;
  std::optional<Error> deferred_fault_;
  std::optional<abi::Completion> last_fault_;
  CompletionHook hook_;
};

}  // namespace tandem::runtime
