// SPDX-License-Identifier: Apache-2.0
#include "side.hpp"

#include "program_image.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {

Side::Side(runtime::Device& device, std::chrono::nanoseconds deadline)
    : device_(&device), memory_(device), deadline_(deadline), epoch_(device.driver().epoch()) {
  device.queue().finish();
  device.queue().forget_programs();
}

template <class Call>
std::string Side::failure_of(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

std::uint64_t Side::submit(const TracePacket& packet, const TracePosition& loaded) {
  if (!dead_.empty()) return 0;
  runtime::Queue& queue = device_->queue();
  driver::Driver& driver = device_->driver();
  failure_ = failure_of([&] {
    const bool uses_programs = packet.packet.opcode == abi::Opcode::kVector ||
                               packet.packet.opcode == abi::Opcode::kLoadUcode;
    if (programs_lost_ && uses_programs) {
      load_again(loaded, *device_);
      programs_lost_ = false;
    }
    if (driver.completed() == driver.submitted() && driver.submitted() + 1 < packet.number) {
      driver.set_next_seq(packet.number);
    }
    const runtime::OpScope scope(queue, packet.op);
    seq_ = queue.submit(packet.packet).seq;
  });
  if (!failure_.empty()) recover();
  return seq_;
}

void Side::start() {
  if (!dead_.empty() || !failure_.empty()) return;
  failure_ = failure_of([&] { device_->queue().flush(); });
  if (!failure_.empty()) recover();
}

Outcome Side::finish() {
  if (!dead_.empty()) return {std::nullopt, dead_};
  if (!failure_.empty()) return {std::nullopt, failure_};
  Outcome outcome;
  outcome.failure = failure_of([&] {
    if (deadline_.count() > 0) {
      device_->driver().wait(seq_, deadline_);
    } else {
      device_->queue().wait({seq_});
    }
  });
  outcome.completion = completion(seq_);
  const bool failed = !outcome.failure.empty();
  // An error completion tells what happened.
  if (outcome.completion) outcome.failure.clear();
  if (failed) recover();
  return outcome;
}

std::optional<abi::Completion> Side::completion(std::uint64_t seq) {
  return device_->driver().completion(seq);
}

/// Brings the device back after a fault or a hang, unless the driver has.
void Side::recover() {
  const std::string problem = failure_of([&] {
    driver::Driver& driver = device_->driver();
    if (driver.epoch() == epoch_ || !driver.started()) driver.restart();
  });
  if (!problem.empty()) dead_ = problem;
  epoch_ = device_->driver().epoch();
  programs_lost_ = true;
}

void Side::restart() {
  if (!dead_.empty()) return;
  dead_ = failure_of([&] { device_->driver().restart(); });
  epoch_ = device_->driver().epoch();
  programs_lost_ = false;
}

}  // namespace tandem::debug
