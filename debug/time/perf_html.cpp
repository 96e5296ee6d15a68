// SPDX-License-Identifier: Apache-2.0
// Tables, bars and roofline as one HTML page with inline SVG.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "tandem/debug/perf.hpp"

namespace tandem::debug {
namespace {

constexpr const char* kStyle = R"(
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 62em; color: #222; }
table { border-collapse: collapse; margin: 1em 0 2em; width: 100%; }
th, td { text-align: right; padding: .2em .6em; border-bottom: 1px solid #ddd;
         font-variant-numeric: tabular-nums; }
th { border-bottom: 2px solid #888; } td:first-child, th:first-child { text-align: left; }
tr.sum td { font-weight: 600; border-top: 2px solid #888; }
.bar { display: inline-block; height: .8em; background: #4878a8; }
svg { width: 100%; height: auto; background: #fff; } svg text { font: 12px system-ui, sans-serif; }
.note { color: #666; }
)";

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : double(part) / double(whole);
}

std::string row_html(const Perf& perf, const PerfRow& row, double ghz, std::string_view style) {
  const PerfRates rates = perf.rates(row);
  const double part = share(row.time, perf.time);
  return fmt::format(
      "<tr class=\"{}\"><td>{}</td><td>{}</td><td>{:.1f} %</td>"
      "<td style=\"text-align:left;width:10em\"><span class=\"bar\" "
      "style=\"width:{:.2f}%\"></span></td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.1f} "
      "%</td>"
      "<td>{}</td><td>{}</td><td>{:.2f}</td><td>{:.2f}</td></tr>\n",
      style, escaped(row.name), row.time, 100 * part, 100 * part, row.packets, row.cycles,
      row.matrix_cycles == 0 ? "-" : fmt::format("{:.1f} %", 100 * rates.array_use),
      row.vector_cycles == 0 ? "-" : fmt::format("{:.1f} %", 100 * rates.lane_use),
      100 * rates.port_use, row.work.bytes_read, row.work.bytes_written, rates.bytes_per_cycle,
      rates.bytes_per_cycle * ghz);
}

std::string head_html(std::string_view name) {
  return fmt::format(
      "<table><tr><th>{}</th><th>time</th><th colspan=\"2\">of the run</th><th>packets</th>"
      "<th>cycles</th><th>array</th><th>lanes</th><th>port</th><th>bytes read</th><th>bytes "
      "written</th>"
      "<th>B/cycle</th><th>GB/s</th></tr>\n",
      name);
}

/// A plot of multiply-adds a cycle over multiply-adds a byte, both logarithmic.
class Roofline {
 public:
  explicit Roofline(const Perf& perf) : perf_(perf) {
    include(perf.peak_macs() / perf.port_bytes(), perf.peak_macs());
    for (const PerfRow& row : perf.ops) {
      if (!is_shown(row)) continue;
      const PerfRates rates = perf.rates(row);
      include(rates.intensity, rates.macs_per_cycle);
    }
    x_low_ = std::floor(x_low_ - 0.3), x_high_ = std::ceil(x_high_ + 0.3);
    y_low_ = std::floor(y_low_ - 0.3), y_high_ = std::ceil(y_high_ + 0.1);
  }

  std::string svg() const {
    std::string out = fmt::format("<svg viewBox=\"0 0 {} {}\" role=\"img\">\n", kWidth, kHeight);
    out += axes() + roofs();
    for (const PerfRow& row : perf_.ops) {
      if (is_shown(row)) out += point(row);
    }
    return out + "</svg>\n";
  }

 private:
  static constexpr double kWidth = 900, kHeight = 480;
  static constexpr double kLeft = 70, kRight = 30, kTop = 20, kBottom = 50;

  static bool is_shown(const PerfRow& row) { return row.work.macs != 0 && row.cycles != 0; }

  void include(double x, double y) {
    x_low_ = std::min(x_low_, std::log10(x)), x_high_ = std::max(x_high_, std::log10(x));
    y_low_ = std::min(y_low_, std::log10(y)), y_high_ = std::max(y_high_, std::log10(y));
  }
  double x(double log) const {
    return kLeft + (log - x_low_) / (x_high_ - x_low_) * (kWidth - kLeft - kRight);
  }
  double y(double log) const {
    return kHeight - kBottom - (log - y_low_) / (y_high_ - y_low_) * (kHeight - kTop - kBottom);
  }

  std::string axes() const {
    std::string out;
    for (double at = x_low_; at <= x_high_; ++at) {
      out += fmt::format(
          "<line x1=\"{0:.1f}\" y1=\"{1}\" x2=\"{0:.1f}\" y2=\"{2}\" stroke=\"#e4e4e4\"/>"
          "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\">{4:g}</text>\n",
          x(at), kTop, kHeight - kBottom, kHeight - kBottom + 18, std::pow(10, at));
    }
    for (double at = y_low_; at <= y_high_; ++at) {
      out += fmt::format(
          "<line x1=\"{1}\" y1=\"{0:.1f}\" x2=\"{2}\" y2=\"{0:.1f}\" stroke=\"#e4e4e4\"/>"
          "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:g}</text>\n",
          y(at), kLeft, kWidth - kRight, kLeft - 8, y(at) + 4, std::pow(10, at));
    }
    out += fmt::format(
        "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">multiply-adds for each byte of "
        "operands</text>\n<text transform=\"translate(16 {:.1f}) rotate(-90)\" "
        "text-anchor=\"middle\">multiply-adds a cycle</text>\n",
        (kLeft + kWidth - kRight) / 2, kHeight - 8, (kTop + kHeight - kBottom) / 2);
    return out;
  }

  std::string roofs() const {
    const double peak = std::log10(perf_.peak_macs());
    const double port = std::log10(perf_.port_bytes());
    // Where the memory roof enters the plot, and where it meets the array's.
    const double enter = std::max(x_low_, y_low_ - port);
    const double ridge = std::min(peak - port, x_high_);
    return fmt::format(
        "<polyline points=\"{:.1f},{:.1f} {:.1f},{:.1f} {:.1f},{:.1f}\" fill=\"none\" "
        "stroke=\"#b03030\" stroke-width=\"2\"/>\n<text x=\"{:.1f}\" y=\"{:.1f}\" "
        "text-anchor=\"end\" fill=\"#b03030\">array: {:g} a cycle</text>\n<text x=\"{:.1f}\" "
        "y=\"{:.1f}\" fill=\"#b03030\">port: {:g} bytes a cycle</text>\n",
        x(enter), y(enter + port), x(ridge), y(std::min(peak, ridge + port)), x(x_high_), y(peak),
        x(x_high_) - 6, y(peak) - 8, perf_.peak_macs(), x(enter) + 10, y(enter + port) - 30,
        perf_.port_bytes());
  }

  std::string point(const PerfRow& row) const {
    const PerfRates rates = perf_.rates(row);
    const double px = x(std::log10(rates.intensity));
    const double py = y(std::log10(rates.macs_per_cycle));
    const double radius = 4 + 16 * std::sqrt(share(row.time, perf_.time));
    const bool at_right = px > kWidth - 250;
    return fmt::format(
        "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"{2:.1f}\" fill=\"#4878a8\" "
        "fill-opacity=\".6\"><title>{3}: {4:.3g} multiply-adds a cycle, {5:.3g} a byte, {6:.1f} % "
        "of the time</title></circle><text x=\"{7:.1f}\" y=\"{8:.1f}\" "
        "text-anchor=\"{9}\">{3}</text>\n",
        px, py, radius, escaped(row.name), rates.macs_per_cycle, rates.intensity,
        100 * share(row.time, perf_.time), at_right ? px - radius - 4 : px + radius + 4, py + 4,
        at_right ? "end" : "start");
  }

  const Perf& perf_;
  double x_low_ = 1e9, x_high_ = -1e9, y_low_ = 1e9, y_high_ = -1e9;
};

}  // namespace

std::string perf_html(const Perf& perf, double ghz) {
  std::string page = fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Where the time "
      "goes: "
      "{0}</title><style>{1}</style></head><body>\n<h1>Where the time goes</h1>\n<p>{0}, recorded "
      "on {2}: packets {3} to {4}, {5} cycles. Array {6} x {7}, memory port {8:g} bytes a cycle "
      "each way. GB/s at {9:g} GHz.</p>\n",
      escaped(perf.path), kStyle, escaped(perf.backend), perf.first_seq, perf.last_seq, perf.time,
      perf.config.array_rows, perf.config.array_cols, perf.port_bytes(), ghz);
  if (perf.untimed + perf.unfinished != 0) {
    page += fmt::format(
        "<p class=\"note\">Left out: {} packets of a device without time, {} that did not "
        "complete.</p>\n",
        perf.untimed, perf.unfinished);
  }
  page += "<h2>Ops</h2>\n";
  page += head_html("op");
  for (const PerfRow& row : perf.ops) page += row_html(perf, row, ghz, "");
  PerfRow idle;
  idle.name = "(no packet executes)";
  idle.time = perf.idle;
  page += row_html(perf, idle, ghz, "") + row_html(perf, perf.total, ghz, "sum") + "</table>\n";
  page +=
      "<p class=\"note\">Time: where packets overlap, a cycle belongs to the one that started "
      "first. Cycles: of all packets, one after the other. Bytes: each distinct byte of an operand "
      "once a packet. Array, lanes and port: share of what the device can "
      "do.</p>\n<h2>Roofline</h2>\n";
  page += Roofline(perf).svg();
  page +=
      "<p class=\"note\">Ops with matrix products; areas of the circles grow with the time.</p>\n"
      "<h2>Layers</h2>\n" +
      head_html("layer");
  for (const PerfRow& row : perf.layers) page += row_html(perf, row, ghz, "");
  page += "</table>\n<h2>Engines</h2>\n";
  page += head_html("engine");
  for (const PerfRow& row : perf.engines) {
    if (row.packets != 0) page += row_html(perf, row, ghz, "");
  }
  page += fmt::format("</table>\n<p>Engines overlap for {} cycles.</p>\n</body></html>\n",
                      perf.overlap());
  return page;
}

}  // namespace tandem::debug
