// SPDX-License-Identifier: Apache-2.0
#include "lockstep_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::lockstep {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;
using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kMaxEntries = 65536;

std::uint64_t read64(driver::Backend& device, std::uint32_t lo) {
  const std::uint64_t low = device.read32(lo);
  return low | std::uint64_t{device.read32(lo + 4)} << 32;
}

DeviceState state_of(driver::Backend& device) {
  return static_cast<DeviceState>(device.read32(reg::kStatus) & reg::kStatusState);
}

template <class T>
T read_record(driver::Backend& device, std::uint64_t addr) {
  T record;
  device.read(PhysAddr(addr), std::as_writable_bytes(std::span(&record, 1)));
  return record;
}

/// Short at first, for devices that answer at once; then so that a simulation on the same cores
/// gets them.
void pause(Clock::duration waited) {
  if (waited < std::chrono::microseconds(20)) return;
  if (waited < std::chrono::microseconds(200)) {
    std::this_thread::yield();
  } else {
    std::this_thread::sleep_for(
        std::clamp<Clock::duration>(waited / 8, driver::kPollPause, std::chrono::milliseconds(2)));
  }
}

}  // namespace

LockstepBackend::LockstepBackend(std::unique_ptr<driver::Backend> a,
                                 std::unique_ptr<driver::Backend> b)
    : device_a_(std::move(a)),
      device_b_(std::move(b)),
      a_(*device_a_),
      b_(*device_b_),
      side_a_{a_, a_.name()},
      side_b_{b_, b_.name()},
      name_(fmt::format("lockstep:{},{}", a_.name(), b_.name())),
      timeout_(driver::progress_timeout()) {
  if (side_a_.label == side_b_.label) {
    side_a_.label += " (first)";
    side_b_.label += " (second)";
  }
}

void LockstepBackend::fail(ErrorCode code, const std::string& text) {
  failure_ = Error(code, text);
  throw *failure_;
}

template <class Call>
void LockstepBackend::on_b(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    if (!failure_) failure_ = error.with_context(fmt::format("lockstep: on {}", side_b_.label));
    throw *failure_;
  }
}

void LockstepBackend::catch_up() {
  if (failure_) throw *failure_;
  if (ring_failed_ || !b_enabled_) return;
  const bool standing = !enabled_ && state_of(a_) == DeviceState::kDisabled;
  follow(a_.read32(reg::kCplTail));
  if (standing) {
    // B can be configured only while it is disabled, as A is now.
    on_b([&] { b_.write32(reg::kCtrl, 0); });
    b_enabled_ = false;
  }
  pass_doorbell();
}

void LockstepBackend::follow(std::uint32_t completed_by_a) {
  const std::uint32_t fresh = completed_by_a - compared_;
  if (fresh > pending_.size()) {
    fail(ErrorCode::kMismatch,
         fmt::format("lockstep: {} counts {} completions, but was given {} packets", side_a_.label,
                     completed_by_a, given_));
  }
  while (compared_ != completed_by_a) {
    const std::uint32_t batch =
        std::min({completed_by_a - compared_, rings_.entries, rings_.completion_entries});
    on_b([&] { give_to_b(batch); });
    for (std::uint32_t i = 0; i < batch; ++i) {
      await_completion(compared_ + 1);
      compare(compared_);
      if (++compared_ % 1024 == 0) names_.forget_before(pending_.front().packet.seq);
      pending_.pop_front();
    }
    on_b([&] { b_.write32(reg::kCplHead, compared_); });
  }
}

void LockstepBackend::give_to_b(std::uint32_t count) {
  // From the copies: software may have reused the slots that A has fetched.
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint64_t slot = (compared_ + i) & (rings_.entries - 1);
    b_.write(PhysAddr(rings_.commands + slot * abi::kPacketBytes),
             std::as_bytes(std::span(&pending_[i].packet, 1)));
  }
  b_.write32(reg::kRingTail, compared_ + count);
}

