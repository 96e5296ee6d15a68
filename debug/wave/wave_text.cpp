// SPDX-License-Identifier: Apache-2.0
// The report for a terminal.
#include <fmt/format.h>

#include "tandem/debug/wave.hpp"

namespace tandem::debug {
namespace {

constexpr std::size_t kShownWaits = 8;

const char* describe(WaveReport::Symptom symptom) {
  switch (symptom) {
    case WaveReport::Symptom::kNone:
      return "nothing is wrong";
    case WaveReport::Symptom::kData:
      return "wrong bytes";
    case WaveReport::Symptom::kCompletion:
      return "wrong completion";
    case WaveReport::Symptom::kHang:
      return "hangs";
    case WaveReport::Symptom::kProtocol:
      return "breaks a rule of the memory port or an assertion";
    case WaveReport::Symptom::kRegister:
      return "a register is wrong";
  }
  return "";
}

std::string line(const char* name, const std::string& text) {
  return fmt::format("  {:<18}{}\n", name, text);
}
std::string line(const char* name, const std::optional<WaveMoment>& moment) {
  return moment ? line(name, fmt::format("cycle {} (time {})", moment->cycle, moment->time)) : "";
}
std::string line(const char* name, const WaveFinding& finding) {
  std::string text = line(name, finding.at);
  text += line("", fmt::format("{}, {}", finding.stage, finding.place));
  text += line("", fmt::format("expected {}, found {}", finding.expected, finding.found));
  text += line("", finding.signal);
  return text;
}

}  // namespace

std::string wave_text(const WaveReport& report) {
  std::string text =
      fmt::format("packet {} on {}: {}\n", report.packet, report.backend, describe(report.symptom));
  if (!report.op.empty()) text += line("op", report.op);
  text += line("packet", report.text);
  if (report.symptom != WaveReport::Symptom::kNone) {
    text += line("expected", report.expected);
    text += line("found", report.found);
  }
  if (report.element) {
    text +=
        line("element", fmt::format("{}{} at {:#x}: expected {}, found {}", report.element->operand,
                                    report.element->index, report.element->addr,
                                    report.element->expected, report.element->found));
  }
  if (report.wrong_bytes > 0) text += line("wrong bytes", std::to_string(report.wrong_bytes));
  text += line("fetch", report.fetch);
  text += line("dispatch", report.dispatch);
  if (report.first_wrong_value) text += line("first wrong value", *report.first_wrong_value);
  if (report.first_wrong_write) text += line("first wrong write", *report.first_wrong_write);
  text += line("completion", report.completion);
  if (report.symptom == WaveReport::Symptom::kHang ||
      report.symptom == WaveReport::Symptom::kProtocol) {
    text += line("last transfer", report.last_transfer);
    for (std::size_t i = 0; i < report.waiting.size() && i < kShownWaits; ++i) {
      text += line(i == 0 ? "waits" : "", fmt::format("{} since cycle {}", report.waiting[i].valid,
                                                      report.waiting[i].since.cycle));
    }
    for (std::size_t i = 0; i < report.states.size(); ++i) {
      text += line(i == 0 ? "in state" : "", report.states[i]);
    }
    for (const std::string& bursts : report.in_flight) text += line("in flight", bursts);
  }
  text += line("waves", fmt::format("{} ({} bytes)", report.waves.string(), report.wave_bytes));
  return text;
}

}  // namespace tandem::debug
