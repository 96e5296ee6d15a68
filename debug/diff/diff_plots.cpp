// SPDX-License-Identifier: Apache-2.0
#include "diff_plots.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <vector>

namespace tandem::debug {
std::string escape(std::string_view text) {
  std::string result;
  for (const char c : text) {
    switch (c) {
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '&':
        result += "&amp;";
        break;
      case '"':
        result += "&quot;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

std::string number(double value) {
  if (std::isinf(value)) return "∞";
  return value == 0 ? "0" : fmt::format("{:.3g}", value);
}

namespace {

constexpr const char* kAccumulated = "#bc4c00";
constexpr const char* kIsolated = "#0969da";
constexpr double kLeft = 60;
constexpr double kTop = 16;
constexpr double kHeight = 220;
constexpr double kMinDecade = -9;

/// Decades of the relative error; nothing where there is none. Failed and infinite ones are at the
/// top.
std::optional<double> decade(const PassFigures& pass) {
  if (pass.differing == 0) return std::nullopt;
  const double error = pass.total.figures().rel_rms;
  if (pass.failed != 0 || std::isinf(error)) return 1;
  return error == 0 ? kMinDecade : std::clamp(std::log10(error), kMinDecade, 1.0);
}

double plot_y(double decade) { return kTop + (1 - decade) / (1 - kMinDecade) * kHeight; }

class Plot {
 public:
  explicit Plot(const std::vector<DiffGroup>& layers)
      : layers_(layers),
        step_(std::clamp(900.0 / static_cast<double>(std::max<std::size_t>(layers.size(), 1)), 14.0,
                         60.0)) {}

  std::string svg(bool isolated) const {
    const double width = kLeft + step_ * static_cast<double>(layers_.size()) + 20;
    std::string text = fmt::format(
        "<svg role=\"img\" aria-label=\"relative error of each layer\" width=\"100%\" viewBox=\"0 "
        "0 "
        "{0:.0f} {1:.0f}\" style=\"max-width:{0:.0f}px\">\n",
        width, kTop + kHeight + 80);
    for (int d = static_cast<int>(kMinDecade); d <= 1; d += 2) {
      text += fmt::format(
          "<line x1=\"{0}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#d8dee4\"/>"
          "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">1e{5}</text>\n",
          kLeft, width - 10, plot_y(d), kLeft - 6, plot_y(d) + 4, d);
    }
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      text += fmt::format("<text transform=\"translate({:.1f},{:.1f}) rotate(60)\">{}</text>\n",
                          x(i) - 3, kTop + kHeight + 12, escape(layers_[i].name));
    }
    add_line(text, &DiffGroup::accumulated, kAccumulated, "accumulated");
    if (isolated) add_line(text, &DiffGroup::isolated, kIsolated, "isolated");
    return text + "</svg>\n";
  }

 private:
  double x(std::size_t layer) const { return kLeft + step_ * (static_cast<double>(layer) + 0.5); }

  void add_line(std::string& text, PassFigures DiffGroup::*pass, const char* colour,
                const char* name) const {
    std::string points;
    std::string dots;
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      const PassFigures& figures = layers_[i].*pass;
      const auto value = decade(figures);
      const double y = plot_y(value.value_or(kMinDecade));
      points += fmt::format("{:.1f},{:.1f} ", x(i), y);
      if (!value) continue;
      dots += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"{}\"><title>{} {}: {} packets "
          "differ, {} failed, relative rms {}</title></circle>\n",
          x(i), y, colour, escape(layers_[i].name), name, figures.differing, figures.failed,
          number(figures.total.figures().rel_rms));
    }
    text += fmt::format(
        "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>\n{}", points,
        colour, dots);
  }

  const std::vector<DiffGroup>& layers_;
  double step_;
};

/// Bars of one pass, side by side with the other's.
class Histogram {
 public:
  Histogram(const PacketDifference& accumulated, const PacketDifference& isolated)
      : passes_{&accumulated, &isolated} {
    for (const PacketDifference* pass : passes_) {
      for (std::size_t i = 0; i < pass->ulp_counts.size(); ++i) {
        if (pass->ulp_counts[i] == 0) continue;
        largest_ = std::max(largest_, pass->ulp_counts[i]);
        if (i + 1 < pass->ulp_counts.size()) buckets_ = std::max(buckets_, i + 1);
      }
    }
  }

  bool empty() const { return largest_ == 0; }

  std::string svg() const {
    const double width = kLeft + kStep * static_cast<double>(buckets_ + 1) + 20;
    std::string text = fmt::format(
        "<svg role=\"img\" aria-label=\"differing elements by distance in ulp\" width=\"100%\" "
        "viewBox=\"0 0 {0:.0f} {1:.0f}\" style=\"max-width:{0:.0f}px\">\n",
        width, kTop + kHeight + 60);
    for (double count = 1; count <= static_cast<double>(largest_) * 10; count *= 10) {
      if (height(count) > kHeight) break;
      const double y = kTop + kHeight - height(count);
      text += fmt::format(
          "<line x1=\"{0}\" x2=\"{1:.0f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\" stroke=\"#d8dee4\"/>"
          "<text x=\"{3}\" y=\"{4:.1f}\" text-anchor=\"end\">{5:.0f}</text>\n",
          kLeft, width - 10, y, kLeft - 6, y + 4, count);
    }
    for (std::size_t i = 0; i <= buckets_; ++i) add_bucket(text, i);
    return text + "</svg>\n";
  }

 private:
  static constexpr double kStep = 26;

  /// Logarithmic; one element has a height.
  double height(double count) const {
    return kHeight * std::log10(2 * count) / std::log10(2.5 * static_cast<double>(largest_));
  }

  void add_bucket(std::string& text, std::size_t bucket) const {
    const bool nan = bucket == buckets_;
    const double x = kLeft + kStep * static_cast<double>(bucket) + 2;
    const std::string name = nan ? "NaN" : fmt::format("2^{}", bucket);
    text += fmt::format("<text transform=\"translate({:.1f},{:.1f}) rotate(60)\">{}</text>\n",
                        x + 6, kTop + kHeight + 12, name);
    for (std::size_t pass = 0; pass < 2; ++pass) {
      const auto& counts = passes_[pass]->ulp_counts;
      const std::uint64_t count = nan ? counts.back() : counts[bucket];
      if (count == 0) continue;
      const double bar = height(static_cast<double>(count));
      text += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"{:.1f}\" fill=\"{}\"><title>{}: "
          "{} "
          "elements, {}</title></rect>\n",
          x + 11 * static_cast<double>(pass), kTop + kHeight - bar, bar,
          pass == 0 ? kAccumulated : kIsolated, name, count,
          pass == 0 ? "accumulated" : "isolated");
    }
  }

  std::array<const PacketDifference*, 2> passes_;
  std::uint64_t largest_ = 0;
  std::size_t buckets_ = 1;
};

std::string legend(const DiffReport& report) {
  std::string text = fmt::format("<span style=\"color:{}\">accumulated</span>", kAccumulated);
  if (report.ran_isolated) {
    text += fmt::format(", <span style=\"color:{}\">isolated</span>", kIsolated);
  }
  return text;
}

}  // namespace

std::string error_plot(const DiffReport& report) {
  return fmt::format(
             "<h2>Error over layers</h2>\n<p class=muted>Relative root mean square over the {}s "
             "that differ, logarithmic: {}. Layers on the lowest line are equal.</p>\n",
             report.unit, legend(report)) +
         Plot(report.layers).svg(report.ran_isolated);
}

std::string ulp_plot(const DiffReport& report) {
  const Histogram histogram(report.all.accumulated.total, report.all.isolated.total);
  if (histogram.empty()) return "";
  return fmt::format(
             "<h2>Distances</h2>\n<p class=muted>Differing elements by distance, in values of "
             "their "
             "type (ulp), powers of two to the next; both axes logarithmic: {}.</p>\n",
             legend(report)) +
         histogram.svg();
}

}  // namespace tandem::debug
