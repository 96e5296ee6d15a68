// SPDX-License-Identifier: Apache-2.0
#include "phase_plan.hpp"

#include <algorithm>

namespace tandem::ops {
namespace {

using Kind = Graph::Kind;
using Node = Graph::Node;

/// Collects what the roots of a phase need, stopping at results of earlier phases.
class Collector {
 public:
  explicit Collector(const Graph& graph) : nodes_(graph.nodes()), seen_(nodes_.size(), false) {}

  void visit(std::uint32_t root) {
    std::vector<std::uint32_t> stack = {root};
    while (!stack.empty()) {
      const std::uint32_t at = stack.back();
      stack.pop_back();
      if (seen_[at]) continue;
      seen_[at] = true;
      const Node& node = nodes_[at];
      if (node.kind != Kind::kOp) continue;
      stack.insert(stack.end(), node.arg.begin(), node.arg.begin() + node.num_args);
    }
  }

  PhaseNeeds needs() const {
    PhaseNeeds result;
    for (std::uint32_t at = 0; at < nodes_.size(); ++at) {
      if (!seen_[at]) continue;
      const Node& node = nodes_[at];
      if (node.kind == Kind::kReduce) result.results.push_back(at);
      if (node.kind == Kind::kInput) result.vectors.push_back(at);
      if (node.kind == Kind::kOp) (node.scalar ? result.scalars : result.vectors).push_back(at);
    }
    return result;
  }

 private:
  const std::vector<Node>& nodes_;
  std::vector<bool> seen_;
};

bool holds(std::span<const std::uint32_t> values, std::uint32_t value) {
  return std::ranges::find(values, value) != values.end();
}

/// Emits the operations of a phase once their order is known.
class Emitter {
 public:
  Emitter(const Graph& graph, const PhaseNeeds& needs, bool reload)
      : nodes_(graph.nodes()), needs_(needs), reload_(reload), done_(nodes_.size(), false) {}

  void compute(std::uint32_t at) {
    if (done_[at]) return;
    done_[at] = true;
    const Node& node = nodes_[at];
    if (node.kind == Kind::kInput) return load(at);
    load_args(node);
    steps_.push_back({.op = node.op, .value = at, .num_args = node.num_args, .arg = node.arg});
    reduce(at);
  }

  /// Reductions of a value follow it at once, so that it need not stay.
  void reduce(std::uint32_t value) {
    for (const std::uint32_t at : needs_.reductions) {
      if (nodes_[at].arg[0] == value) {
        steps_.push_back({.op = nodes_[at].op, .value = at, .num_args = 1, .arg = {value}});
      }
    }
  }

  /// Stores come last: an output may lie over an input, whose loads must come first.
  void store(std::span<const std::uint32_t> values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] == Step::kNoValue || nodes_[values[i]].kind != Kind::kInput) continue;
      const auto earlier = values.first(i);
      if (!done_[values[i]] || (reload_ && !holds(earlier, values[i]))) load(values[i]);
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (values[i] == Step::kNoValue) continue;
      steps_.push_back({.op = abi::MicroOp::kSt,
                        .number = static_cast<std::uint8_t>(i),
                        .num_args = 1,
                        .arg = {values[i]}});
    }
  }

  std::vector<Step> take() { return std::move(steps_); }

 private:
  void load(std::uint32_t at) {
    done_[at] = true;
    steps_.push_back({.op = abi::MicroOp::kLd,
                      .value = at,
                      .number = static_cast<std::uint8_t>(nodes_[at].arg[0])});
    if (!holds(reduced_inputs_, at)) {
      reduced_inputs_.push_back(at);
      reduce(at);
    }
  }

  void load_args(const Node& node) {
    for (int i = 0; i < node.num_args; ++i) {
      const std::uint32_t arg = node.arg[i];
      if (nodes_[arg].kind != Kind::kInput) continue;
      const bool repeated =
          std::find(node.arg.begin(), node.arg.begin() + i, arg) != node.arg.begin() + i;
      if (!done_[arg] || (reload_ && !repeated)) load(arg);
    }
  }

  const std::vector<Node>& nodes_;
  const PhaseNeeds& needs_;
  bool reload_;
  std::vector<bool> done_;
  std::vector<std::uint32_t> reduced_inputs_;
  std::vector<Step> steps_;
};

/// Sethi-Ullman numbers of the operations as if the graph were a tree: registers for one value.
std::vector<int> register_needs(const std::vector<Node>& nodes,
                                std::span<const std::uint32_t> order) {
  std::vector<int> need(nodes.size(), 0);
  for (const std::uint32_t at : order) {
    const Node& node = nodes[at];
    std::array<int, 3> parts{};
    for (int i = 0; i < node.num_args && node.kind == Kind::kOp; ++i) {
      parts[i] = need[node.arg[i]];
    }
    std::ranges::sort(parts, std::greater<>());
    int most = 1;
    for (int i = 0; i < 3; ++i) {
      if (parts[i] > 0) most = std::max(most, parts[i] + i);
    }
    need[at] = most;
  }
  return need;
}

