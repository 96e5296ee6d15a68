// SPDX-License-Identifier: Apache-2.0
// A comparison on the terminal.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tandem/debug/diff.hpp"

namespace tandem::debug {
namespace {

std::string short_number(double value) {
  if (std::isinf(value)) return "inf";
  return value == 0 ? "0" : fmt::format("{:.2e}", value);
}

/// "3/12 1.2e-05": differing packets of all, and how far they are off.
std::string pass_cell(const PassFigures& pass) {
  if (pass.differing == 0) return "-";
  return fmt::format(
      "{} {}", pass.differing,
      pass.failed == pass.differing ? "failed" : short_number(pass.total.figures().rel_rms));
}

std::string first_cell(const DiffReport& report, const DiffGroup& group) {
  const auto& first = group.isolated.first ? group.isolated.first : group.accumulated.first;
  return first ? fmt::format("{} {} {}", report.unit, first->number, first->opcode) : "";
}

void add_table(std::string& text, const DiffReport& report, const std::vector<DiffGroup>& groups) {
  const bool isolated = report.ran_isolated;
  std::size_t width = 5;
  for (const DiffGroup& group : groups) width = std::max(width, group.name.size());
  text += fmt::format("{:<{}} {:>8}  {:<20} {:<20} {:<28} {}\n", "layer", width, report.unit + "s",
                      "accumulated", isolated ? "isolated" : "", "class", "first");
  for (const DiffGroup& group : groups) {
    text += fmt::format("{:<{}} {:>8}  {:<20} {:<20} {:<28} {}\n", group.name, width, group.packets,
                        pass_cell(group.accumulated), isolated ? pass_cell(group.isolated) : "",
                        to_string(group.kind), first_cell(report, group));
  }
}

void add_packet(std::string& text, const DiffReport& report, std::string_view title,
                const DifferingPacket& packet) {
  text += fmt::format("{}: {} {}{}{}\n  {}\n", title, report.unit, packet.number,
                      packet.op.empty() ? "" : " of ", packet.op, packet.text);
  text += fmt::format("  a: {}\n  b: {}\n", packet.a, packet.b);
  const PacketDifference& difference = packet.difference;
  if (const auto& first = difference.first) {
    text += fmt::format("  {} of {} elements differ, first {}{}{}\n", difference.differing,
                        difference.elements, to_string(*first),
                        packet.tensor.empty() ? "" : ", tensor ", packet.tensor);
    if (difference.worst && difference.worst->addr != first->addr) {
      text += fmt::format("  largest {}\n", to_string(*difference.worst));
    }
    const ErrorFigures figures = difference.figures();
    text += fmt::format("  relative rms {} (worst row {}), cosine {:.6f}{}\n",
                        short_number(figures.rel_rms), short_number(figures.row_rel_rms),
                        figures.cosine, packet.outside ? "" : ", within bounds");
    if (packet.bound) {
      text +=
          fmt::format("  of what the op may differ by: worst element {:.3g}, worst row {:.3g}\n",
                      packet.bound->element, packet.bound->row);
    }
  } else if (!packet.failed && difference.elements != 0) {
    text +=
        "  the bytes of its operands are equal: a checksum is wrong, or a byte outside them was "
        "written\n";
  }
}

void add_summary(std::string& text, const DiffReport& report) {
  const PassFigures& pass = report.all.accumulated;
  text += fmt::format(
      "compared: {} {}s, {} equal, {} differ ({} of them failed); {} bytes by checksum, {} one "
      "by one\n",
      pass.compared + pass.failed, report.unit, pass.compared + pass.failed - pass.differing,
      pass.differing, pass.failed, report.checksum_bytes, report.compared_bytes);
  const std::uint64_t open = report.all.never_completed - report.abandoned;
  if (report.unit == "packet") {
    text += fmt::format(
        "not compared: {} packets abandoned behind an error{}; memory that no packet wrote, time, "
        "order, registers\n",
        report.abandoned,
        open == 0 ? "" : fmt::format(", {} without a completion in the trace", open));
  }
  for (const std::string& note : report.notes) text += note + "\n";
  for (const DiffGroup& op : report.ops) {
    if (op.never_completed == 0) continue;
    text += fmt::format("  {}: {} of {} packets never completed\n", op.name, op.never_completed,
                        op.packets);
  }
  if (report.a_not_as_recorded) {
    text += fmt::format("note: packet {} gives another result on {} than in the trace\n",
                        *report.a_not_as_recorded, report.a);
  }
  if (!report.stopped.empty()) text += fmt::format("stopped: {}\n", report.stopped);
}

}  // namespace

std::string diff_text(const DiffReport& report) {
  std::string text;
  const PassFigures& accumulated = report.all.accumulated;
  const PassFigures& isolated = report.all.isolated;
  if (accumulated.differing + isolated.differing != 0) {
    add_table(text, report, report.layers);
    text += "\n";
    if (isolated.first)
      add_packet(text, report,
                 report.unit == "op" ? "first with the record's inputs" : "first with a's inputs",
                 *isolated.first);
    const bool same =
        isolated.first && accumulated.first && isolated.first->number == accumulated.first->number;
    if (accumulated.first && !same) {
      add_packet(text, report, "first on its own data", *accumulated.first);
    }
    text += "\n";
  }
  if (report.in_flight) {
    add_packet(text, report, "right one by one, wrong with other packets in flight",
               *report.in_flight);
    text += "\n";
  }
  add_summary(text, report);
  const char* verdict = !report.comparable()         ? "nothing was compared"
                        : !report.equal()            ? "different"
                        : accumulated.differing != 0 ? "equal within bounds"
                                                     : "equal";
  text += fmt::format("{} and {}: {}\n", report.a, report.b, verdict);
  return text;
}

}  // namespace tandem::debug
