// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/ucode_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "phase_plan.hpp"
#include "tandem/base/error.hpp"

namespace tandem::ops {
namespace {

using abi::MicroOp;
using Kind = Graph::Kind;
using Node = Graph::Node;

constexpr std::uint32_t kNone = Step::kNoValue;

[[noreturn]] void refuse(std::string_view name, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", name, text));
}

struct Word {
  MicroOp op = MicroOp{};
  unsigned dst = 0;
  std::array<unsigned, 3> source{};
  std::uint32_t imm = 0;
};

std::uint64_t encode(const Word& word) {
  return static_cast<std::uint64_t>(word.op) << abi::kUcodeOpLsb |
         static_cast<std::uint64_t>(word.dst) << abi::kUcodeDstLsb |
         static_cast<std::uint64_t>(word.source[0]) << abi::kUcodeALsb |
         static_cast<std::uint64_t>(word.source[1]) << abi::kUcodeBLsb |
         static_cast<std::uint64_t>(word.source[2]) << abi::kUcodeCLsb |
         static_cast<std::uint64_t>(word.imm) << abi::kUcodeImmLsb;
}

/// A set of numbered registers; counts how many would have been needed.
class Registers {
 public:
  Registers(unsigned first_selector, unsigned count)
      : first_(first_selector), count_(count), free_((1u << count) - 1) {}

  /// Selector of a free register, or nullopt.
  std::optional<unsigned> take() {
    ++in_use_;
    most_ = std::max(most_, in_use_);
    if (free_ == 0) return std::nullopt;
    const auto number = static_cast<unsigned>(__builtin_ctz(free_));
    free_ &= free_ - 1;
    return first_ + number;
  }
  /// Also takes back what `take` refused, for the count.
  void give(unsigned selector) {
    --in_use_;
    if (selector - first_ < count_) free_ |= 1u << (selector - first_);
  }
  unsigned most() const { return most_; }

 private:
  unsigned first_;
  unsigned count_;
  std::uint32_t free_;
  unsigned in_use_ = 0;
  unsigned most_ = 0;
};

class Compiler {
 public:
  Compiler(Graph& graph, std::span<const ProgramOutput> outputs, std::string_view name)
      : graph_(graph), outputs_(outputs), name_(name) {}

  Program run() {
    check_outputs();
    phases_ = plan_phases(graph_, outputs_);
    if (phases_.size() > abi::kMaxPhases) {
      refuse(name_,
             fmt::format("expected at most {} reductions that depend on each other, found {}",
                         abi::kMaxPhases - 1, phases_.size() - 1));
    }
    place_reductions();
    for (std::size_t phase = 0; phase < phases_.size(); ++phase) compile_phase(phase);
    describe();
    return std::move(program_);
  }

 private:
  const Node& node(std::uint32_t at) const { return graph_.nodes()[at]; }
  bool is_constant(std::uint32_t at) const { return node(at).kind == Kind::kConstant; }

  void check_outputs() {
    if (outputs_.empty() || outputs_.size() > 3) {
      refuse(name_, fmt::format("expected 1 to 3 outputs, found {}", outputs_.size()));
    }
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      results_.push_back(graph_.node_of(outputs_[i].value));
      if (outputs_[i].per_row && !node(results_.back()).scalar) {
        refuse(name_, fmt::format("output {}: expected one value a row (a reduction), found one "
                                  "that varies within the row",
                                  i));
      }
    }
  }

