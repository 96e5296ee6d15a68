// SPDX-License-Identifier: Apache-2.0
#include "tandem/driver/timeouts.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdlib>
#include <string_view>

#include "tandem/base/error.hpp"

namespace tandem::driver {

std::chrono::nanoseconds progress_timeout() {
  const char* variable = std::getenv("TANDEM_TIMEOUT_S");
  if (variable == nullptr || *variable == '\0') return kProgressTimeout;
  const std::string_view text(variable);
  constexpr double kMaxSeconds = 1e6;
  double seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc{} || end != text.data() + text.size() || !(seconds > 0) ||
      seconds > kMaxSeconds) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("environment variable TANDEM_TIMEOUT_S is \"{}\", expected seconds "
                            "above 0 and up to {}",
                            text, kMaxSeconds));
  }
  return std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9));
}

}  // namespace tandem::driver
