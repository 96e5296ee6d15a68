// SPDX-License-Identifier: Apache-2.0
// Faults: messages and recovery.
#include <fmt/format.h>

#include "driver_impl.hpp"
#include "tandem/abi/describe.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"

namespace tandem::driver {

namespace reg = abi::reg;
using abi::DeviceState;

std::string Driver::Impl::op_text(std::uint64_t seq) const {
  const std::string op = op_name_hook ? op_name_hook(seq) : std::string();
  return op.empty() ? std::string() : fmt::format(" (op {})", op);
}

std::string Driver::Impl::packet_name(std::uint64_t seq) const {
  const auto opcode = static_cast<std::uint8_t>(slot(seq).opcode);
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  return fmt::format(
      "{} seq {}{}",
      info != nullptr ? std::string(info->name) : fmt::format("opcode {:#04x}", opcode), seq,
      op_text(seq));
}

std::string Driver::Impl::fault_text(const FailedPacket& failed) const {
  const abi::Completion& record = failed.record;
  std::string text = abi::describe_fault(failed.packet, record.error, record.fault_addr);
  text += op_text(record.seq);
  if (record.error == abi::Fault::kUnmapped || record.error == abi::Fault::kReadOnly) {
    text += "; regions are";
    for (const RegionConfig& region : config.regions) {
      text += fmt::format(" {} [{:#x}, {:#x}){}", region.name, region.base.value,
                          region.base.value + region.size, region.writable ? "" : " read-only");
    }
  }
  return text;
}

std::string Driver::Impl::state_text() {
  const std::uint32_t status = read(reg::kStatus);
  std::string text = fmt::format("STATUS {:#x} ({})", status,
                                 state_name(static_cast<DeviceState>(status & reg::kStatusState)));
  for (const std::uint32_t offset :
       {reg::kRingHead, reg::kRingTail, reg::kCplHead, reg::kCplTail}) {
    text += fmt::format(", {} {}", abi::register_name(offset), read(offset));
  }
  if (const std::uint32_t code = read(reg::kErrorCode); code != 0) {
    const std::uint64_t addr = read(reg::kErrorAddrLo) | std::uint64_t{read(reg::kErrorAddrHi)}
                                                             << 32;
    text += fmt::format(", captured error {} at {:#x}",
                        abi::to_string(static_cast<abi::Fault>(code)), addr);
  }
  return text;
}

/// Brings the device back as the options want; says what happened.
std::string Driver::Impl::recover(const std::string& reason) {
  failed_.reset();
  if (options.on_fault == DriverOptions::OnFault::kHold) {
    return "the device is left as it is: resume or restart continues";
  }
  const std::uint64_t lost = submitted - completed;
  abandon(reason);
  ++epoch;
  try {
    bring_up();
  } catch (const Error& error) {
    return fmt::format("resetting the device failed: {}", error.message());
  }
  return lost == 0 ? std::string("the device was reset")
                   : fmt::format("the device was reset, {} later packets were abandoned", lost);
}

void Driver::Impl::throw_fault() {
  const FailedPacket failed = *failed_;
  const std::string text = fault_text(failed);
  log::line(log::Level::kDebug, {failed.record.seq, abi::to_string(failed.record.error)}, "{}",
            text);
  // Packets that had started may still complete; the reset must not hide them.
  try {
    wait_for_state(DeviceState::kError, "after an error");
    collect();
  } catch (const Error& error) {
    log::warning("after the fault of packet seq {}: {}", failed.record.seq, error.what());
  }
  const std::string outcome = recover(fmt::format("the fault of packet seq {}", failed.record.seq));
  if (options.on_fault == DriverOptions::OnFault::kHold) held_ = text;
  throw Error(ErrorCode::kDeviceFault, fmt::format("{}; {}", text, outcome));
}

void Driver::Impl::throw_device_error() {
  std::string text = held_.empty()
                         ? fmt::format("device {} stands still: {}", backend->name(), state_text())
                         : fmt::format("the device is halted by an earlier fault: {}", held_);
  if (held_.empty() && completed < submitted) {
    text +=
        fmt::format("; the oldest packet that is not complete is {}", packet_name(completed + 1));
  }
  const std::string outcome = recover("a device error");
  throw Error(ErrorCode::kDeviceFault, fmt::format("{}; {}", text, outcome));
}

void Driver::Impl::throw_no_progress(std::uint64_t seq) {
  std::string text = fmt::format("packet seq {} did not complete: no completion for {:.3f} s", seq,
                                 std::chrono::duration<double>(timeout_).count());
  if (completed < submitted) {
    text +=
        fmt::format("; the oldest packet that is not complete is {}", packet_name(completed + 1));
  }
  text += fmt::format("; {}", state_text());
  const std::string outcome = recover("a deadline");
  throw Error(ErrorCode::kDeadlineExceeded,
              fmt::format("{}; {}; TANDEM_TIMEOUT_S raises the limit", text, outcome));
}

void Driver::Impl::throw_protocol(const std::string& what) {
  const std::string text =
      fmt::format("device {} broke the ring protocol: {}; {}", backend->name(), what, state_text());
  const std::string outcome = recover("a broken ring protocol");
  throw Error(ErrorCode::kDeviceFault, fmt::format("{}; {}", text, outcome));
}

}  // namespace tandem::driver
