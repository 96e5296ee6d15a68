// SPDX-License-Identifier: Apache-2.0
// The runs in which faults are looked for: passes of small models, and the programs of the list.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace tandem::bench {

/// The device that the runs are recorded on, and that is right.
inline constexpr const char* kBisectReference = "cmodel:tiny";

/// A folder of this run, removed at its end, with the traces.
class BisectTraces {
 public:
  BisectTraces();
  ~BisectTraces();
  BisectTraces(const BisectTraces&) = delete;
  BisectTraces& operator=(const BisectTraces&) = delete;

  const std::filesystem::path& folder() const { return folder_; }
  /// Names of the model passes, in the order in which they are tried.
  static std::vector<std::string> models();
  /// The trace of a model pass, or of rtl/fault/programs/NAME.exec; recorded at first use.
  std::filesystem::path trace(const std::string& name);

 private:
  std::filesystem::path folder_;
};

}  // namespace tandem::bench
