// SPDX-License-Identifier: Apache-2.0
// A comparison as one HTML page.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "diff_plots.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/debug/diff.hpp"

namespace tandem::debug {
namespace {

constexpr const char* kStyle = R"(
body{font:14px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:78rem;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.5rem;margin:0 0 .3rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #d8dee4}
th{background:#f6f8fa;position:sticky;top:0}td.n,th.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.tag{display:inline-block;padding:0 .5rem;border-radius:.7rem;white-space:nowrap}
.equal{background:#dafbe1;color:#116329}.alone{background:#ffd7d5;color:#a40e26}.context{background:#fff1c7;color:#7d4e00}
.growth{background:#ddf4ff;color:#0550ae}.differs{background:#eaeef2;color:#424a53}
pre{background:#f6f8fa;padding:.6rem;overflow-x:auto;font-size:12px;margin:.3rem 0}
details{border:1px solid #d8dee4;border-radius:.4rem;margin:.4rem 0;padding:.3rem .7rem}
details:target{border-color:#0969da}summary{cursor:pointer}
.muted{color:#57606a}svg text{font:11px system-ui,sans-serif;fill:#57606a}
)";

const char* style_of(DiffClass kind) {
  switch (kind) {
    case DiffClass::kEqual:
      return "equal";
    case DiffClass::kWrongAlone:
      return "alone";
    case DiffClass::kWrongInContext:
      return "context";
    case DiffClass::kRoundingGrowth:
      return "growth";
    case DiffClass::kWrongInFlight:
      return "alone";
    case DiffClass::kDiffers:
      return "differs";
  }
  return "";
}

std::string tag(DiffClass kind) {
  return fmt::format("<span class=\"tag {}\">{}</span>", style_of(kind), to_string(kind));
}

std::string anchor(bool isolated, std::uint64_t packet) {
  return fmt::format("{}-{}", isolated ? "isolated" : "accumulated", packet);
}

bool is_listed(const std::vector<DifferingPacket>& list, std::uint64_t number) {
  return std::ranges::any_of(
      list, [&](const DifferingPacket& packet) { return packet.number == number; });
}

std::string pass_cells(const PassFigures& pass, const std::vector<DifferingPacket>& list,
                       bool isolated) {
  if (pass.differing == 0) return "<td class=n>0</td><td class=n></td><td class=n></td><td></td>";
  std::string first;
  if (pass.first) {
    first = fmt::format("{} {}", pass.first->number, escape(pass.first->opcode));
    if (is_listed(list, pass.first->number)) {
      first = fmt::format("<a href=\"#{}\">{}</a>", anchor(isolated, pass.first->number), first);
    }
    if (const auto& element = pass.first->difference.first) {
      first += fmt::format(" <span class=muted>{}{}</span>", escape(element->operand),
                           escape(element->index));
    }
  }
  const std::string error =
      pass.failed == pass.differing ? "failed" : number(pass.total.figures().rel_rms);
  return fmt::format("<td class=n>{}</td><td class=n>{}</td><td class=n>{}</td><td>{}</td>",
                     pass.differing, error, number(pass.total.max_ulp), first);
}

std::string group_table(const DiffReport& report, const std::vector<DiffGroup>& groups,
                        const char* what, bool only_different) {
  std::string text = fmt::format(
      "<table><thead><tr><th>{}</th><th class=n>{}s</th><th>class</th><th class=n>differ</th>"
      "<th class=n>rel. rms</th><th class=n>max ulp</th><th>first (accumulated)</th>",
      what, report.unit);
  if (report.ran_isolated) {
    text +=
        "<th class=n>differ</th><th class=n>rel. rms</th><th class=n>max ulp</th>"
        "<th>first (isolated)</th>";
  }
  text += "</tr></thead><tbody>\n";
  for (const DiffGroup& group : groups) {
    if (only_different && group.kind == DiffClass::kEqual) continue;
    text += fmt::format(
        "<tr><td>{}</td><td class=n>{}</td><td>{}</td>{}{}</tr>\n", escape(group.name),
        group.packets, tag(group.kind), pass_cells(group.accumulated, report.accumulated, false),
        report.ran_isolated ? pass_cells(group.isolated, report.isolated, true) : "");
  }
  return text + "</tbody></table>\n";
}

std::string element_row(const char* name, const ElementDifference& element) {
  const bool has_value = element.type != abi::Dtype::kNone;
  return fmt::format(
      "<tr><td>{}</td><td>{}{}</td><td>{:#x}</td><td>{}</td><td class=n>{}</td><td class=n>{}</td>"
      "<td class=n>{}</td><td class=n>{}</td></tr>\n",
      name, escape(element.operand), escape(element.index), element.addr,
      has_value ? abi::to_string(element.type) : "bits", escape(value_text(element, element.a)),
      escape(value_text(element, element.b)), has_value ? number(element.ulp) : "",
      has_value ? number(element.relative) : "");
}

std::string packet_details(const DiffReport& report, const DifferingPacket& packet, bool isolated,
                           bool open) {
  const PacketDifference& difference = packet.difference;
  std::string text = fmt::format(
      "<details id=\"{}\"{}><summary>{} {} {} <span class=muted>{}</span>{}</summary>\n"
      "<pre>{}</pre><pre>a: {}\nb: {}</pre>\n",
      anchor(isolated, packet.number), open ? " open" : "", report.unit, packet.number,
      escape(packet.opcode), escape(packet.op), packet.outside ? "" : " (within bounds)",
      escape(packet.text), escape(packet.a), escape(packet.b));
  if (difference.first) {
    const ErrorFigures figures = difference.figures();
    text += fmt::format(
        "<p>{} of {} elements differ{}; relative rms {} (worst row {}), cosine {:.6f}, largest "
        "distance {}{}.</p>"
        "<table><tr><th></th><th>element</th><th>address</th><th>type</th><th class=n>a</th>"
        "<th class=n>b</th><th class=n>ulp</th><th class=n>relative</th></tr>\n",
        difference.differing, difference.elements,
        packet.tensor.empty() ? "" : fmt::format(" (tensor {})", escape(packet.tensor)),
        number(figures.rel_rms), number(figures.row_rel_rms), figures.cosine,
        number(difference.max_abs),
        packet.bound ? fmt::format("; of what the op may differ by: element {:.3g}, row {:.3g}",
                                   packet.bound->element, packet.bound->row)
                     : "");
    text += element_row("first", *difference.first);
    if (difference.worst) text += element_row("largest", *difference.worst);
    text += "</table>\n";
  } else if (!packet.failed && difference.elements != 0) {
    text +=
        "<p>The bytes of its operands are equal: a checksum is wrong, or a byte outside them "
        "was written.</p>\n";
  }
  return text + "</details>\n";
}

std::string packet_list(const DiffReport& report, bool isolated) {
  const auto& packets = isolated ? report.isolated : report.accumulated;
  const std::uint64_t total = (isolated ? report.all.isolated : report.all.accumulated).differing;
  std::string text;
  for (const DifferingPacket& packet : packets) {
    text += packet_details(report, packet, isolated, &packet == &packets.front());
  }
  if (total > packets.size()) {
    text += fmt::format("<p class=muted>and {} more</p>\n", total - packets.size());
  }
  return text;
}

std::string summary(const DiffReport& report) {
  const PassFigures& pass = report.all.accumulated;
  const std::uint64_t compared = pass.compared + pass.failed;
  std::string text = "<table>\n";
  const auto row = [&](const char* name, const std::string& value) {
    text += fmt::format("<tr><th>{}</th><td>{}</td></tr>\n", name, escape(value));
  };
  row("a", report.a);
  row("b", report.b);
  if (!report.trace.empty()) row("trace", report.trace);
  row((report.unit + "s compared").c_str(),
      fmt::format("{}: {} equal, {} differ, {} of them failed", compared, compared - pass.differing,
                  pass.differing, pass.failed));
  row("bytes compared",
      fmt::format("{} by checksum, {} one by one", report.checksum_bytes, report.compared_bytes));
  row("what decides", report.bounded ? "the bounds of each op" : "equal bits");
  if (report.unit == "packet") {
    row("not compared",
        fmt::format("{} packets abandoned behind an error, {} without a completion in the trace; "
                    "memory that no packet wrote; time, order, registers",
                    report.abandoned, report.all.never_completed - report.abandoned));
  }
  for (const std::string& note : report.notes) row("note", note);
  if (report.a_not_as_recorded) {
    row("a",
        fmt::format("packet {} gives another result than in the trace", *report.a_not_as_recorded));
  }
  if (!report.stopped.empty()) row("stopped", report.stopped);
  return text + "</table>\n";
}

}  // namespace

std::string diff_html(const DiffReport& report) {
  const PassFigures& accumulated = report.all.accumulated;
  const char* verdict = !report.comparable()         ? "nothing was compared"
                        : !report.equal()            ? "different"
                        : accumulated.differing != 0 ? "equal within bounds"
                                                     : "equal";
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width\"><title>{0} and {1}: "
      "{2}</title><style>{3}</style></head>\n<body>\n<h1>{0} and {1}: {2}</h1>\n{4}",
      escape(report.a), escape(report.b), verdict, kStyle, summary(report));
  if (report.in_flight) {
    page += "<h2>Right one by one, wrong in flight</h2>\n" +
            packet_details(report, *report.in_flight, false, true);
  }
  page += error_plot(report) + ulp_plot(report);
  page += "<h2>Layers</h2>\n" + group_table(report, report.layers, "layer", false);
  page += "<h2>Ops that differ</h2>\n" + group_table(report, report.ops, "op", true);
  const bool ops = report.unit == "op";
  if (!report.isolated.empty()) {
    page += fmt::format("<h2>{} that differ with {} inputs</h2>\n{}", ops ? "Ops" : "Packets",
                        ops ? "the record's" : "a's", packet_list(report, true));
  }
  if (!report.accumulated.empty()) {
    page += fmt::format("<h2>{} that differ on their own data</h2>\n{}", ops ? "Ops" : "Packets",
                        packet_list(report, false));
  }
  // A link to a packet opens it.
  page +=
      "<script>const show=()=>{const e=document.getElementById(location.hash.slice(1));"
      "if(e&&e.tagName==='DETAILS'){e.open=true;e.scrollIntoView()}};"
      "addEventListener('hashchange',show);show()</script>\n";
  return page + "</body></html>\n";
}

}  // namespace tandem::debug
