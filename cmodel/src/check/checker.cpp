// SPDX-License-Identifier: Apache-2.0
#include "checker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tandem/abi/metadata.hpp"

namespace tandem::cmodel {
namespace {

using abi::Opcode;
using abi::Operand;
using abi::Role;

constexpr std::size_t kMaxInFlight = 4096;

// Limits with which the checks of a packet depend on nothing but the packet.
constexpr abi::DeviceLimits kAnyLimits{std::numeric_limits<std::uint32_t>::max(),
                                       std::numeric_limits<std::uint32_t>::max()};

std::string_view opcode_name(const abi::Packet& packet) {
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  return info == nullptr ? "packet" : info->name;
}

/// Index of the engine, or -1 for packets of the command processor.
int engine_index(const abi::Packet& packet) {
  const abi::OpcodeInfo* info = abi::find_opcode(static_cast<std::uint8_t>(packet.opcode));
  return info == nullptr || info->engine == abi::Engine::kControl ? -1 : int(info->engine);
}

bool reads(const Operand& operand) { return operand.role != Role::kWrite; }
bool writes(const Operand& operand) { return operand.role != Role::kRead; }

/// a is before b among counts modulo 2^32.
bool before(std::uint32_t a, std::uint32_t b) { return std::int32_t(a - b) < 0; }

}  // namespace

Checker::Checker(const driver::DeviceConfig& config) : map_(config) {}

void Checker::annotate(const driver::Annotation& note) {
  using Kind = driver::Annotation::Kind;
  const std::lock_guard lock(mutex_);
  switch (note.kind) {
    case Kind::kAllocate:
      map_.allocate(note.addr.value, note.num_bytes, note.name);
      // What an earlier owner left there is not the new owner's.
      written_.clear(note.addr.value, note.num_bytes);
      break;
    case Kind::kFree:
      map_.free(note.addr.value);
      break;
    case Kind::kTensor:
      map_.name_tensor(note.addr.value, note.num_bytes, note.name);
      break;
    case Kind::kPacket:
      map_.name_packets(note.first_seq, note.last_seq, note.name);
      break;
  }
}

void Checker::announced(std::uint32_t tail, std::uint32_t done) {
  const std::lock_guard lock(mutex_);
  if (!doorbells_.empty() && doorbells_.back().done == done) {
    doorbells_.back().tail = tail;
  } else {
    doorbells_.push_back({tail, done});
  }
}

void Checker::reset() {
  const std::lock_guard lock(mutex_);
  for (auto& packets : in_flight_) packets.clear();
  doorbells_.clear();
  next_count_ = known_done_ = 0;
}

std::string Checker::take_findings() {
  const std::lock_guard lock(mutex_);
  return findings_.take();
}

std::string Checker::packet_name(const abi::Packet& packet) const {
  const std::string_view op = map_.op(packet.seq);
  std::string text = fmt::format("{} seq {}", opcode_name(packet), packet.seq);
  if (!op.empty()) text += fmt::format(", op {}", op);
  return text;
}

void Checker::report(std::string_view kind, const abi::Packet& packet, std::string_view operand,
                     std::string_view what) {
  const std::string cause =
      fmt::format("{}|{}|{}|{}", kind, opcode_name(packet), map_.op(packet.seq), operand);
  findings_.add(cause, fmt::format("check: {}: {}, operand {}: {}", kind, packet_name(packet),
                                   operand, what));
}

void Checker::issued(const abi::Packet& packet, const abi::OperandList& operands) {
  const std::lock_guard lock(mutex_);
  order(packet, operands);
  for (const Operand& operand : operands.view()) {
    check_live(packet, operand);
    // The word of WAIT is there for somebody else to write; indexed operands wait for the indices.
    if (reads(operand) && !operand.indexed && packet.opcode != Opcode::kWait) {
      check_written(packet, operand, Layout(operand));
    }
    if (writes(operand) && !operand.indexed) check_twice(packet, operand);
  }
}

void Checker::completed(const abi::OperandList& operands) {
  const std::lock_guard lock(mutex_);
  for (const Operand& operand : operands.view()) {
    // SCATTER_ADD marked what its indices select.
    if (!writes(operand) || operand.indexed) continue;
    const Layout layout(operand);
    if (layout.num_runs() > kMaxRuns) {
      // Taking too much for written hides findings, taking too little makes false ones.
      const Range hull = layout.hull();
      written_.mark(hull.begin, hull.end - hull.begin);
      findings_.add_skipped();
      continue;
    }
    layout.for_each_run([&](std::uint64_t begin, std::uint64_t num_bytes) {
      written_.mark(begin, num_bytes);
      return true;
    });
  }
}

void Checker::check_live(const abi::Packet& packet, const Operand& operand) {
  const Layout layout(operand);
  const Range hull = layout.hull();
  if (map_.first_dead(hull.begin, hull.end - hull.begin) == hull.end) return;
  if (layout.num_runs() > kMaxRuns) return findings_.add_skipped();
  layout.for_each_run([&](std::uint64_t begin, std::uint64_t num_bytes) {
    const std::uint64_t dead = map_.first_dead(begin, num_bytes);
    if (dead == begin + num_bytes) return true;
    report("outside-allocation", packet, operand.name,
           fmt::format("{} {} bytes at {:#x}, of which byte {:#x}{} lies in no live allocation; "
                       "correct address, strides or extents, or allocate more",
                       writes(operand) ? "writes" : "reads", num_bytes, begin, dead,
                       map_.describe(dead)));
    return false;
  });
}

void Checker::check_written(const abi::Packet& packet, const Operand& operand,
                            const Layout& layout) {
  const Range hull = layout.hull();
  if (written_.first_unwritten(hull.begin, hull.end - hull.begin) == hull.end) return;
  if (layout.num_runs() > kMaxRuns) return findings_.add_skipped();
  layout.for_each_run([&](std::uint64_t begin, std::uint64_t num_bytes) {
    const std::uint64_t end = begin + num_bytes;
    const std::uint64_t first = written_.first_unwritten(begin, num_bytes);
    if (first == end) return true;
    const std::uint64_t last = written_.first_written(first, end - first);
    report("read-before-write", packet, operand.name,
           fmt::format("reads {} bytes at {:#x}{} that nothing has written; upload or fill them "
                       "first",
                       last - first, first, map_.describe(first)));
    return false;
  });
}

void Checker::check_twice(const abi::Packet& packet, const Operand& operand) {
  const Shared repeated = repeated_bytes(operand);
  if (repeated.answer == Answer::kTooMany) findings_.add_skipped();
  if (repeated.answer != Answer::kYes) return;
  report("written-twice", packet, operand.name,
         fmt::format("writes byte {:#x}{} at two positions; correct the strides", repeated.addr,
                     map_.describe(repeated.addr)));
}

void Checker::order(const abi::Packet& packet, const abi::OperandList& operands) {
  const std::uint32_t count = next_count_++;
  while (!doorbells_.empty() && !before(count, doorbells_.front().tail)) doorbells_.pop_front();
  if (!doorbells_.empty()) known_done_ = doorbells_.front().done;

  const unsigned mask =
      packet.opcode == Opcode::kSignal ? unsigned{abi::kWaitAll} : unsigned{packet.wait_mask};
  const int own = engine_index(packet);
  for (int e = 0; e < kEngines; ++e) {
    auto& packets = in_flight_[std::size_t(e)];
    if (((mask >> e) & 1) != 0) packets.clear();
    // A completion that the host had seen before it announced this packet orders the two as well.
    std::erase_if(packets, [&](const InFlight& p) { return before(p.count, known_done_); });
    if (e == own || own < 0) continue;
    for (const InFlight& earlier : packets) {
      for (const Operand& operand : operands.view()) check_order(packet, operand, earlier);
    }
  }
  if (own < 0 || operands.count == 0) return;
  auto& packets = in_flight_[std::size_t(own)];
  if (packets.size() >= kMaxInFlight) {
    packets.erase(packets.begin());
    findings_.add_skipped();
  }
  packets.push_back({count, packet, operands});
}

void Checker::check_order(const abi::Packet& packet, const Operand& operand,
                          const InFlight& earlier) {
  const Layout layout(operand);
  for (const Operand& other : earlier.operands.view()) {
    if (!writes(operand) && !writes(other)) continue;
    const Shared shared = shared_bytes(layout, Layout(other));
    if (shared.answer == Answer::kTooMany) findings_.add_skipped();
    if (shared.answer != Answer::kYes) continue;
    report(
        "unordered", packet, operand.name,
        fmt::format("{} byte {:#x}{}, which operand {} of {} {}, and nothing orders the two; "
                    "add the earlier packet's engine to wait_mask",
                    writes(operand) ? "writes" : "reads", shared.addr, map_.describe(shared.addr),
                    other.name, packet_name(earlier.packet), writes(other) ? "writes" : "reads"));
  }
}

void Checker::host_read(std::uint64_t addr, std::uint64_t num_bytes,
                        std::span<const abi::Packet> pending) {
  const std::lock_guard lock(mutex_);
  host_access(addr, num_bytes, /*write=*/false, pending);
}

void Checker::host_write(std::uint64_t addr, std::uint64_t num_bytes,
                         std::span<const abi::Packet> pending) {
  const std::lock_guard lock(mutex_);
  host_access(addr, num_bytes, /*write=*/true, pending);
  written_.mark(addr, num_bytes);
}

void Checker::host_access(std::uint64_t addr, std::uint64_t num_bytes, bool write,
                          std::span<const abi::Packet> pending) {
  Operand host;
  host.base = addr;
  host.run_bytes = num_bytes;
  const Layout layout(host);
  for (const abi::Packet& packet : pending) {
    // WAIT and SIGNAL exist for words that host and device share while packets are in flight.
    if (packet.opcode == Opcode::kWait || packet.opcode == Opcode::kSignal) continue;
    if (engine_index(packet) < 0 || abi::check_packet(packet, kAnyLimits)) continue;
    const abi::OperandList operands = abi::operands(packet);
    for (const Operand& operand : operands.view()) {
      if (!write && !writes(operand)) continue;
      const Shared shared = shared_bytes(layout, Layout(operand));
      if (shared.answer == Answer::kTooMany) findings_.add_skipped();
      if (shared.answer != Answer::kYes) continue;
      report("host-access", packet, operand.name,
             fmt::format("the host {} {} bytes at {:#x} while this packet, which {} byte {:#x}{}, "
                         "has not completed; wait for it first",
                         write ? "writes" : "reads", num_bytes, addr,
                         writes(operand) ? "writes" : "reads", shared.addr,
                         map_.describe(shared.addr)));
    }
  }
}

}  // namespace tandem::cmodel
