// SPDX-License-Identifier: Apache-2.0
#include "tandem/rtlmodel/simulator.hpp"

#include <fmt/format.h>

#include <utility>

#include "packet_watch.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"

namespace tandem::rtlmodel {
namespace {

namespace reg = abi::reg;

/// Cycles between two looks at STATUS while the device works: many enough that looking costs
/// nothing.
constexpr std::uint64_t kLookCycles = 1024;
/// While it was not seen working: enough for a doorbell to show, few enough that a device that is
/// idle between two packets of the host costs nothing.
constexpr std::uint64_t kQuietCycles = 64;
/// Looks in a row that must find the device idle before the clock stops; a register write counts as
/// the first.
constexpr unsigned kQuietLooks = 3;

constexpr const char* kStateNames[] = {"DISABLED", "IDLE", "RUNNING", "ERROR", "STEP", "BREAK"};
constexpr const char* kEngineNames[] = {"matrix", "vector", "DMA"};

std::uint64_t read64(DeviceModel& model, std::uint32_t lo) {
  return model.read32(lo) | std::uint64_t{model.read32(lo + 4)} << 32;
}

std::string describe_state(DeviceModel& model) {
  const std::uint32_t status = model.read32(reg::kStatus);
  const std::uint32_t state = status & reg::kStatusState;
  std::string text = fmt::format("state {}, packets fetched {} of {}, completed {}\n",
                                 state < std::size(kStateNames) ? kStateNames[state] : "?",
                                 model.read32(reg::kRingHead), model.read32(reg::kRingTail),
                                 model.read32(reg::kCplTail));
  for (std::uint32_t i = 0; i < std::size(kEngineNames); ++i) {
    const std::uint32_t at = reg::kEngineBase + i * reg::kEngineStride;
    text += fmt::format(
        "  {} engine: {}, {} busy cycles, {} of them waiting for memory\n", kEngineNames[i],
        (status >> (reg::kStatusBusyLsb + i) & 1) != 0 ? "executes a packet" : "idle",
        read64(model, at + reg::kEngineBusyLo), read64(model, at + reg::kEngineStallLo));
  }
  return text;
}

}  // namespace

/// Holds the model for a register access or the like; throws if it has failed.
class Simulator::Access {
 public:
  explicit Access(Simulator& simulator) : simulator_(simulator) {
    simulator.accesses_.fetch_add(1);
    lock_ = std::unique_lock(simulator.mutex_);
    simulator.accesses_.fetch_sub(1);
    if (simulator.failure_) std::rethrow_exception(simulator.failure_);
  }

  /// Calls `act`; what it throws is the failure of the model.
  template <class Act>
  auto guarded(Act&& act) {
    try {
      return act();
    } catch (...) {
      simulator_.fail(std::current_exception());
      throw;
    }
  }

 private:
  Simulator& simulator_;
  std::unique_lock<std::mutex> lock_;
};

Simulator::Simulator(MakeModel make_model, driver::SparseRam& ram, SimulatorOptions options)
    : make_model_(std::move(make_model)),
      options_(options),
      watch_(std::make_unique<PacketWatch>(ram)) {
  const bool window = options_.trace_first <= options_.trace_last;
  if (options_.trace && window) {
    watch_->on_fetch = [this](std::uint64_t seq) {
      if (seq >= options_.trace_first && seq <= options_.trace_last) trace_window(true);
    };
    watch_->on_completion = [this](std::uint64_t seq) {
      if (seq >= options_.trace_last) trace_window(false);
    };
  }
  reset();
  worker_ = std::thread([this] { work(); });
}

Simulator::~Simulator() {
  {
    const std::lock_guard lock(mutex_);
    quit_ = true;
  }
  accesses_.fetch_add(1);  // Ends a run of the model.
  wake_.notify_all();
  worker_.join();
}

std::uint32_t Simulator::read32(std::uint32_t offset) {
  Access access(*this);
  const std::uint32_t value = access.guarded([&] { return model_->read32(offset); });
  publish_irq();
  return value;
}

void Simulator::write32(std::uint32_t offset, std::uint32_t value) {
  Access access(*this);
  watch_->register_written(offset, value);
  access.guarded([&] { model_->write32(offset, value); });
  publish_irq();
  quiet_looks_ = 1;
  if (clocking_) return;
  clocking_ = true;
  progress_cycle_ = model_->cycle();
  wake_.notify_all();
}

bool Simulator::wait_irq(std::chrono::nanoseconds timeout) {
  {
    std::unique_lock lock(irq_mutex_);
    irq_changed_.wait_for(lock, timeout, [this] { return irq_failed_ || irq_level_; });
    if (!irq_failed_) return irq_level_;
  }
  Access access(*this);  // Throws what happened.
  return model_->irq();
}

void Simulator::reset() {
  accesses_.fetch_add(1);
  const std::lock_guard lock(mutex_);
  accesses_.fetch_sub(1);
  if (failure_ || !model_) {
    if (model_ && !stamp_) stamp_ = model_->fault_stamp();
    model_.reset();
    model_ = make_model_();
    model_->set_observer(watch_.get());
    const bool window = options_.trace_first <= options_.trace_last;
    if (options_.trace && !window) model_->set_tracing(true);
    failure_ = nullptr;
    window_open_ = false;
  }
  watch_->reset();
  clocking_ = false;
  try {
    model_->reset();
  } catch (...) {
    fail(std::current_exception());
    throw;
  }
  publish_irq();
}

void Simulator::set_tracing(bool on) {
  Access access(*this);
  model_->set_tracing(on);
}

void Simulator::trace_window(bool open) {
  if (window_open_ != open) model_->set_tracing(open);
  window_open_ = open;
}

void Simulator::require_stopped(const char* what) {
  if (!is_busy()) return;
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format("rtl: the state can be {} only between packets, and the device is running; "
                  "wait for its completions, or stop it by CTRL.ENABLE = 0",
                  what));
}