void LockstepBackend::await_completion(std::uint32_t count) {
  const auto start = Clock::now();
  std::uint32_t tail = 0;
  for (;;) {
    on_b([&] { tail = b_.read32(reg::kCplTail); });
    if (tail - compared_ != 0) return;
    const auto waited = Clock::now() - start;
    if (waited >= timeout_) break;
    pause(waited);
  }
  const Pending& pending = pending_.front();
  const std::uint64_t slot = (count - 1) & (rings_.completion_entries - 1);
  const auto record =
      read_record<abi::Completion>(a_, rings_.completions + slot * abi::kCompletionBytes);
  fail(ErrorCode::kDeadlineExceeded,
       fmt::format("lockstep: {} did not complete {} within {:.0f} s (STATUS {:#x}); {} did: {}; "
                   "TANDEM_TIMEOUT_S raises the limit",
                   side_b_.label, packet_title(pending.packet, names_),
                   std::chrono::duration<double>(timeout_).count(), b_.read32(reg::kStatus),
                   side_a_.label, record_text(record)));
}

void LockstepBackend::compare(std::uint32_t count) {
  const Pending& pending = pending_.front();
  const std::uint64_t addr = rings_.completions + (count & (rings_.completion_entries - 1)) *
                                                      std::uint64_t{abi::kCompletionBytes};
  const auto record_a = read_record<abi::Completion>(a_, addr);
  const auto record_b = read_record<abi::Completion>(b_, addr);
  if (!same_outcome(record_a, record_b)) {
    fail(ErrorCode::kMismatch,
         describe_difference(pending.packet, record_a, record_b, side_a_, side_b_, names_));
  }
  if (record_a.error == abi::Fault::kNone) return;
  const bool had_started =
      record_a.error == abi::Fault::kBadIndex || record_a.error == abi::Fault::kBusError;
  if (had_started) take_bytes_of_a(pending.written);
  if (!std::exchange(error_seen_, true)) check_captured_error();
}

void LockstepBackend::check_captured_error() {
  for (const std::uint32_t offset : {reg::kErrorCode, reg::kErrorSeqLo, reg::kErrorSeqHi,
                                     reg::kErrorAddrLo, reg::kErrorAddrHi}) {
    const std::uint32_t found_a = a_.read32(offset);
    const std::uint32_t found_b = b_.read32(offset);
    if (found_a == found_b) continue;
    fail(ErrorCode::kMismatch,
         fmt::format("lockstep: register {} is {:#x} on {}, {:#x} on {} after the first error",
                     abi::register_name(offset), found_a, side_a_.label, found_b, side_b_.label));
  }
}

void LockstepBackend::take_bytes_of_a(std::span<const abi::Operand> operands) {
  constexpr std::uint64_t kPiece = 1 << 20;
  std::vector<std::byte> bytes;
  for (const abi::Operand& operand : operands) {
    try {
      for (std::uint64_t at = operand.base; at < operand.hull_end();) {
        bytes.resize(std::min(kPiece, operand.hull_end() - at));
        a_.read(PhysAddr(at), bytes);
        b_.write(PhysAddr(at), bytes);
        at += bytes.size();
      }
    } catch (const Error&) {
      // No memory there: the packet failed its checks and wrote nothing.
    }
  }
}

/// Announces to A what it may run without losing bytes that are still to be compared.
void LockstepBackend::pass_doorbell() {
  if (!enabled_ || given_ == announced_) return;
  std::uint32_t last = given_;
  for (; last != announced_; ++last) {
    const Pending& next = pending_[last - compared_];
    const auto overwrites = [&](const Pending& earlier) {
      return overlap(earlier.written, next.written);
    };
    const auto end = pending_.begin() + (last - compared_);
    if (std::any_of(pending_.begin(), end, overwrites)) break;
  }
  if (last == given_) return;
  given_ = last;
  a_.write32(reg::kRingTail, given_);
}

