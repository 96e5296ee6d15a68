// SPDX-License-Identifier: Apache-2.0
// Two devices that run the same packets, compared after each of them.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "difference.hpp"
#include "names.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend.hpp"

namespace tandem::lockstep {

/// Software controls device A: registers and memory are read from it, and it fetches by itself. B
/// runs every packet that A has completed, from a copy of the packet, before software sees that
/// completion or makes any other access; so both work on the same data although they differ in
/// speed. A is not given a packet that writes where a packet that has not been compared has
/// written: when a difference is found the bytes are still there. What a packet that fails while it
/// executes, or that a reset abandons, leaves in its destination is unspecified, so B takes A's
/// bytes there.
///
/// The first difference throws kMismatch with the packet, the element and both values; so does
/// every later access, until `reset`. A B that is slower than progress_timeout() a packet throws
/// kDeadlineExceeded.
///
/// Thread-safety: as Backend. One access at a time goes through.
class LockstepBackend final : public driver::Backend {
 public:
  LockstepBackend(std::unique_ptr<driver::Backend> a, std::unique_ptr<driver::Backend> b);

  std::string name() const override { return name_; }
  std::uint32_t read32(std::uint32_t offset) override;
  void write32(std::uint32_t offset, std::uint32_t value) override;
  void read(PhysAddr src, std::span<std::byte> dst) override;
  void write(PhysAddr dst, std::span<const std::byte> src) override;
  bool wait_irq(std::chrono::nanoseconds timeout) override;
  void reset() override;
  void annotate(const driver::Annotation& note) override;
  std::string take_findings() override;

 private:
  /// A packet that A may have seen and that has not been compared.
  struct Pending {
    abi::Packet packet;
    std::vector<abi::Operand> written;
  };
  struct Rings {
    std::uint64_t commands = 0;
    std::uint64_t completions = 0;
    std::uint32_t entries = 0;
    std::uint32_t completion_entries = 0;
  };

  // Every access begins with it: B follows, differences surface, A gets its doorbell.
  void catch_up();
  void follow(std::uint32_t completed_by_a);
  void give_to_b(std::uint32_t count);
  void compare(std::uint32_t count);
  void await_completion(std::uint32_t count);
  void pass_doorbell();
  void take_bytes_of_a(std::span<const abi::Operand> operands);

  void write_ctrl(std::uint32_t value);
  void write_doorbell(std::uint32_t value);
  void write_resume(std::uint32_t value);
  void open();
  void await_open();
  void check_captured_error();
  void capture_from(std::uint32_t count);
  bool doorbell_is_bad();
  void forget_packets();
  template <class Forward>
  void reset_both(Forward&& forward);

  [[noreturn]] void fail(ErrorCode code, const std::string& text);
  /// Runs `call`; what it throws counts as this backend's failure.
  template <class Call>
  void on_b(Call&& call);

  std::unique_ptr<driver::Backend> device_a_;
  std::unique_ptr<driver::Backend> device_b_;
  driver::Backend& a_;
  driver::Backend& b_;
  Side side_a_;
  Side side_b_;
  std::string name_;
  const std::chrono::nanoseconds timeout_;

  std::mutex mutex_;
  Names names_;
  Rings rings_;
  // Counts of packets since reset, modulo 2^32: compared <= given to A <= announced by software.
  std::uint32_t compared_ = 0;
  std::uint32_t given_ = 0;
  std::uint32_t announced_ = 0;
  std::deque<Pending> pending_;  // From `compared_` on.
  bool enabled_ = false;         // CTRL.ENABLE as software wrote it.
  bool b_enabled_ = false;
  bool ring_failed_ = false;  // BAD_RING on both; they wait for a reset.
  bool error_seen_ = false;   // The first error since reset has been compared.
  std::optional<Error> failure_;
};

}  // namespace tandem::lockstep