  /// S registers of reductions: from the phase that computes them to the last that reads them.
  void place_reductions() {
    for (std::size_t phase = 0; phase < phases_.size(); ++phase) {
      for (const std::uint32_t at : phases_[phase].reductions) first_phase_[at] = phase;
      for (const std::uint32_t at : phases_[phase].results) last_phase_[at] = phase;
    }
    std::vector<std::uint32_t> owner(abi::kScalarRegisters, kNone);
    for (std::size_t phase = 0; phase < phases_.size(); ++phase) {
      for (const std::uint32_t at : phases_[phase].reductions) {
        std::size_t place = 0;
        while (place < owner.size() && owner[place] != kNone &&
               last_phase_[owner[place]] >= phase) {
          ++place;
        }
        if (place == owner.size()) {
          refuse(name_, fmt::format("expected at most {} row reductions in use at once, found more",
                                    abi::kScalarRegisters));
        }
        owner[place] = at;
        reduction_register_[at] = abi::kSelectS + static_cast<unsigned>(place);
      }
    }
  }

  /// S registers that hold no reduction during `phase`.
  Registers free_scalars(std::size_t phase) const {
    Registers registers(abi::kSelectS, abi::kScalarRegisters);
    std::vector<unsigned> give_back;
    for (unsigned i = 0; i < abi::kScalarRegisters; ++i) {
      const unsigned selector = *registers.take();
      const bool used = std::ranges::any_of(reduction_register_, [&](const auto& entry) {
        return entry.second == selector && first_phase_.at(entry.first) <= phase &&
               last_phase_.at(entry.first) >= phase;
      });
      if (!used) give_back.push_back(selector);
    }
    for (const unsigned selector : give_back) registers.give(selector);
    return registers;
  }

  // A phase is compiled with all row values in S registers; while they do not fit, one after the
  // other moves to the vector operations.
  void compile_phase(std::size_t phase) {
    vectorised_.clear();
    temporary_constants_.clear();
    stored_.assign(outputs_.size(), kNone);
    const bool last = phase + 1 == phases_.size();
    for (std::size_t i = 0; last && i < outputs_.size(); ++i) {
      if (!outputs_[i].per_row) stored_[i] = results_[i];
    }
    do {
      scalar_words_.clear();
      choose_constants(phase);
    } while (!emit_scalars(phase, last));
    program_.words.push_back(encode({.op = MicroOp::kPhase}));
    for (const Word& word : scalar_words_) program_.words.push_back(encode(word));
    emit_vectors(phase);
  }

  bool is_vectorised(std::uint32_t at) const { return vectorised_.contains(at); }

  /// Constants of an operation beyond the one that fits into its word go to S registers, the most
  /// wanted first.
  void choose_constants(std::size_t phase) {
    constant_registers_.clear();
    std::vector<std::vector<std::uint32_t>> conflicts;
    std::map<std::uint32_t, int> wanted;
    const auto consider = [&](std::uint32_t at) {
      const Node& op = node(at);
      if (op.kind != Kind::kOp) return;
      std::vector<std::uint32_t> constants;
      for (int i = 0; i < op.num_args; ++i) {
        if (is_constant(op.arg[i]) && std::ranges::find(constants, op.arg[i]) == constants.end()) {
          constants.push_back(op.arg[i]);
        }
      }
      if (constants.size() < 2) return;
      for (const std::uint32_t constant : constants) ++wanted[constant];
      conflicts.push_back(constants);
    };
    for (const std::uint32_t at : phases_[phase].scalars) consider(at);
    for (const std::uint32_t at : phases_[phase].vectors) consider(at);
    for (const auto& constants : conflicts) {
      std::vector<std::uint32_t> left;
      for (const std::uint32_t constant : constants) {
        if (!constant_registers_.contains(constant)) left.push_back(constant);
      }
      std::ranges::stable_sort(left, [&](auto a, auto b) { return wanted[a] > wanted[b]; });
      for (std::size_t i = 0; i + 1 < left.size(); ++i) {
        if (!temporary_constants_.contains(left[i])) constant_registers_[left[i]] = kNone;
      }
    }
  }

  struct ScalarStep {
    std::uint32_t value = kNone;
    std::size_t last_use =
        0;  ///< Index of a scalar step; kForever where vector operations or sts read it.
  };
  static constexpr std::size_t kForever = ~std::size_t{0};

