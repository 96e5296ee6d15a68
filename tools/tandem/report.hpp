// SPDX-License-Identifier: Apache-2.0
// The one shape of every --json output.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace tandem::cli {

using Json = nlohmann::ordered_json;

/// {"version", "backend", "cases": [{"name", ...}], "summary": {...}}
class Report {
 public:
  /// `backend`: the device's name, empty for commands without one.
  explicit Report(std::string backend = "");

  /// A new case; the reference is valid until the next call.
  Json& add_case(std::string name);
  Json& summary() { return json_["summary"]; }

  /// Prints the report to stdout. Text that is not valid UTF-8 is repaired.
  void print() const;

 private:
  Json json_;
};

}  // namespace tandem::cli
