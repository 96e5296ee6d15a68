// SPDX-License-Identifier: Apache-2.0
// Log lines on stderr, level chosen by TANDEM_LOG (trace, debug, info, warning, error, off; default
// warning).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace tandem::log {

enum class Level : std::uint8_t { kTrace, kDebug, kInfo, kWarning, kError, kOff };

/// Packet that a line is about; printed as "seq 12 MATMUL: ".
struct PacketTag {
  std::uint64_t seq = 0;
  std::string_view opcode;
};

/// Lowest level that is printed. At first use taken from TANDEM_LOG; an unknown word there is
/// reported once.
Level level();
void set_level(Level level);
inline bool enabled(Level wanted) { return wanted >= level() && wanted != Level::kOff; }

/// Prints one line whatever the level.
void write(Level level, std::string_view text);

/// Sends lines to `sink` instead of stderr; an empty function restores stderr. For tests and
/// embedding programs.
void set_sink(std::function<void(Level, std::string_view)> sink);

/// Where lines go and what decides which: another copy of this logger. A plug-in holds a copy of
/// its own, which the program that loads it directs to the program's.
struct Target {
  Level (*level)();
  void (*write)(Level level, std::string_view text);
};
/// This copy's functions; `attach` of another copy takes them.
const Target& target();
/// From now on this copy asks and writes to `target`, which must live as long as the program;
/// level, sink and TANDEM_LOG of this copy count no more. A copy's own target changes nothing.
void attach(const Target& target);

/// Thread-safety: all functions of this header may be called from any thread.
template <class... Args>
void line(Level wanted, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(wanted)) write(wanted, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void line(Level wanted, const PacketTag& packet, fmt::format_string<Args...> format,
          Args&&... args) {
  if (!enabled(wanted)) return;
  write(wanted, fmt::format("seq {} {}: {}", packet.seq, packet.opcode,
                            fmt::format(format, std::forward<Args>(args)...)));
}

template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::kDebug, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::kInfo, format, std::forward<Args>(args)...);
}
template <class... Args>
void warning(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::kWarning, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  line(Level::kError, format, std::forward<Args>(args)...);
}

}  // namespace tandem::log
