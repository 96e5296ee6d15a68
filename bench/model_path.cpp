// SPDX-License-Identifier: Apache-2.0
#include "model_path.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "tandem/base/error.hpp"

namespace tandem::bench {

namespace fs = std::filesystem;

fs::path cache_dir() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  return (cache != nullptr ? fs::path(cache) : fs::path(home ? home : ".") / ".cache") / "tandem";
}

fs::path model_path(const Options& options) {
  const fs::path path = options.model.empty() ? cache_dir() / "SmolLM2-135M-Instruct.Q4_1.gguf"
                                              : fs::path(options.model);
  if (!fs::exists(path)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{} is not there; scripts/demo.sh fetches it", path.string()));
  }
  return path;
}

}  // namespace tandem::bench
