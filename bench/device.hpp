// SPDX-License-Identifier: Apache-2.0
// The device that a benchmark measures.
#pragma once

#include <map>
#include <string>

#include "bench.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {

/// A device as the options name it. What check mode has found when it ends goes to the options'
/// findings.
class BenchDevice {
 public:
  /// `settings`: options of the URI that the benchmark decides, e.g. {"threads", "1"}; they win
  /// over the user's.
  explicit BenchDevice(const Options& options,
                       const std::map<std::string, std::string>& settings = {});
  ~BenchDevice();
  BenchDevice(const BenchDevice&) = delete;
  BenchDevice& operator=(const BenchDevice&) = delete;

  runtime::Device& operator*() { return device_; }
  runtime::Device* operator->() { return &device_; }

 private:
  runtime::Device device_;
  std::string* findings_;
};

/// The backend as reports name it: with its configuration and the user's options.
std::string backend_name(const Options& options);

}  // namespace tandem::bench
