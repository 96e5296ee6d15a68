// SPDX-License-Identifier: Apache-2.0
// Submission, completions and waiting.
#include "tandem/driver/driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <thread>

#include "driver_impl.hpp"
#include "spin.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;

constexpr std::uint32_t kAllIrqs =
    reg::kIrqStatusCompletion | reg::kIrqStatusError | reg::kIrqStatusHalt;

}  // namespace

void HostRing::attach(Backend& backend) {
  const std::span<std::byte> window = backend.window(PhysAddr(base_), num_bytes());
  window_ = window.size() == num_bytes();
  if (!window_) copy_.resize(num_bytes());
  host_ = window_ ? window.data() : copy_.data();
}

template <class Move>
void HostRing::for_each_piece(std::uint64_t first, std::uint64_t last, Move&& move) const {
  while (!window_ && first != last) {
    const std::uint64_t slot = first & mask_;
    const std::uint64_t records = std::min(last - first, mask_ + 1 - slot);
    const std::uint64_t offset = slot * record_bytes_;
    move(PhysAddr(base_ + offset), std::span<std::byte>(host_ + offset, records * record_bytes_));
    first += records;
  }
}

void HostRing::push(Backend& backend, std::uint64_t first, std::uint64_t last) const {
  for_each_piece(first, last,
                 [&](PhysAddr addr, std::span<std::byte> bytes) { backend.write(addr, bytes); });
}

void HostRing::pull(Backend& backend, std::uint64_t first, std::uint64_t last) const {
  for_each_piece(first, last,
                 [&](PhysAddr addr, std::span<std::byte> bytes) { backend.read(addr, bytes); });
}

std::uint64_t Driver::Impl::submit(abi::Packet& packet) {
  if (!started) require_started();
  if (submitted - completed == options.ring_entries) make_room();
  packet.seq = submitted + 1;
  if (!watch.empty()) check_watch(packet);
  ++submitted;
  std::memcpy(commands_.record(submitted - 1 - base_seq_), &packet, sizeof packet);
  if (submitted - flushed_ >= options.doorbell_batch) flush();
  return submitted;
}

void Driver::Impl::check_watch(const abi::Packet& packet) {
  std::optional<WatchHit> hit = find_watch_hit(watch, packet);
  if (!hit) return;
  if (completed != submitted) wait(submitted, {});
  std::string op = op_name_hook ? op_name_hook(packet.seq) : std::string();
  std::string place = address_hook ? address_hook(hit->addr) : std::string();
  throw WatchStop(*std::move(hit), std::move(op), std::move(place));
}

void Driver::Impl::flush() {
  if (flushed_ == submitted) return;
  const std::uint64_t last = submitted - 1 - base_seq_;
  if (options.waiting == DriverOptions::Waiting::kInterrupt) {
    // One interrupt a doorbell is enough to wake a waiter.
    reinterpret_cast<abi::Packet*>(commands_.record(last))->flags |= abi::kFlagIrq;
  }
  commands_.push(*backend, flushed_ - base_seq_, last + 1);
  flushed_ = submitted;
  write(reg::kRingTail, count(submitted));
}

void Driver::Impl::set_next_seq(std::uint64_t seq) {
  if (seq <= submitted || completed != submitted) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("the next packet cannot be seq {}: {} are submitted, {} complete", seq,
                            submitted, completed));
  }
  // Counts of the rings go on: they start at base_seq_.
  const std::uint64_t step = seq - 1 - submitted;
  submitted += step;
  completed += step;
  flushed_ += step;
  base_seq_ += step;
}

/// Takes what the completion ring holds; returns how many records.
std::uint64_t Driver::Impl::collect() {
  const std::uint32_t tail = read(reg::kCplTail);
  const std::uint32_t fresh = tail - count(completed);
  if (fresh == 0) return 0;
  if (fresh > flushed_ - completed) {
    throw_protocol(fmt::format("CPL_TAIL is {}, expected at most {}", tail, count(flushed_)));
  }
  const std::uint64_t first = completed - base_seq_;
  completions_.pull(*backend, first, first + fresh);
  for (std::uint64_t i = first; i < first + fresh; ++i) {
    abi::Completion record;
    std::memcpy(&record, completions_.record(i), sizeof record);
    accept(record);
  }
  write(reg::kCplHead, tail);
  return fresh;
}

void Driver::Impl::accept(const abi::Completion& record) {
  const std::uint64_t seq = completed + 1;
  if (record.seq != seq) {
    throw_protocol(
        fmt::format("the completion record of packet seq {} holds seq {}", seq, record.seq));
  }
  completed = seq;
  history_[seq % history_.size()] = record;
  if (record.error != abi::Fault::kNone && !failed_) failed_ = FailedPacket{slot(seq), record};
  if (completion_hook) completion_hook(slot(seq), record);
}

std::uint64_t Driver::Impl::poll() {
  require_started();
  flush();
  collect();
  if (failed_) throw_fault();
  return completed;
}

void Driver::Impl::make_room() {
  // A quarter at a time: waiting for single slots would cost a doorbell and a look at CPL_TAIL
  // each.
  wait(completed + std::max<std::uint64_t>(1, options.ring_entries / 4), {});
}

