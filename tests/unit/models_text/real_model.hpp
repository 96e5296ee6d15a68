// SPDX-License-Identifier: Apache-2.0
// Where the real SmolLM2-135M-Instruct lies, if it was fetched.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace tandem::testing {

inline constexpr const char* kNoRealModel =
    "SmolLM2-135M-Instruct.Q4_1.gguf is neither named by TANDEM_SMOLLM2 nor in the model cache "
    "(${XDG_CACHE_HOME:-~/.cache}/tandem); scripts/demo.sh fetches it";

inline std::optional<std::filesystem::path> real_model() {
  namespace fs = std::filesystem;
  if (const char* named = std::getenv("TANDEM_SMOLLM2")) return fs::path(named);
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (!cache && !home) return std::nullopt;
  const fs::path path = (cache ? fs::path(cache) : fs::path(home) / ".cache") / "tandem" /
                        "SmolLM2-135M-Instruct.Q4_1.gguf";
  std::error_code ignored;
  return fs::exists(path, ignored) ? std::optional(path) : std::nullopt;
}

}  // namespace tandem::testing
