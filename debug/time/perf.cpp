// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/perf.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

namespace tandem::debug {
namespace {

/// "layer.17/linear" and "layer.3/linear" are one row.
std::string op_row(std::string_view op) {
  const std::string_view layer = run_layer_of(op);
  const std::size_t dot = layer.rfind('.');
  if (dot == std::string_view::npos || dot + 1 == layer.size()) return std::string(op);
  const std::string_view number = layer.substr(dot + 1);
  const bool numbered =
      std::all_of(number.begin(), number.end(), [](unsigned char c) { return std::isdigit(c); });
  if (!numbered) return std::string(op);
  return fmt::format("{}.*{}", layer.substr(0, dot), op.substr(layer.size()));
}

class Rows {
 public:
  explicit Rows(std::vector<PerfRow>& rows) : rows_(rows) {}

  PerfRow& of(const std::string& name) {
    const auto [entry, added] = at_.try_emplace(name, rows_.size());
    if (added) rows_.push_back({.name = name.empty() ? "(no op)" : name});
    return rows_[entry->second];
  }

 private:
  std::vector<PerfRow>& rows_;
  std::map<std::string, std::size_t> at_;
};

void add(PerfRow& row, const TimedPacket& packet, std::uint64_t time) {
  ++row.packets;
  row.cycles += packet.cycles;
  row.time += time;
  if (packet.engine == abi::Engine::kMatrix) row.matrix_cycles += packet.cycles;
  if (packet.engine == abi::Engine::kVector) row.vector_cycles += packet.cycles;
  row.work.macs += packet.work.macs;
  row.work.lane_ops += packet.work.lane_ops;
  row.work.bytes_read += packet.work.bytes_read;
  row.work.bytes_written += packet.work.bytes_written;
}

double ratio(double a, double b) { return b == 0 ? 0 : a / b; }

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t value) {
  std::string text = std::to_string(value);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

class Table {
 public:
  Table(const Perf& perf, double ghz) : perf_(perf), ghz_(ghz) {}

  std::string header(std::string_view title) const {
    return fmt::format("{:<28}{:>14}{:>7}{:>9}{:>14}{:>8}{:>8}{:>8}{:>14}{:>14}{:>9}{:>8}\n", title,
                       "time", "%", "packets", "cycles", "array%", "lanes%", "port%", "read B",
                       "written B", "B/cycle", "GB/s");
  }

  std::string row(const PerfRow& row) const {
    const PerfRates rates = perf_.rates(row);
    const auto percent = [](double share) { return fmt::format("{:.1f}", 100 * share); };
    return fmt::format(
        "{:<28}{:>14}{:>7}{:>9}{:>14}{:>8}{:>8}{:>8}{:>14}{:>14}{:>9.2f}{:>8.2f}\n", row.name,
        grouped(row.time), percent(ratio(double(row.time), double(perf_.time))), row.packets,
        grouped(row.cycles), row.matrix_cycles == 0 ? "-" : percent(rates.array_use),
        row.vector_cycles == 0 ? "-" : percent(rates.lane_use), percent(rates.port_use),
        grouped(row.work.bytes_read), grouped(row.work.bytes_written), rates.bytes_per_cycle,
        rates.bytes_per_cycle * ghz_);
  }

  std::string idle() const {
    return fmt::format("{:<28}{:>14}{:>7.1f}\n", "(no packet executes)", grouped(perf_.idle),
                       100 * ratio(double(perf_.idle), double(perf_.time)));
  }

 private:
  const Perf& perf_;
  const double ghz_;
};

}  // namespace

PerfRates Perf::rates(const PerfRow& row) const {
  const double bytes = double(row.work.bytes_read) + double(row.work.bytes_written);
  const double cycles = double(row.cycles);
  const double busier = double(std::max(row.work.bytes_read, row.work.bytes_written));
  return {
      .array_use = ratio(double(row.work.macs), double(row.matrix_cycles) * peak_macs()),
      .lane_use = ratio(double(row.work.lane_ops), double(row.vector_cycles) * config.vector_lanes),
      .port_use = ratio(busier, cycles * port_bytes()),
      .bytes_per_cycle = ratio(bytes, cycles),
      .macs_per_cycle = ratio(double(row.work.macs), cycles),
      .intensity = ratio(double(row.work.macs), bytes)};
}

Perf measure(const TimedRun& run) {
  Perf perf;
  perf.path = run.path;
  perf.backend = run.backend;
  perf.config = run.config;
  perf.untimed = run.untimed;
  perf.unfinished = run.unfinished;
  perf.total.name = "total";
  for (std::size_t i = 0; i < perf.engines.size(); ++i) perf.engines[i].name = kEngineNames[i];
  if (run.packets.empty()) return perf;
  perf.first_seq = run.packets.front().seq;
  perf.last_seq = run.packets.back().seq;
  perf.time = run.end() - run.begin();

  std::vector<const TimedPacket*> by_start;
  for (const TimedPacket& packet : run.packets) by_start.push_back(&packet);
  std::stable_sort(by_start.begin(), by_start.end(),
                   [](const auto* a, const auto* b) { return a->start < b->start; });
  Rows ops(perf.ops);
  Rows layers(perf.layers);
  std::uint64_t done = run.begin();  // Every cycle before it belongs to a packet or to nobody.
  for (const TimedPacket* packet : by_start) {
    const std::uint64_t from = std::max(done, packet->start);
    const std::uint64_t time = packet->end() > from ? packet->end() - from : 0;
    done = std::max(done, packet->end());
    const std::string& op = run.ops[packet->op];
    add(ops.of(op_row(op)), *packet, time);
    add(layers.of(std::string(run_layer_of(op))), *packet, time);
    add(perf.total, *packet, time);
    const auto engine = std::min<std::size_t>(static_cast<std::size_t>(packet->engine), 3);
    add(perf.engines[engine], *packet, packet->cycles);
  }
  perf.idle = perf.time - perf.total.time;
  std::stable_sort(perf.ops.begin(), perf.ops.end(),
                   [](const PerfRow& a, const PerfRow& b) { return a.time > b.time; });
  return perf;
}

std::string perf_text(const Perf& perf, double ghz) {
  const Table table(perf, ghz);
  std::string text = fmt::format(
      "{}, recorded on {}: packets {}-{}, {} cycles; array {} x {}, {} lanes, port {} bytes a "
      "cycle each way; GB/s at {:g} GHz\n",
      perf.path, perf.backend, perf.first_seq, perf.last_seq, grouped(perf.time),
      perf.config.array_rows, perf.config.array_cols, perf.config.vector_lanes, perf.port_bytes(),
      ghz);
  if (perf.untimed != 0) {
    text += fmt::format("{} packets ran on a device without time and are left out\n", perf.untimed);
  }
  if (perf.unfinished != 0) {
    text += fmt::format("{} packets did not complete and are left out\n", perf.unfinished);
  }
  text += '\n';
  text += table.header("op");
  for (const PerfRow& row : perf.ops) text += table.row(row);
  text += table.idle() + table.row(perf.total);
  text += '\n';
  text += table.header("layer");
  for (const PerfRow& row : perf.layers) text += table.row(row);
  text += '\n';
  text += table.header("engine");
  for (const PerfRow& row : perf.engines) {
    if (row.packets != 0) text += table.row(row);
  }
  text += fmt::format("engines overlap for {} cycles\n", grouped(perf.overlap()));
  return text;
}

}  // namespace tandem::debug
