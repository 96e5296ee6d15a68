// SPDX-License-Identifier: Apache-2.0
#include "registers.hpp"

#include <fmt/format.h>

#include <bit>
#include <functional>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::debug::wave {
namespace {

/// What a register holds in the next cycle by the values of this one. Signal 0 is the register,
/// signal 1 the reset (low).
using Next = std::function<std::uint64_t(const WaveScan& scan, std::uint64_t now)>;

struct Rule {
  std::string path;  ///< Of the register, below npu_top.
  unsigned lsb = 0;
  unsigned width = 1;
  std::string reset;
  std::vector<std::string> inputs;
  Next next;  ///< Empty: none.
};

constexpr std::size_t kInputs = 2;  // Position of the first one.

unsigned count_ones(std::span<const std::uint32_t> words) {
  unsigned count = 0;
  for (const std::uint32_t word : words) count += static_cast<unsigned>(std::popcount(word));
  return count;
}

Rule error_rule(const std::string& field, const std::string& source, unsigned width) {
  const std::string regs = "u_cmd.u_core.u_regs.";
  return {regs + field,
          0,
          width,
          regs + "rst_ni",
          {regs + "capture_i", regs + "error_code_q", regs + source},
          [width](const WaveScan& scan, std::uint64_t now) {
            const bool takes = scan.bit(kInputs) && scan.bits(kInputs + 1) == 0;
            return takes ? scan.bits(kInputs + 2, 0, width) : now;
          }};
}

Rule rule_of(const std::string& name) {
  constexpr unsigned kWord = 64;
  const std::string core = "u_cmd.u_core.";
  const std::string regs = core + "u_regs.";
  const std::string counters = "u_cmd.u_counters.";
  const std::string memory = "u_mem.u_counters.";
  if (name == "PACKETS") {
    return {counters + "packets_q",
            0,
            kWord,
            counters + "rst_ni",
            {counters + "commit_i"},
            [](const WaveScan& scan, std::uint64_t now) { return now + scan.bits(kInputs); }};
  }
  if (name.starts_with("WRITE")) {
    const auto writer = static_cast<unsigned>(name.back() - '0') + 1;
    return {memory + "write_bytes_o",
            writer * kWord,
            kWord,
            memory + "rst_ni",
            {memory + "clear_i", memory + "w_valid_i", memory + "w_strb_i"},
            [writer](const WaveScan& scan, std::uint64_t now) {
              if (scan.bit(kInputs)) return std::uint64_t{0};
              const bool counts = scan.bits(kInputs + 1, writer, 1) != 0;
              return counts ? now + count_ones(scan.words(kInputs + 2)) : now;
            }};
  }
  if (name.starts_with("IRQ_STATUS")) {
    return {regs + "irq_status_q",
            0,
            3,
            regs + "rst_ni",
            {regs + "clear_irq", regs + "write_data_i", regs + "irq_set_i"},
            [](const WaveScan& scan, std::uint64_t now) {
              if (scan.bit(kInputs)) now &= ~scan.bits(kInputs + 1, 0, 3);
              return now | scan.bits(kInputs + 2);
            }};
  }
  if (name == "irq") {
    return {regs + "irq_o",
            0,
            1,
            regs + "rst_ni",
            {regs + "irq_status_q", regs + "irq_mask_q"},
            [](const WaveScan& scan, std::uint64_t) {
              return std::uint64_t{(scan.bits(kInputs) & scan.bits(kInputs + 1)) != 0};
            }};
  }
  if (name == "STATUS") {
    const std::string retire = core + "u_retire.";
    return {retire + "pending_o",
            0,
            3,
            retire + "rst_ni",
            {retire + "stored", retire + "start_i"},
            [](const WaveScan& scan, std::uint64_t now) {
              return (now & ~scan.bits(kInputs)) | scan.bits(kInputs + 1);
            }};
  }
  if (name == "ERROR_CODE") return error_rule("error_code_q", "capture_error_i", 16);
  if (name == "ERROR_SEQ") return error_rule("error_seq_q", "capture_seq_i", kWord);
  if (name == "ERROR_ADDR") return error_rule("error_addr_q", "capture_addr_i", kWord);
  if (name == "RING_HEAD") return {regs + "ring_head_i", 0, 32, regs + "rst_ni", {}, {}};
  return {regs + "cpl_tail_i", 0, 32, regs + "rst_ni", {}, {}};
}

StageFinding finding(const PacketRun& run, std::uint64_t time, const WaveSignal& signal,
                     const Rule& rule, const std::string& place, const std::string& expected,
                     std::uint64_t found) {
  const std::string bits = signal.width == rule.width
                               ? signal.range
                               : fmt::format("[{}:{}]", rule.lsb + rule.width - 1, rule.lsb);
  return {{.at = run.moment(time),
           .stage = rule.reset.empty() ? "ring" : "register",
           .place = place,
           .signal = signal.path + bits,
           .expected = expected,
           .found = fmt::format("{:x}", found)},
          std::nullopt,
          std::nullopt};
}

}  // namespace

