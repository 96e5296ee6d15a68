// SPDX-License-Identifier: Apache-2.0
// A shared library that is looked for while the program runs.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace tandem::gpu {

/// Never unloaded: NVIDIA's libraries keep threads of their own.
class DynamicLibrary {
 public:
  /// The first of `names` (file names or paths) that can be loaded. If none can, `loaded()` is
  /// false and `problem()` says of each why not.
  explicit DynamicLibrary(std::span<const std::string> names);

  bool loaded() const { return handle_ != nullptr; }
  const std::string& name() const { return name_; }
  const std::string& problem() const { return problem_; }
  /// nullptr if the library has no such symbol.
  void* find(const char* symbol) const;

 private:
  void* handle_ = nullptr;
  std::string name_;
  std::string problem_;
};

/// What to look for: `asked`, else what the environment variable says, else `usual`.
std::vector<std::string> library_names(const std::string& asked, const char* variable,
                                       std::vector<std::string> usual);

}  // namespace tandem::gpu
