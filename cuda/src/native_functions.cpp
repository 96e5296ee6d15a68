// SPDX-License-Identifier: Apache-2.0
#include "native_functions.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <utility>

#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/functions.hpp"

namespace tandem::gpu {
namespace {

using abi::MicroOp;
using abi::MicroWord;

/// Operations as nodes, equal ones once.
class Dag {
 public:
  enum class Kind : std::uint8_t { kLeaf, kConstant, kOp };
  struct Node {
    Kind kind = Kind::kLeaf;
    MicroOp op = MicroOp::kPhase;
    std::array<std::uint32_t, 3> arg{};  ///< Nodes; of a constant its bits, of a leaf its number.
    auto operator<=>(const Node&) const = default;
  };

  std::uint32_t leaf() { return intern({Kind::kLeaf, MicroOp::kPhase, {leaves_++}}); }
  std::uint32_t constant(std::uint32_t bits) {
    return intern({Kind::kConstant, MicroOp::kPhase, {bits}});
  }
  /// Operations that change no bits are their operand, as where programs are made.
  std::uint32_t operation(MicroOp op, std::array<std::uint32_t, 3> arg) {
    const auto is = [this](std::uint32_t at, std::uint32_t bits) {
      return nodes_[at].kind == Kind::kConstant && nodes_[at].arg[0] == bits;
    };
    const auto [a, b, c] = arg;
    if ((op == MicroOp::kOr || op == MicroOp::kAnd) && a == b) return a;
    if (op == MicroOp::kOr || op == MicroOp::kXor || op == MicroOp::kIadd) {
      if (is(a, 0)) return b;
      if (is(b, 0)) return a;
    }
    if (op == MicroOp::kSel && b == c) return b;
    return intern({Kind::kOp, op, arg});
  }
  const Node& operator[](std::uint32_t at) const { return nodes_[at]; }

