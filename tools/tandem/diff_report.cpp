// SPDX-License-Identifier: Apache-2.0
#include "diff_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "case_commands.hpp"
#include "report.hpp"

namespace tandem::cli {

namespace {

// JSON has no infinity.
Json number(double value) { return std::isfinite(value) ? Json(value) : Json(); }

Json packet_json(const debug::DifferingPacket& packet) {
  Json json{{"packet", packet.number}, {"op", packet.op},
            {"opcode", packet.opcode}, {"text", packet.text},
            {"a", packet.a},           {"b", packet.b},
            {"failed", packet.failed}, {"within_bounds", !packet.outside}};
  const debug::PacketDifference& difference = packet.difference;
  if (difference.elements == 0) return json;
  json["elements"] = difference.elements;
  json["differing"] = difference.differing;
  const debug::ErrorFigures figures = difference.figures();
  json["rel_rms"] = number(figures.rel_rms);
  json["row_rel_rms"] = number(figures.row_rel_rms);
  json["cosine"] = number(figures.cosine);
  if (packet.bound) {
    json["of_bound"] = {{"element", number(packet.bound->element)},
                        {"row", number(packet.bound->row)}};
  }
  json["max_abs"] = number(difference.max_abs);
  json["max_ulp"] = number(difference.max_ulp);
  if (!packet.tensor.empty()) json["tensor"] = packet.tensor;
  if (difference.first) json["first"] = element_json(*difference.first);
  if (difference.worst) json["worst"] = element_json(*difference.worst);
  return json;
}

Json pass_json(const debug::PassFigures& pass) {
  const debug::ErrorFigures figures = pass.total.figures();
  Json json{{"compared", pass.compared},
            {"differing", pass.differing},
            {"outside", pass.outside},
            {"failed", pass.failed},
            {"rel_rms", number(figures.rel_rms)},
            {"row_rel_rms", number(figures.row_rel_rms)},
            {"cosine", number(figures.cosine)},
            {"max_ulp", number(pass.total.max_ulp)}};
  if (pass.first) json["first"] = packet_json(*pass.first);
  return json;
}

void add_group(Json& entry, const debug::DiffGroup& group, const char* kind, bool isolated) {
  entry["kind"] = kind;
  entry["class"] = debug::to_string(group.kind);
  entry["packets"] = group.packets;
  entry["never_completed"] = group.never_completed;
  entry["accumulated"] = pass_json(group.accumulated);
  if (isolated) entry["isolated"] = pass_json(group.isolated);
}

void print_json(const debug::DiffReport& diff) {
  Report report(fmt::format("{} and {}", diff.a, diff.b));
  for (const debug::DiffGroup& layer : diff.layers) {
    add_group(report.add_case(layer.name), layer, "layer", diff.ran_isolated);
  }
  for (const debug::DiffGroup& op : diff.ops) {
    if (op.name.find('/') == std::string::npos) continue;  // The layer itself.
    add_group(report.add_case(op.name), op, "op", diff.ran_isolated);
  }
  Json& summary = report.summary();
  const int code = diff_exit_code(diff);
  summary["result"] = code == kSuccess ? "equal" : code == kFailure ? "different" : "not compared";
  summary["a"] = diff.a;
  summary["b"] = diff.b;
  summary["trace"] = diff.trace;
  summary["bounds"] = diff.bounded;
  summary["packets"] = diff.all.packets;
  summary["never_completed"] = diff.all.never_completed;
  summary["abandoned"] = diff.abandoned;
  summary["accumulated"] = pass_json(diff.all.accumulated);
  if (diff.ran_isolated) summary["isolated"] = pass_json(diff.all.isolated);
  summary["checksum_bytes"] = diff.checksum_bytes;
  summary["compared_bytes"] = diff.compared_bytes;
  if (diff.in_flight) summary["in_flight"] = packet_json(*diff.in_flight);
  if (diff.a_not_as_recorded) summary["a_not_as_recorded"] = *diff.a_not_as_recorded;
  if (!diff.stopped.empty()) summary["stopped"] = diff.stopped;
  report.print();
}

}  // namespace

int diff_exit_code(const debug::DiffReport& report) {
  if (!report.equal()) return kFailure;
  return report.comparable() && report.stopped.empty() ? kSuccess : kNothing;
}

void print_diff(const debug::DiffReport& report, bool json) {
  if (json) {
    print_json(report);
  } else {
    fmt::print("{}", debug::diff_text(report));
  }
}

}  // namespace tandem::cli
