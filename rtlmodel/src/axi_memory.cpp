// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "tandem/base/error.hpp"
#include "tandem/rtlmodel/axi_bursts.hpp"
#include "tandem/rtlmodel/axi_settings.hpp"

namespace tandem::rtlmodel {

AxiSettings AxiSettings::named(std::string_view name) {
  if (name == "zero-wait") return zero_wait();
  if (name == "realistic") return realistic();
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("memory settings: expected zero-wait or realistic, found '{}'", name));
}

void AxiSettings::check() const {
  const auto bad = [](const char* member, const char* range, auto found) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("memory settings: {} must be {}, found {}", member, range, found));
  };
  if (latency < 1) bad("latency", "at least 1 cycle", latency);
  if (outstanding_per_id < 1 || outstanding_per_id > kMaxOutstanding) {
    bad("outstanding_per_id", "1 to 64", outstanding_per_id);
  }
  if (!(beats_per_cycle >= 0.001 && beats_per_cycle <= 1)) {
    bad("beats_per_cycle", "0.001 to 1", beats_per_cycle);
  }
  if (stall_percent > 90) bad("stall_percent", "0 to 90", stall_percent);
}

void throw_axi_violation(std::uint64_t cycle, const std::string& what, const char* rule) {
  throw Error(ErrorCode::kInternal,
              fmt::format("AXI protocol violation in cycle {}: {}. Rule: {}", cycle, what, rule));
}

std::string describe_address(const char* channel, unsigned id, std::uint64_t addr, unsigned len) {
  return fmt::format("{} id {}, address {:#x}, length {}", channel, id, addr, len);
}

std::string describe_bursts(const AxiBurstQueue& queue, const char* kind) {
  constexpr unsigned kShown = 8;
  std::string text;
  for (unsigned i = 0; i < std::min(queue.size(), kShown); ++i) {
    const AxiBurst& burst = queue.at(i);
    text += fmt::format("  {} id {}: {} beats at {:#x}, {} transferred\n", kind, burst.id,
                        burst.len + 1, burst.addr, burst.beat);
  }
  if (queue.size() > kShown) text += fmt::format("  and {} more\n", queue.size() - kShown);
  return text;
}

}  // namespace tandem::rtlmodel
