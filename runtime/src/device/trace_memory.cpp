// SPDX-License-Identifier: Apache-2.0
// What a trace says of memory, brought to a device.
#include <algorithm>
#include <span>
#include <vector>

#include "config_json.hpp"
#include "tandem/runtime/device.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::runtime {
namespace {

// Above it, check mode may report reads of memory that the recording found to be zero.
constexpr std::uint64_t kMaxZeroBytes = std::uint64_t{4} << 30;

}  // namespace

void check_same_device(const TraceInfo& trace, const Device& device) {
  check_same_device(trace.path, trace.abi_hash, trace.config, device.config());
}

void TraceMemory::apply(const TraceRecord& record, bool at_start) {
  using Kind = TraceRecord::Kind;
  using Note = driver::Annotation::Kind;
  if (record.kind == Kind::kWrite) {
    device_.copy_in(record.addr, record.data);
  } else if (record.kind == Kind::kTensor) {
    device_.name_tensor(record.addr, record.num_bytes, record.text);
  } else if (record.kind == Kind::kAllocate) {
    device_.driver().backend().annotate({.kind = Note::kAllocate,
                                         .name = record.text,
                                         .addr = record.addr,
                                         .num_bytes = record.num_bytes});
    if (at_start && device_.check_mode()) write_zeros(record.addr, record.num_bytes);
  } else if (record.kind == Kind::kFree) {
    device_.driver().backend().annotate({.kind = Note::kFree, .name = {}, .addr = record.addr});
  }
}

void TraceMemory::write_zeros(PhysAddr addr, std::uint64_t num_bytes) {
  constexpr std::uint64_t kPiece = 1 << 20;
  const std::vector<std::byte> zeros(std::min(num_bytes, kPiece));
  if (num_bytes > kMaxZeroBytes - std::min(zero_bytes_, kMaxZeroBytes)) return;
  zero_bytes_ += num_bytes;
  for (std::uint64_t at = 0; at < num_bytes; at += kPiece) {
    device_.copy_in(addr + at, std::span(zeros).first(std::min(kPiece, num_bytes - at)));
  }
}

}  // namespace tandem::runtime
