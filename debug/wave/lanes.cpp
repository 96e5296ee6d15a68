// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "stages.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::debug::wave {
namespace {

constexpr const char* kLanes = "u_vector.u_core.u_lanes.";

unsigned clog2(unsigned value) { return static_cast<unsigned>(std::bit_width(value - 1)); }

/// What becomes of a result: npu_vector_lanes::path_t, the first field in the top bits.
struct Path {
  bool valid = false;
  bool to_vector = false;
  bool to_partial = false;
  bool to_scalar = false;
  unsigned line = 0;
  unsigned partial = 0;
  unsigned scalar = 0;
};

class PathLayout {
 public:
  explicit PathLayout(const driver::DeviceConfig& config)
      : line_bits_(clog2(abi::kVectorRegisters * config.vector_length / config.vector_lanes)),
        partial_bits_(clog2(abi::kScalarRegisters * 64 / config.vector_lanes)) {}
  unsigned width() const { return kScalarBits + partial_bits_ + line_bits_ + 4; }
  Path decode(std::uint64_t bits) const {
    const auto take = [&](unsigned width) {
      const std::uint64_t value = bits & ((std::uint64_t{1} << width) - 1);
      bits >>= width;
      return static_cast<unsigned>(value);
    };
    Path path;
    path.scalar = take(kScalarBits);
    path.partial = take(partial_bits_);
    path.line = take(line_bits_);
    path.to_scalar = take(1) != 0;
    path.to_partial = take(1) != 0;
    path.to_vector = take(1) != 0;
    path.valid = take(1) != 0;
    return path;
  }

 private:
  static constexpr unsigned kScalarBits = 3;
  unsigned line_bits_;
  unsigned partial_bits_;
};

class LaneCheck {
 public:
  LaneCheck(DeviceWaves& waves, const Reference& reference, const PacketRun& run)
      : waves_(waves),
        run_(run),
        config_(reference.config),
        packet_(abi::packet_as<abi::VectorPacket>(reference.packet.packet)),
        program_(program_of(reference)),
        layout_(reference.config),
        steps_(packet_, program_, reference.tables, *reference.before, reference.config) {}

  std::optional<StageFinding> run() {
    if (!run_.dispatch || program_.size() < packet_.ucode_words) return std::nullopt;
    std::vector<const WaveSignal*> signals{&waves_.at(std::string(kLanes) + "path4_q"),
                                           &waves_.at(std::string(kLanes) + "result_q")};
    if (signals[kPath]->width != layout_.width()) return std::nullopt;
    const unsigned lines = abi::kVectorRegisters * config_.vector_length / config_.vector_lanes;
    for (unsigned line = 0; line < lines; ++line) {
      signals.push_back(&waves_.at(register_path(line)));
    }
    waves_.for_each_cycle(
        std::move(signals),
        [&](const WaveScan& scan, std::uint64_t time) {
          if (written_) look_at_register(scan, time);
          written_ = false;
          const Path path = layout_.decode(scan.bits(kPath));
          if (!result_ && path.valid) look_at_result(scan, path, time);
          return !result_;
        },
        *run_.dispatch, run_.done.value_or(run_.end) + 2);
    if (!result_ && run_.done && steps_.next(step_)) {
      fail(*run_.done, "result_q", 0, describe_target(), "the packet ends without it",
           describe_word());
    }
    return std::move(result_);
  }

 private:
  enum : std::size_t { kPath, kResult, kRegisters };

  static std::span<const std::uint64_t> program_of(const Reference& reference) {
    const auto packet = abi::packet_as<abi::VectorPacket>(reference.packet.packet);
    const auto all = std::span(reference.program);
    const std::size_t first = std::min<std::size_t>(packet.ucode_start, all.size());
    return all.subspan(first, std::min<std::size_t>(packet.ucode_words, all.size() - first));
  }

  std::string register_path(unsigned line) const {
    return fmt::format("{}registers[{}]", kLanes, line);
  }

  void look_at_result(const WaveScan& scan, const Path& path, std::uint64_t time) {
    if (!steps_.next(step_)) {
      fail(time, "result_q", 0, "no result", describe(path),
           "a result behind the end of the program");
      return;
    }
    if (!is_same_place(path)) {
      fail(time, "path4_q", 0, describe_target(), describe(path), describe_word());
      return;
    }
    for (unsigned lane = 0; lane < step_.lanes.size(); ++lane) {
      const std::uint32_t found = scan.words(kResult)[lane];
      if (found == step_.lanes[lane]) continue;
      fail(time, "result_q", lane, fmt::format("{:08x}", step_.lanes[lane]),
           fmt::format("{:08x}", found), describe_word());
      return;
    }
    written_ = step_.to == VectorStep::To::kRegister;
    line_ = path.line;
  }

