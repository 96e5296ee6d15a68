// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/ucode_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "micro_word.hpp"
#include "phase_plan.hpp"
#include "tandem/base/error.hpp"
#include "vector_words.hpp"

namespace tandem::ops {
namespace {

using abi::MicroOp;
using Kind = Graph::Kind;
using Node = Graph::Node;

constexpr std::uint32_t kNone = Step::kNoValue;

[[noreturn]] void refuse(std::string_view name, const std::string& text) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", name, text));
}

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
        selectors_.reduction[at] = abi::kSelectS + static_cast<unsigned>(place);
      }
    }
  }

  /// S registers that hold no reduction during `phase`.
  Registers free_scalars(std::size_t phase) const {
    Registers registers(abi::kSelectS, abi::kScalarRegisters);
    std::vector<unsigned> give_back;
    for (unsigned i = 0; i < abi::kScalarRegisters; ++i) {
      const unsigned selector = *registers.take();
      const bool used = std::ranges::any_of(selectors_.reduction, [&](const auto& entry) {
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
    selectors_.scalar.clear();
    Registers registers = free_scalars(phase);
    const std::vector<ScalarStep> steps = scalar_steps(phase, last);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      const std::uint32_t value = steps[i].value;
      Word word =
          is_constant(value) ? move_bits(abi::kSelectImm, node(value).arg[0]) : operation(value);
      for (std::size_t j = 0; j < i; ++j) {
        if (steps[j].last_use == i) registers.give(selectors_.scalar.at(steps[j].value));
      }
      const std::optional<unsigned> selector = registers.take();
      if (!selector) {
        relieve(phase, steps, last);
        return false;
      }
      selectors_.scalar[value] = word.dst = *selector;
      scalar_words_.push_back(word);
      if (steps[i].last_use == i) registers.give(*selector);
    }
    for (std::size_t i = 0; last && i < outputs_.size(); ++i) {
      if (!outputs_[i].per_row) continue;
      Word word{.op = MicroOp::kSts, .dst = static_cast<unsigned>(i)};
      word.source[0] = selectors_.of(results_[i], word.imm);
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

  /// A scalar operation; its arguments are in S registers or need none.
  Word operation(std::uint32_t at) const {
    Word word{.op = node(at).op};
    for (std::size_t i = 0; i < node(at).num_args; ++i) {
      word.source[i] = selectors_.of(node(at).arg[i], word.imm);
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
      const unsigned needed = assign_registers(selectors_, steps, words);
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
  Selectors selectors_{graph_, {}, {}};
  // Of the phase being compiled.
  std::vector<std::uint32_t> stored_;
  std::set<std::uint32_t> vectorised_;           ///< Row values that vector operations compute.
  std::set<std::uint32_t> temporary_constants_;  ///< Constants that get a V register at each use.
  std::map<std::uint32_t, unsigned> constant_registers_;
  std::vector<Word> scalar_words_;
};

}  // namespace

Program compile(Graph& graph, std::span<const ProgramOutput> outputs, std::string_view name) {
  return Compiler(graph, outputs, name).run();
}

}  // namespace tandem::ops
