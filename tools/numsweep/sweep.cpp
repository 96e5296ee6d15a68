// SPDX-License-Identifier: Apache-2.0
// The sweep: evaluate in blocks, screen in double, keep the worst.
#include "sweep.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <numeric>
#include <thread>
#include <vector>

#include "screen.hpp"
#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/fp_env.hpp"

namespace tandem::numsweep {

namespace {

using numerics::float_of;
using numerics::is_nan_bits;
using numerics::kF32AbsMask;
using numerics::kF32Inf;
using numerics::kF32Nan;

constexpr std::uint64_t kBlock = 1 << 14;

/// NaN, infinities and zeros. True if `y` is settled: then `wrong` says how.
bool settle_special(std::uint32_t y, double r, bool& wrong) {
  wrong = false;
  if (std::isnan(r)) {
    wrong = y != kF32Nan;
    return true;
  }
  const bool y_negative = (y & numerics::kF32SignBit) != 0;
  if (is_nan_bits(y)) {
    wrong = true;
    return true;
  }
  if (std::isinf(r)) {
    wrong = (y & kF32AbsMask) != kF32Inf || y_negative != std::signbit(r);
    return true;
  }
  if (r == 0) {
    wrong = (y & kF32AbsMask) != 0 || y_negative != std::signbit(r);
    return true;
  }
  wrong = y_negative != std::signbit(r);
  return wrong;
}

/// Keeps the larger error; of equal ones the lowest input, whatever the order of the visits.
void keep_worse(double& worst, std::uint32_t& worst_input, double error, std::uint32_t input) {
  if (error > worst || (error == worst && error > 0 && input < worst_input)) {
    worst = error;
    worst_input = input;
  }
}

Screen pick_screen([[maybe_unused]] Isa isa) {
#if defined(TANDEM_NUMSWEEP_MVEC)
  if (isa == Isa::kAvx512) return screen_avx512;
#endif
  return screen_none;
}

class Worker {
 public:
  Worker(const Function& function, Isa isa, const ExactReference& exact)
      : function_(function), isa_(isa), screen_(pick_screen(isa)), exact_(exact) {}

  void run(const std::vector<std::uint32_t>& x) {
    y_.resize(x.size());
    evaluate(isa_, function_.id, x, y_);
    result_.inputs += x.size();
    if (function_.conversion) {
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (y_[i] != convert_reference(function_.id, x[i])) special_error(x[i]);
      }
      return;
    }
    suspects_.resize(x.size());
    const Thresholds thresholds{result_.worst_ulp, std::min(result_.worst_of_bound, 1.0)};
    const std::size_t count =
        screen_(function_, thresholds, x.data(), y_.data(), x.size(), suspects_.data());
    for (std::size_t i = 0; i < count; ++i) check(x[suspects_[i]], y_[suspects_[i]]);
  }

  const Result& result() const { return result_; }

 private:
  void special_error(std::uint32_t x) {
    const bool first = result_.special_errors++ == 0 || x < result_.special_error_input;
    if (first) result_.special_error_input = x;
  }

  void check(std::uint32_t x_bits, std::uint32_t y_bits) {
    const float x = float_of(x_bits);
    if (function_.nonpositive && x > 0) return;
    const double r = double_reference(function_.id, x);
    bool wrong = false;
    if (settle_special(y_bits, r, wrong)) {
      if (wrong) special_error(x_bits);
      return;
    }
    const bool infinite = (y_bits & kF32AbsMask) == kF32Inf;
    const double y = infinite ? std::copysign(0x1p128, r) : double{float_of(y_bits)};
    // Infinity is right for every r that rounds to it.
    const bool overflow = infinite && std::fabs(r) >= 0x1.FFFFFFp127;
    const double error = overflow ? 0 : std::fabs(y - r);
    double ulp = error / ulp_fp32(r);
    double of_bound = share(error, bound_of(function_, x, r));
    const bool in_doubt = ulp > result_.worst_ulp - kDoubt ||
                          of_bound > result_.worst_of_bound - kDoubt || of_bound > 1 - kDoubt;
    if (!in_doubt) return;
    if (exact_ && (ulp > 0.5 - kDoubt || of_bound > 0.25)) {
      const ExactError decided = exact_(function_, x_bits, y_bits);
      ulp = decided.ulp;
      of_bound = decided.of_bound;
      ++result_.decided_exactly;
    }
    keep_worse(result_.worst_ulp, result_.worst_ulp_input, ulp, x_bits);
    keep_worse(result_.worst_of_bound, result_.worst_of_bound_input, of_bound, x_bits);
  }

  const Function& function_;
  Isa isa_;
  Screen screen_;
  const ExactReference& exact_;
  std::vector<std::uint32_t> y_;
  std::vector<std::uint32_t> suspects_;
  Result result_;
};

void merge(Result& into, const Result& from) {
  into.inputs += from.inputs;
  into.decided_exactly += from.decided_exactly;
  keep_worse(into.worst_ulp, into.worst_ulp_input, from.worst_ulp, from.worst_ulp_input);
  keep_worse(into.worst_of_bound, into.worst_of_bound_input, from.worst_of_bound,
             from.worst_of_bound_input);
  const bool first =
      into.special_errors == 0 ||
      (from.special_errors != 0 && from.special_error_input < into.special_error_input);
  if (first) into.special_error_input = from.special_error_input;
  into.special_errors += from.special_errors;
}

}  // namespace

std::size_t screen_none(const Function&, const Thresholds&, const std::uint32_t*,
                        const std::uint32_t*, std::size_t count, std::uint32_t* suspects) {
  std::iota(suspects, suspects + count, 0u);
  return count;
}

Result sweep(const Function& function, Range range, Isa isa, unsigned threads,
             const ExactReference& exact) {
  const std::uint64_t end = std::min(range.first + range.count, std::uint64_t{1} << 32);
  const std::uint64_t stride = std::max<std::uint64_t>(range.stride, 1);
  const std::uint64_t inputs = range.first < end ? (end - range.first - 1) / stride + 1 : 0;
  const std::uint64_t blocks = (inputs + kBlock - 1) / kBlock;
  // Blocks are visited in scattered order: the worst error is then large early, and few inputs
  // after that need a closer look. (In ascending order the error of exp grows with every input
  // for a quarter of the range.)
  std::uint64_t step = 0x9E3779B1u;
  while (std::gcd(step, std::max<std::uint64_t>(blocks, 1)) != 1) ++step;
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  Result total;
  const auto work = [&] {
    const numerics::FpEnvironment environment;
    Worker worker(function, isa, exact);
    std::vector<std::uint32_t> x;
    for (std::uint64_t visit = next++; visit < blocks; visit = next++) {
      const std::uint64_t first_input = visit * step % blocks * kBlock;
      x.resize(std::min(kBlock, inputs - first_input));
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<std::uint32_t>(range.first + (first_input + i) * stride);
      }
      worker.run(x);
    }
    const std::lock_guard lock(mutex);
    merge(total, worker.result());
  };
  std::vector<std::thread> pool;
  for (unsigned i = 1; i < threads; ++i) pool.emplace_back(work);
  work();
  for (std::thread& thread : pool) thread.join();
  return total;
}

}  // namespace tandem::numsweep
