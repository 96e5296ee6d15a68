// SPDX-License-Identifier: Apache-2.0
// A DeviceModel as a device that runs by itself: a thread clocks it while it has work.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "tandem/rtlmodel/device_model.hpp"

namespace tandem::rtlmodel {

class PacketWatch;

struct SimulatorOptions {
  /// A device that runs and moves nothing on its memory port for so long is stuck.
  std::uint64_t watchdog_cycles = 1'000'000;
  /// Waves of the packets with these sequence numbers only, from the fetch of the first to the
  /// completion of the last; an empty range (first > last) for all cycles.
  std::uint64_t trace_first = 1;
  std::uint64_t trace_last = 0;
  bool trace = false;
};

/// The clock stands while the device is not RUNNING and nothing is in flight, so an idle device
/// costs nothing, and its cycle counter counts cycles with work only. Once the model fails
/// (watchdog, assertion, protocol violation) every access throws what happened, until `reset`,
/// which builds the model anew.
///
/// Thread-safety: all members may be called from any thread.
class Simulator {
 public:
  using MakeModel = std::function<std::unique_ptr<DeviceModel>()>;

  /// `ram` is what the models use; it outlives this object.
  Simulator(MakeModel make_model, driver::SparseRam& ram, SimulatorOptions options);
  ~Simulator();
  Simulator(const Simulator&) = delete;
  Simulator& operator=(const Simulator&) = delete;

  std::uint32_t read32(std::uint32_t offset);
  void write32(std::uint32_t offset, std::uint32_t value);
  bool wait_irq(std::chrono::nanoseconds timeout);
  void reset();

  /// Waves on or off now. Throws as DeviceModel::set_tracing.
  void set_tracing(bool on);
  /// State of the RTL without memory; the device must not be running. Throw kUnavailable if it is,
  /// else as DeviceModel.
  void save(const std::filesystem::path& file);
  void restore(const std::filesystem::path& file);

  /// Cycles simulated so far, and whether the clock runs.
  std::uint64_t cycles();
  bool clocking();
  /// The first stamp of the fault that the models have, also of one that a reset after a failure
  /// replaced.
  std::optional<FaultStamp> fault_stamp();

 private:
  class Access;

  void work();
  void work_once();
  bool is_busy();
  void check_progress();
  [[noreturn]] void throw_stuck();
  void fail(std::exception_ptr error);
  void publish_irq();
  void trace_window(bool open);
  void require_stopped(const char* what);

  const MakeModel make_model_;
  const SimulatorOptions options_;
  std::unique_ptr<PacketWatch> watch_;
  std::unique_ptr<DeviceModel> model_;

  std::mutex mutex_;                   // Of everything below, and of the model.
  std::condition_variable wake_;       // The worker: there is work, or the end.
  std::atomic<unsigned> accesses_{0};  // That wait for the mutex; the worker makes room.
  bool clocking_ = false;
  std::atomic<bool> quit_{false};
  bool window_open_ = false;  // Waves of a packet range are being written.
  unsigned quiet_looks_ = 0;
  std::uint64_t progress_ = 0;  // Handshakes when progress was seen last, and its cycle.
  std::uint64_t progress_cycle_ = 0;
  std::uint64_t look_cycle_ = 0;  // Of the last look at whether the device works and moves.
  std::exception_ptr failure_;
  std::optional<FaultStamp> stamp_;  // Of a model that was replaced.

  // What wait_irq looks at, so that it never competes for the model. Written with both mutexes
  // held.
  std::mutex irq_mutex_;
  std::condition_variable irq_changed_;
  bool irq_level_ = false;
  bool irq_failed_ = false;

  std::thread worker_;
};

}  // namespace tandem::rtlmodel