void Driver::Impl::wait(std::uint64_t seq, std::chrono::nanoseconds limit) {
  require_started();
  if (seq > submitted) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("waiting for packet seq {}, but the last one submitted is seq {}", seq,
                            submitted));
  }
  if (seq <= completed) {
    check_abandoned(seq);
    return;
  }
  flush();
  auto now = Clock::now();
  const auto begin = now;
  auto progress = now;
  while (completed < seq) {
    const bool any = collect() != 0;
    if (failed_) throw_fault();
    if (completed >= seq) break;
    now = Clock::now();
    if (any) progress = now;
    if (limit.count() > 0 && now - begin >= limit) {
      throw Error(ErrorCode::kDeadlineExceeded,
                  fmt::format("packet seq {} did not complete within the {:.3f} s that the caller "
                              "allowed; the device goes on: {}",
                              seq, std::chrono::duration<double>(limit).count(), state_text()));
    }
    if (now - progress >= timeout_) throw_no_progress(seq);
    if (now - progress < kSpinTime) {
      spin_pause(now - progress);
      continue;
    }
    const Clock::duration rest = timeout_ - (now - progress);
    sleep(limit.count() > 0 ? std::min<Clock::duration>(rest, limit - (now - begin)) : rest);
  }
  if (failed_) throw_fault();  // `sleep` may have collected the failed packet itself
  check_abandoned(seq);
}

/// Blocks until something may have happened, at most `longest`.
void Driver::Impl::sleep(Clock::duration longest) {
  if (options.waiting == DriverOptions::Waiting::kPoll) {
    check_halt();
    std::this_thread::sleep_for(std::min<Clock::duration>(longest, kPollPause));
    return;
  }
  // Clear first, then look again: a completion between the two leaves the line high.
  write(reg::kIrqStatus, kAllIrqs);
  if (collect() != 0 || failed_) return;
  check_halt();
  backend->wait_irq(std::min<Clock::duration>(longest, kIrqSlice));
}

/// Throws if the device stands still and no completion will tell why.
void Driver::Impl::check_halt() {
  switch (state()) {
    case DeviceState::kRunning:
    case DeviceState::kIdle:
      return;
    case DeviceState::kError:
      collect();
      if (failed_) throw_fault();
      throw_device_error();
    case DeviceState::kStep:
    case DeviceState::kBreak:
      if (collect() != 0) return;
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("the device is halted: {}; resume continues", state_text()));
    case DeviceState::kDisabled:
      break;
  }
  throw_device_error();
}

void Driver::Impl::check_abandoned(std::uint64_t seq) const {
  for (const Abandoned& range : abandoned_) {
    if (seq < range.first || seq > range.last) continue;
    throw Error(ErrorCode::kDeviceFault,
                fmt::format("packet seq {} never ran: packets seq {} to {} were abandoned by {}; "
                            "submit it again",
                            seq, range.first, range.last, range.reason));
  }
}

DeviceState Driver::Impl::wait_halted_or_idle() {
  require_started();
  flush();
  auto progress = Clock::now();
  Backoff backoff;
  for (;;) {
    const DeviceState found = state();
    const bool any = collect() != 0;
    if (failed_ && options.on_fault == DriverOptions::OnFault::kReset) throw_fault();
    if (failed_) {
      held_ = fault_text(*failed_);
      failed_.reset();
    }
    if (found != DeviceState::kRunning) return found;
    if (any) progress = Clock::now();
    if (Clock::now() - progress >= timeout_) throw_no_progress(submitted);
    backoff.pause();
  }
}

std::optional<abi::Completion> Driver::Impl::completion(std::uint64_t seq) const {
  const abi::Completion& record = history_[seq % history_.size()];
  if (seq == 0 || record.seq != seq) return std::nullopt;
  return record;
}

Driver::Driver(std::unique_ptr<Backend> backend, DeviceConfig config, DriverOptions options)
    : impl_(std::make_unique<Impl>(std::move(backend), std::move(config), std::move(options))) {}
Driver::~Driver() = default;

void Driver::start() { impl_->start(); }
bool Driver::started() const { return impl_->started; }
std::uint64_t Driver::submit(abi::Packet& packet) { return impl_->submit(packet); }
std::uint64_t Driver::submit(std::span<abi::Packet> packets) {
  std::uint64_t last = 0;
  for (abi::Packet& packet : packets) last = impl_->submit(packet);
  return last;
}
void Driver::flush() { impl_->flush(); }
std::uint64_t Driver::poll() { return impl_->poll(); }
void Driver::wait(std::uint64_t seq, std::chrono::nanoseconds limit) { impl_->wait(seq, limit); }
void Driver::set_next_seq(std::uint64_t seq) { impl_->set_next_seq(seq); }
std::uint64_t Driver::submitted() const { return impl_->submitted; }
std::uint64_t Driver::completed() const { return impl_->completed; }
std::optional<abi::Completion> Driver::completion(std::uint64_t seq) const {
  return impl_->completion(seq);
}
void Driver::set_completion_hook(CompletionHook hook) { impl_->completion_hook = std::move(hook); }
void Driver::set_op_name_hook(OpNameHook hook) { impl_->op_name_hook = std::move(hook); }
void Driver::set_watch(std::vector<WatchRange> ranges, AddressHook describe) {
  impl_->watch = std::move(ranges);
  impl_->address_hook = std::move(describe);
}
void Driver::restart() { impl_->restart(); }
std::uint64_t Driver::epoch() const { return impl_->epoch; }
void Driver::set_single_step(bool on) { impl_->set_single_step(on); }
void Driver::set_break(std::optional<std::uint64_t> seq) { impl_->set_break(seq); }
void Driver::resume() { impl_->resume(); }
abi::DeviceState Driver::state() { return impl_->state(); }
abi::DeviceState Driver::wait_halted_or_idle() { return impl_->wait_halted_or_idle(); }
const Capabilities& Driver::capabilities() const { return impl_->capabilities; }
const DeviceConfig& Driver::config() const { return impl_->config; }
const DriverOptions& Driver::options() const { return impl_->options; }
Backend& Driver::backend() { return *impl_->backend; }
std::uint64_t Driver::ring_bytes() const { return impl_->ring_bytes(); }

}  // namespace tandem::driver
