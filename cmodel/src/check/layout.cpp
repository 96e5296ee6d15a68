// SPDX-License-Identifier: Apache-2.0
#include "layout.hpp"

#include <span>

namespace tandem::cmodel {
namespace {

using Dim = abi::Operand::Dim;

/// First byte that ascending ranges share with the one before.
Shared first_overlap(const std::vector<Range>& ranges) {
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].begin < ranges[i - 1].end) return {Answer::kYes, ranges[i].begin};
  }
  return {};
}

/// Loops of an operand that move, narrowest stride first.
struct Loops {
  std::array<Dim, abi::Operand::kMaxDims> dims{};
  std::size_t count = 0;

  void insert(const Dim& dim) {
    std::size_t at = count++;
    for (; at > 0 && dims[at - 1].stride > dim.stride; --at) dims[at] = dims[at - 1];
    dims[at] = dim;
  }
};

bool by_begin(const Range& a, const Range& b) { return a.begin < b.begin; }

}  // namespace

Layout::Layout(const abi::Operand& operand)
    : base_(operand.base), run_(operand.run_bytes), span_(operand.run_bytes) {
  Loops loops;
  for (const Dim& dim : std::span(operand.dims).first(std::size_t(operand.num_dims))) {
    if (dim.extent > 1 && dim.stride != 0) loops.insert(dim);
  }
  auto& dims = loops.dims;
  int kept = 0;
  for (std::size_t d = 0; d < loops.count; ++d) {
    const Dim dim = dims[d];
    // Positions whose runs touch or overlap are one run.
    if (kept == 0 && dim.stride <= run_) {
      run_ += (dim.extent - 1) * dim.stride;
      span_ = run_;
      continue;
    }
    Dim* inner = kept == 0 ? nullptr : &dims[std::size_t(kept - 1)];
    if (inner != nullptr && dim.stride == inner->stride * inner->extent) {
      inner->extent *= dim.extent;
    } else {
      ascending_ = ascending_ && dim.stride >= span_;
      dims[std::size_t(kept++)] = dim;
    }
    span_ += (dim.extent - 1) * dim.stride;
  }
  num_dims_ = kept;
  for (int d = 0; d < kept; ++d) {
    const Dim& dim = dims[std::size_t(kept - 1 - d)];
    dims_[std::size_t(d)] = dim;
    num_runs_ =
        dim.extent > ~std::uint64_t{0} / num_runs_ ? ~std::uint64_t{0} : num_runs_ * dim.extent;
  }
}

bool Layout::same_bytes(const Layout& other) const {
  const auto same = [](const Dim& a, const Dim& b) {
    return a.extent == b.extent && a.stride == b.stride;
  };
  return base_ == other.base_ && run_ == other.run_ && num_dims_ == other.num_dims_ &&
         std::equal(dims_.begin(), dims_.begin() + num_dims_, other.dims_.begin(), same);
}

std::vector<Range> Layout::sorted_runs() const {
  std::vector<Range> runs;
  runs.reserve(std::size_t(num_runs_));
  for_each_run([&](std::uint64_t begin, std::uint64_t num_bytes) {
    runs.push_back({begin, begin + num_bytes});
    return true;
  });
  if (!ascending_) std::sort(runs.begin(), runs.end(), by_begin);
  return runs;
}

Shared shared_bytes(const Layout& a, const Layout& b) {
  const Range ha = a.hull();
  const Range hb = b.hull();
  const std::uint64_t begin = std::max(ha.begin, hb.begin);
  if (begin >= std::min(ha.end, hb.end)) return {};
  if (a.same_bytes(b) || (a.num_runs() == 1 && b.num_runs() == 1)) return {Answer::kYes, begin};
  if (a.num_runs() > kMaxRuns || b.num_runs() > kMaxRuns) return {Answer::kTooMany, 0};
  const std::vector<Range> ra = a.sorted_runs();
  const std::vector<Range> rb = b.sorted_runs();
  // Runs of one operand may overlap each other, so the widest reach so far counts, not the last.
  std::uint64_t reach_a = 0;
  std::uint64_t reach_b = 0;
  for (std::size_t i = 0, j = 0; i < ra.size() || j < rb.size();) {
    if (j == rb.size() || (i < ra.size() && ra[i].begin <= rb[j].begin)) {
      if (ra[i].begin < reach_b) return {Answer::kYes, ra[i].begin};
      reach_a = std::max(reach_a, ra[i++].end);
    } else {
      if (rb[j].begin < reach_a) return {Answer::kYes, rb[j].begin};
      reach_b = std::max(reach_b, rb[j++].end);
    }
  }
  return {};
}

Shared repeated_bytes(const abi::Operand& operand) {
  Loops loops;
  std::uint64_t positions = 1;
  for (const Dim& dim : std::span(operand.dims).first(std::size_t(operand.num_dims))) {
    if (dim.extent <= 1) continue;
    if (dim.stride == 0) return {Answer::kYes, operand.base};
    loops.insert(dim);
    positions = positions > kMaxRuns ? positions : positions * dim.extent;
  }
  std::uint64_t span = operand.run_bytes;
  bool nested = true;
  for (std::size_t d = 0; d < loops.count; ++d) {
    nested = nested && loops.dims[d].stride >= span;
    span += (loops.dims[d].extent - 1) * loops.dims[d].stride;
  }
  if (nested) return {};
  if (positions > kMaxRuns) return {Answer::kTooMany, 0};
  std::vector<Range> ranges;
  ranges.reserve(std::size_t(positions));
  // for_each_run folds dimensions only where they do not repeat bytes or have stride 0.
  abi::for_each_run(operand, [&](std::uint64_t begin, std::uint64_t num_bytes) {
    ranges.push_back({begin, begin + num_bytes});
  });
  std::sort(ranges.begin(), ranges.end(), by_begin);
  return first_overlap(ranges);
}

}  // namespace tandem::cmodel
