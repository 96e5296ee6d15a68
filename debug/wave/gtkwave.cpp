// SPDX-License-Identifier: Apache-2.0
#include "gtkwave.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "save_file.hpp"
#include "stages.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug::wave {
namespace {

class View {
 public:
  View(SaveFile& file, const DeviceWaves& waves, const Reference& reference,
       const WaveReport& report)
      : file_(file), waves_(waves), reference_(reference), report_(report) {}

  void write() {
    heading();
    show("clk_i");
    wrong_place();
    ring();
    decode();
    const abi::OpcodeInfo* info =
        abi::find_opcode(static_cast<std::uint8_t>(reference_.packet.packet.opcode));
    const abi::Engine engine = info == nullptr ? abi::Engine::kControl : info->engine;
    if (engine == abi::Engine::kMatrix) matrix();
    if (engine == abi::Engine::kVector) vector();
    if (engine == abi::Engine::kDma) dma();
    streams(engine);
    axi();
  }

 private:
  void show(const std::string& path, const std::string& label = {},
            SaveFile::Format format = SaveFile::Format::kAuto) {
    if (const WaveSignal* signal = waves_.find(path)) file_.signal(*signal, label, format);
  }
  /// All of `names` below `unit`.
  void show_all(const std::string& unit, std::initializer_list<const char*> names) {
    for (const char* name : names) show(unit + name);
  }
  /// Whether the path (as the report has it, with bits behind) is one of a signal; shows the bits.
  void show_finding(const WaveFinding& finding, const std::string& label) {
    const std::size_t bracket = finding.signal.rfind('[');
    for (const std::size_t end : {bracket, finding.signal.size()}) {
      if (end == std::string::npos) continue;
      const WaveSignal* signal = waves_.file().find(finding.signal.substr(0, end));
      if (signal == nullptr) continue;
      unsigned msb = signal->width - 1;
      unsigned lsb = 0;
      if (end == bracket) std::sscanf(finding.signal.c_str() + end, "[%u:%u]", &msb, &lsb);
      if (msb - lsb + 1 == signal->width) {
        file_.signal(*signal, label, SaveFile::Format::kAuto);
      } else {
        file_.slice(*signal, msb, lsb, label);
      }
      return;
    }
  }

  void heading() {
    const std::string name = report_.text.substr(0, report_.text.find(' '));
    file_.comment(fmt::format("packet {}, {}", report_.packet, name));
    if (!report_.op.empty()) file_.comment("op " + report_.op);
    if (report_.element) {
      file_.comment(fmt::format("element {}{}", report_.element->operand, report_.element->index));
      file_.comment("expected " + report_.element->expected);
      file_.comment("found " + report_.element->found);
    }
  }

  void wrong_place() {
    if (report_.first_wrong_value) {
      const WaveFinding& value = *report_.first_wrong_value;
      file_.comment("first wrong value:");
      file_.comment(value.place);
      file_.comment(fmt::format("expected {}, found {}", value.expected, value.found));
      show_finding(value, value.stage + " (wrong)");
    }
    if (report_.first_wrong_write &&
        report_.first_wrong_write->signal !=
            (report_.first_wrong_value ? report_.first_wrong_value->signal : std::string())) {
      const WaveFinding& write = *report_.first_wrong_write;
      file_.comment("first wrong write:");
      file_.comment(write.place);
      file_.comment(fmt::format("expected {}, found {}", write.expected, write.found));
      show_finding(write, "written byte (wrong)");
    }
    constexpr std::size_t kShown = 6;
    if (report_.waiting.empty()) return;
    file_.comment("waits at the end:");
    for (std::size_t i = 0; i < report_.waiting.size() && i < kShown; ++i) {
      for (const std::string* path : {&report_.waiting[i].valid, &report_.waiting[i].ready}) {
        const WaveSignal* signal = waves_.file().find(*path);
        if (signal != nullptr) {
          // GTKWave shows only what stands behind the last dot.
          std::string label = path->substr(waves_.root().size());
          std::ranges::replace(label, '.', '/');
          file_.signal(*signal, label, SaveFile::Format::kAuto);
        }
      }
    }
  }

