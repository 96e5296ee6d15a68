// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "tandem/debug/bisect.hpp"

namespace tandem::debug {

std::string bisect_text(const BisectReport& report) {
  if (!report.found) return fmt::format("equal: {} packets\n", report.packets);
  std::string text = fmt::format("packet {}{}{}\n  {}\n", report.packet,
                                 report.op.empty() ? "" : " of ", report.op, report.text);
  if (report.reg) {
    text += fmt::format(
        "  {}; {}{}{}: expected {:#x}, found {:#x}\n",
        report.at_reset ? "behind the reset, before this packet" : "its result is right",
        report.reg->name, report.reg->where.empty() ? "" : " with ", report.reg->where,
        report.reg->a, report.reg->b);
  } else {
    text += fmt::format("  expected {}\n  found    {}\n", report.expected, report.result);
  }
  if (report.in_flight) text += "  right alone, wrong with others in flight\n";
  if (report.element) text += fmt::format("  first element: {}\n", to_string(*report.element));
  if (!report.case_file.empty()) {
    text += fmt::format("case {}", report.case_file.string());
    text += report.case_packets == 1
                ? ": fails alone\n"
                : fmt::format(": fails behind {} packets before it\n", report.case_packets - 1);
  } else if (!report.reg) {
    text += "no case: the packet fails in the whole run only\n";
  }
  if (report.wave) text += wave_text(*report.wave);
  if (!report.no_wave.empty()) text += fmt::format("no waves: {}\n", report.no_wave);
  return text;
}

}  // namespace tandem::debug