std::optional<StageFinding> check_register(DeviceWaves& waves, const std::string& name,
                                           const PacketRun& run) {
  const Rule rule = rule_of(name);
  const WaveSignal* target = waves.find(rule.path);
  const WaveSignal* reset = waves.find(rule.reset);
  if (target == nullptr || reset == nullptr) return std::nullopt;
  std::vector<const WaveSignal*> signals{target, reset};
  bool complete = static_cast<bool>(rule.next);
  for (const std::string& input : rule.inputs) {
    const WaveSignal* signal = waves.find(input);
    complete = complete && signal != nullptr;
    if (signal != nullptr) signals.push_back(signal);
  }
  std::optional<StageFinding> broken, changed;
  std::optional<std::uint64_t> expected, before;
  waves.for_each_cycle(signals, [&](const WaveScan& scan, std::uint64_t time) {
    const std::uint64_t now = scan.bits(0, rule.lsb, rule.width);
    if (before && *before != now) {
      changed = finding(run, time, *target, rule, name + ", its last change", "another value", now);
    }
    before = now;
    if (!complete) return true;
    if (expected && *expected != now) {
      broken = finding(run, time, *target, rule, name, fmt::format("{:x}", *expected), now);
      return false;
    }
    const std::uint64_t next = scan.bit(1) ? rule.next(scan, now) : 0;
    constexpr unsigned kWord = 64;
    expected = rule.width >= kWord ? next : next & ((std::uint64_t{1} << rule.width) - 1);
    return true;
  });
  return broken ? broken : changed;
}

std::optional<StageFinding> check_fetches(DeviceWaves& waves, const PacketRun& run) {
  const std::string fetch = "u_cmd.u_core.u_fetch.";
  const WaveSignal& addr = waves.at(fetch + "ar_addr_o");
  enum : std::size_t { kAddr, kValid, kReady, kNext, kBase, kMask, kPoll };
  Rule rule;
  rule.width = addr.width;
  std::optional<StageFinding> result;
  std::optional<std::uint64_t> next;
  waves.for_each_cycle({&addr, &waves.at(fetch + "ar_valid_o"), &waves.at(fetch + "ar_ready_i"),
                        &waves.at(fetch + "next_q"), &waves.at(fetch + "ring_base_i"),
                        &waves.at(fetch + "ring_mask_i"), &waves.at(fetch + "poll_open_q")},
                       [&](const WaveScan& scan, std::uint64_t time) {
                         const std::uint64_t slot = next.value_or(0) & scan.bits(kMask);
                         const std::uint64_t right = scan.bits(kBase) + slot * sizeof(abi::Packet);
                         // The address comes with the cycle behind the one that counts.
                         const bool asks = next && scan.bits(kNext) == *next + 1 &&
                                           scan.bit(kValid) && !scan.bit(kPoll);
                         next = scan.bits(kNext);
                         if (!asks || scan.bits(kAddr) == right) return true;
                         result = finding(run, time, addr, rule,
                                          fmt::format("fetch of packet {}", *next),
                                          fmt::format("{:x}", right), scan.bits(kAddr));
                         return false;
                       });
  return result;
}

std::optional<StageFinding> check_records(DeviceWaves& waves, const PacketRun& run) {
  const std::string retire = "u_cmd.u_core.u_retire.";
  const WaveSignal& addr = waves.at(retire + "record_addr_o");
  enum : std::size_t { kAddr, kValid, kCount, kBase, kMask };
  Rule rule;
  rule.width = addr.width;
  std::optional<StageFinding> result;
  waves.for_each_cycle(
      {&addr, &waves.at(retire + "record_valid_o"), &waves.at(retire + "record_count_q"),
       &waves.at(retire + "ring_base_i"), &waves.at(retire + "ring_mask_i")},
      [&](const WaveScan& scan, std::uint64_t time) {
        const std::uint64_t slot = scan.bits(kCount) & scan.bits(kMask);
        const std::uint64_t right = scan.bits(kBase) + slot * sizeof(abi::Completion);
        if (!scan.bit(kValid) || scan.bits(kAddr) == right) return true;
        result = finding(run, time, addr, rule,
                         fmt::format("address of completion record {}", scan.bits(kCount)),
                         fmt::format("{:x}", right), scan.bits(kAddr));
        return false;
      });
  return result;
}

}  // namespace tandem::debug::wave