  /// Scalar steps of the phase: constants just before their first scalar use (or last), operations
  /// in graph order.
  std::vector<ScalarStep> scalar_steps(std::size_t phase, bool last) {
    std::vector<ScalarStep> steps;
    std::map<std::uint32_t, std::size_t> at_step;
    const auto add = [&](std::uint32_t value) {
      if (at_step.contains(value)) return;
      at_step[value] = steps.size();
      steps.push_back({.value = value, .last_use = steps.size()});
    };
    for (const std::uint32_t at : phases_[phase].scalars) {
      if (is_vectorised(at)) continue;
      for (int i = 0; i < node(at).num_args; ++i) {
        if (constant_registers_.contains(node(at).arg[i])) add(node(at).arg[i]);
      }
      add(at);
      for (int i = 0; i < node(at).num_args; ++i) {
        const auto used = at_step.find(node(at).arg[i]);
        if (used != at_step.end()) steps[used->second].last_use = at_step[at];
      }
    }
    for (const auto& [constant, unused] : constant_registers_) add(constant);
    const auto keep = [&](std::uint32_t value) {
      const auto used = at_step.find(value);
      if (used != at_step.end()) steps[used->second].last_use = kForever;
    };
    const auto keep_args = [&](std::uint32_t at) {
      for (int i = 0; i < node(at).num_args; ++i) keep(node(at).arg[i]);
    };
    for (const std::uint32_t at : phases_[phase].vectors) {
      if (node(at).kind == Kind::kOp) keep_args(at);
    }
    for (const std::uint32_t at : vectorised_) keep_args(at);
    for (const std::uint32_t at : phases_[phase].reductions) keep(node(at).arg[0]);
    for (const std::uint32_t at : stored_) keep(at);
    for (std::size_t i = 0; last && i < outputs_.size(); ++i) {
      if (outputs_[i].per_row) keep(results_[i]);
    }
    return steps;
  }

  /// False if registers ran out and something was moved out of the way.
  bool emit_scalars(std::size_t phase, bool last) {
    scalar_register_.clear();
    Registers registers = free_scalars(phase);
    const std::vector<ScalarStep> steps = scalar_steps(phase, last);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::uint32_t value = steps[i].value;
      Word word;
      if (is_constant(value)) {
        word = move_constant(value);
      } else {
        word = operation(value, {});
      }
      for (std::size_t j = 0; j < i; ++j) {
        if (steps[j].last_use == i) registers.give(scalar_register_.at(steps[j].value));
      }
      const std::optional<unsigned> selector = registers.take();
      if (!selector) {
        relieve(phase, steps, last);
        return false;
      }
      scalar_register_[value] = word.dst = *selector;
      scalar_words_.push_back(word);
      if (steps[i].last_use == i) registers.give(*selector);
    }
    for (std::size_t i = 0; last && i < outputs_.size(); ++i) {
      if (!outputs_[i].per_row) continue;
      Word word{.op = MicroOp::kSts, .dst = static_cast<unsigned>(i)};
      word.source[0] = selector_of(results_[i], word.imm);
      scalar_words_.push_back(word);
    }
    return true;
  }

  /// Moves a constant, else an operation, that only vector operations read from S registers to
  /// them.
  void relieve(std::size_t phase, const std::vector<ScalarStep>& steps, bool last) {
    std::set<std::uint32_t> read_by_scalars;
    for (const std::uint32_t at : phases_[phase].scalars) {
      if (is_vectorised(at)) continue;
      for (int i = 0; i < node(at).num_args; ++i) read_by_scalars.insert(node(at).arg[i]);
    }
    for (std::size_t i = 0; last && i < outputs_.size(); ++i) {
      if (outputs_[i].per_row) read_by_scalars.insert(results_[i]);
    }
    for (const bool constants : {true, false}) {
      for (const ScalarStep& step : steps) {
        if (is_constant(step.value) != constants || read_by_scalars.contains(step.value)) continue;
        (constants ? temporary_constants_ : vectorised_).insert(step.value);
        return;
      }
    }
    refuse(name_, fmt::format("the expression needs more than {} values a row at once; use fewer "
                              "parameters and reductions in one op",
                              abi::kScalarRegisters));
  }