  /// The wrong value lies behind the command processor, whose signals matter less then.
  bool in_engine() const {
    return report_.first_wrong_value && report_.first_wrong_value->stage != "check" &&
           report_.first_wrong_value->stage != "completion record";
  }

  void ring() {
    const SaveFile::Group group(file_, "ring", in_engine());
    const std::string core = "u_cmd.u_core.";
    show(core + "state", "device state");
    show(core + "ring_tail", "ring tail", SaveFile::Format::kDecimal);
    show(core + "ring_head", "ring head", SaveFile::Format::kDecimal);
    show(core + "cpl_tail", "completions written", SaveFile::Format::kDecimal);
    show(core + "cpl_head", "completions read", SaveFile::Format::kDecimal);
    show(core + "fetched", "packet fetched");
    show("irq_o");
  }

  void decode() {
    const SaveFile::Group group(file_, "decode", in_engine());
    const std::string issue = "u_cmd.u_core.u_issue.";
    show("u_cmd.u_core.u_check.state_q", "check");
    show(issue + "state_q", "issue");
    if (const WaveSignal* opcode = waves_.find(issue + "opcode")) {
      file_.translated(*opcode, "opcode", "opcodes");
    }
    show(issue + "seq", "packet", SaveFile::Format::kDecimal);
    show(issue + "push_o", "dispatch");
    show(issue + "pending_i", "pending: DMA, vector, matrix", SaveFile::Format::kBinary);
    show(issue + "start_valid_o", "engine start", SaveFile::Format::kBinary);
    show("u_cmd.u_core.u_retire.done_valid_i", "engine done", SaveFile::Format::kBinary);
    constexpr unsigned kFaultBits = 64;
    if (const WaveSignal* verdict = waves_.find(issue + "verdict_q")) {
      file_.slice(*verdict, verdict->width - 1, kFaultBits, "check found", "errors");
    }
    show("u_cmd.u_core.commit_o", "completion counted");
  }

  void matrix() {
    const std::string core = "u_matrix.u_core.";
    const SaveFile::Group group(file_, "engine: matrix");
    show(core + "u_walker.state", "walker");
    show(core + "u_sequencer.state", "sequencer");
    show(core + "u_drain.state", "drain");
    show_all(core + "u_sequencer.",
             {"tile_valid_i", "tile_ready_o", "chunk_filled_i", "starved_o"});
    const std::string array = core + "u_array.";
    show_all(array, {"step_valid_i", "step_slot_i", "step_rows_i", "init_valid_i", "swap_valid_i",
                     "swap_slot_i"});
    const std::optional<MatmulElement> element = wrong_element();
    if (!element) return;
    const auto packet = abi::packet_as<abi::MatmulPacket>(reference_.packet.packet);
    const ArrayPlace place = array_place(packet, reference_.config, *element);
    const std::string row = fmt::format("{}gen_row[{}].", array, place.row);
    const unsigned columns = reference_.config.array_cols;
    show(row + "a_word", fmt::format("A word of row {}", place.row));
    if (const WaveSignal* b = waves_.find(row + "b_word")) {
      file_.slice(*b, place.column * 32 + 31, place.column * 32,
                  fmt::format("B word of column {}", place.column));
    }
    const SaveFile::Group lane(
        file_, fmt::format("accumulators of row {}, slot {}", place.row, place.slot));
    for (unsigned column = 0; column < columns; ++column) {
      show(fmt::format("{}acc[{}]", row, place.slot * columns + column),
           column == place.column ? fmt::format("column {}: {}{}", column, report_.element->operand,
                                                report_.element->index)
                                  : fmt::format("column {}", column));
    }
  }

