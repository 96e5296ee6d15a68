// SPDX-License-Identifier: Apache-2.0
// Signals of npu_top by their path below it, and cycles instead of times.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "fst_file.hpp"

namespace tandem::debug::wave {

/// Waves of the device, whatever scopes the simulator puts round npu_top.
class DeviceWaves {
 public:
  /// Throws kNotFound if npu_top is not in the file.
  explicit DeviceWaves(const std::filesystem::path& path);

  FstFile& file() { return file_; }
  const FstFile& file() const { return file_; }
  /// "npu_top." or what stands before the signals of npu_top.
  const std::string& root() const { return root_; }
  /// `path` is below npu_top, e.g. "u_mem.m_axi_wvalid". As FstFile.
  const WaveSignal& at(std::string_view path) const { return file_.at(root_ + std::string(path)); }
  const WaveSignal* find(std::string_view path) const {
    return file_.find(root_ + std::string(path));
  }

  /// Calls `visit(scan, time)` once a clock cycle with the values that the next rising edge sees;
  /// `time` is that of the rising edge at which the cycle began. False ends the scan.
  void for_each_cycle(std::vector<const WaveSignal*> signals,
                      const std::function<bool(const WaveScan&, std::uint64_t time)>& visit,
                      std::uint64_t from = 0, std::uint64_t to = ~std::uint64_t{0});

 private:
  FstFile file_;
  std::string root_;
};

}  // namespace tandem::debug::wave