  static Word move_bits(unsigned selector, std::uint32_t imm) {
    return {.op = MicroOp::kOr, .source = {selector, selector, 0}, .imm = imm};
  }
  Word move_constant(std::uint32_t at) const { return move_bits(abi::kSelectImm, node(at).arg[0]); }

  /// Selector of a value that is in no V register; constants select the immediate.
  unsigned selector_of(std::uint32_t at, std::uint32_t& imm) const {
    const Node& value = node(at);
    const auto scalar = scalar_register_.find(at);
    if (scalar != scalar_register_.end()) return scalar->second;
    switch (value.kind) {
      case Kind::kParam:
        return abi::kSelectP + value.arg[0];
      case Kind::kRow0:
        return abi::kSelectRow0;
      case Kind::kRow1:
        return abi::kSelectRow1;
      case Kind::kCol:
        return abi::kSelectCol;
      case Kind::kConstant:
        imm = value.arg[0];
        return abi::kSelectImm;
      case Kind::kReduce:
        return reduction_register_.at(at);
      case Kind::kInput:
      case Kind::kOp:
        break;
    }
    TANDEM_CHECK(!"a value in a register");
    return 0;
  }

  using Placed = std::map<std::uint32_t, unsigned>;  ///< V registers by value.

  Word operation(std::uint32_t at, const Placed& placed) const {
    Word word{.op = node(at).op};
    for (int i = 0; i < node(at).num_args; ++i) {
      const auto vector = placed.find(node(at).arg[i]);
      word.source[static_cast<std::size_t>(i)] =
          vector != placed.end() ? vector->second : selector_of(node(at).arg[i], word.imm);
    }
    return word;
  }

  void emit_vectors(std::size_t phase) {
    const std::vector<std::uint32_t> vectorised(vectorised_.begin(), vectorised_.end());
    unsigned fewest = ~0u;
    for (const StepOrder order : kStepOrders) {
      const std::vector<Step> steps =
          order_steps(graph_, phases_[phase], vectorised, stored_, order);
      std::vector<Word> words;
      const unsigned needed = assign_registers(steps, words);
      if (needed <= abi::kVectorRegisters) {
        for (const Word& word : words) program_.words.push_back(encode(word));
        note_inputs(steps, phase);
        return;
      }
      fewest = std::min(fewest, needed);
    }
    refuse(name_,
           fmt::format("the expression needs {} vector registers at once, the device has {}; "
                       "split it into two ops",
                       fewest, abi::kVectorRegisters));
  }

  /// Which arguments of which steps are read there for the last time.
  static std::vector<std::array<bool, 3>> last_uses(const std::vector<Step>& steps) {
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

  /// Words of the steps; returns how many V registers they need (too many: words are useless).
  unsigned assign_registers(const std::vector<Step>& steps, std::vector<Word>& words) const {
    Registers registers(abi::kSelectV, abi::kVectorRegisters);
    const std::vector<std::array<bool, 3>> dies = last_uses(steps);
    Placed placed;
    unsigned overflow = abi::kVectorRegisters;
    const auto take = [&] { return registers.take().value_or(overflow++); };
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const Step& step = steps[i];
      Word word{.op = step.op};
      std::vector<unsigned> free_after;
      for (std::size_t j = 0; j < step.num_args; ++j) {
        word.source[j] = source_of(step, j, placed, word, words, take, free_after);
        if (dies[i][j] && placed.contains(step.arg[j])) free_after.push_back(word.source[j]);
      }
      for (const unsigned selector : free_after) registers.give(selector);
      for (std::size_t j = 0; j < step.num_args; ++j) {
        if (dies[i][j]) placed.erase(step.arg[j]);
      }
      if (step.op == MicroOp::kLd) word.source[0] = step.number;
      if (step.op == MicroOp::kSt) {
        word.dst = step.number;
      } else if (reduction_register_.contains(step.value)) {
        word.dst = reduction_register_.at(step.value);
      } else {
        word.dst = take();
        if (placed.contains(step.value)) registers.give(placed.at(step.value));
        placed[step.value] = word.dst;
      }
      words.push_back(word);
    }
    return registers.most();
  }

