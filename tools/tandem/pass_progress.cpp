// SPDX-License-Identifier: Apache-2.0
#include "pass_progress.hpp"

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace tandem::cli {
namespace {

/// Number of the layer that an op belongs to, from 1; 0 for an op outside the layers.
unsigned layer_of(std::string_view op) {
  constexpr std::string_view kPrefix = "layer.";
  if (!op.starts_with(kPrefix)) return 0;
  unsigned layer = 0;
  const char* begin = op.data() + kPrefix.size();
  if (std::from_chars(begin, op.data() + op.size(), layer).ptr == begin) return 0;
  return layer + 1;
}

// "0:42", "1:02:03".
std::string time_text(double seconds) {
  const auto all = static_cast<std::uint64_t>(seconds + 0.5);
  const std::uint64_t hours = all / 3600, minutes = all / 60 % 60;
  if (hours != 0) return fmt::format("{}:{:02}:{:02}", hours, minutes, all % 60);
  return fmt::format("{}:{:02}", minutes, all % 60);
}

}  // namespace

std::string cycles_text(std::uint64_t cycles) {
  const auto value = static_cast<double>(cycles);
  if (value < 1e6) return fmt::format("{:.0f} kcycles", value / 1e3);
  if (value < 1e9) return fmt::format("{:.2f} Mcycles", value / 1e6);
  return fmt::format("{:.2f} Gcycles", value / 1e9);
}

void PassProgress::begin(std::string name, bool like_last, std::uint64_t cycle, double seconds) {
  last_ = like_last ? std::move(ends_) : std::vector<std::uint64_t>();
  ends_.clear();
  name_ = std::move(name);
  place_.clear();
  begin_cycle_ = cycle;
  begin_seconds_ = seconds_ = seconds;
  layer_ = 0;
}

void PassProgress::complete(std::string_view op, std::uint64_t end_cycle, double seconds) {
  const unsigned layer = layer_of(op);
  if (layer != layer_ && layer != 0) {
    layer_packets_ = ends_.size();
    layer_cycles_ = cycles();
    if (layer == 1) {
      first_packets_ = layer_packets_;
      first_cycles_ = layer_cycles_;
    }
  }
  layer_ = layer;
  place_ = layer != 0 ? fmt::format("layer {}/{}", layer, layers_)
                      : std::string(op.substr(0, op.find('/')));
  ends_.push_back(end_cycle - begin_cycle_);
  seconds_ = seconds;
}

PassProgress::Left PassProgress::left() const {
  const std::size_t done = ends_.size();
  if (!last_.empty() && done != 0 && done <= last_.size()) {
    return {true, last_.size() - done, last_.back() - last_[done - 1]};
  }
  if (layer_ < 2) return {};
  // Layers are alike; what comes behind them is not known.
  const std::uint64_t complete = layer_ - 1;
  const auto remaining = [&](std::uint64_t first, std::uint64_t now, std::uint64_t done_so_far) {
    const std::uint64_t end = first + (now - first) * layers_ / complete;
    return end > done_so_far ? end - done_so_far : 0;
  };
  return {true, remaining(first_packets_, layer_packets_, done),
          remaining(first_cycles_, layer_cycles_, cycles())};
}

std::string PassProgress::line() const {
  const Left left = this->left();
  std::string text =
      fmt::format("{}: {}{}packet {}", name_, place_, place_.empty() ? "" : ", ", ends_.size());
  if (left.known)
    text += fmt::format("/{}{}", last_.empty() ? "~" : "", ends_.size() + left.packets);
  text += ", " + cycles_text(cycles());
  const double elapsed = seconds_ - begin_seconds_;
  if (elapsed <= 0 || cycles() == 0) return text;
  const double rate = static_cast<double>(cycles()) / elapsed;
  text += fmt::format(", {:.0f} kcycles/s", rate / 1e3);
  if (left.known) {
    text += fmt::format(", {}{} left", last_.empty() ? "~" : "",
                        time_text(static_cast<double>(left.cycles) / rate));
  }
  return text;
}

}  // namespace tandem::cli
