// SPDX-License-Identifier: Apache-2.0
// What ops need besides their tensors: the device, scratch memory, compiled micro-programs,
// counters and tracing.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tandem/ops/tensor.hpp"
#include "tandem/ops/ucode_builder.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::ops {

/// One op as the trace hook sees it, after its packets were submitted.
struct OpTrace {
  std::string_view name;
  std::span<const Tensor> tensors;  ///< Inputs, then outputs.
  std::uint64_t packets = 0;
  int depth = 0;  ///< 0 for ops called by the user, more for ops that ops call.
};

/// State of the op library on one device. Ops submit packets and return; they never wait, except
/// when scratch or staging memory must be reused (rare).
///
/// Thread-safety: one thread at a time, the Device's.
class Context {
 public:
  explicit Context(runtime::Device& device);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  runtime::Device& device();
  runtime::Queue& queue();

  /// Device scratch of the running op, 64-byte aligned, from region "activations"; given back when
  /// the op returns. Reuse is safe because packets run in order.
  PhysAddr scratch(std::uint64_t num_bytes);
  /// A contiguous scratch tensor.
  Tensor scratch_tensor(Dtype dtype, std::span<const std::uint64_t> shape);
  /// Copies host data where packets can read it until the data of 1 MiB later uploads; at most 256
  /// KiB at once.
  PhysAddr upload(std::span<const std::byte> data);
  /// Bytes of device scratch held.
  std::uint64_t scratch_bytes() const;

  /// Submits a packet and counts it.
  template <class P>
  void submit(const P& packet) {
    ++packets_;
    queue().submit_packet(packet);
  }
  std::uint64_t packets() const { return packets_; }

  /// The compiled program for an op and variant; `build` runs once. `key` is the address of an
  /// object of static duration, one an op.
  const Program& program(const void* key, std::uint64_t variant,
                         const std::function<Program()>& build);

  /// Ops whose result the host computed, by name. Empty for everything in this library but what its
  /// README says.
  const std::map<std::string, std::uint64_t, std::less<>>& host_ops() const;
  void count_host_op(std::string_view name);

  using TraceHook = std::function<void(const OpTrace&)>;
  void set_trace(TraceHook hook);

 private:
  friend class OpGuard;
  struct Impl;
  std::unique_ptr<Impl> impl_;
  std::uint64_t packets_ = 0;
};

/// Scope of one op: names its packets, gives scratch back at the end, reports to the trace hook.
class OpGuard {
 public:
  OpGuard(Context& ctx, std::string_view name, std::initializer_list<const Tensor*> tensors);
  ~OpGuard();
  OpGuard(const OpGuard&) = delete;
  OpGuard& operator=(const OpGuard&) = delete;

 private:
  Context& ctx_;
  std::string_view name_;
  std::uint64_t packets_before_;
  std::uint64_t scratch_mark_;
  std::array<const Tensor*, 8> tensors_;  ///< The caller's, alive during the op.
  std::size_t num_tensors_ = 0;
};

}  // namespace tandem::ops
