// SPDX-License-Identifier: Apache-2.0
// Archives: one zstd frame over a tar file (POSIX ustar) of plain files without directories.
#pragma once

#include <filesystem>
#include <vector>

namespace tandem::debug {

/// Writes the files, under their last names, into `archive`.
void pack(const std::vector<std::filesystem::path>& files, const std::filesystem::path& archive);

/// Writes the members of `archive` into `folder`, which exists. Refuses (kInvalidArgument, with the
/// place in the tar file) damaged archives, members that are no plain files or have directories in
/// their names, more than 10000 members and more than 1 TiB.
void unpack(const std::filesystem::path& archive, const std::filesystem::path& folder);

}  // namespace tandem::debug