  /// Selector of argument j of a step. Constants that do not fit and row values of reductions pass
  /// through a V register.
  template <class Take>
  unsigned source_of(const Step& step, std::size_t j, const Placed& placed, Word& word,
                     std::vector<Word>& words, const Take& take,
                     std::vector<unsigned>& free_after) const {
    const std::uint32_t at = step.arg[j];
    const auto vector = placed.find(at);
    if (vector != placed.end()) return vector->second;
    const bool reduces = reduction_register_.contains(step.value);
    const bool second_constant =
        is_constant(at) && !scalar_register_.contains(at) && has_other_constant(step, j, word);
    if (!second_constant && !(reduces && node(at).kind != Kind::kCol)) {
      return selector_of(at, word.imm);
    }
    Word move;
    std::uint32_t imm = 0;
    const unsigned from = selector_of(at, imm);
    move = move_bits(from, imm);
    move.dst = take();
    words.push_back(move);
    free_after.push_back(move.dst);
    return move.dst;
  }

  /// Whether an earlier argument of the step uses the word's immediate for other bits.
  bool has_other_constant(const Step& step, std::size_t j, const Word& word) const {
    for (std::size_t i = 0; i < j; ++i) {
      if (word.source[i] == abi::kSelectImm &&
          node(step.arg[i]).arg[0] != node(step.arg[j]).arg[0]) {
        return true;
      }
    }
    return false;
  }

  void note_inputs(const std::vector<Step>& steps, std::size_t phase) {
    for (const Step& step : steps) {
      if (step.op != MicroOp::kLd) continue;
      program_.inputs |= static_cast<std::uint8_t>(1u << step.number);
      if (phase + 1 < phases_.size()) {
        program_.early_inputs |= static_cast<std::uint8_t>(1u << step.number);
      }
    }
  }

  void describe() {
    program_.outputs = static_cast<std::uint8_t>(outputs_.size());
    for (std::size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs_[i].per_row) program_.scalar_outputs |= static_cast<std::uint8_t>(1u << i);
    }
    program_.phases = static_cast<std::uint8_t>(phases_.size());
    program_.reduces = phases_.size() > 1;
    for (const Node& any : graph_.nodes()) {
      program_.uses_rows |= any.kind == Kind::kRow0 || any.kind == Kind::kRow1;
      program_.uses_col |= any.kind == Kind::kCol;
    }
  }

  Graph& graph_;
  std::span<const ProgramOutput> outputs_;
  std::string name_;
  Program program_;
  std::vector<PhaseNeeds> phases_;
  std::vector<std::uint32_t> results_;
  std::map<std::uint32_t, std::size_t> first_phase_, last_phase_;
  std::map<std::uint32_t, unsigned> reduction_register_;
  // Of the phase being compiled.
  std::vector<std::uint32_t> stored_;
  std::set<std::uint32_t> vectorised_;           ///< Row values that vector operations compute.
  std::set<std::uint32_t> temporary_constants_;  ///< Constants that get a V register at each use.
  std::map<std::uint32_t, unsigned> constant_registers_;
  std::map<std::uint32_t, unsigned> scalar_register_;
  std::vector<Word> scalar_words_;
};

}  // namespace

Program compile(Graph& graph, std::span<const ProgramOutput> outputs, std::string_view name) {
  return Compiler(graph, outputs, name).run();
}

}  // namespace tandem::ops