/// Reads the packets from `count` on to the announced ones anew.
void LockstepBackend::capture_from(std::uint32_t count) {
  const std::uint32_t keep = count - compared_;
  if (keep < pending_.size()) pending_.resize(keep);
  for (; count != announced_; ++count) {
    const std::uint64_t slot = count & (rings_.entries - 1);
    Pending next{read_record<abi::Packet>(a_, rings_.commands + slot * abi::kPacketBytes), {}};
    next.written = abi::written_operands(next.packet);
    pending_.push_back(std::move(next));
  }
}

bool LockstepBackend::doorbell_is_bad() {
  return announced_ - a_.read32(reg::kRingHead) > rings_.entries;
}

void LockstepBackend::write_doorbell(std::uint32_t value) {
  announced_ = value;
  if (ring_failed_) {
    a_.write32(reg::kRingTail, value);
    on_b([&] { b_.write32(reg::kRingTail, value); });
  }
  if (!enabled_ || ring_failed_) return;
  if (doorbell_is_bad()) {
    // Both find it bad; what is in flight counts no more.
    a_.write32(reg::kRingTail, value);
    on_b([&] { b_.write32(reg::kRingTail, value); });
    ring_failed_ = true;
    return;
  }
  if (value - compared_ < given_ - compared_) {  // Software took packets back.
    given_ = value;
    a_.write32(reg::kRingTail, value);
  }
  capture_from(compared_ + std::min<std::uint32_t>(value - compared_,
                                                   static_cast<std::uint32_t>(pending_.size())));
  pass_doorbell();
}

void LockstepBackend::write_ctrl(std::uint32_t value) {
  const bool enable = (value & reg::kCtrlEnable) != 0;
  const bool opens = enable && !enabled_;
  if (opens) open();
  enabled_ = enable;
  a_.write32(reg::kCtrl, value);
  if (opens && !ring_failed_) await_open();
  if (enabled_ && !ring_failed_) pass_doorbell();
}

/// Before A is enabled: where packets are, and which ones it will find.
void LockstepBackend::open() {
  rings_ = {read64(a_, reg::kRingBaseLo), read64(a_, reg::kCplBaseLo), a_.read32(reg::kRingEntries),
            a_.read32(reg::kCplEntries)};
  if (ring_failed_ || !std::has_single_bit(rings_.entries) || rings_.entries > kMaxEntries) return;
  if (doorbell_is_bad()) {
    a_.write32(reg::kRingTail, announced_);
    on_b([&] { b_.write32(reg::kRingTail, announced_); });
    return;
  }
  try {
    capture_from(a_.read32(reg::kRingHead));
  } catch (const Error&) {
    // No memory where the ring is to be: both devices will say so.
  }
}

/// After A was enabled: both have opened their rings, or found them bad.
void LockstepBackend::await_open() {
  const bool b_opens = !std::exchange(b_enabled_, true);
  if (b_opens) on_b([&] { b_.write32(reg::kCtrl, reg::kCtrlEnable); });
  for (const Side* side : {&side_a_, &side_b_}) {
    const auto start = Clock::now();
    while (state_of(side->device) == DeviceState::kDisabled) {
      const auto waited = Clock::now() - start;
      if (waited >= driver::kControlTimeout) {
        fail(ErrorCode::kDeadlineExceeded,
             fmt::format("lockstep: {} stays DISABLED after CTRL.ENABLE was set", side->label));
      }
      pause(waited);
    }
  }
  const auto bad = [](driver::Backend& device) {
    return state_of(device) == DeviceState::kError &&
           device.read32(reg::kErrorCode) == static_cast<std::uint32_t>(abi::Fault::kBadRing);
  };
  const bool bad_a = bad(a_);
  const bool bad_b = bad(b_);
  if (bad_a || bad_b) {
    ring_failed_ = true;
    if (!std::exchange(error_seen_, true)) check_captured_error();
  }
}

