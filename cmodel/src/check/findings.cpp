// SPDX-License-Identifier: Apache-2.0
#include "findings.hpp"

#include <fmt/format.h>

#include <utility>

#include "tandem/base/log.hpp"

namespace tandem::cmodel {

void Findings::add(const std::string& cause, const std::string& line) {
  if (causes_.size() >= kMaxLines || !causes_.insert(cause).second) {
    ++suppressed_;
    return;
  }
  log::warning("{}", line);
  lines_ += line;
  lines_ += '\n';
}

std::string Findings::take() {
  if (!lines_.empty() && suppressed_ + skipped_ != 0) {
    lines_ += fmt::format(
        "check: {} more findings of the same kinds, packets and operands; {} operands had too many "
        "runs to examine\n",
        suppressed_, skipped_);
  } else if (skipped_ != 0) {
    log::info("check: {} operands had too many runs to examine", skipped_);
  }
  causes_.clear();
  suppressed_ = skipped_ = 0;
  return std::exchange(lines_, {});
}

}  // namespace tandem::cmodel
