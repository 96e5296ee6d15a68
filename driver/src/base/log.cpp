// SPDX-License-Identifier: Apache-2.0
#include "tandem/base/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>

namespace tandem::log {
namespace {

constexpr std::string_view kNames[] = {"trace", "debug", "info", "warning", "error", "off"};

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kTrace:
      return spdlog::level::trace;
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

struct State {
  State() : logger("tandem", std::make_shared<spdlog::sinks::stderr_color_sink_mt>()) {
    logger.set_level(spdlog::level::trace);  // filtered before, by `level`
    logger.set_pattern("[%H:%M:%S.%e] [%^%l%$] %v");
    const char* wanted = std::getenv("TANDEM_LOG");
    if (wanted == nullptr || *wanted == '\0') return;
    for (std::size_t i = 0; i < std::size(kNames); ++i) {
      if (kNames[i] == wanted) {
        level = static_cast<Level>(i);
        return;
      }
    }
    logger.warn("TANDEM_LOG={} is not a level; known are trace, debug, info, warning, error, off",
                wanted);
  }

  std::atomic<Level> level{Level::kWarning};
  spdlog::logger logger;
  std::mutex sink_mutex;
  std::function<void(Level, std::string_view)> sink;
};

State& state() {
  // Never destroyed: worker threads may log while the program ends.
  static State* const instance = new State;
  return *instance;
}

std::atomic<const Target*> attached{nullptr};

Level own_level() { return state().level.load(std::memory_order_relaxed); }

void own_write(Level level, std::string_view text) {
  State& s = state();
  {
    const std::lock_guard<std::mutex> lock(s.sink_mutex);
    if (s.sink) {
      s.sink(level, text);
      return;
    }
  }
  s.logger.log(to_spdlog(level), text);
}

constexpr Target kOwn{own_level, own_write};

const Target& current() {
  const Target* const other = attached.load(std::memory_order_acquire);
  return other != nullptr ? *other : kOwn;
}

}  // namespace

Level level() { return current().level(); }

void set_level(Level level) { state().level.store(level, std::memory_order_relaxed); }

void write(Level level, std::string_view text) { current().write(level, text); }

const Target& target() { return current(); }

void attach(const Target& target) {
  // A plug-in that shares this copy with the program must not wait for itself.
  attached.store(&target == &kOwn ? nullptr : &target, std::memory_order_release);
}

void set_sink(std::function<void(Level, std::string_view)> sink) {
  State& s = state();
  const std::lock_guard<std::mutex> lock(s.sink_mutex);
  s.sink = std::move(sink);
}

}  // namespace tandem::log
