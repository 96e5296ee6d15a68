// SPDX-License-Identifier: Apache-2.0
// --dump: logits and hidden states of a run as one safetensors file.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tandem/models/llama/generator.hpp"

namespace tandem::cli {

/// Collects while the model runs and writes DIR/dump.safetensors at the end. Names are `logits`
/// [steps, vocab], `hidden.N` [positions, hidden] and `norm` [positions, hidden]; with several
/// sequences each name starts with "b<sequence>.".
class RunDump {
 public:
  /// Makes the directory. Errors: kUnavailable.
  RunDump(std::string directory, const models::LlamaModel& model, std::uint32_t sequences);

  /// Adds itself to what watches a run.
  void attach(models::GenerateHooks& hooks);
  void write() const;

 private:
  void add_hidden(std::span<const models::SequenceRows> rows, std::uint32_t index,
                  const ops::Tensor& hidden);

  std::string directory_;
  const models::LlamaModel& model_;
  std::uint32_t sequences_;
  std::map<std::string, std::vector<float>> tensors_;  // rows one below the other
  std::map<std::string, std::uint64_t> widths_;
};

}  // namespace tandem::cli
