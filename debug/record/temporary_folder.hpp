// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>
#include <stdlib.h>

#include <filesystem>
#include <string>
#include <utility>

#include "tandem/base/error.hpp"

namespace tandem::debug {

/// A new folder that is removed with everything in it.
class TemporaryFolder {
 public:
  /// `parent` exists.
  explicit TemporaryFolder(const std::filesystem::path& parent) {
    std::string name = (parent / ".tandem-record-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) {
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("no folder can be made in {}", parent.string()));
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Moves the folder to where nothing is; it stays then.
  void keep_as(const std::filesystem::path& target) {
    std::filesystem::rename(path_, target);
    path_.clear();
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tandem::debug
