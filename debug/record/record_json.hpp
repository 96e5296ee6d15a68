// SPDX-License-Identifier: Apache-2.0
// record.json and RecordInfo.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "json_text.hpp"
#include "tandem/debug/record.hpp"

namespace tandem::debug {

/// Member `packets`.
struct RecordPacketsInfo {
  std::string file;  ///< Empty: there are none.
  std::vector<std::string> ops;
  std::string digest;  ///< Empty: unknown.
};

struct RecordDocument {
  RecordInfo info;
  RecordPacketsInfo packets;
};

/// Errors name file, key, what was expected and what was found.
RecordDocument read_record_json(const std::filesystem::path& path);
models::Json to_json(const RecordDocument& document);

}  // namespace tandem::debug
