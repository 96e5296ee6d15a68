// SPDX-License-Identifier: Apache-2.0
// Where the time of a run goes: by op, by layer, by engine; against what the device could do.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tandem/debug/timed_run.hpp"

namespace tandem::debug {

inline constexpr std::array<const char*, 4> kEngineNames = {"matrix", "vector", "DMA", "control"};

struct PerfRow {
  std::string name;
  std::uint64_t packets = 0;
  std::uint64_t cycles = 0;  ///< Of all packets, one after the other.
  /// Part of the run's time that is theirs: where packets overlap, a cycle belongs to the one that
  /// started first. Times of all rows and `Perf::idle` add up to the run's time.
  std::uint64_t time = 0;
  std::uint64_t matrix_cycles = 0;  ///< Of the packets on the matrix engine.
  std::uint64_t vector_cycles = 0;  ///< Of the packets on the vector engine.
  PacketWork work;
};

/// Figures of one row on a device.
struct PerfRates {
  double array_use = 0;  ///< Multiply-adds in a slot of the array while the matrix engine is busy.
  double lane_use = 0;   ///< Operations on elements in a lane while the vector engine is busy.
  double port_use = 0;   ///< Share of the busier direction of the memory port.
  double bytes_per_cycle = 0;
  double macs_per_cycle = 0;
  double intensity = 0;  ///< Multiply-adds for each byte of memory traffic.
};

struct Perf {
  std::string path;
  std::string backend;
  driver::DeviceConfig config;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::uint64_t time = 0;  ///< First dispatch to last write response.
  std::uint64_t idle = 0;  ///< Of it, without any packet in execution: fetch, check, the host.
  std::uint64_t untimed = 0;
  std::uint64_t unfinished = 0;
  std::array<PerfRow, 4> engines;  ///< `time` is not split here: it is `cycles`.
  PerfRow total;
  std::vector<PerfRow> ops;  ///< Numbered layers together, as "layer.*/linear"; longest time first.
  std::vector<PerfRow> layers;  ///< In order of their first packet.

  /// Cycles in which a packet executed beside an older one.
  std::uint64_t overlap() const { return total.cycles - total.time; }
  PerfRates rates(const PerfRow& row) const;
  double peak_macs() const { return double(config.array_rows) * config.array_cols; }
  /// Bytes that each direction of the memory port moves in a cycle.
  double port_bytes() const { return config.axi_data_bits / 8.0; }
};

Perf measure(const TimedRun& run);

/// Tables for a terminal. `ghz`: the clock for which bytes per second are shown.
std::string perf_text(const Perf& perf, double ghz);

/// A page with the tables, the time as bars and a roofline plot; needs nothing else.
std::string perf_html(const Perf& perf, double ghz);

}  // namespace tandem::debug