 private:
  std::uint32_t intern(const Node& node) {
    const auto [found, added] = index_.emplace(node, std::uint32_t(nodes_.size()));
    if (added) nodes_.push_back(node);
    return found->second;
  }
  std::vector<Node> nodes_;
  std::map<Node, std::uint32_t> index_;
  std::uint32_t leaves_ = 0;
};

bool is_commutative(MicroOp op) {
  switch (op) {
    case MicroOp::kFadd:
    case MicroOp::kFmul:
    case MicroOp::kFmin:
    case MicroOp::kFmax:
    case MicroOp::kFceq:
    case MicroOp::kAnd:
    case MicroOp::kOr:
    case MicroOp::kXor:
    case MicroOp::kIadd:
    case MicroOp::kIeq:
    case MicroOp::kMull:
    case MicroOp::kMulh:
    case MicroOp::kFma:  // In its first two operands.
    case MicroOp::kFnma:
      return true;
    default:
      return false;
  }
}

// ---- the functions, traced --------------------------------------------------------------------

/// The DAG that values of this thread are traced into.
thread_local Dag* tracing = nullptr;

struct Traced {
  std::uint32_t node = 0;  ///< 0: no operand.
  static Traced imm(std::uint32_t bits) { return {tracing->constant(bits)}; }
};

Traced trace(MicroOp op, Traced a, Traced b = {}, Traced c = {}) {
  return {tracing->operation(op, {a.node, b.node, c.node})};
}

Traced fma(Traced a, Traced b, Traced c) { return trace(MicroOp::kFma, a, b, c); }
Traced fnma(Traced a, Traced b, Traced c) { return trace(MicroOp::kFnma, a, b, c); }
Traced add(Traced a, Traced b) { return trace(MicroOp::kFadd, a, b); }
Traced sub(Traced a, Traced b) { return trace(MicroOp::kFsub, a, b); }
Traced mul(Traced a, Traced b) { return trace(MicroOp::kFmul, a, b); }
Traced fmin(Traced a, Traced b) { return trace(MicroOp::kFmin, a, b); }
Traced fmax(Traced a, Traced b) { return trace(MicroOp::kFmax, a, b); }
Traced fclt(Traced a, Traced b) { return trace(MicroOp::kFclt, a, b); }
Traced fcle(Traced a, Traced b) { return trace(MicroOp::kFcle, a, b); }
Traced fceq(Traced a, Traced b) { return trace(MicroOp::kFceq, a, b); }
Traced sel(Traced a, Traced b, Traced c) { return trace(MicroOp::kSel, a, b, c); }
Traced and_(Traced a, Traced b) { return trace(MicroOp::kAnd, a, b); }
Traced or_(Traced a, Traced b) { return trace(MicroOp::kOr, a, b); }
Traced xor_(Traced a, Traced b) { return trace(MicroOp::kXor, a, b); }
Traced shl(Traced a, Traced b) { return trace(MicroOp::kShl, a, b); }
Traced shr(Traced a, Traced b) { return trace(MicroOp::kShr, a, b); }
Traced sar(Traced a, Traced b) { return trace(MicroOp::kSar, a, b); }
Traced iadd(Traced a, Traced b) { return trace(MicroOp::kIadd, a, b); }
Traced isub(Traced a, Traced b) { return trace(MicroOp::kIsub, a, b); }
Traced ilt(Traced a, Traced b) { return trace(MicroOp::kIlt, a, b); }
Traced ult(Traced a, Traced b) { return trace(MicroOp::kUlt, a, b); }
Traced ieq(Traced a, Traced b) { return trace(MicroOp::kIeq, a, b); }
Traced mull(Traced a, Traced b) { return trace(MicroOp::kMull, a, b); }
Traced mulh(Traced a, Traced b) { return trace(MicroOp::kMulh, a, b); }
Traced clz(Traced a) { return trace(MicroOp::kClz, a); }
Traced i2f(Traced a) { return trace(MicroOp::kI2f, a); }
Traced f2i(Traced a) { return trace(MicroOp::kF2i, a); }
Traced f2t(Traced a) { return trace(MicroOp::kF2t, a); }

struct Pattern {
  const char* call;  ///< Function of kernels/compiled_program.hpp.
  unsigned arguments = 1;
  std::uint32_t root = 0;
};

struct Patterns {
  Dag dag;
  std::array<std::uint32_t, 2> argument{};
  std::vector<Pattern> list;  ///< Functions that call others first.
};

Patterns trace_functions() {
  Patterns all;
  tracing = &all.dag;
  all.dag.leaf();  // Node 0: no operand.
  all.argument = {all.dag.leaf(), all.dag.leaf()};
  const Traced x{all.argument[0]};
  const Traced y{all.argument[1]};
  using namespace numerics;
  all.list = {
      {"native_gelu", 1, gelu(x).node},           {"native_gelu_tanh", 1, gelu_tanh(x).node},
      {"native_silu", 1, silu(x).node},           {"native_sigmoid", 1, sigmoid(x).node},
      {"native_tanh", 1, numerics::tanh(x).node}, {"native_erf", 1, numerics::erf(x).node},
      {"native_exp", 1, numerics::exp(x).node},   {"native_exp", 1, exp_nonpositive(x).node},
      {"native_exp2", 1, numerics::exp2(x).node}, {"native_log", 1, numerics::log(x).node},
      {"native_log2", 1, numerics::log2(x).node}, {"native_sin", 1, numerics::sin(x).node},
      {"native_cos", 1, numerics::cos(x).node},   {"native_div", 2, div(x, y).node},
      {"native_recip", 1, recip(x).node},         {"native_rsqrt", 1, rsqrt(x).node},
      {"native_sqrt", 1, numerics::sqrt(x).node},
  };
  tracing = nullptr;
  return all;
}

const Patterns& patterns() {
  static const Patterns all = trace_functions();
  return all;
}

// ---- matching ---------------------------------------------------------------------------------

/// Nodes that stand for a pattern's arguments.
using Binding = std::array<std::optional<std::uint32_t>, 2>;

/// `matched` remembers which node a pattern's node stands for: both sides are graphs, not trees.
class Match {
 public:
  explicit Match(const Dag& dag) : dag_(dag) {}

