// SPDX-License-Identifier: Apache-2.0
// Two devices on one memory that are one device: each packet runs on the one that a selection
// names.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "device_link.hpp"
#include "selection.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/in_process_backend.hpp"

namespace tandem::hybrid {

/// Ops of packets, as annotations tell them. Thread-safety: any thread.
class OpNames {
 public:
  void note(const driver::Annotation& note);
  std::string op(std::uint64_t seq);
  /// Packets before `seq` will not be asked for any more.
  void forget_before(std::uint64_t seq);

 private:
  std::mutex mutex_;
  std::map<std::uint64_t, std::string> ops_;  // By first packet; empty: none from here on.
};

/// Hands every packet, control packets and those with errors too, to one of two devices; packets of
/// one device overlap there, and all have ended before the other one gets any. LOAD_UCODE runs on
/// both, first on the one chosen, whose outcome counts. A packet that points to the rings of the
/// two, which only they have, ends as on a device without them: UNMAPPED.
class HybridEngine final : public driver::Engine {
 public:
  HybridEngine(std::unique_ptr<DeviceLink> a, std::unique_ptr<DeviceLink> b, Selection selection);
  ~HybridEngine() override;

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override;
  bool takes_all() const override { return true; }
  std::size_t take(std::span<const abi::Packet> packets) override;
  void run(std::span<const abi::Packet> packets, const driver::ExecutionContext& context,
           bool halt_on_error, const Ended& ended) override;
  void execute(const abi::Packet&, const abi::OperandList&, const driver::ExecutionContext&,
               driver::ExecutionResult&) override {}
  void reset() override;

  DeviceLink& a() { return *a_; }
  DeviceLink& b() { return *b_; }
  OpNames& ops() { return ops_; }
  /// Throws what made a device fail since the last reset.
  void check();

 private:
  bool is_chosen(const abi::Packet& packet);
  /// The error of a packet that points to the rings of the devices, which software does not have.
  abi::CheckResult check_window(const abi::Packet& packet,
                                std::span<const abi::Region> regions) const;
  void mirror(const abi::Packet& packet, const driver::ExecutionContext& context);
  void fail(const Error& error);

  std::unique_ptr<DeviceLink> a_;
  std::unique_ptr<DeviceLink> b_;
  const Selection selection_;
  OpNames ops_;
  bool on_b_ = false;  // Of the packets taken last.
  std::uint64_t chosen_ = 0;
  std::mutex mutex_;
  std::optional<Error> failure_;
};

/// Registers, rings, halts and interrupts are those of the command processor of in-process devices;
/// checks, errors, memory and times come from the device that runs the packet. Once a device fails
/// (a stuck simulation), every access throws what happened, until `reset`.
class HybridBackend final : public driver::InProcessBackend {
 public:
  HybridBackend(const driver::DeviceConfig& config, std::unique_ptr<HybridEngine> engine);

  std::uint32_t read32(std::uint32_t offset) override;
  void write32(std::uint32_t offset, std::uint32_t value) override;
  void read(PhysAddr src, std::span<std::byte> dst) override;
  void write(PhysAddr dst, std::span<const std::byte> src) override;
  bool wait_irq(std::chrono::nanoseconds timeout) override;
  void annotate(const driver::Annotation& note) override;
  std::string take_findings() override;

 private:
  HybridBackend(const driver::DeviceConfig& config, HybridEngine* engine);

  HybridEngine& engine_;
  driver::Backend& timed_;  ///< The device whose counters of cycles are shown.
};

}  // namespace tandem::hybrid
