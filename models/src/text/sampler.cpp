// SPDX-License-Identifier: Apache-2.0
// Greedy and seeded sampling.
#include "tandem/models/text/sampler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>

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

/// e^x for x <= 0, to about 1e-15, from additions, multiplications and bit moves only: the
/// library's exp may differ between systems in the last bit. No branches, so that loops vectorise.
double portable_exp(double x) {
  constexpr double kLog2e = 1.4426950408889634074;
  constexpr double kLn2High = 6.93147180369123816490e-01;  // 33 bits: times a small n exact
  constexpr double kLn2Low = 1.90821492927058770002e-10;
  constexpr double kRound = 0x1.8p52;  // adding it rounds to an integer in the low bits
  const double clamped = x < -700.0 ? -700.0 : x;
  const double shifted = clamped * kLog2e + kRound;
  const double n = shifted - kRound;
  const double r = (clamped - n * kLn2High) - n * kLn2Low;  // |r| <= ln(2) / 2
  constexpr double kTaylor[] = {1.0 / 87178291200,
                                1.0 / 6227020800,
                                1.0 / 479001600,
                                1.0 / 39916800,
                                1.0 / 3628800,
                                1.0 / 362880,
                                1.0 / 40320,
                                1.0 / 5040,
                                1.0 / 720,
                                1.0 / 120,
                                1.0 / 24,
                                1.0 / 6,
                                1.0 / 2,
                                1.0,
                                1.0};
  double sum = 0.0;
  for (const double coefficient : kTaylor) sum = sum * r + coefficient;
  const std::uint64_t exponent = std::bit_cast<std::uint64_t>(shifted) << 52;
  const double scale = std::bit_cast<double>(exponent + (std::uint64_t{1023} << 52));
  return x < -700.0 ? 0.0 : sum * scale;
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

bool Sampler::before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

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
  keep_top_k();
  weights_.resize(candidates_.size());
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    const double distance = static_cast<double>(candidates_[i].logit) - highest;
    weights_[i] = portable_exp(distance / options_.temperature);
  }
  double total = 0.0;
  for (const double weight : weights_) total += weight;
  if (options_.top_p < 1.0f) total = keep_top_p(total);
  double left = next_uniform() * total;
  for (std::size_t i = 0; i + 1 < candidates_.size(); ++i) {
    left -= weights_[i];
    if (left < 0.0) return candidates_[i].id;
  }
  return candidates_.back().id;
}

/// Leaves the k best in order. Without a limit the order stays that of the indices.
void Sampler::keep_top_k() {
  if (options_.top_k == 0 || options_.top_k >= candidates_.size()) return;
  const auto end = candidates_.begin() + options_.top_k;
  std::nth_element(candidates_.begin(), end, candidates_.end(), before);
  candidates_.erase(end, candidates_.end());
  std::sort(candidates_.begin(), candidates_.end(), before);
}

/// Leaves the best candidates that together reach top_p of `total`; returns their weight.
double Sampler::keep_top_p(double total) {
  const double wanted = total * options_.top_p;
  // A heap, because few of many candidates are needed as a rule.
  std::vector<std::pair<Candidate, double>> heap;
  heap.reserve(candidates_.size());
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    heap.emplace_back(candidates_[i], weights_[i]);
  }
  const auto later = [](const auto& a, const auto& b) { return before(b.first, a.first); };
  std::make_heap(heap.begin(), heap.end(), later);
  candidates_.clear();
  weights_.clear();
  double kept = 0.0;
  while (!heap.empty() && (kept < wanted || candidates_.empty())) {
    std::pop_heap(heap.begin(), heap.end(), later);
    candidates_.push_back(heap.back().first);
    weights_.push_back(heap.back().second);
    kept += heap.back().second;
    heap.pop_back();
  }
  return kept;
}

}  // namespace tandem::models