  bool run(std::uint32_t pattern, std::uint32_t node) {
    if (pattern == 0 || node == 0) return pattern == node;
    const Patterns& all = patterns();
    const Dag::Node& wanted = all.dag[pattern];
    const Dag::Node& found = dag_[node];
    if (const auto before = matched_.find(pattern); before != matched_.end()) {
      return before->second == node;
    }
    if (wanted.kind == Dag::Kind::kLeaf) {
      binding_[pattern == all.argument[0] ? 0 : 1] = node;
    } else if (wanted.kind != found.kind || wanted.op != found.op) {
      return false;
    } else if (wanted.kind == Dag::Kind::kConstant) {
      if (wanted.arg[0] != found.arg[0]) return false;
    } else if (!arguments(wanted, found)) {
      return false;
    }
    matched_.emplace(pattern, node);
    return true;
  }
  const Binding& binding() const { return binding_; }

 private:
  bool arguments(const Dag::Node& wanted, const Dag::Node& found) {
    const auto saved_nodes = matched_;
    const Binding saved = binding_;
    const auto in_order = [&](unsigned first, unsigned second) {
      return run(wanted.arg[0], found.arg[first]) && run(wanted.arg[1], found.arg[second]) &&
             run(wanted.arg[2], found.arg[2]);
    };
    if (in_order(0, 1)) return true;
    matched_ = saved_nodes;
    binding_ = saved;
    return is_commutative(wanted.op) && in_order(1, 0);
  }

  const Dag& dag_;
  std::map<std::uint32_t, std::uint32_t> matched_;
  Binding binding_;
};

/// Runs a program's words over nodes instead of values.
class Tracer {
 public:
  Tracer() {
    dag_.leaf();  // Node 0: no operand, and what no register holds.
    for (std::uint32_t& node : params_) node = dag_.leaf();
    row0_ = dag_.leaf();
    row1_ = dag_.leaf();
    column_ = dag_.leaf();
  }

  /// Texts of the words of one part of a phase; `first` is the index of the first.
  void run(const std::vector<MicroWord>& words, std::size_t first, std::vector<std::string>& texts,
           unsigned& found) {
    std::map<std::uint32_t, std::string> names;
    std::vector<std::pair<unsigned, std::uint32_t>> reduced;
    for (std::size_t i = 0; i < words.size(); ++i) {
      const MicroWord& word = words[i];
      std::string text;
      std::uint32_t node = 0;
      if (word.op == MicroOp::kSt || word.op == MicroOp::kSts) {
        texts.emplace_back();
        continue;
      }
      if (word.op == MicroOp::kLd || word.op == MicroOp::kTab || is_reduction(word.op)) {
        node = dag_.leaf();
      } else {
        const bool two = has_source(word.op, 1);
        const bool three = has_source(word.op, 2);
        node = dag_.operation(word.op, {source(word, word.a), two ? source(word, word.b) : none(),
                                        three ? source(word, word.c) : none()});
        text = call_of(node, names);
        if (!text.empty()) ++found;
      }
      texts.push_back(text);
      if (is_reduction(word.op)) {
        reduced.emplace_back(word.dst - abi::kSelectS, node);
        continue;
      }
      names.emplace(node, value_name(first + i));
      (abi::is_s(word.dst) ? scalars_[word.dst - abi::kSelectS] : vectors_[word.dst]) = node;
    }
    for (const auto& [s, node] : reduced) scalars_[s] = node;
  }

