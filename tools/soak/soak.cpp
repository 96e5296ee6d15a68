// SPDX-License-Identifier: Apache-2.0
#include "soak/soak.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "soak/device.hpp"
#include "soak/sequence.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::soak {
namespace {

using Clock = std::chrono::steady_clock;

std::string with_seed(std::string uri, std::uint64_t seed) {
  constexpr std::string_view kPlace = "{seed}";
  for (std::size_t at = uri.find(kPlace); at != std::string::npos; at = uri.find(kPlace, at)) {
    uri.replace(at, kPlace.size(), std::to_string(seed));
  }
  return uri;
}

std::string stalls_of(const std::string& uri) {
  if (uri.find("stalls") != std::string::npos) return "random stalls";
  return uri.find("memory=realistic") != std::string::npos ? "realistic" : "none";
}

std::string record_text(const abi::Completion& record) {
  return fmt::format("seq {} opcode {:#x} engine {} error {} fault_addr {:#x} checksum {:#018x}",
                     record.seq, record.opcode, static_cast<int>(record.engine),
                     abi::to_string(record.error), record.fault_addr, record.checksum);
}

bool same(const abi::Completion& a, const abi::Completion& b) {
  return a.seq == b.seq && a.opcode == b.opcode && a.engine == b.engine && a.error == b.error &&
         a.fault_addr == b.fault_addr && a.checksum == b.checksum;
}

/// The two devices, for a chapter.
class Pair {
 public:
  Pair(const SoakOptions& options, std::uint64_t chapter)
      : config_(soak_config(options.hardware)),
        a_(with_seed(options.a, seed_of(options, chapter)), config_),
        b_(with_seed(options.b, seed_of(options, chapter)), config_) {}

  /// What differs, if anything does. Counts in `coverage` and `packets`.
  std::optional<std::string> run(const SoakOptions& options, std::uint64_t index,
                                 SoakResult& result) {
    const Sequence sequence = make_sequence(options.seed, index, config_);
    const Outcome a = a_.run(sequence, options.seed + index);
    const Outcome b = b_.run(sequence, options.seed + index);
    const std::string stalls = stalls_of(options.b);
    for (std::size_t i = 0; i < sequence.steps.size(); ++i) {
      const abi::Packet& packet = sequence.steps[i].packet;
      if (!same(a.completions[i], b.completions[i])) {
        return fmt::format("completions differ: {}: {}; {}: {}; packet: {}{}", a_.name(),
                           record_text(a.completions[i]), b_.name(), record_text(b.completions[i]),
                           abi::disassemble(packet), memory_text(sequence.steps[i]));
      }
      result.coverage.add(packet, a.completions[i], stalls);
      ++result.state.packets;
    }
    if (a.error_code != b.error_code || a.error_seq != b.error_seq ||
        a.error_addr != b.error_addr) {
      return fmt::format(
          "captured errors differ: {}: code {} seq {} addr {:#x}; {}: code {} seq "
          "{} addr {:#x}",
          a_.name(), a.error_code, a.error_seq, a.error_addr, b_.name(), b.error_code, b.error_seq,
          b.error_addr);
    }
    for (std::size_t i = 0; i < sequence.steps.size(); ++i) {
      // A bad index leaves what is written before it open.
      if (a.completions[i].error == abi::Fault::kBadIndex) continue;
      if (const std::string text = memory_text(sequence.steps[i]); !text.empty()) {
        return fmt::format("equal checksums, but{}; packet: {}", text,
                           abi::disassemble(sequence.steps[i].packet));
      }
    }
    return std::nullopt;
  }

 private:
  static std::uint64_t seed_of(const SoakOptions& options, std::uint64_t chapter) {
    return 1 + (options.seed * 0x9e37'79b9'7f4a'7c15 + chapter) % 1'000'000'007;
  }

  /// The first byte that differs in or around what a packet writes; empty if none does.
  std::string memory_text(const Step& step) {
    for (const abi::Operand& operand : step.written) {
      const std::uint64_t begin = operand.base - kGuardBytes;
      std::vector<std::byte> a(operand.hull_end() + kGuardBytes - begin);
      std::vector<std::byte> b(a.size());
      a_.read(begin, a);
      b_.read(begin, b);
      const auto [at_a, at_b] = std::ranges::mismatch(a, b);
      if (at_a == a.end()) continue;
      const std::uint64_t addr = begin + static_cast<std::uint64_t>(at_a - a.begin());
      return fmt::format(" {} differs first at {:#x}, byte {} from its start: {:#04x} and {:#04x}",
                         operand.name, addr, static_cast<std::int64_t>(addr - operand.base),
                         std::to_integer<unsigned>(*at_a), std::to_integer<unsigned>(*at_b));
    }
    return {};
  }

  driver::DeviceConfig config_;
  SoakDevice a_;
  SoakDevice b_;
};

/// Runs one sequence; a device that fails is a difference too.
std::optional<std::string> try_sequence(Pair& pair, const SoakOptions& options, std::uint64_t index,
                                        SoakResult& result) {
  try {
    return pair.run(options, index, result);
  } catch (const Error& error) {
    return std::string(error.what());
  }
}

/// The shortest run of sequences, ending with `index`, that fails again on fresh devices.
SoakFailure shorten(const SoakOptions& options, std::uint64_t index, std::string text) {
  const std::uint64_t chapter = index / kChapter;
  SoakFailure failure{std::move(text), std::max(options.first, chapter * kChapter), 0};
  failure.sequences = index - failure.first + 1;
  try {
    SoakResult ignored;
    Pair pair(options, chapter);
    if (try_sequence(pair, options, index, ignored)) {
      failure.first = index;
      failure.sequences = 1;
    }
  } catch (const Error&) {
    // The devices cannot be opened again: the long run is what is known.
  }
  return failure;
}

}  // namespace

SoakResult run_soak(const SoakOptions& options,
                    const std::function<void(const SoakState&)>& progress) {
  SoakResult result;
  const auto start = Clock::now();
  std::unique_ptr<Pair> pair;
  for (std::uint64_t index = options.first;; ++index) {
    const auto elapsed = Clock::now() - start;
    result.state.seconds = std::chrono::duration<double>(elapsed).count();
    if (progress) progress(result.state);
    if (result.state.sequences >= options.sequences || result.state.packets >= options.packets ||
        elapsed >= options.time) {
      return result;
    }
    if (pair == nullptr || index % kChapter == 0) {
      pair.reset();
      pair = std::make_unique<Pair>(options, index / kChapter);
    }
    if (auto text = try_sequence(*pair, options, index, result)) {
      pair.reset();
      result.failure = shorten(options, index, std::move(*text));
      return result;
    }
    ++result.state.sequences;
  }
}

}  // namespace tandem::soak
