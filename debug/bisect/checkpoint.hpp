// SPDX-License-Identifier: Apache-2.0
// Where a search stands, in files: it goes on from there after an interruption.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "tandem/debug/player.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::debug {

/// A place in a trace up to which both devices are equal, with their memory.
struct Checkpoint {
  std::uint64_t packets = 0;  ///< Compared before it.
  TracePosition position;
  std::filesystem::path snapshot;
};

/// The checkpoints of one search in a folder: a whole image, later ones hold the pages that differ
/// from it.
class CheckpointFolder {
 public:
  /// `key` names the search. Throws kMismatch if the folder is another one's.
  CheckpointFolder(std::filesystem::path folder, std::string key);

  /// The last one written; none at the start.
  const std::optional<Checkpoint>& last() const { return last_; }
  /// Writes one; `device` has the memory, `position` is the player's. Drops the one before.
  void write(runtime::Device& device, const TracePosition& position, std::uint64_t packets);

 private:
  void save() const;

  std::filesystem::path folder_;
  std::string key_;
  std::optional<Checkpoint> last_;
};

}  // namespace tandem::debug
