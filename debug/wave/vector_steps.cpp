// SPDX-License-Identifier: Apache-2.0
#include "vector_steps.hpp"

#include <algorithm>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/numerics/reduce.hpp"
#include "tandem/ops/micro_eval.hpp"
#include "words.hpp"

namespace tandem::debug::wave {
namespace {

using abi::MicroOp;
using abi::MicroWord;

constexpr unsigned kPartials = numerics::kPartials;

bool is_reduction(MicroOp op) { return op >= MicroOp::kRsum && op <= MicroOp::kRimax; }

bool is_scalar_operation(const MicroWord& word) {
  return word.op == MicroOp::kSts || (word.op >= MicroOp::kFma && abi::is_s(word.dst));
}

template <class Visit>
std::uint32_t with_reduction(MicroOp op, Visit&& visit) {
  switch (op) {
    case MicroOp::kRsum:
      return visit(numerics::SumF32{});
    case MicroOp::kRmin:
      return visit(numerics::MinF32{});
    case MicroOp::kRmax:
      return visit(numerics::MaxF32{});
    case MicroOp::kRisum:
      return visit(numerics::SumI32{});
    case MicroOp::kRimin:
      return visit(numerics::MinI32{});
    default:
      return visit(numerics::MaxI32{});
  }
}

std::uint32_t combine(MicroOp op, std::uint32_t a, std::uint32_t b) {
  return with_reduction(op, [&](auto reduction) { return reduction(a, b); });
}
std::uint32_t identity(MicroOp op) {
  return with_reduction(op, [](auto reduction) { return decltype(reduction)::kIdentity; });
}

}  // namespace

VectorSteps::VectorSteps(const abi::VectorPacket& packet, std::span<const std::uint64_t> program,
                         const Tables& tables, const driver::SparseRam& before,
                         const driver::DeviceConfig& config)
    : packet_(packet),
      tables_(tables),
      ram_(before),
      lanes_(config.vector_lanes),
      chunk_(config.vector_length) {
  for (const std::uint64_t word : program) program_.push_back(abi::decode(word));
  for (Lanes& lanes : v_) lanes.resize(chunk_);
  begin_phase();
}

bool VectorSteps::next(VectorStep& step) {
  while (ready_.empty() && advance()) {
  }
  if (ready_.empty()) return false;
  step = std::move(ready_.front());
  ready_.pop_front();
  return true;
}

void VectorSteps::begin_phase() {
  ++at_;  // The word `phase`.
  end_ = at_;
  while (end_ < program_.size() && program_[end_].op != MicroOp::kPhase) ++end_;
  vector_at_ = at_;
  while (vector_at_ < end_ && is_scalar_operation(program_[vector_at_])) ++vector_at_;
  col_ = 0;
  count_ = std::min(chunk_, packet_.cols);
}

bool VectorSteps::advance() {
  if (done_) return false;
  if (at_ >= end_) {
    // A phase without vector operations has no chunks.
    if (vector_at_ < end_ && col_ + count_ < packet_.cols) {
      col_ += count_;
      count_ = std::min(chunk_, packet_.cols - col_);
      at_ = vector_at_;
      return true;
    }
    end_phase();
    return true;
  }
  const MicroWord& word = program_[at_];
  if (at_ < vector_at_) {
    scalar_operation(word);
  } else {
    vector_operation(word);
  }
  ++at_;
  return true;
}

void VectorSteps::end_phase() {
  for (unsigned s = 0; s < reductions_.size(); ++s) {
    if (!reductions_[s].used) continue;
    fold(s, reductions_[s].op);
    reductions_[s].used = false;
  }
  if (end_ >= program_.size()) {
    at_ = 0;
    if (++row1_ == packet_.rows1) {
      row1_ = 0;
      if (++row0_ == packet_.rows0) {
        done_ = true;
        return;
      }
    }
  }
  begin_phase();
}

VectorStep VectorSteps::make_step(VectorStep::To to, unsigned target, unsigned line) const {
  VectorStep step;
  step.to = to;
  step.target = target;
  step.line = line;
  step.row0 = row0_;
  step.row1 = row1_;
  step.first_col = col_ + line * lanes_;
  step.word = at_;
  return step;
}

void VectorSteps::scalar_operation(const MicroWord& word) {
  if (word.op == MicroOp::kSts) return;
  const unsigned target = word.dst - abi::kSelectS;
  s_[target] = compute(word, 0);
  VectorStep step = make_step(VectorStep::To::kScalar, target, 0);
  step.lanes = {s_[target]};
  ready_.push_back(std::move(step));
}

void VectorSteps::vector_operation(const MicroWord& word) {
  if (word.op == MicroOp::kSt) return;
  Lanes result(count_);
  if (word.op == MicroOp::kLd) {
    const abi::VectorStream stream = abi::vector_stream(packet_, word.a);
    const std::uint64_t row = stream.addr + row0_ * stream.row0_stride + row1_ * stream.row1_stride;
    for (std::uint32_t i = 0; i < count_; ++i) {
      result[i] = load_word(ram_, stream.type, row + (col_ + i) * stream.col_stride);
    }
  } else if (is_reduction(word.op)) {
    for (std::uint32_t i = 0; i < count_; ++i) result[i] = source(word.a, word, i);
    reduce(word, result);
    return;
  } else {
    for (std::uint32_t i = 0; i < count_; ++i) result[i] = compute(word, i);
  }
  for (std::uint32_t i = 0; i < count_; i += lanes_) {
    VectorStep step = make_step(VectorStep::To::kRegister, word.dst, i / lanes_);
    const auto first = result.begin() + i;
    step.lanes.assign(first, first + std::min(lanes_, count_ - i));
    ready_.push_back(std::move(step));
  }
  std::ranges::copy(result, v_[word.dst].begin());
}

void VectorSteps::reduce(const MicroWord& word, std::span<const std::uint32_t> elements) {
  const unsigned target = word.dst - abi::kSelectS;
  Reduction& r = reductions_[target];
  if (!r.used) {
    r.used = true;
    r.op = word.op;
    r.word = at_;
    r.partials.fill(identity(word.op));
  }
  const unsigned lines = kPartials / lanes_;
  const auto filled = static_cast<unsigned>((elements.size() + lanes_ - 1) / lanes_);
  // The first chunk gives every partial its value.
  const unsigned beats = col_ == 0 ? std::max(filled, lines) : filled;
  for (unsigned beat = 0; beat < beats; ++beat) {
    const unsigned line = beat % lines;
    VectorStep step = make_step(VectorStep::To::kPartial, target, line);
    step.first_col = col_ + beat * lanes_;
    for (unsigned lane = 0; lane < lanes_; ++lane) {
      const std::size_t i = std::size_t{beat} * lanes_ + lane;
      std::uint32_t& partial = r.partials[line * lanes_ + lane];
      partial = combine(r.op, partial, i < elements.size() ? elements[i] : identity(r.op));
      step.lanes.push_back(partial);
    }
    ready_.push_back(std::move(step));
  }
}

void VectorSteps::fold(unsigned target, MicroOp op) {
  Reduction& r = reductions_[target];
  for (unsigned span = kPartials / 2; span != 0; span /= 2) {
    for (unsigned j = 0; j < span; ++j) {
      r.partials[j] = combine(op, r.partials[j], r.partials[j + span]);
    }
    for (unsigned j = 0; j < span; j += lanes_) {
      VectorStep step = make_step(VectorStep::To::kPartial, target, j / lanes_);
      step.word = r.word;
      step.first_col = 0;
      step.lanes.assign(r.partials.begin() + j,
                        r.partials.begin() + j + std::min(lanes_, span - j));
      step.last_of_reduction = span == 1;
      ready_.push_back(std::move(step));
    }
  }
  s_[target] = r.partials[0];
}

std::uint32_t VectorSteps::compute(const MicroWord& word, std::uint32_t lane) const {
  const std::uint32_t a = source(word.a, word, lane);
  if (word.op == MicroOp::kTab) {
    const std::vector<std::uint32_t>& table = tables_[word.b & 1];
    return (a & 255) < table.size() ? table[a & 255] : 0;
  }
  return ops::evaluate(word.op, {a}, {source(word.b, word, lane)}, {source(word.c, word, lane)})
      .bits;
}

std::uint32_t VectorSteps::source(unsigned selector, const MicroWord& word,
                                  std::uint32_t lane) const {
  if (abi::is_v(selector)) return v_[selector][lane];
  if (abi::is_s(selector)) return s_[selector - abi::kSelectS];
  const std::array params = {packet_.param0, packet_.param1, packet_.param2, packet_.param3};
  if (abi::is_p(selector)) return params[selector - abi::kSelectP];
  if (selector == abi::kSelectImm) return word.imm;
  if (selector == abi::kSelectRow0) return row0_;
  if (selector == abi::kSelectRow1) return row1_;
  return col_ + lane;
}

}  // namespace tandem::debug::wave
