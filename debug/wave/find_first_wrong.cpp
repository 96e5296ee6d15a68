// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "gtkwave.hpp"
#include "packet_run.hpp"
#include "play_packet.hpp"
#include "reference.hpp"
#include "registers.hpp"
#include "signals.hpp"
#include "stages.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/elements.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/touch.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/wave.hpp"

namespace tandem::debug {
namespace {

using namespace wave;
namespace fs = std::filesystem;

/// Elements whose accumulators are looked at.
constexpr std::size_t kMaxElements = 256;
/// Packets before, for one that is right alone.
constexpr std::uint64_t kContext = 64;
/// The first difference of the packet's results, in time.
const WrongByte* first_wrong_data(const PacketRun& run) {
  for (const WrongByte& wrong : run.wrong) {
    if (!wrong.record) return &wrong;
  }
  return nullptr;
}

WaveFinding describe_write(const DeviceWaves& waves, const Reference& reference,
                           const PacketRun& run, const WrongByte& wrong) {
  using Verdict = ExpectedWrites::Verdict;
  const WaveSignal& data = waves.at("m_axi_wdata");
  WaveFinding finding{
      .at = run.moment(wrong.time),
      .stage = "write beat",
      .place = fmt::format("byte at {:#x}", wrong.addr),
      .signal = fmt::format("{}[{}:{}]", data.path, wrong.lane * 8 + 7, wrong.lane * 8),
      .expected = fmt::format("{:02x}", wrong.expected),
      .found = fmt::format("{:02x}", wrong.found)};
  if (wrong.record) {
    const std::uint64_t at = wrong.addr % sizeof(abi::Completion);
    finding.stage = "completion record";
    for (const abi::FieldInfo& field : abi::completion_fields()) {
      if (at >= field.at && at < field.at + field.width / 8U) {
        finding.place = fmt::format("field {} of the record", field.name);
      }
    }
  } else if (wrong.unwritten) {
    finding.place += ", never written";
  } else if (wrong.verdict == Verdict::kStray) {
    finding.place += reference.completion.error != abi::Fault::kNone
                         ? ", which the packet must not write: it ends with an error"
                         : ", which is no destination of the packet";
    finding.expected = "no write";
  } else if (wrong.verdict == Verdict::kAgain) {
    finding.place += ", written again";
    finding.expected = "one write";
  }
  return finding;
}

/// Bytes outside of memory are 0.
void read_bytes(const driver::SparseRam& ram, std::uint64_t addr, std::span<std::byte> dst) {
  if (ram.pointer(addr, dst.size()) != nullptr) {
    ram.read(addr, dst);
    return;
  }
  for (std::size_t i = 0; i < dst.size(); ++i) {
    const std::byte* host = ram.pointer(addr + i, 1);
    dst[i] = host == nullptr ? std::byte{} : *host;
  }
}

/// The element of a written operand that holds the byte.
std::optional<WaveElement> describe_element(const Reference& reference,
                                            const driver::SparseRam& found, std::uint64_t addr) {
  const abi::Packet& packet = reference.packet.packet;
  const auto read_expected = [&](std::uint64_t at, std::span<std::byte> dst) {
    read_bytes(*reference.before, at, dst);
    for (std::size_t i = 0; i < dst.size(); ++i) {
      std::uint8_t byte = 0;
      if (reference.writes.expected_at(at + i, byte)) dst[i] = std::byte{byte};
    }
  };
  const auto read_found = [&](std::uint64_t at, std::span<std::byte> dst) {
    read_bytes(found, at, dst);
  };
  for (const abi::Operand& operand : abi::written_operands(packet)) {
    if (addr < operand.base || addr >= operand.hull_end()) continue;
    const std::uint64_t size = abi::element_bytes(packet, operand);
    const abi::Dtype type = abi::element_type(packet, operand);
    std::optional<WaveElement> element;
    abi::for_each_element(
        packet, operand, read_expected, read_found, [&](const abi::ElementPair& pair) {
          if (element || addr < pair.addr || addr >= pair.addr + size) return;
          element = WaveElement{.operand = std::string(operand.name),
                                .index = abi::index_text(packet, operand, pair.number),
                                .addr = pair.addr,
                                .expected = abi::value_text(type, pair.a),
                                .found = abi::value_text(type, pair.b)};
        });
    if (element) return element;
  }
  return std::nullopt;
}

std::vector<MatmulElement> wrong_elements(const abi::MatmulPacket& packet, const PacketRun& run) {
  std::vector<MatmulElement> elements;
  std::set<std::uint64_t> seen;
  const std::uint64_t bytes = abi::dtype_bits(packet.c_type) / 8;
  for (const WrongByte& wrong : run.wrong) {
    if (wrong.record || elements.size() >= kMaxElements) continue;
    const std::optional<MatmulElement> element = element_at(packet, wrong.addr);
    if (element && seen.insert(wrong.addr / bytes).second) elements.push_back(*element);
  }
  return elements;
}

/// Elements from all over C.
std::vector<MatmulElement> spread_elements(const abi::MatmulPacket& p) {
  std::vector<MatmulElement> elements;
  const std::uint64_t all = std::uint64_t{p.batch0} * p.batch1 * p.m * p.n;
  const std::uint64_t step = std::max<std::uint64_t>(1, all / kMaxElements);
  for (std::uint64_t i = 0; i < all; i += step) {
    const std::uint64_t batch = i / (std::uint64_t{p.m} * p.n);
    elements.push_back({batch / p.batch1, batch % p.batch1, i / p.n % p.m, i % p.n});
  }
  return elements;
}

/// The first wrong value of any stage; nothing where only the memory port shows it.
std::optional<StageFinding> first_wrong_stage(DeviceWaves& waves, const Reference& reference,
                                              const PacketRun& run, bool every_stage) {
  const abi::Packet& packet = reference.packet.packet;
  std::optional<StageFinding> first;
  const auto take = [&](std::optional<StageFinding> found) {
    if (found && (!first || found->finding.at.time < first->finding.at.time)) {
      first = std::move(found);
    }
  };
  take(check_fetches(waves, run));
  take(check_records(waves, run));
  take(check_verdict(waves, reference, run));
  take(check_wait(waves, reference, run));
  take(check_result(waves, reference, run));
  if (packet.opcode == abi::Opcode::kMatmul) {
    const auto matmul = abi::packet_as<abi::MatmulPacket>(packet);
    const bool some = every_stage && reference.completion.error == abi::Fault::kNone;
    take(check_accumulators(waves, reference, run,
                            some ? spread_elements(matmul) : wrong_elements(matmul, run)));
  }
  if (packet.opcode == abi::Opcode::kVector && reference.completion.error == abi::Fault::kNone) {
    take(check_lanes(waves, reference, run));
  }
  const bool engine = writer_of(packet.opcode) != 0;
  if (engine && first_wrong_data(run) == nullptr &&
      reference.completion.error == abi::Fault::kNone) {
    take(check_checksum(waves, reference, run));
  }
  return first;
}

void fill_moments(WaveReport& report, const PacketRun& run) {
  const auto moment = [&](const std::optional<std::uint64_t>& time) {
    return time ? std::optional(run.moment(*time)) : std::nullopt;
  };
  report.fetch = moment(run.fetch);
  report.dispatch = moment(run.dispatch);
  report.completion = moment(run.record);
  report.last_transfer = moment(run.last_transfer);
}

void fill_hang(WaveReport& report, DeviceWaves& waves, const PacketRun& run) {
  report.waiting = waiting_handshakes(waves, run);
  report.states = changed_states(waves);
  const auto add = [&](const char* kind, const std::map<unsigned, unsigned>& open) {
    for (const auto& [id, bursts] : open) {
      if (bursts == 0) continue;
      report.in_flight.push_back(
          fmt::format("{} id {}: {} burst{} unanswered", kind, id, bursts, bursts == 1 ? "" : "s"));
    }
  };
  add("read", run.reads_open);
  add("write", run.writes_open);
}

/// The simulation ended itself: kInternal, as its first words say.
bool broke_a_rule(const std::string& failure) {
  return failure.starts_with(to_string(ErrorCode::kInternal));
}

/// Where the simulation ended because of a broken rule.
StageFinding describe_violation(const DeviceWaves& waves, const PacketRun& run,
                                const std::string& failure) {
  const char* signal = "m_axi_wlast";
  if (failure.find(": AR ") != std::string::npos) signal = "m_axi_araddr";
  if (failure.find(": AW ") != std::string::npos) signal = "m_axi_awaddr";
  const WaveSignal& wave = waves.at(signal);
  return {{.at = run.moment(run.end & ~std::uint64_t{1}),
           .stage = "memory port",
           .place = failure.substr(failure.find(": ") + 2),
           .signal = wave.path + wave.range,
           .expected = "no violation",
           .found = "a violation"},
          std::nullopt,
          std::nullopt};
}

WaveReport::Symptom symptom_of(const Reference& reference, const Played& played,
                               const PacketRun& run) {
  // Its record is missing or another one, though it counts as completed.
  const bool broken = played.outcome.failure.starts_with(to_string(ErrorCode::kDeviceFault));
  if (played.lost_record || broken) return WaveReport::Symptom::kCompletion;
  if (!played.outcome.completion) {
    return broke_a_rule(played.outcome.failure) ? WaveReport::Symptom::kProtocol
                                                : WaveReport::Symptom::kHang;
  }
  if (reference.completion.error != played.outcome.completion->error) {
    return WaveReport::Symptom::kCompletion;
  }
  if (first_wrong_data(run) != nullptr) return WaveReport::Symptom::kData;
  if (!run.wrong.empty() || !same_result(reference.completion, *played.outcome.completion)) {
    return WaveReport::Symptom::kCompletion;
  }
  return WaveReport::Symptom::kNone;
}

WaveReport look(const fs::path& trace, const std::string& backend, const fs::path& dir,
                const WaveOptions& options) {
  Reference reference = make_reference(trace.string(), options.packet);
  fs::create_directories(dir);
  WaveReport report;
  report.packet = reference.packet.number;
  report.op = reference.packet.op;
  report.text = abi::disassemble(reference.packet.packet);
  report.waves = dir / "waves.fst";
  report.view = dir / "view.gtkw";
  const std::string uri = traced_uri(backend, reference, report.waves, options);
  const Played played = options.ring     ? play_ring(uri, trace.string(), reference, *options.ring)
                        : reference.item ? play_case(uri, *reference.item)
                        : options.context == 0 ? play_alone(uri, reference)
                                               : play_behind(uri, trace.string(), reference,
                                                             options.context, options.together);
  report.backend = played.backend;
  reference.packet.number = played.seq;
  report.wave_bytes = fs::file_size(report.waves);

  DeviceWaves waves(report.waves);
  const PacketRun run = follow_packet(waves, reference);
  report.symptom = played.reg ? WaveReport::Symptom::kRegister : symptom_of(reference, played, run);
  report.expected = describe(reference.packet.packet, {reference.completion, {}});
  report.found = describe(reference.packet.packet, played.outcome);
  report.wrong_bytes = run.num_wrong;
  fill_moments(report, run);
  if (!played.outcome.completion) fill_hang(report, waves, run);
  if (played.reg) {
    const std::optional<StageFinding> value = check_register(waves, options.ring->reg, run);
    if (value) report.first_wrong_value = value->finding;
    write_view(report.view, waves, reference, run, report);
    return report;
  }
  if (!run.wrong.empty()) {
    report.first_wrong_write = describe_write(waves, reference, run, run.wrong.front());
  }
  if (report.symptom != WaveReport::Symptom::kNone || options.every_stage) {
    std::optional<StageFinding> stage =
        first_wrong_stage(waves, reference, run, options.every_stage);
    if (report.symptom == WaveReport::Symptom::kProtocol && !stage && !report.first_wrong_write) {
      stage = describe_violation(waves, run, played.outcome.failure);
    }
    const WrongByte* wrong = first_wrong_data(run);
    std::optional<std::uint64_t> addr;
    if (wrong != nullptr) addr = wrong->addr;
    const bool in_time = stage && (!report.first_wrong_write ||
                                   stage->finding.at.time <= report.first_wrong_write->at.time);
    if (in_time) {
      report.first_wrong_value = stage->finding;
      report.first_wrong_line = stage->line;
      if (stage->addr) addr = stage->addr;
    } else {
      report.first_wrong_value = report.first_wrong_write;
    }
    if (addr) report.element = describe_element(reference, *played.ram, *addr);
  }
  write_view(report.view, waves, reference, run, report);
  return report;
}

}  // namespace

WaveReport find_first_wrong(const fs::path& trace, const std::string& backend, const fs::path& dir,
                            const WaveOptions& options) {
  WaveReport report = look(trace, backend, dir, options);
  const bool is_alone = !options.ring && options.context == 0 &&
                        !is_case(runtime::TraceReader(trace.string()).info());
  if (report.symptom != WaveReport::Symptom::kNone || !is_alone || options.every_stage) {
    return report;
  }
  // Some go wrong only behind others, and some of those only while others still execute.
  const fs::path attempt = dir / "behind";
  for (const bool together : {false, true}) {
    WaveOptions behind = options;
    behind.context = kContext;
    behind.together = together;
    const WaveReport found = look(trace, backend, attempt, behind);
    if (found.symptom == WaveReport::Symptom::kNone) continue;
    const fs::path waves = std::exchange(report, found).waves;
    fs::rename(report.waves, waves);
    fs::rename(report.view, dir / report.view.filename());
    report.waves = waves;
    report.view = dir / report.view.filename();
    break;
  }
  fs::remove_all(attempt);
  return report;
}

}  // namespace tandem::debug
