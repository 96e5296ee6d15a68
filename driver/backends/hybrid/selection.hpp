// SPDX-License-Identifier: Apache-2.0
// Which packets the second device of a hybrid runs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tandem::hybrid {

/// Packets by number, by the layer and by the op that they belong to; what any of these names is
/// chosen.
class Selection {
 public:
  /// From options `packets` (5-9,12), `layers` (17,20-22,output), `ops` (*/linear,embedding: `*`
  /// any characters, `?` one) and `every` (N: every Nth packet). Throws kInvalidArgument naming
  /// option and value.
  explicit Selection(const std::map<std::string, std::string, std::less<>>& options);

  bool has(std::uint64_t seq, std::string_view op) const;
  /// Whether packets, layers or ops are named.
  bool names_any() const { return !packets_.empty() || needs_ops(); }
  /// Whether ops have a say.
  bool needs_ops() const { return !ops_.empty() || !layers_.empty() || !layer_names_.empty(); }

 private:
  using Ranges = std::vector<std::pair<std::uint64_t, std::uint64_t>>;

  Ranges packets_;
  Ranges layers_;  // Numbers: layer.17.
  std::vector<std::string> layer_names_;
  std::vector<std::string> ops_;
  std::uint64_t every_ = 0;
};

}  // namespace tandem::hybrid
