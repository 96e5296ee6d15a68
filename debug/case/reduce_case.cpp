// SPDX-License-Identifier: Apache-2.0
// Smaller cases that fail in the same way.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "memory_image.hpp"
#include "shape.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/case_file.hpp"

namespace tandem::debug {
namespace {

class Reducer {
 public:
  Reducer(const Case& item, const OpenDevice& a, const OpenDevice& b, const ReduceOptions& options)
      : a_(a), b_(b), options_(options), memory_(item.memory), smallest_(item) {}

  ReducedCase run() {
    runtime::Device device = b_(smallest_.config);
    result_ = run_case(smallest_, device, options_.deadline);
    ++runs_;
    if (result_.passed()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("the case passes on {}, so there is nothing to reduce",
                              device.backend_name()));
    }
    kind_ = result_.kind;
    drop_packets();
    drop_host_actions();
    while (shrink_extents()) {
    }
    if (result_.element) smallest_.origin.element = to_case_element(*result_.element);
    return {std::move(smallest_), std::move(result_), runs_};
  }

 private:
  bool exhausted() const { return runs_ >= options_.max_runs; }

  static bool is_load(const CasePacket& packet) {
    return packet.packet.opcode == abi::Opcode::kLoadUcode;
  }

  /// All packets in front of the failing one at once, then one by one from the first on.
  void drop_packets() {
    Case candidate = smallest_;
    for (std::size_t i = candidate.packets.size() - 1; i-- > 0;) {
      if (!is_load(candidate.packets[i])) drop(candidate, i);
    }
    if (candidate.packets.size() < smallest_.packets.size()) accept_if_failing(candidate);
    for (std::size_t i = 0; i + 1 < smallest_.packets.size() && !exhausted();) {
      candidate = smallest_;
      drop(candidate, i);
      if (!accept_if_failing(candidate)) ++i;
    }
  }

  /// What the host did before the packet stays.
  static void drop(Case& item, std::size_t which) {
    CasePacket& packet = item.packets[which];
    CasePacket& next = item.packets[which + 1];
    next.reset = which != 0 && (next.reset || packet.reset);
    packet.writes.insert(packet.writes.end(), std::make_move_iterator(next.writes.begin()),
                         std::make_move_iterator(next.writes.end()));
    next.writes = std::move(packet.writes);
    item.packets.erase(item.packets.begin() + static_cast<std::ptrdiff_t>(which));
  }

  /// What the host does between two packets, as far as the case fails without it.
  void drop_host_actions() {
    for (std::size_t i = 0; i < smallest_.packets.size() && !exhausted(); ++i) {
      Case candidate = smallest_;
      if (std::exchange(candidate.packets[i].reset, false)) accept_if_failing(candidate);
      candidate = smallest_;
      if (i == 0 || candidate.packets[i].writes.empty()) continue;  // Memory at the start.
      candidate.packets[i].writes.clear();
      accept_if_failing(candidate);
    }
  }

  /// Whether any extent became smaller.
  bool shrink_extents() {
    bool any = false;
    const std::size_t count = extents(smallest_.failing().packet).size();
    for (std::size_t i = 0; i < count; ++i) {
      while (!exhausted() && shrink(i)) any = true;
    }
    return any && !exhausted();
  }

  /// Keeps a half of an extent, or all but a quarter, an eighth ... of it at either end.
  bool shrink(std::size_t which) {
    const Extent extent = extents(smallest_.failing().packet)[which];
    if (extent.value < 2) return false;
    if (keep(extent, 0, 1)) return true;
    for (std::uint64_t cut = (extent.value + 1) / 2; cut > 0 && !exhausted(); cut /= 2) {
      if (keep(extent, 0, extent.value - cut)) return true;
      const std::uint64_t first = cut / extent.granule * extent.granule;
      if (first != 0 && keep(extent, first, extent.value - first)) return true;
    }
    return false;
  }

  bool keep(const Extent& extent, std::uint64_t first, std::uint64_t count) {
    if (exhausted() || count == 0 || count >= extent.value) return false;
    Case candidate = smallest_;
    abi::Packet& packet = candidate.packets.back().packet;
    packet = narrowed(packet, extent, first, count);
    return accept_if_failing(candidate);
  }

  bool accept_if_failing(Case& candidate) {
    if (!complete(candidate)) return false;
    runtime::Device device = b_(smallest_.config);
    CaseResult result = run_case(candidate, device, options_.deadline);
    ++runs_;
    const bool fails = result.kind == kind_;
    if (fails) {
      smallest_ = std::move(candidate);
      result_ = std::move(result);
    }
    if (options_.on_progress) options_.on_progress(runs_, smallest_);
    return fails;
  }

  /// Completions and expected bytes from A; false if A does not do what it did with the case.
  bool complete(Case& candidate) {
    const abi::ReadMemory initial = [this](auto addr, auto dst) { memory_.read(addr, dst); };
    MemoryImage image = memory_;
    const abi::ReadMemory now = [&](auto addr, auto dst) { image.read(addr, dst); };
    PageSet touched;
    for (const CasePacket& packet : candidate.packets) {
      image.write(packet.writes);
      touched.merge(touched_pages(packet.packet, candidate.config, now, false));
    }
    candidate.memory = take_pages(initial, touched, false);
    runtime::Device device = a_(candidate.config);
    const abi::ReadMemory memory = memory_of(device);
    const abi::Packet& last = candidate.packets.back().packet;
    const abi::Fault error = candidate.packets.back().completion.error;
    candidate.expected.clear();
    const CaseResult result = run_case(candidate, device, options_.deadline);
    if (!result.outcome.completion || result.outcome.completion->error != error) return false;
    const std::uint64_t number = last.seq;
    candidate.packets.back().completion = *result.outcome.completion;
    candidate.packets.back().completion.seq = number;
    if (!smallest_.expected.empty()) {
      candidate.expected =
          take_pages(memory, touched_pages(last, candidate.config, memory, true), true);
    }
    return true;
  }

  const OpenDevice& a_;
  const OpenDevice& b_;
  const ReduceOptions& options_;
  MemoryImage memory_;  // Of the whole case.
  Case smallest_;
  CaseResult result_;  // Of `smallest_` on B.
  CaseResult::Kind kind_ = CaseResult::Kind::kPassed;
  std::uint64_t runs_ = 0;
};

}  // namespace

ReducedCase reduce_case(const Case& item, const OpenDevice& a, const OpenDevice& b,
                        const ReduceOptions& options) {
  return Reducer(item, a, b, options).run();
}

}  // namespace tandem::debug
