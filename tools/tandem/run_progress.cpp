// SPDX-License-Identifier: Apache-2.0
#include "run_progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tandem::cli {
namespace {

constexpr double kSecondsBetweenLines = 0.5;

// The line lies below the cursor, which belongs to the text of the run. Room for it is made by a
// line feed that keeps the column (IND), then the cursor is saved.
constexpr char kBelow[] = "\x1b\x44\x1b[A\x1b\x37\x1b[B\r\x1b[K";
constexpr char kBack[] = "\x1b\x38";

std::size_t terminal_columns() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return 80;
  return size.ws_col;
}

bool is_wanted(const RunOptions& options, RunSession& session) {
  if (options.quiet || options.trace != 0 || options.records_results()) return false;
  if (!stderr_is_terminal()) return false;
  const char* terminal = std::getenv("TERM");
  if (terminal != nullptr && std::string_view(terminal) == "dumb") return false;
  return session.device().driver().capabilities().timed;
}

}  // namespace

RunProgress::RunProgress(const RunOptions& options, RunSession& session) : session_(session) {
  if (!is_wanted(options, session)) return;
  pass_.emplace(session.model().config().num_layers);
  session_.device().queue().set_completion_hook(
      [this](const abi::Packet&, const abi::Completion& done, std::string_view op) {
        complete(op, done.start_cycle + done.cycles);
      });
}

RunProgress::~RunProgress() {
  if (!pass_) return;
  session_.device().queue().set_completion_hook(nullptr);
  clear();
}

double RunProgress::seconds() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void RunProgress::begin_prompt() {
  passes_ = 0;
  begin("prefill", false);
}

void RunProgress::token() {
  if (!pass_) return;
  clear();
  // Sequences side by side choose their tokens after one pass.
  if (!pass_->has_packets()) return;
  ++passes_;
  begin(fmt::format("decode {}", passes_), passes_ > 1);
}

void RunProgress::begin(std::string name, bool like_last) {
  if (!pass_) return;
  pass_->begin(std::move(name), like_last, session_.cycles(), seconds());
}

void RunProgress::complete(std::string_view op, std::uint64_t end_cycle) {
  const double now = seconds();
  pass_->complete(op, end_cycle, now);
  if (now - drawn_seconds_ < kSecondsBetweenLines) return;
  drawn_seconds_ = now;
  draw();
}

void RunProgress::draw() {
  const std::string line = pass_->line();
  fmt::print(stderr, "{}{}{}", kBelow, line.substr(0, terminal_columns() - 1), kBack);
  std::fflush(stderr);
  visible_ = true;
}

void RunProgress::clear() {
  if (!visible_) return;
  fmt::print(stderr, "{}{}", kBelow, kBack);
  std::fflush(stderr);
  visible_ = false;
}

}  // namespace tandem::cli
