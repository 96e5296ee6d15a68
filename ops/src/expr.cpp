// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/expr.hpp"

#include <algorithm>

#include "tandem/base/error.hpp"
#include "tandem/ops/micro_eval.hpp"

namespace tandem::ops {
namespace {

using abi::MicroOp;
using numerics::Bits32;

constexpr std::uint32_t kAllOnes = 0xFFFFFFFFu;

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

/// A graph of the operands; nullptr if all are constants.
Graph* graph_of(std::initializer_list<Expr> args) {
  Graph* graph = nullptr;
  for (const Expr& arg : args) {
    if (arg.is_constant()) continue;
    if (graph != nullptr && graph != arg.graph()) {
      throw Error(ErrorCode::kInvalidArgument,
                  "elementwise: operands of one operation must come from one traced function, "
                  "found values of two");
    }
    graph = arg.graph();
  }
  return graph;
}

Expr trace(MicroOp op, std::initializer_list<Expr> args) {
  Graph* graph = graph_of(args);
  if (graph != nullptr) return graph->operation(op, args);
  Bits32 value[3] = {};
  std::ranges::transform(args, value, [](Expr x) { return Bits32{x.constant()}; });
  return Expr::imm(evaluate(op, value[0], value[1], value[2]).bits);
}

Expr trace_reduction(MicroOp op, Expr x) {
  if (x.is_constant()) {
    throw Error(ErrorCode::kInvalidArgument,
                "row reduction: expected a value that depends on an input, found a constant");
  }
  return x.graph()->reduction(op, x);
}

bool is_constant(Expr x, std::uint32_t bits) { return x.is_constant() && x.constant() == bits; }

/// The value of a bit operation that needs no operation; constant operands only where bits cannot
/// change.
const Expr* simplified(MicroOp op, const Expr* a, const Expr* b, const Expr* c) {
  const auto same = [](const Expr& x, const Expr& y) {
    return x.graph() == y.graph() && x.constant() == y.constant();
  };
  switch (op) {
    case MicroOp::kSel:
      if (a->is_constant()) return a->constant() != 0 ? b : c;
      return same(*b, *c) ? b : nullptr;
    case MicroOp::kAnd:
      if (is_constant(*a, kAllOnes) || is_constant(*b, 0)) return b;
      return is_constant(*b, kAllOnes) || is_constant(*a, 0) || same(*a, *b) ? a : nullptr;
    case MicroOp::kOr:
      if (is_constant(*a, 0) || is_constant(*b, kAllOnes)) return b;
      return is_constant(*b, 0) || is_constant(*a, kAllOnes) || same(*a, *b) ? a : nullptr;
    case MicroOp::kXor:
    case MicroOp::kIadd:
      if (is_constant(*a, 0)) return b;
      return is_constant(*b, 0) ? a : nullptr;
    case MicroOp::kShl:
    case MicroOp::kShr:
    case MicroOp::kSar:
    case MicroOp::kIsub:
      return is_constant(*b, 0) ? a : nullptr;
    default:
      return nullptr;
  }
}

std::uint64_t hash_of(const Graph::Node& node) {
  std::uint64_t hash = static_cast<std::uint64_t>(node.kind) * 0x9E3779B97F4A7C15u +
                       static_cast<std::uint64_t>(node.op);
  for (const std::uint32_t arg : node.arg) hash = (hash ^ arg) * 0x100000001B3u + (hash >> 29);
  return hash;
}

}  // namespace

Expr Expr::imm(std::uint32_t bits) { return Expr(nullptr, bits); }

Expr Graph::input(unsigned number) {
  TANDEM_CHECK(number < 4);
  Node node{.kind = Kind::kInput};
  node.arg[0] = number;
  return Expr(this, intern(node));
}

Expr Graph::param(unsigned number) {
  TANDEM_CHECK(number < abi::kUcodeParams);
  Node node{.kind = Kind::kParam, .scalar = true};
  node.arg[0] = number;
  return Expr(this, intern(node));
}

Expr Graph::row0() { return Expr(this, intern({.kind = Kind::kRow0, .scalar = true})); }
Expr Graph::row1() { return Expr(this, intern({.kind = Kind::kRow1, .scalar = true})); }
Expr Graph::col() { return Expr(this, intern({.kind = Kind::kCol})); }

std::uint32_t Graph::node_of(Expr x) {
  if (!x.is_constant()) return x.node();
  Node node{.kind = Kind::kConstant, .scalar = true};
  node.arg[0] = x.constant();
  return intern(node);
}

Expr Graph::operation(MicroOp op, std::initializer_list<Expr> args) {
  const Expr* const a = args.begin();
  const Expr* const last = a + args.size() - 1;
  if (const Expr* value = simplified(op, a, args.size() > 1 ? a + 1 : a, last)) return *value;
  Node node{.kind = Kind::kOp, .op = op, .scalar = true};
  for (const Expr& arg : args) {
    const std::uint32_t at = node_of(arg);
    node.arg[node.num_args++] = at;
    node.scalar = node.scalar && nodes_[at].scalar;
    node.phase = std::max(node.phase, nodes_[at].phase);
  }
  if (is_commutative(op) && node.arg[0] > node.arg[1]) std::swap(node.arg[0], node.arg[1]);
  return Expr(this, intern(node));
}

Expr Graph::reduction(MicroOp op, Expr arg) {
  Node node{.kind = Kind::kReduce, .op = op, .num_args = 1, .scalar = true};
  node.arg[0] = node_of(arg);
  node.phase = static_cast<std::uint8_t>(std::min(nodes_[node.arg[0]].phase + 1, 255));
  return Expr(this, intern(node));
}

std::uint32_t Graph::intern(Node node) {
  const std::uint64_t hash = hash_of(node);
  const auto [first, last] = index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    if (nodes_[it->second] == node) return it->second;
  }
  const auto number = static_cast<std::uint32_t>(nodes_.size());
  nodes_.push_back(node);
  index_.emplace(hash, number);
  return number;
}