 private:
  static bool is_reduction(MicroOp op) { return op >= MicroOp::kRsum && op <= MicroOp::kRimax; }
  static bool has_source(MicroOp op, int which) {
    const abi::MicroOpInfo* info = abi::find_micro_op(std::uint8_t(op));
    const char kind = which == 1 ? info->b : info->c;
    return kind == 'r' || kind == 'v' || kind == 's';
  }
  /// In the place of an operand that an operation does not have; as in `Traced`.
  static std::uint32_t none() { return 0; }

  std::uint32_t source(const MicroWord& word, unsigned selector) {
    if (abi::is_v(selector)) return vectors_[selector];
    if (abi::is_s(selector)) return scalars_[selector - abi::kSelectS];
    if (abi::is_p(selector)) return params_[selector - abi::kSelectP];
    if (selector == abi::kSelectRow0) return row0_;
    if (selector == abi::kSelectRow1) return row1_;
    if (selector == abi::kSelectCol) return column_;
    return dag_.constant(word.imm);
  }

  /// How C++ names the node here; empty if nothing holds it any more.
  std::string name_of(std::uint32_t node, const std::map<std::uint32_t, std::string>& names) const {
    if (const auto found = names.find(node); found != names.end()) return found->second;
    if (dag_[node].kind == Dag::Kind::kConstant) return fmt::format("0x{:08x}u", dag_[node].arg[0]);
    if (node == row0_) return "thread.row0";
    if (node == row1_) return "thread.row1";
    if (node == column_) return "std::uint32_t(column)";
    for (unsigned p = 0; p < params_.size(); ++p) {
      if (params_[p] == node) return fmt::format("a.param[{}]", p);
    }
    for (unsigned s = 0; s < scalars_.size(); ++s) {
      if (scalars_[s] == node && node != 0) return fmt::format("thread.scalar[{}]", s);
    }
    return {};
  }

  std::string call_of(std::uint32_t node, const std::map<std::uint32_t, std::string>& names) const {
    if (dag_[node].kind != Dag::Kind::kOp) return {};
    for (const Pattern& pattern : patterns().list) {
      Match match(dag_);
      if (!match.run(pattern.root, node)) continue;
      std::string arguments;
      for (unsigned i = 0; i < pattern.arguments; ++i) {
        const std::string name = name_of(*match.binding()[i], names);
        if (name.empty()) return {};
        arguments += (i == 0 ? "" : ", ") + name;
      }
      return fmt::format("{}({})", pattern.call, arguments);
    }
    return {};
  }

  Dag dag_;
  std::uint32_t row0_ = 0, row1_ = 0, column_ = 0;
  std::array<std::uint32_t, abi::kUcodeParams> params_{};
  std::array<std::uint32_t, abi::kScalarRegisters> scalars_{};
  std::array<std::uint32_t, abi::kVectorRegisters> vectors_{};
};

}  // namespace

std::string value_name(std::size_t index) { return fmt::format("w{}", index); }

std::string native_operation(MicroOp op, const std::array<std::string, 3>& sources) {
  const auto f = [&](unsigned i) { return "as_float(" + sources[i] + ')'; };
  switch (op) {
    case MicroOp::kFma:
      return fmt::format("as_bits({} * {} + {})", f(0), f(1), f(2));
    case MicroOp::kFnma:
      return fmt::format("as_bits({} - {} * {})", f(2), f(0), f(1));
    case MicroOp::kFadd:
      return fmt::format("as_bits({} + {})", f(0), f(1));
    case MicroOp::kFsub:
      return fmt::format("as_bits({} - {})", f(0), f(1));
    case MicroOp::kFmul:
      return fmt::format("as_bits({} * {})", f(0), f(1));
    default:
      return {};
  }
}

NativeFunctions::NativeFunctions(std::span<const ProgramPhase> phases) {
  Tracer tracer;
  for (const ProgramPhase& phase : phases) {
    std::vector<std::string>& texts = texts_.emplace_back();
    tracer.run(phase.scalar_words, 0, texts, found_);
    tracer.run(phase.vector_words, phase.scalar_words.size(), texts, found_);
  }
}

}  // namespace tandem::gpu
