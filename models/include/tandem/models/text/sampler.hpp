// SPDX-License-Identifier: Apache-2.0
// Choosing the next token from logits: greedy or seeded sampling, the same on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tandem/models/text/tokenizer.hpp"

namespace tandem::models {

struct SamplerOptions {
  float temperature = 0.0f;  ///< 0 = greedy. Finite and not negative.
  std::uint32_t top_k = 0;   ///< Keep the k largest logits; 0 = all.
  float top_p = 1.0f;        ///< Keep the smallest set whose probability reaches p; in (0, 1].
  std::uint64_t seed = 0;
};

/// Draws one token per call. The order is temperature, top-k, top-p, draw. Equal logits keep the
/// order of their indices, so greedy takes the lowest. Sums run in double in a fixed order and exp
/// is made of basic operations, so equal logits and seed give equal tokens everywhere.
///
/// Not thread-safe; one sampler per sequence.
class Sampler {
 public:
  /// Errors: kInvalidArgument naming the option, its range and the value.
  explicit Sampler(const SamplerOptions& options = {});

  /// Index of the chosen logit. -infinity is never chosen unless nothing else is there.
  /// Errors: kInvalidArgument for no logits, or a NaN (with its index).
  TokenId sample(std::span<const float> logits);

  /// The largest logit, the lowest index among equals. Errors as sample.
  static TokenId argmax(std::span<const float> logits);

  const SamplerOptions& options() const noexcept { return options_; }

 private:
  struct Candidate {
    float logit;
    TokenId id;
  };

  static bool before(const Candidate& a, const Candidate& b);  // larger logit, then lower id
  void keep_top_k();
  double keep_top_p(double total);
  std::uint64_t next_random();
  double next_uniform();  // [0, 1), 53 bits

  SamplerOptions options_;
  std::array<std::uint64_t, 4> state_{};  // xoshiro256**
  std::vector<Candidate> candidates_;     // reused between calls
  std::vector<double> weights_;
};

}  // namespace tandem::models
