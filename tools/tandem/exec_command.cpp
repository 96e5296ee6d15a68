// SPDX-License-Identifier: Apache-2.0
// tandem exec: memory contents and hand-written packets on any backend, and what they must leave
// behind.
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/abi/exec_file.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"
#include "tandem/runtime/trace.hpp"
#include "watch_flags.hpp"

namespace tandem::cli {

namespace {

struct ExecOptions {
  DeviceFlags device;
  WatchFlags watch;
  std::string file;
  std::string record;
  bool json = false;
};

// The configuration that Device::open would take.
driver::DeviceConfig config_of(const DeviceFlags& flags, const driver::BackendUri& uri) {
  if (!flags.config.empty()) return runtime::load_config(flags.config);
  const std::string named = driver::named_config(uri);
  return runtime::load_config(named.empty() ? "edge" : named);
}

// Runs the steps on a bare driver: nothing but the file decides what lies in memory.
class Executor {
 public:
  // `trace`: where to record, or null.
  Executor(const abi::ExecFile& file, driver::Driver& driver, runtime::TraceWriter* trace)
      : file_(file), driver_(driver), trace_(trace) {
    driver_.set_completion_hook([this](const abi::Packet&, const abi::Completion& completion) {
      completions_[completion.seq] = completion;
      if (trace_ != nullptr) trace_->completion(completion);
    });
  }

  void run() {
    for (const abi::ExecStep& step : file_.steps) {
      std::visit([this](const auto& s) { take(s); }, step);
    }
    settle();
  }

  std::uint64_t packets() const { return packets_; }
  std::uint64_t checks() const { return checks_; }
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  void take(const abi::ExecWrite& write) {
    settle();
    put(write.addr, write.bytes);
  }

  void put(std::uint64_t addr, std::span<const std::uint8_t> bytes) {
    driver_.backend().write(PhysAddr(addr), std::as_bytes(bytes));
    if (trace_ != nullptr) trace_->write(PhysAddr(addr), std::as_bytes(bytes));
  }

  void take(const abi::ExecFill& fill) {
    settle();
    // In pieces: the count may be large.
    constexpr std::uint64_t kPieceElements = 65536;
    const std::size_t width = fill.element.size();
    std::vector<std::uint8_t> piece;
    for (std::uint64_t i = 0; i < std::min(fill.count, kPieceElements); ++i) {
      piece.insert(piece.end(), fill.element.begin(), fill.element.end());
    }
    for (std::uint64_t done = 0; done < fill.count; done += kPieceElements) {
      const std::uint64_t count = std::min(kPieceElements, fill.count - done);
      put(fill.addr + done * width, std::span(piece).first(count * width));
    }
  }

  void take(const abi::ExecPacket& packet) {
    abi::Packet copy = packet.packet;
    pending_.emplace_back(submit(copy), &packet);
    ++packets_;
  }

  void take(const abi::ExecExpect& expect) {
    settle();
    std::vector<std::uint8_t> found(expect.bytes.size());
    driver_.backend().read(PhysAddr(expect.addr), std::as_writable_bytes(std::span(found)));
    record(abi::check_expected(file_, expect, found));
  }

  std::uint64_t submit(abi::Packet& packet) {
    std::uint64_t seq = 0;
    past_faults([&] { seq = driver_.submit(packet); });
    if (trace_ != nullptr) trace_->packet(packet);
    return seq;
  }

  // Waits for every packet and compares completions.
  void settle() {
    if (pending_.empty()) return;
    past_faults([&] { driver_.wait_all(); });
    for (const auto& [seq, packet] : pending_) {
      record(abi::check_completion(file_, *packet, completions_.at(seq)));
      completions_.erase(seq);
    }
    pending_.clear();
  }

  // An error completion is an outcome like any other here: go on behind the failed packet.
  template <class Call>
  void past_faults(Call&& call) {
    for (;;) {
      try {
        call();
        return;
      } catch (const Error& error) {
        if (error.code() != ErrorCode::kDeviceFault) throw;
        driver_.resume();
      }
    }
  }

  void record(std::string failure) {
    ++checks_;
    if (!failure.empty()) failures_.push_back(std::move(failure));
  }

  const abi::ExecFile& file_;
  driver::Driver& driver_;
  runtime::TraceWriter* trace_;
  std::map<std::uint64_t, abi::Completion> completions_;
  std::vector<std::pair<std::uint64_t, const abi::ExecPacket*>> pending_;
  std::vector<std::string> failures_;
  std::uint64_t packets_ = 0;
  std::uint64_t checks_ = 0;
};

int exec(const ExecOptions& options) {
  const std::vector<driver::WatchRange> watch = watch_ranges(options.watch);
  const driver::BackendUri uri = driver::parse_uri(backend_uri(options.device));
  const driver::DeviceConfig config = config_of(options.device, uri);
  std::vector<abi::NamedAddress> regions;
  for (const driver::RegionConfig& region : config.regions) {
    regions.push_back({region.name, region.base.value});
  }
  const abi::ExecFile file = abi::load_exec_file(options.file, regions);

  driver::Driver driver(driver::open_backend(uri, config), config,
                        {.on_fault = driver::DriverOptions::OnFault::kHold});
  driver.start();
  driver.set_watch(watch);
  std::optional<runtime::TraceWriter> trace;
  if (!options.record.empty()) trace.emplace(options.record, driver.backend().name(), config);
  Executor executor(file, driver, trace ? &*trace : nullptr);
  try {
    executor.run();
    if (trace) trace->finish();
  } catch (const driver::WatchStop& stop) {
    Report report(driver.backend().name());
    return report_stop(stop, options.json ? &report : nullptr);
  }

  const bool passed = executor.failures().empty();
  if (options.json) {
    Report report(driver.backend().name());
    Json& entry = report.add_case(options.file);
    entry["status"] = passed ? "pass" : "fail";
    entry["failures"] = executor.failures();
    report.summary()["passed"] = passed ? 1 : 0;
    report.summary()["failed"] = passed ? 0 : 1;
    report.summary()["unsupported"] = 0;
    report.summary()["packets"] = executor.packets();
    report.summary()["checks"] = executor.checks();
    report.print();
  } else {
    for (const std::string& failure : executor.failures()) fmt::print("{}\n", failure);
    fmt::print("{}: {} packets, {} checks, {} failed\n", options.file, executor.packets(),
               executor.checks(), executor.failures().size());
  }
  const int findings = report_findings(driver.backend().take_findings());
  return passed ? findings : kFailure;
}

}  // namespace

Command add_exec_command(CLI::App& app) {
  auto options = std::make_shared<ExecOptions>();
  CLI::App* command =
      app.add_subcommand("exec", "Run hand-written packets and compare what they leave in memory");
  command
      ->add_option("file", options->file, "Memory, packets, expectations; docs/reference/exec.md")
      ->type_name("FILE")
      ->required();
  add_device_flags(*command, options->device);
  add_hybrid_flags(*command, options->device);
  add_watch_flags(*command, options->watch);
  command->add_option("--record", options->record, "Record packets and memory for `tandem replay`")
      ->type_name("TRACE");
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options] { return exec(*options); }};
}

}  // namespace tandem::cli
