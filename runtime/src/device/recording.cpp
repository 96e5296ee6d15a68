// SPDX-License-Identifier: Apache-2.0
// Device::start_recording and stop_recording.
#include <fmt/format.h>

#include "device_impl.hpp"
#include "memory_walk.hpp"

namespace tandem::runtime {

void Device::start_recording(const std::string& path) {
  DeviceCore& core = impl_->core;
  if (core.recording()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("recording to {}: a recording is on already; stop it first", path));
  }
  impl_->queue.finish();
  auto trace = std::make_unique<TraceWriter>(path, core.backend().name(), core.driver().config());
  for (const auto& allocator : core.allocators()) {
    for (const auto& allocation : allocator->live()) {
      trace->allocate(allocation.addr, allocation.num_bytes, allocation.label);
    }
  }
  for (const auto& [addr, tensor] : core.tensors().all()) {
    trace->tensor(PhysAddr(addr), tensor.num_bytes, tensor.name);
  }
  PageRuns runs(kMaxRecordBytes / 2, [&](std::uint64_t addr, std::span<const std::byte> bytes) {
    trace->write(PhysAddr(addr), bytes);
  });
  for_each_page(core,
                [&](std::uint64_t addr, std::span<const std::byte> page) { runs.add(addr, page); });
  runs.flush();
  core.begin_recording(std::move(trace));
  // A replay starts with an empty program memory.
  impl_->queue.renew_op();
  impl_->queue.reload();
}

void Device::stop_recording() {
  DeviceCore& core = impl_->core;
  if (!core.recording() && !core.recording_failed()) {
    throw Error(ErrorCode::kInvalidArgument, "no recording is on; start_recording begins one");
  }
  std::optional<Error> fault;
  try {
    impl_->queue.finish();
  } catch (const Error& error) {
    fault = error;
  }
  core.end_recording();
  if (fault) {
    throw *fault;
  }
}

}  // namespace tandem::runtime
