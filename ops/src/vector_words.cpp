// SPDX-License-Identifier: Apache-2.0
#include "vector_words.hpp"

#include <set>

#include "tandem/base/error.hpp"

namespace tandem::ops {
namespace {

using abi::MicroOp;

/// Which arguments of which steps are read there for the last time.
std::vector<std::array<bool, 3>> last_uses(const std::vector<Step>& steps) {
  std::vector<std::array<bool, 3>> dies(steps.size());
  std::set<std::uint32_t> live;
  for (std::size_t i = steps.size(); i-- > 0;) {
    live.erase(steps[i].value);
    for (int j = 0; j < steps[i].num_args; ++j) {
      dies[i][static_cast<std::size_t>(j)] =
          live.insert(steps[i].arg[static_cast<std::size_t>(j)]).second;
    }
  }
  return dies;
}

class Assignment {
 public:
  Assignment(const Selectors& selectors, std::vector<Word>& words)
      : selectors_(selectors), words_(words), registers_(abi::kSelectV, abi::kVectorRegisters) {}

  unsigned run(const std::vector<Step>& steps) {
    const std::vector<std::array<bool, 3>> dies = last_uses(steps);
    for (std::size_t i = 0; i < steps.size(); ++i) add(steps[i], dies[i]);
    return registers_.most();
  }

 private:
  /// A free register; a number that no device has where there is none.
  unsigned take() { return registers_.take().value_or(overflow_++); }

  void add(const Step& step, const std::array<bool, 3>& dies) {
    Word word{.op = step.op};
    std::vector<unsigned> free_after;
    for (std::size_t j = 0; j < step.num_args; ++j) {
      word.source[j] = source_of(step, j, word, free_after);
      if (dies[j] && placed_.contains(step.arg[j])) free_after.push_back(word.source[j]);
    }
    for (const unsigned selector : free_after) registers_.give(selector);
    for (std::size_t j = 0; j < step.num_args; ++j) {
      if (dies[j]) placed_.erase(step.arg[j]);
    }
    if (step.op == MicroOp::kLd) word.source[0] = step.number;
    const auto reduction = selectors_.reduction.find(step.value);
    if (step.op == MicroOp::kSt) {
      word.dst = step.number;
    } else if (reduction != selectors_.reduction.end()) {
      word.dst = reduction->second;
    } else {
      word.dst = take();
      // A load repeated while the first one is still held.
      if (placed_.contains(step.value)) registers_.give(placed_.at(step.value));
      placed_[step.value] = word.dst;
    }
    words_.push_back(word);
  }

  /// Selector of argument j of a step. Constants that do not fit and row values of reductions pass
  /// through a V register.
  unsigned source_of(const Step& step, std::size_t j, Word& word,
                     std::vector<unsigned>& free_after) {
    const std::uint32_t at = step.arg[j];
    const auto vector = placed_.find(at);
    if (vector != placed_.end()) return vector->second;
    const bool reduces = selectors_.reduction.contains(step.value);
    const bool second_constant = selectors_.is_constant(at) && !selectors_.scalar.contains(at) &&
                                 has_other_constant(step, j, word);
    if (!second_constant && !(reduces && selectors_.node(at).kind != Graph::Kind::kCol)) {
      return selectors_.of(at, word.imm);
    }
    std::uint32_t imm = 0;
    const unsigned from = selectors_.of(at, imm);
    Word move = move_bits(from, imm);
    move.dst = take();
    words_.push_back(move);
    free_after.push_back(move.dst);
    return move.dst;
  }

  /// Whether an earlier argument of the step uses the word's immediate for other bits.
  bool has_other_constant(const Step& step, std::size_t j, const Word& word) const {
    for (std::size_t i = 0; i < j; ++i) {
      if (word.source[i] == abi::kSelectImm &&
          selectors_.node(step.arg[i]).arg[0] != selectors_.node(step.arg[j]).arg[0]) {
        return true;
      }
    }
    return false;
  }

  const Selectors& selectors_;
  std::vector<Word>& words_;
  Registers registers_;
  std::map<std::uint32_t, unsigned> placed_;  ///< V registers by value.
  unsigned overflow_ = abi::kVectorRegisters;
};

}  // namespace

unsigned Selectors::of(std::uint32_t at, std::uint32_t& imm) const {
  const Graph::Node& value = node(at);
  const auto found = scalar.find(at);
  if (found != scalar.end()) return found->second;
  switch (value.kind) {
    case Graph::Kind::kParam:
      return abi::kSelectP + value.arg[0];
    case Graph::Kind::kRow0:
      return abi::kSelectRow0;
    case Graph::Kind::kRow1:
      return abi::kSelectRow1;
    case Graph::Kind::kCol:
      return abi::kSelectCol;
    case Graph::Kind::kConstant:
      imm = value.arg[0];
      return abi::kSelectImm;
    case Graph::Kind::kReduce:
      return reduction.at(at);
    case Graph::Kind::kInput:
    case Graph::Kind::kOp:
      break;
  }
  TANDEM_CHECK(!"a value in a register");
  return 0;
}

unsigned assign_registers(const Selectors& selectors, const std::vector<Step>& steps,
                          std::vector<Word>& words) {
  return Assignment(selectors, words).run(steps);
}

}  // namespace tandem::ops
