// SPDX-License-Identifier: Apache-2.0
// Compiled images on disk: ${XDG_CACHE_HOME:-~/.cache}/tandem/nvrtc.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tandem::gpu {

/// One file an image, named by a hash of its key; the file holds the whole key and a checksum, so a
/// cut, changed or foreign file is never taken. Files appear by renaming, so several programs may
/// share the folder. A folder that cannot be used costs compilations, nothing else.
///
/// Thread-safety: all members may be called from any thread.
class ImageCache {
 public:
  /// Empty: no folder, nothing is kept.
  explicit ImageCache(std::filesystem::path folder) : folder_(std::move(folder)) {}
  /// As the environment says; empty where it names no home.
  static std::filesystem::path default_folder();

  std::optional<std::string> find(std::string_view key) const;
  void store(std::string_view key, std::string_view image) const;
  std::filesystem::path path_of(std::string_view key) const;

 private:
  std::filesystem::path folder_;
};

/// FNV-1a, 64 bits.
std::uint64_t text_hash(std::string_view text);

}  // namespace tandem::gpu
