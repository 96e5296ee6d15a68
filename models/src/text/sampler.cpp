// SPDX-License-Identifier: Apache-2.0
// Greedy and seeded sampling.
#include "tandem/models/text/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorCode::kInvalidArgument, what); }

void check_logits(std::span<const float> logits) {
  if (logits.empty()) fail("sampling: expected logits, found none");
  if (logits.size() > static_cast<std::size_t>(std::numeric_limits<TokenId>::max())) {
    fail(fmt::format("sampling: {} logits are too many", logits.size()));
  }
  bool any_nan = false;
  for (const float logit : logits) any_nan |= std::isnan(logit);
  if (!any_nan) return;
  const auto at = std::ranges::find_if(logits, [](float x) { return std::isnan(x); });
  fail(fmt::format("sampling: logit {} is not a number; compare the run with another backend",
                   at - logits.begin()));
}

/// splitmix64 (Steele, Lea, Flood 2014): spreads a seed over the state.
std::uint64_t splitmix64(std::uint64_t& state) {
  std::uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

/// e^x for x <= 0, to about 1e-15, from multiplications and additions only: the library's exp may
/// differ between systems in the last bit.
double portable_exp(double x) {
  if (x < -700.0) return 0.0;
  constexpr double kLog2e = 1.4426950408889634074;
  constexpr double kLn2High = 6.93147180369123816490e-01;  // 33 bits, times small n exact
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  const double n = std::nearbyint(x * kLog2e);
  const double r = (x - n * kLn2High) - n * kLn2Low;  // |r| <= ln(2) / 2
  double sum = 1.0;
  for (int i = 14; i >= 1; --i) sum = 1.0 + r / i * sum;  // Taylor in Horner form
  return std::ldexp(sum, static_cast<int>(n));
}

}  // namespace

Sampler::Sampler(const SamplerOptions& options) : options_(options) {
  if (!(options.temperature >= 0.0f) || std::isinf(options.temperature)) {
    fail(fmt::format("sampler: temperature {}, expected a finite number from 0",
                     options.temperature));
  }
  if (!(options.top_p > 0.0f && options.top_p <= 1.0f)) {
    fail(fmt::format("sampler: top_p {}, expected 0 < top_p <= 1", options.top_p));
  }
  std::uint64_t seed = options.seed;
  for (std::uint64_t& word : state_) word = splitmix64(seed);
}

std::uint64_t Sampler::next_random() {
  // xoshiro256** 1.0 (Blackman, Vigna 2018).
  const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
  const std::uint64_t t = state_[1] << 17;
  state_[2] ^= state_[0];
  state_[3] ^= state_[1];
  state_[1] ^= state_[2];
  state_[0] ^= state_[3];
  state_[2] ^= t;
  state_[3] = std::rotl(state_[3], 45);
  return result;
}

double Sampler::next_uniform() { return static_cast<double>(next_random() >> 11) * 0x1p-53; }

TokenId Sampler::argmax(std::span<const float> logits) {
  check_logits(logits);
  std::size_t best = 0;
  for (std::size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  return static_cast<TokenId>(best);
}

TokenId Sampler::sample(std::span<const float> logits) {
  const TokenId best = argmax(logits);
  const float highest = logits[static_cast<std::size_t>(best)];
  if (options_.temperature == 0.0f || std::isinf(highest)) return best;
  candidates_.clear();
  for (std::size_t i = 0; i < logits.size(); ++i) {
    if (!std::isinf(logits[i])) candidates_.push_back({logits[i], static_cast<TokenId>(i)});
  }
  const auto before = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  };
  if (options_.top_k > 0 && options_.top_k < candidates_.size()) {
    std::nth_element(candidates_.begin(), candidates_.begin() + options_.top_k, candidates_.end(),
                     before);
    candidates_.resize(options_.top_k);
  }
  std::sort(candidates_.begin(), candidates_.end(), before);
  weights_.clear();
  double total = 0.0;
  for (const Candidate& candidate : candidates_) {
    const double distance = static_cast<double>(candidate.logit) - highest;
    weights_.push_back(portable_exp(distance / options_.temperature));
    total += weights_.back();
  }
  double kept = total;
  if (options_.top_p < 1.0f) {
    const double wanted = total * options_.top_p;
    std::size_t count = 0;
    kept = 0.0;
    while (count < weights_.size() && kept < wanted) kept += weights_[count++];
    weights_.resize(std::max<std::size_t>(count, 1));
  }
  double left = next_uniform() * kept;
  for (std::size_t i = 0; i + 1 < weights_.size(); ++i) {
    left -= weights_[i];
    if (left < 0.0) return candidates_[i].id;
  }
  return candidates_[weights_.size() - 1].id;
}

}  // namespace tandem::models
