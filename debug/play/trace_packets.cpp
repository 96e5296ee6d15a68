// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/trace_packets.hpp"

#include <fmt/format.h>

#include <utility>

#include "completion_finder.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {

using Kind = runtime::TraceRecord::Kind;

struct TracePackets::Impl {
  explicit Impl(runtime::TraceReader reader) : trace(std::move(reader)) {}

  void take(const abi::Packet& packet, TracePacket& out);
  void pass_reset() {
    if (finder) finder->pass_reset();
    faulted = false;
  }

  runtime::TraceReader trace;
  std::optional<CompletionFinder> finder;  // From the first packet on: what stands before is large.
  std::string op;
  std::uint64_t packets = 0;
  std::uint64_t last = 0;
  std::uint64_t completed = 0;
  bool faulted = false;  // A packet since the last reset failed.
};

void TracePackets::Impl::take(const abi::Packet& packet, TracePacket& out) {
  if (!finder) finder.emplace(trace.fork());
  if (packets != 0 && packet.seq <= last) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: packet seq {} stands behind seq {}; expected ascending numbers",
                            trace.info().path, packet.seq, last));
  }
  last = packet.seq;
  out.number = packet.seq;
  out.index = packets++;
  out.op = op;
  out.packet = packet;
  out.recorded = finder->find(packet.seq);
  out.abandoned = faulted && !out.recorded;
  if (out.recorded && out.recorded->error != abi::Fault::kNone) faulted = true;
}

TracePackets::TracePackets(runtime::TraceReader trace)
    : impl_(std::make_unique<Impl>(std::move(trace))) {}
TracePackets::~TracePackets() = default;
TracePackets::TracePackets(TracePackets&&) noexcept = default;
TracePackets& TracePackets::operator=(TracePackets&&) noexcept = default;

const runtime::TraceInfo& TracePackets::info() const { return impl_->trace.info(); }
std::uint64_t TracePackets::num_records() const { return impl_->trace.num_records(); }
std::uint64_t TracePackets::completed() const { return impl_->completed; }

bool TracePackets::next(TracePacket& packet, const OnRecord& on_record) {
  runtime::TraceRecord record;
  while (impl_->trace.next(record)) {
    if (record.kind == Kind::kPacket) {
      impl_->take(record.packet, packet);
      return true;
    }
    if (record.kind == Kind::kOp) {
      impl_->op = record.text;
    } else if (record.kind == Kind::kCompletion) {
      impl_->completed = record.completion.seq;
    } else {
      if (record.kind == Kind::kReset) impl_->pass_reset();
      if (on_record) on_record(record);
    }
  }
  return false;
}

}  // namespace tandem::debug