/// Depth first from the last values, the argument that needs most registers first.
std::vector<std::uint32_t> deep_first(const std::vector<Node>& nodes,
                                      std::span<const std::uint32_t> order) {
  const std::vector<int> need = register_needs(nodes, order);
  std::vector<bool> wanted(nodes.size(), false);
  for (const std::uint32_t at : order) wanted[at] = true;
  std::vector<std::uint32_t> result;
  // Explicit stack: (node, visited arguments already).
  std::vector<std::pair<std::uint32_t, bool>> stack;
  for (auto it = order.rbegin(); it != order.rend(); ++it) stack.emplace_back(*it, false);
  std::vector<bool> done(nodes.size(), false);
  while (!stack.empty()) {
    const auto [at, expanded] = stack.back();
    stack.pop_back();
    if (done[at]) continue;
    if (expanded) {
      done[at] = true;
      result.push_back(at);
      continue;
    }
    stack.emplace_back(at, true);
    if (nodes[at].kind != Kind::kOp) continue;
    std::vector<std::uint32_t> args;
    for (int i = 0; i < nodes[at].num_args; ++i) {
      if (wanted[nodes[at].arg[i]]) args.push_back(nodes[at].arg[i]);
    }
    std::ranges::stable_sort(args, [&](auto a, auto b) { return need[a] < need[b]; });
    for (const std::uint32_t arg : args) stack.emplace_back(arg, false);
  }
  return result;
}

/// Repeatedly the ready operation after which fewest values are live.
std::vector<std::uint32_t> fewest_live(const std::vector<Node>& nodes,
                                       std::span<const std::uint32_t> order,
                                       std::span<const std::uint32_t> stored) {
  std::vector<int> uses(nodes.size(), 0);
  std::vector<bool> wanted(nodes.size(), false);
  for (const std::uint32_t at : order) wanted[at] = nodes[at].kind == Kind::kOp;
  for (const std::uint32_t at : order) {
    for (int i = 0; i < nodes[at].num_args && nodes[at].kind == Kind::kOp; ++i) {
      ++uses[nodes[at].arg[i]];
    }
  }
  for (const std::uint32_t at : stored) {
    if (at != Step::kNoValue) ++uses[at];
  }
  std::vector<std::uint32_t> pending;
  for (const std::uint32_t at : order) {
    if (wanted[at]) pending.push_back(at);
  }
  std::vector<std::uint32_t> result;
  std::vector<bool> live(nodes.size(), false);
  while (!pending.empty()) {
    std::size_t best = 0;
    int best_change = 1000;
    for (std::size_t i = 0; i < pending.size(); ++i) {
      const Node& node = nodes[pending[i]];
      int change = uses[pending[i]] > 0 ? 1 : 0;
      bool ready = true;
      for (int j = 0; j < node.num_args; ++j) {
        const std::uint32_t arg = node.arg[j];
        ready = ready && !(wanted[arg] && !live[arg]);
        const auto times = std::count(node.arg.begin(), node.arg.begin() + node.num_args, arg);
        if (nodes[arg].kind == Kind::kInput && !live[arg]) ++change;
        if ((wanted[arg] || nodes[arg].kind == Kind::kInput) && uses[arg] == times) --change;
      }
      if (ready && change < best_change) {
        best = i;
        best_change = change;
      }
    }
    const std::uint32_t at = pending[best];
    pending.erase(pending.begin() + static_cast<std::ptrdiff_t>(best));
    live[at] = true;
    for (int j = 0; j < nodes[at].num_args; ++j) {
      live[nodes[at].arg[j]] = true;
      --uses[nodes[at].arg[j]];
    }
    result.push_back(at);
  }
  return result;
}

}  // namespace

std::vector<PhaseNeeds> plan_phases(Graph& graph, std::span<const ProgramOutput> outputs) {
  std::vector<std::uint32_t> roots;
  for (const ProgramOutput& output : outputs) roots.push_back(graph.node_of(output.value));
  const std::vector<Node>& nodes = graph.nodes();
  int last = 0;
  for (const std::uint32_t root : roots) last = std::max<int>(last, nodes[root].phase);
  std::vector<PhaseNeeds> phases(static_cast<std::size_t>(last) + 1);
  // Backwards: a phase knows the reductions that later ones read.
  std::vector<std::uint32_t> wanted;
  for (int phase = last; phase >= 0; --phase) {
    Collector collector(graph);
    if (phase == last) {
      for (const std::uint32_t root : roots) collector.visit(root);
    }
    std::vector<std::uint32_t> here;
    for (const std::uint32_t at : wanted) {
      if (nodes[at].phase == phase + 1) here.push_back(at);
    }
    std::ranges::sort(here);
    for (const std::uint32_t at : here) collector.visit(nodes[at].arg[0]);
    PhaseNeeds& needs = phases[static_cast<std::size_t>(phase)];
    needs = collector.needs();
    needs.reductions = here;
    for (const std::uint32_t at : needs.results) {
      if (!holds(wanted, at)) wanted.push_back(at);
    }
  }
  return phases;
}

std::vector<Step> order_steps(const Graph& graph, const PhaseNeeds& needs,
                              std::span<const std::uint32_t> vectorised,
                              std::span<const std::uint32_t> stored, StepOrder order) {
  const std::vector<Node>& nodes = graph.nodes();
  std::vector<std::uint32_t> traced(needs.vectors);
  traced.insert(traced.end(), vectorised.begin(), vectorised.end());
  std::ranges::sort(traced);
  if (order == StepOrder::kDeepFirst) traced = deep_first(nodes, traced);
  if (order == StepOrder::kFewestLive || order == StepOrder::kReload) {
    traced = fewest_live(nodes, traced, stored);
  }
  Emitter emitter(graph, needs, order == StepOrder::kReload);
  for (const std::uint32_t at : traced) {
    if (nodes[at].kind == Kind::kOp) emitter.compute(at);
  }
  for (const std::uint32_t at : needs.vectors) {
    if (nodes[at].kind == Kind::kInput && !holds(stored, at)) emitter.compute(at);
  }
  // Reductions of values that are no step of this phase: scalars and the column index.
  for (const std::uint32_t at : needs.reductions) {
    const std::uint32_t arg = nodes[at].arg[0];
    if (!holds(traced, arg) && nodes[arg].kind != Kind::kInput) emitter.reduce(arg);
  }
  emitter.store(stored);
  return emitter.take();
}

}  // namespace tandem::ops
