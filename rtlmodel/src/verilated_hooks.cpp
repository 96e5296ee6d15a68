// SPDX-License-Identifier: Apache-2.0
#include "verilated_hooks.hpp"

#include <array>
#include <cstdarg>
#include <cstdio>
#include <string>
#include <utility>

#include "tandem/base/error.hpp"

namespace {

constexpr std::size_t kMaxKept = 4096;  // Of text that no assertion follows.
thread_local std::string printed;

[[noreturn]] void stop(const char* what, const char* file, int line, const char* hierarchy) {
  std::string text = std::exchange(printed, {});
  while (!text.empty() && text.back() == '\n') text.pop_back();
  throw tandem::Error(tandem::ErrorCode::kInternal, std::string(what) + " at " +
                                                        (file == nullptr ? "?" : file) + ":" +
                                                        std::to_string(line) + ", instance '" +
                                                        (hierarchy == nullptr ? "" : hierarchy) +
                                                        "'" + (text.empty() ? "" : ": " + text));
}

}  // namespace

int tandem_verilated_print(const char* format, ...) {
  std::array<char, 1024> line;
  std::va_list args;
  va_start(args, format);
  const int length = std::vsnprintf(line.data(), line.size(), format, args);
  va_end(args);
  if (printed.size() > kMaxKept) printed.clear();
  printed += line.data();
  return length;
}

// Verilator's run-time library calls these two for a failed assertion or $stop, and for $fatal. The
// simulation cannot go on after them.
void vl_stop(const char* filename, int linenum, const char* hier) {
  stop("RTL assertion failed", filename, linenum, hier);
}

void vl_fatal(const char* filename, int linenum, const char* hier, const char* msg) {
  tandem_verilated_print("%s", msg == nullptr ? "" : msg);
  stop("RTL simulation cannot go on", filename, linenum, hier);
}