  std::optional<MatmulElement> wrong_element() const {
    if (!report_.element) return std::nullopt;
    return element_at(abi::packet_as<abi::MatmulPacket>(reference_.packet.packet),
                      report_.element->addr);
  }

  void vector() {
    const std::string core = "u_vector.u_core.";
    const std::string lanes = core + "u_lanes.";
    const SaveFile::Group group(file_, "engine: vector");
    show(core + "state_q", "engine");
    show(core + "u_walk.state_q", "walk");
    show(core + "u_walk.row0_q", "row 0", SaveFile::Format::kDecimal);
    show(core + "u_walk.row1_q", "row 1", SaveFile::Format::kDecimal);
    show(core + "u_walk.col_q", "column", SaveFile::Format::kDecimal);
    show(core + "u_issue.state_q", "issue");
    show(lanes + "go_i", "operands read");
    show(lanes + "class_q", "class");
    if (const WaveSignal* op = waves_.find(lanes + "op_q")) {
      file_.translated(*op, "operation", "micro_ops");
    }
    const unsigned lane = wrong_bit() / 32 % reference_.config.vector_lanes;
    for (const auto& [name, label] :
         {std::pair("a_q", "operand a"), std::pair("b_q", "operand b"),
          std::pair("c_q", "operand c"), std::pair("result_q", "result")}) {
      if (const WaveSignal* signal = waves_.find(lanes + name)) {
        file_.slice(*signal, lane * 32 + 31, lane * 32, fmt::format("{}, lane {}", label, lane));
      }
    }
    registers(lanes, lane);
    const SaveFile::Group all(file_, "result by lane");
    if (const WaveSignal* result = waves_.find(lanes + "result_q")) {
      for (unsigned i = 0; i < reference_.config.vector_lanes; ++i) {
        file_.slice(*result, i * 32 + 31, i * 32, fmt::format("lane {}", i));
      }
    }
  }

  /// The failing element in every vector register.
  void registers(const std::string& lanes, unsigned lane) {
    const unsigned lines = reference_.config.vector_length / reference_.config.vector_lanes;
    unsigned line = 0;
    if (report_.first_wrong_value) {
      const std::string& signal = report_.first_wrong_value->signal;
      const std::size_t at = signal.find("registers[");
      if (at != std::string::npos) line = static_cast<unsigned>(std::stoul(signal.substr(at + 10)));
      if (report_.first_wrong_line) line = *report_.first_wrong_line;
    }
    line %= lines;
    const SaveFile::Group group(file_, fmt::format("vector registers, element {} of the chunk",
                                                   line * reference_.config.vector_lanes + lane));
    for (unsigned v = 0; v < abi::kVectorRegisters; ++v) {
      if (const WaveSignal* signal =
              waves_.find(fmt::format("{}registers[{}]", lanes, v * lines + line))) {
        file_.slice(*signal, lane * 32 + 31, lane * 32, fmt::format("v{}", v));
      }
    }
  }

  unsigned wrong_bit() const {
    if (!report_.first_wrong_value) return 0;
    const std::string& signal = report_.first_wrong_value->signal;
    const std::size_t bracket = signal.rfind('[');
    unsigned msb = 0;
    unsigned lsb = 0;
    const bool lanes = signal.find("u_lanes.") != std::string::npos;
    if (lanes && bracket != std::string::npos &&
        std::sscanf(signal.c_str() + bracket, "[%u:%u]", &msb, &lsb) == 2) {
      return msb - lsb == 31 ? lsb : 0;
    }
    return 0;
  }

  void dma() {
    const SaveFile::Group group(file_, "engine: DMA");
    show("u_dma.state_q", "engine");
    show_all("u_dma.", {"issued", "drained", "bad", "moves"});
    show_all("u_dma.u_issue.", {"index_line_valid_i", "target_push_o"});
  }

