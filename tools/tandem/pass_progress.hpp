// SPDX-License-Identifier: Apache-2.0
// How far a forward pass on a device with simulated time is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tandem::cli {

/// Counts the completions of a pass. What is left is estimated from the last pass where that was
/// alike, else from the layers so far. Seconds are those of any one clock.
class PassProgress {
 public:
  explicit PassProgress(unsigned layers) : layers_(layers) {}

  /// A pass begins, "prefill" or "decode 3"; the device has simulated `cycle` cycles so far.
  /// `like_last`: it takes what the last one took, nearly.
  void begin(std::string name, bool like_last, std::uint64_t cycle, double seconds);
  /// A packet of the op, "layer.3/rmsnorm", ended in that cycle.
  void complete(std::string_view op, std::uint64_t end_cycle, double seconds);

  bool has_packets() const { return !ends_.empty(); }

  /// E.g. "decode 3: layer 12/30, packet 212/371, 1.84 Mcycles, 95 kcycles/s, 0:42 left".
  /// "~" marks estimates from layers; what cannot be told yet is left out.
  std::string line() const;

 private:
  struct Left {
    bool known = false;
    std::uint64_t packets = 0, cycles = 0;
  };

  std::uint64_t cycles() const { return ends_.empty() ? 0 : ends_.back(); }
  Left left() const;

  unsigned layers_;
  std::string name_;
  std::string place_;  ///< "layer 12/30", or the op outside the layers.
  std::uint64_t begin_cycle_ = 0;
  double begin_seconds_ = 0, seconds_ = 0;
  std::vector<std::uint64_t> ends_;  ///< Cycles of the pass at the end of each packet.
  std::vector<std::uint64_t> last_;  ///< The same of the last pass; empty if that was not alike.
  unsigned layer_ = 0;               ///< From 1; 0 outside the layers.
  /// Packets and cycles of the pass before the first layer and before the current one.
  std::uint64_t first_packets_ = 0, first_cycles_ = 0, layer_packets_ = 0, layer_cycles_ = 0;
};

/// "9 kcycles", "1.84 Mcycles", "2.50 Gcycles".
std::string cycles_text(std::uint64_t cycles);

}  // namespace tandem::cli
