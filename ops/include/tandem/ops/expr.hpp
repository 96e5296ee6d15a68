// SPDX-License-Identifier: Apache-2.0
// Expressions over vector elements that are traced instead of computed, to be compiled into
// micro-programs.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <unordered_map>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/numerics/micro_ops.hpp"

namespace tandem::ops {

class Graph;

/// A 32-bit value of a micro-program: a constant or a node of a Graph.
///
/// Meets numerics::MicroOps, so every function of numerics/functions.hpp runs on it. Operations on
/// constants are folded with numerics::Bits32, so they give the device's bits. Operands of one
/// operation must come from one Graph.
class Expr {
 public:
  /// Zero.
  Expr() = default;
  /// A floating-point constant.
  Expr(float value) : constant_(numerics::bits_of(value)) {}  // NOLINT: so that `x * 2.0f` works
  static Expr imm(std::uint32_t bits);

  bool is_constant() const { return graph_ == nullptr; }
  std::uint32_t constant() const { return constant_; }
  Graph* graph() const { return graph_; }
  std::uint32_t node() const { return constant_; }

 private:
  friend class Graph;
  Expr(Graph* graph, std::uint32_t node) : graph_(graph), constant_(node) {}

  Graph* graph_ = nullptr;
  std::uint32_t constant_ = 0;  ///< Bits of a constant, else the node's number.
};

/// The operations of numerics/micro_ops.hpp, found by argument-dependent lookup.
Expr fma(Expr a, Expr b, Expr c);
Expr fnma(Expr a, Expr b, Expr c);
Expr add(Expr a, Expr b);
Expr sub(Expr a, Expr b);
Expr mul(Expr a, Expr b);
Expr fmin(Expr a, Expr b);
Expr fmax(Expr a, Expr b);
Expr fclt(Expr a, Expr b);
Expr fcle(Expr a, Expr b);
Expr fceq(Expr a, Expr b);
Expr sel(Expr mask, Expr a, Expr b);
Expr and_(Expr a, Expr b);
Expr or_(Expr a, Expr b);
Expr xor_(Expr a, Expr b);
Expr shl(Expr a, Expr b);
Expr shr(Expr a, Expr b);
Expr sar(Expr a, Expr b);
Expr iadd(Expr a, Expr b);
Expr isub(Expr a, Expr b);
Expr ilt(Expr a, Expr b);
Expr ult(Expr a, Expr b);
Expr ieq(Expr a, Expr b);
Expr mull(Expr a, Expr b);
Expr mulh(Expr a, Expr b);
Expr clz(Expr a);
Expr i2f(Expr a);
Expr f2i(Expr a);
Expr f2t(Expr a);

inline Expr operator+(Expr a, Expr b) { return add(a, b); }
inline Expr operator-(Expr a, Expr b) { return sub(a, b); }
inline Expr operator*(Expr a, Expr b) { return mul(a, b); }

/// Reductions over the row, in the architectural order. The operand may contain earlier reductions;
/// at most seven deep.
Expr row_sum(Expr x);
Expr row_min(Expr x);
Expr row_max(Expr x);
Expr row_isum(Expr x);
Expr row_imin(Expr x);
Expr row_imax(Expr x);

/// The operations of one program, each distinct one once (common subexpressions are found while
/// tracing).
class Graph {
 public:
  enum class Kind : std::uint8_t { kInput, kParam, kRow0, kRow1, kCol, kConstant, kOp, kReduce };
  struct Node {
    Kind kind = Kind::kConstant;
    abi::MicroOp op = abi::MicroOp{};  ///< kOp, kReduce.
    std::uint8_t num_args = 0;
    std::array<std::uint32_t, 3> arg{};  ///< Nodes; kInput, kParam: number; kConstant: bits.
    bool scalar = false;                 ///< One value a row.
    std::uint8_t phase = 0;              ///< First phase in which the value can be had.
    bool operator==(const Node& other) const {
      return kind == other.kind && op == other.op && num_args == other.num_args && arg == other.arg;
    }
  };

  Graph() = default;
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  Expr input(unsigned number);  ///< Element of input 0..3, widened as `ld` does.
  Expr param(unsigned number);  ///< Parameter 0..3 of the packet.
  Expr row0();                  ///< Outer row index, unsigned word.
  Expr row1();                  ///< Inner row index.
  Expr col();                   ///< Column index.
  Expr operation(abi::MicroOp op, std::initializer_list<Expr> args);
  Expr reduction(abi::MicroOp op, Expr arg);

  const std::vector<Node>& nodes() const { return nodes_; }
  /// Node of an expression; constants become nodes.
  std::uint32_t node_of(Expr x);

 private:
  std::uint32_t intern(Node node);
  std::vector<Node> nodes_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> index_;
};

static_assert(numerics::MicroOps<Expr>);

}  // namespace tandem::ops
