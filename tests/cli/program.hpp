// SPDX-License-Identifier: Apache-2.0
// Runs the program `tandem` as a user does.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/scratch_directory.hpp"

namespace tandem::tests {

struct ProgramResult {
  int exit_code = -1;  ///< -1: it did not exit by itself.
  std::string out;
  std::string err;

  /// stdout as JSON; throws where it is none.
  nlohmann::json json() const { return nlohmann::json::parse(out); }
};

/// Runs it with `arguments`, `input` on stdin, and environment entries "NAME=value" added.
ProgramResult run_tandem(const std::vector<std::string>& arguments, const std::string& input = "",
                         const std::vector<std::string>& environment = {});

/// A file of tests/data.
std::string data_path(const std::string& name);

}  // namespace tandem::tests
