// SPDX-License-Identifier: Apache-2.0
// The sweep: evaluate in blocks, screen in double, keep the worst.
#include "sweep.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <thread>
#include <vector>

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
// The double references are good to 1e-15 relative, 1e-8 ulp of fp32; gelu's erfc to ten times
// that. Anything within this distance of a decision goes to the exact reference.
constexpr double kDoubt = 1e-6;

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

class Worker {
 public:
  Worker(const Function& function, Isa isa, const ExactReference& exact)
      : function_(function), isa_(isa), exact_(exact) {}

  void run(const std::vector<std::uint32_t>& x) {
    y_.resize(x.size());
    evaluate(isa_, function_.id, x, y_);
    result_.inputs += x.size();
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (function_.conversion) {
        if (y_[i] != convert_reference(function_.id, x[i])) special_error(x[i]);
      } else {
        check(x[i], y_[i]);
      }
    }
  }

  const Result& result() const { return result_; }

 private:
  void special_error(std::uint32_t x) {
    if (result_.special_errors++ == 0) result_.special_error_input = x;
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
    if (exact_ && error != 0) {
      const ExactError decided = exact_(function_, x_bits, y_bits);
      ulp = decided.ulp;
      of_bound = decided.of_bound;
      ++result_.decided_exactly;
    }
    if (ulp > result_.worst_ulp) {
      result_.worst_ulp = ulp;
      result_.worst_ulp_input = x_bits;
    }
    if (of_bound > result_.worst_of_bound) {
      result_.worst_of_bound = of_bound;
      result_.worst_of_bound_input = x_bits;
    }
  }

  const Function& function_;
  Isa isa_;
  const ExactReference& exact_;
  std::vector<std::uint32_t> y_;
  Result result_;
};

void merge(Result& into, const Result& from) {
  into.inputs += from.inputs;
  into.decided_exactly += from.decided_exactly;
  if (from.worst_ulp > into.worst_ulp) {
    into.worst_ulp = from.worst_ulp;
    into.worst_ulp_input = from.worst_ulp_input;
  }
  if (from.worst_of_bound > into.worst_of_bound) {
    into.worst_of_bound = from.worst_of_bound;
    into.worst_of_bound_input = from.worst_of_bound_input;
  }
  if (into.special_errors == 0) into.special_error_input = from.special_error_input;
  into.special_errors += from.special_errors;
}

}  // namespace

Result sweep(const Function& function, Range range, Isa isa, unsigned threads,
             const ExactReference& exact) {
  const std::uint64_t end = std::min(range.first + range.count, std::uint64_t{1} << 32);
  const std::uint64_t stride = std::max<std::uint64_t>(range.stride, 1);
  std::atomic<std::uint64_t> next{range.first};
  std::mutex mutex;
  Result total;
  const auto work = [&] {
    const numerics::FpEnvironment environment;
    Worker worker(function, isa, exact);
    std::vector<std::uint32_t> x;
    for (;;) {
      const std::uint64_t start = next.fetch_add(kBlock * stride);
      if (start >= end) break;
      const std::uint64_t left = (end - start + stride - 1) / stride;
      x.resize(std::min(kBlock, left));
      for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = static_cast<std::uint32_t>(start + i * stride);
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