void Simulator::save(const std::filesystem::path& file) {
  Access access(*this);
  require_stopped("saved");
  model_->save(file);
}

void Simulator::restore(const std::filesystem::path& file) {
  Access access(*this);
  require_stopped("restored");
  model_->restore(file);
}

std::uint64_t Simulator::cycles() {
  Access access(*this);
  return model_->cycle();
}

bool Simulator::clocking() {
  Access access(*this);
  return clocking_;
}

std::optional<FaultStamp> Simulator::fault_stamp() {
  accesses_.fetch_add(1);
  const std::lock_guard lock(mutex_);
  accesses_.fetch_sub(1);
  return stamp_ ? stamp_ : model_->fault_stamp();
}

void Simulator::work() {
  std::unique_lock lock(mutex_);
  while (!quit_) {
    if (!clocking_) {
      wake_.wait(lock);
      continue;
    }
    try {
      work_once();
    } catch (...) {
      fail(std::current_exception());
    }
    if (accesses_.load() != 0) {
      lock.unlock();
      while (accesses_.load() != 0 && !quit_) std::this_thread::yield();
      lock.lock();
    }
  }
}

void Simulator::work_once() {
  const std::uint64_t cycles = quiet_looks_ == 0 ? kLookCycles : kQuietCycles;
  model_->run(cycles, accesses_);
  publish_irq();
  // Software that polls without a pause ends every run early; the watchdog looks all the same.
  const bool due = model_->cycle() - look_cycle_ >= cycles;
  if (!due && accesses_.load(std::memory_order_relaxed) != 0) return;
  look_cycle_ = model_->cycle();
  if (is_busy()) {
    // What it has completed may have been all.
    quiet_looks_ = model_->irq() ? 1 : 0;
    check_progress();
  } else if (++quiet_looks_ >= kQuietLooks) {
    clocking_ = false;
  }
}

bool Simulator::is_busy() {
  const std::uint32_t status = model_->read32(reg::kStatus);
  const auto state = static_cast<abi::DeviceState>(status & reg::kStatusState);
  return state == abi::DeviceState::kRunning || (status & reg::kStatusBusy) != 0 ||
         !model_->memory_idle();
}

void Simulator::check_progress() {
  const std::uint64_t handshakes = model_->counts().handshakes();
  if (handshakes != progress_) {
    progress_ = handshakes;
    progress_cycle_ = model_->cycle();
    return;
  }
  if (model_->cycle() - progress_cycle_ <= options_.watchdog_cycles) return;
  // A device whose completion ring is full waits for software, which writes a register.
  const std::uint32_t unread = model_->read32(reg::kCplTail) - model_->read32(reg::kCplHead);
  if (unread == 0 || unread != model_->read32(reg::kCplEntries)) throw_stuck();
  clocking_ = false;
}

void Simulator::throw_stuck() {
  const std::string waits = model_->describe();
  const std::string packets = watch_->describe();
  throw Error(
      ErrorCode::kDeadlineExceeded,
      fmt::format("rtl: the device is stuck: nothing moved on its memory port for {} cycles "
                  "(option watchdog), now cycle {}; {}waiting handshakes and transactions in "
                  "flight:\n{}packets fetched and not completed:\n{}"
                  "reset the device; waves of the last packet: option trace=FILE",
                  options_.watchdog_cycles, model_->cycle(), describe_state(*model_),
                  waits.empty() ? "  none\n" : waits, packets.empty() ? "  none\n" : packets));
}

void Simulator::fail(std::exception_ptr error) {
  failure_ = std::move(error);
  clocking_ = false;
  publish_irq();
}

void Simulator::publish_irq() {
  const bool failed = failure_ != nullptr;
  const bool level = !failed && model_->irq();
  if (level == irq_level_ && failed == irq_failed_) return;  // Only this function changes them.
  {
    const std::lock_guard lock(irq_mutex_);
    irq_level_ = level;
    irq_failed_ = failed;
  }
  irq_changed_.notify_all();
}

}  // namespace tandem::rtlmodel
