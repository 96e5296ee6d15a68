// SPDX-License-Identifier: Apache-2.0
// Runs traces again.
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/describe.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::runtime {
namespace {

std::string describe(const abi::Packet& packet, const abi::Completion& completion) {
  if (completion.error == abi::Fault::kNone) {
    return fmt::format("checksum {:016x}", completion.checksum);
  }
  return fmt::format("{} at {:#x} ({})", abi::to_string(completion.error), completion.fault_addr,
                     abi::describe_fault(packet, completion.error, completion.fault_addr));
}

/// One run of a trace. Packets are submitted as fast as the ring takes them; completions of trace
/// and device meet in `pending_`.
class Replay {
 public:
  Replay(TraceReader& trace, Device& device, const ReplayOptions& options)
      : trace_(trace), device_(device), memory_(device), options_(options) {
    device_.queue().set_completion_hook(
        [this](const abi::Packet&, const abi::Completion& completion, std::string_view) {
          on_device_completion(completion);
        });
  }
  ~Replay() { device_.queue().set_completion_hook({}); }

  ReplayResult run() {
    device_.queue().forget_programs();
    TraceRecord record;
    while (!stop_ && trace_.next(record)) {
      named([&] {
        apply(record);
        compare_ready();
      });
    }
    named([&] { attempt([&] { device_.queue().finish(); }); });
    compare_ready();
    report_missing();
    return std::move(result_);
  }

 private:
  struct Pending {
    std::uint64_t index;
    std::uint64_t trace_seq;
    std::uint64_t device_seq;
    bool submitted;
    abi::Packet packet;
    std::shared_ptr<const std::string> op;
    std::optional<abi::Completion> expected;
    std::optional<abi::Completion> found;
  };

  /// What the device refuses comes from the trace: errors name it.
  template <class F>
  void named(F&& call) {
    try {
      call();
    } catch (const Error& error) {
      throw error.with_context("while replaying " + trace_.info().path);
    }
  }

  void apply(const TraceRecord& record) {
    switch (record.kind) {
      case TraceRecord::Kind::kWrite:
        wait_for_known();
        attempt([&] { memory_.apply(record, result_.packets == 0); });
        break;
      case TraceRecord::Kind::kOp:
        op_ = std::make_shared<const std::string>(record.text);
        break;
      case TraceRecord::Kind::kPacket:
        submit(record.packet);
        break;
      case TraceRecord::Kind::kCompletion:
        expect(record.completion);
        break;
      case TraceRecord::Kind::kReset:
        reset();
        break;
      default:
        memory_.apply(record, result_.packets == 0);
        break;
    }
  }

  /// Faults of the device are what completions say; they are compared there.
  template <class F>
  void attempt(F&& call) {
    try {
      call();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDeviceFault) {
        throw;
      }
      faulted_ = true;
    }
  }

  /// Packets get the numbers of the trace, unless the device is past them already.
  void number_as(const abi::Packet& first) {
    driver::Driver& driver = device_.driver();
    constexpr std::uint64_t kLargest = std::uint64_t{1} << 62;
    if (first.seq > driver.submitted() + 1 && first.seq < kLargest &&
        driver.completed() == driver.submitted()) {
      driver.set_next_seq(first.seq);
    }
  }

  void submit(const abi::Packet& packet) {
    Queue& queue = device_.queue();
    if (result_.packets == 0) {
      number_as(packet);
    }
    // The completion may arrive before `submit` returns.
    pending_.push_back({.index = result_.packets++,
                        .trace_seq = packet.seq,
                        .device_seq = queue.last().seq + 1,
                        .submitted = !faulted_,
                        .packet = packet,
                        .op = op_,
                        .expected = std::nullopt,
                        .found = std::nullopt});
    if (!faulted_) {
      attempt([&] {
        const OpScope scope(queue, *op_);
        queue.submit(packet);
      });
      pending_.back().submitted = !faulted_;
    }
    if (pending_.size() > kMaxPending) {
      attempt([&] { queue.finish(); });
      compare_ready();
      // Packets that the trace never saw complete cannot be compared.
      while (pending_.size() > kMaxPending) {
        pending_.pop_front();
      }
    }
  }

  void on_device_completion(const abi::Completion& completion) {
    const auto it = std::ranges::lower_bound(pending_, completion.seq, {}, &Pending::device_seq);
    if (it != pending_.end() && it->device_seq == completion.seq) {
      it->found = completion;
    }
  }

  void expect(const abi::Completion& completion) {
    const auto it = std::ranges::lower_bound(pending_, completion.seq, {}, &Pending::trace_seq);
    if (it == pending_.end() || it->trace_seq != completion.seq || it->expected) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("completion of seq {} without a packet of that number", completion.seq));
    }
    it->expected = completion;
  }

  void compare_ready() {
    while (!stop_ && !pending_.empty() && pending_.front().expected && pending_.front().found) {
      compare(pending_.front());
      pending_.pop_front();
    }
  }

  void compare(const Pending& pending) {
    const abi::Completion& expected = *pending.expected;
    const abi::Completion& found = *pending.found;
    ++result_.compared;
    if (expected.error != found.error || expected.fault_addr != found.fault_addr ||
        expected.checksum != found.checksum) {
      report(pending, found, describe(pending.packet, found));
    }
  }

  void report(const Pending& pending, const abi::Completion& found, const std::string& what) {
    ++result_.differences;
    if (!result_.first) {
      ReplayDifference difference;
      difference.packet = pending.index;
      difference.op = *pending.op;
      difference.text = fmt::format("packet {}{}{}: {}\n  expected {}\n  found    {}",
                                    pending.index, pending.op->empty() ? "" : " of ", *pending.op,
                                    abi::disassemble(pending.packet),
                                    describe(pending.packet, *pending.expected), what);
      difference.packet_bytes = pending.packet;
      difference.expected = *pending.expected;
      difference.found = found;
      result_.first = std::move(difference);
    }
    stop_ = stop_ || options_.stop_at_difference;
  }

  /// Waits for every packet that the recording host knew to be complete at this point: it may have
  /// written where such packets read.
  void wait_for_known() {
    const auto known = std::ranges::find_if(
        pending_.rbegin(), pending_.rend(),
        [](const Pending& pending) { return pending.expected && pending.submitted; });
    if (!faulted_ && known != pending_.rend()) {
      attempt([&] { device_.queue().wait({known->device_seq}); });
    }
  }

  /// Where the recorded device was reset, ours is reset too: packets without a completion were
  /// abandoned.
  void reset() {
    wait_for_known();
    compare_ready();
    report_missing();
    if (!faulted_ && !stop_) {
      device_.driver().restart();
    }
    faulted_ = false;
    pending_.clear();
  }

  /// Packets that completed when they were recorded and did not now, because an earlier one failed.
  void report_missing() {
    for (const Pending& pending : pending_) {
      if (!stop_ && pending.expected && !pending.found) {
        ++result_.compared;
        report(pending, abi::Completion{}, "nothing: abandoned after an earlier error");
      }
    }
  }

  // More than any ring holds.
  static constexpr std::size_t kMaxPending = 1 << 16;

  TraceReader& trace_;
  Device& device_;
  TraceMemory memory_;
  ReplayOptions options_;
  ReplayResult result_;
  std::deque<Pending> pending_;
  std::shared_ptr<const std::string> op_ = std::make_shared<const std::string>();
  bool faulted_ = false;
  bool stop_ = false;
};

}  // namespace

ReplayResult replay(TraceReader& trace, Device& device, const ReplayOptions& options) {
  check_same_device(trace.info(), device);
  return Replay(trace, device, options).run();
}

}  // namespace tandem::runtime