Expr fma(Expr a, Expr b, Expr c) { return trace(MicroOp::kFma, {a, b, c}); }
Expr fnma(Expr a, Expr b, Expr c) { return trace(MicroOp::kFnma, {a, b, c}); }
Expr add(Expr a, Expr b) { return trace(MicroOp::kFadd, {a, b}); }
Expr sub(Expr a, Expr b) { return trace(MicroOp::kFsub, {a, b}); }
Expr mul(Expr a, Expr b) { return trace(MicroOp::kFmul, {a, b}); }
Expr fmin(Expr a, Expr b) { return trace(MicroOp::kFmin, {a, b}); }
Expr fmax(Expr a, Expr b) { return trace(MicroOp::kFmax, {a, b}); }
Expr fclt(Expr a, Expr b) { return trace(MicroOp::kFclt, {a, b}); }
Expr fcle(Expr a, Expr b) { return trace(MicroOp::kFcle, {a, b}); }
Expr fceq(Expr a, Expr b) { return trace(MicroOp::kFceq, {a, b}); }
Expr sel(Expr mask, Expr a, Expr b) { return trace(MicroOp::kSel, {mask, a, b}); }
Expr and_(Expr a, Expr b) { return trace(MicroOp::kAnd, {a, b}); }
Expr or_(Expr a, Expr b) { return trace(MicroOp::kOr, {a, b}); }
Expr xor_(Expr a, Expr b) { return trace(MicroOp::kXor, {a, b}); }
Expr shl(Expr a, Expr b) { return trace(MicroOp::kShl, {a, b}); }
Expr shr(Expr a, Expr b) { return trace(MicroOp::kShr, {a, b}); }
Expr sar(Expr a, Expr b) { return trace(MicroOp::kSar, {a, b}); }
Expr iadd(Expr a, Expr b) { return trace(MicroOp::kIadd, {a, b}); }
Expr isub(Expr a, Expr b) { return trace(MicroOp::kIsub, {a, b}); }
Expr ilt(Expr a, Expr b) { return trace(MicroOp::kIlt, {a, b}); }
Expr ult(Expr a, Expr b) { return trace(MicroOp::kUlt, {a, b}); }
Expr ieq(Expr a, Expr b) { return trace(MicroOp::kIeq, {a, b}); }
Expr mull(Expr a, Expr b) { return trace(MicroOp::kMull, {a, b}); }
Expr mulh(Expr a, Expr b) { return trace(MicroOp::kMulh, {a, b}); }
Expr clz(Expr a) { return trace(MicroOp::kClz, {a}); }
Expr i2f(Expr a) { return trace(MicroOp::kI2f, {a}); }
Expr f2i(Expr a) { return trace(MicroOp::kF2i, {a}); }
Expr f2t(Expr a) { return trace(MicroOp::kF2t, {a}); }

Expr row_sum(Expr x) { return trace_reduction(MicroOp::kRsum, x); }
Expr row_min(Expr x) { return trace_reduction(MicroOp::kRmin, x); }
Expr row_max(Expr x) { return trace_reduction(MicroOp::kRmax, x); }
Expr row_isum(Expr x) { return trace_reduction(MicroOp::kRisum, x); }
Expr row_imin(Expr x) { return trace_reduction(MicroOp::kRimin, x); }
Expr row_imax(Expr x) { return trace_reduction(MicroOp::kRimax, x); }

}  // namespace tandem::ops