void LockstepBackend::write_resume(std::uint32_t value) {
  // A reads again what it had fetched and not issued: software may have changed it while A stood.
  if (enabled_ && !ring_failed_ && !doorbell_is_bad()) capture_from(a_.read32(reg::kRingHead));
  a_.write32(reg::kCommand, value);
  if (!ring_failed_) pass_doorbell();
}

std::uint32_t LockstepBackend::read32(std::uint32_t offset) {
  const std::lock_guard lock(mutex_);
  catch_up();
  if (offset == reg::kRingTail) return announced_;
  if (offset == reg::kCplTail && b_enabled_ && !ring_failed_) return compared_;
  const std::uint32_t value = a_.read32(offset);
  const bool idle = (value & reg::kStatusState) == static_cast<std::uint32_t>(DeviceState::kIdle);
  if (offset == reg::kStatus && idle && given_ != announced_ && !ring_failed_) {
    return (value & ~reg::kStatusState) | static_cast<std::uint32_t>(DeviceState::kRunning);
  }
  return value;
}

void LockstepBackend::write32(std::uint32_t offset, std::uint32_t value) {
  const std::lock_guard lock(mutex_);
  if (offset == reg::kCommand && (value & reg::kCommandReset) != 0) {
    return reset_both([&](driver::Backend& device) { device.write32(offset, value); });
  }
  catch_up();
  switch (offset) {
    case reg::kRingTail:
      return write_doorbell(value);
    case reg::kCtrl:
      return write_ctrl(value);
    case reg::kCommand:
      return write_resume(value);
    case reg::kCplHead:  // B's records are taken here.
      return a_.write32(offset, value);
    default:
      a_.write32(offset, value);
      on_b([&] { b_.write32(offset, value); });
  }
}

void LockstepBackend::read(PhysAddr src, std::span<std::byte> dst) {
  const std::lock_guard lock(mutex_);
  catch_up();
  a_.read(src, dst);
}

void LockstepBackend::write(PhysAddr dst, std::span<const std::byte> src) {
  const std::lock_guard lock(mutex_);
  catch_up();
  a_.write(dst, src);
  b_.write(dst, src);
}

bool LockstepBackend::wait_irq(std::chrono::nanoseconds timeout) {
  const auto deadline =
      Clock::now() + std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24));
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      catch_up();
    }
    // In slices: A may stand and wait for the rest of its doorbell.
    const auto rest = std::max(deadline - Clock::now(), Clock::duration(0));
    const bool level = a_.wait_irq(std::min<Clock::duration>(rest, std::chrono::microseconds(500)));
    const std::lock_guard lock(mutex_);
    catch_up();
    if (level || Clock::now() >= deadline) return level;
  }
}

void LockstepBackend::forget_packets() {
  pending_.clear();
  compared_ = given_ = announced_ = 0;
  enabled_ = b_enabled_ = ring_failed_ = error_seen_ = false;
  failure_.reset();
}

template <class Forward>
void LockstepBackend::reset_both(Forward&& forward) {
  // What A has completed counts, whether software has looked or not.
  if (!failure_) catch_up();
  forward(a_);
  // A may have executed these in part.
  for (const Pending& pending : pending_) take_bytes_of_a(pending.written);
  forward(b_);
  forget_packets();
}

void LockstepBackend::reset() {
  const std::lock_guard lock(mutex_);
  std::optional<Error> found;  // A reset works whatever state the devices are in.
  if (!failure_) {
    try {
      catch_up();
    } catch (const Error& error) {
      found = error;
    }
  }
  failure_ = Error(ErrorCode::kUnavailable, "lockstep: a reset failed; reset again");
  reset_both([](driver::Backend& device) { device.reset(); });
  if (found) throw *found;
}

void LockstepBackend::annotate(const driver::Annotation& note) {
  const std::lock_guard lock(mutex_);
  names_.note(note);
  a_.annotate(note);
  b_.annotate(note);
}

std::string LockstepBackend::take_findings() { return a_.take_findings() + b_.take_findings(); }

}  // namespace tandem::lockstep