  /// A cycle after a result its register holds it.
  void look_at_register(const WaveScan& scan, std::uint64_t time) {
    for (unsigned lane = 0; lane < step_.lanes.size(); ++lane) {
      const std::uint32_t found = scan.words(kRegisters + line_)[lane];
      if (found == step_.lanes[lane]) continue;
      fail(time, fmt::format("registers[{}]", line_), lane,
           fmt::format("{:08x}", step_.lanes[lane]), fmt::format("{:08x}", found), describe_word());
      return;
    }
  }

  unsigned register_lines() const { return config_.vector_length / config_.vector_lanes; }
  unsigned partial_lines() const { return 64 / config_.vector_lanes; }

  bool is_same_place(const Path& path) const {
    switch (step_.to) {
      case VectorStep::To::kRegister:
        return path.to_vector && path.line == step_.target * register_lines() + step_.line;
      case VectorStep::To::kPartial:
        return path.to_partial && path.partial == step_.target * partial_lines() + step_.line &&
               (!step_.last_of_reduction || (path.to_scalar && path.scalar == step_.target));
      default:
        return path.to_scalar && path.scalar == step_.target;
    }
  }

  std::string describe(const Path& path) const {
    if (path.to_vector) {
      return fmt::format("v{} line {}", path.line / register_lines(), path.line % register_lines());
    }
    if (path.to_partial) {
      return fmt::format("partial sums of s{} line {}{}", path.partial / partial_lines(),
                         path.partial % partial_lines(),
                         path.to_scalar ? fmt::format(" and s{}", path.scalar) : "");
    }
    return fmt::format("s{}", path.scalar);
  }
  std::string describe_target() const {
    switch (step_.to) {
      case VectorStep::To::kRegister:
        return fmt::format("v{} line {}", step_.target, step_.line);
      case VectorStep::To::kPartial:
        return fmt::format("partial sums of s{} line {}{}", step_.target, step_.line,
                           step_.last_of_reduction ? fmt::format(" and s{}", step_.target) : "");
      default:
        return fmt::format("s{}", step_.target);
    }
  }
  std::string describe_word() const {
    if (step_.word >= program_.size()) return "";
    return fmt::format("word {}: {}", packet_.ucode_start + step_.word,
                       abi::disassemble_word(program_[step_.word]));
  }

  void fail(std::uint64_t time, const std::string& signal, unsigned lane, std::string expected,
            std::string found, const std::string& word) {
    const WaveSignal& wave = waves_.at(kLanes + signal);
    const bool value = expected.size() == 8;
    StageFinding result;
    result.finding = {
        .at = run_.moment(time),
        .stage = step_.to == VectorStep::To::kPartial  ? "partial result"
                 : step_.to == VectorStep::To::kScalar ? "scalar register"
                                                       : "vector register",
        .place = {},
        .signal =
            wave.path + (value ? fmt::format("[{}:{}]", lane * 32 + 31, lane * 32) : wave.range),
        .expected = std::move(expected),
        .found = std::move(found)};
    if (step_.to == VectorStep::To::kRegister) result.line = step_.line;
    std::string& place = result.finding.place;
    place = fmt::format("row [{}, {}]", step_.row0, step_.row1);
    if (step_.to == VectorStep::To::kRegister) {
      place +=
          fmt::format(", column {}, v{} in lane {}", step_.first_col + lane, step_.target, lane);
    } else {
      place += fmt::format(", {}", describe_target());
      if (step_.to == VectorStep::To::kPartial) place += fmt::format(" lane {}", lane);
    }
    if (!word.empty()) place += ", " + word;
    result_ = std::move(result);
  }

  DeviceWaves& waves_;
  const PacketRun& run_;
  const driver::DeviceConfig& config_;
  abi::VectorPacket packet_;
  std::span<const std::uint64_t> program_;
  PathLayout layout_;
  VectorSteps steps_;
  VectorStep step_;
  bool written_ = false;
  unsigned line_ = 0;
  std::optional<StageFinding> result_;
};

}  // namespace

std::optional<StageFinding> check_lanes(DeviceWaves& waves, const Reference& reference,
                                        const PacketRun& run) {
  return LaneCheck(waves, reference, run).run();
}

}  // namespace tandem::debug::wave