  void streams(abi::Engine engine) {
    std::string read;
    std::string write;
    if (engine == abi::Engine::kMatrix) {
      read = "u_matrix.u_core.u_loader.u_stream.";
      write = "u_matrix.u_core.u_writes.";
    } else if (engine == abi::Engine::kVector) {
      read = "u_vector.u_core.u_read.";
      write = "u_vector.u_core.u_write.";
    } else if (engine == abi::Engine::kDma) {
      read = "u_dma.u_source_stream.";
      write = "u_dma.u_write_stream.";
    } else {
      return;
    }
    const SaveFile::Group group(file_, "DMA: streams of the engine");
    for (const auto& [unit, label] : {std::pair(read, "read"), std::pair(write, "write")}) {
      const bool in = label == std::string_view("read");
      show(unit + "seg_valid_i", fmt::format("{} segment valid", label));
      show(unit + "seg_ready_o", fmt::format("{} segment ready", label));
      show(unit + "seg_addr_i", fmt::format("{} segment address", label));
      show(unit + "seg_bytes_i", fmt::format("{} segment bytes", label),
           SaveFile::Format::kDecimal);
      show(unit + (in ? "line_valid_o" : "line_valid_i"), fmt::format("{} line valid", label));
      show(unit + (in ? "line_ready_i" : "line_ready_o"), fmt::format("{} line ready", label));
      show(unit + (in ? "line_data_o" : "line_data_i"), fmt::format("{} line", label));
    }
  }

  void axi() {
    const SaveFile::Group group(file_, "AXI");
    for (const char* name : {"ar", "r", "aw", "w", "b"}) {
      const std::string channel = std::string("m_axi_") + name;
      show_all(channel, {"valid", "ready", "id", "addr", "len", "data", "strb", "last", "resp"});
    }
  }

  SaveFile& file_;
  const DeviceWaves& waves_;
  const Reference& reference_;
  const WaveReport& report_;
};

/// Cycles that the window shows before and after its place.
constexpr double kCyclesBefore = 20;
constexpr double kCyclesAfter = 40;

SaveFile::Window window_of(const PacketRun& run, const WaveReport& report) {
  constexpr double kTimePerCycle = 2;
  std::optional<std::uint64_t> place;
  if (report.first_wrong_value) {
    place = report.first_wrong_value->at.time;
  } else if (report.symptom == WaveReport::Symptom::kHang && report.last_transfer) {
    place = report.last_transfer->time;
  }
  SaveFile::Window window;
  if (place) {
    window.from = static_cast<double>(*place) - kCyclesBefore * kTimePerCycle;
    window.to = static_cast<double>(*place) + kCyclesAfter * kTimePerCycle;
    window.marker = *place;
  } else {
    window.from = static_cast<double>(run.begin);
    window.to = static_cast<double>(run.record.value_or(run.end));
    window.marker = run.dispatch.value_or(run.begin);
  }
  window.from = std::max(window.from, static_cast<double>(run.begin));
  return window;
}

}  // namespace

void write_view(const std::filesystem::path& view, const DeviceWaves& waves,
                const Reference& reference, const PacketRun& run, const WaveReport& report) {
  SaveFile file(view, report.waves.filename().string());
  file.set_window(window_of(run, report));
  const auto mark = [&](const char* name, const std::optional<WaveMoment>& moment) {
    if (moment) file.marker(moment->time, name);
  };
  mark("fetch", report.fetch);
  mark("dispatch", report.dispatch);
  // Names of markers at the same time would cover each other.
  const bool same = report.first_wrong_value && report.first_wrong_write &&
                    report.first_wrong_value->at.time == report.first_wrong_write->at.time;
  if (report.first_wrong_value) {
    mark(same ? "first wrong value and write" : "first wrong value", report.first_wrong_value->at);
  }
  if (report.first_wrong_write && !same) mark("first wrong write", report.first_wrong_write->at);
  mark("completion", report.completion);
  if (report.symptom == WaveReport::Symptom::kHang) mark("last transfer", report.last_transfer);
  View(file, waves, reference, report).write();
  file.close();
}

}  // namespace tandem::debug::wave
