// SPDX-License-Identifier: Apache-2.0
// A micro-program over tensors: axes merged and arranged into rows and columns, as few VECTOR
// packets as possible.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/ops/ucode_builder.hpp"

namespace tandem::ops {

/// Largest distance of elements within a row that a VECTOR packet can express.
inline constexpr std::uint64_t kMaxColStride = 0xFFFF;

/// Compiles a program with one output: f(Graph&) traces it.
template <class F>
Program build_one(std::string_view name, F f) {
  Graph graph;
  const ProgramOutput output{f(graph)};
  return compile(graph, {&output, 1}, name);
}

class VectorCall {
 public:
  VectorCall(Context& ctx, std::string_view op, const Program& program)
      : ctx_(ctx), op_(op), program_(program) {}

  /// Operands, all of the shape of the iteration space (broadcast axes have stride 0; per-row
  /// outputs: any last axis). `name`: the op's argument, for messages.
  VectorCall& input(int number, std::string_view name, const Tensor& x);
  VectorCall& output(int number, std::string_view name, const Tensor& y);
  VectorCall& param(int number, std::uint32_t bits);
  VectorCall& param(int number, float value);
  /// Whether fp8 output `number` saturates. Without a call as torch has it: e4m3 does, e5m2 does
  /// not.
  VectorCall& saturate(int number, bool on);

  /// Axes may be merged and exchanged.
  void run_elementwise();
  /// The last axis is the column; its strides are at most kMaxColStride. Other axes are rows,
  /// merged unless the program reads row indices, then at most two.
  void run_rows();

 private:
  static constexpr int kOperands = 7;  ///< Inputs 0..3, outputs 4..6.
  static constexpr int kMaxDims = kMaxRank + 1;
  struct Dim {
    std::uint64_t extent = 1;
    std::array<std::uint64_t, kOperands> stride{};
  };
  struct Dims {
    std::array<Dim, kMaxDims> dim{};  ///< Outermost first.
    int count = 0;
    void push(const Dim& next) { dim[static_cast<std::size_t>(count++)] = next; }
    void erase(int at);
  };

  bool used(int operand) const { return used_ >> operand & 1; }
  bool scalar_output(int operand) const {
    return operand >= 4 && (program_.scalar_outputs >> (operand - 4) & 1);
  }
  /// An operand that has the shape of the iteration space.
  const Tensor& space() const { return scalar_output(4) ? *tensor_[0] : *tensor_[4]; }
  Dim dim_of(int axis) const;
  bool collect(Dims& dims) const;
  bool can_merge(const Dim& outer, const Dim& inner) const;
  void merge_rows(Dims& dims) const;
  void check_overlaps(const Dims& dims, const Dim& column) const;
  void submit(Dims& rows, const Dim& column);

  Context& ctx_;
  std::string_view op_;
  const Program& program_;
  std::array<const Tensor*, kOperands> tensor_{};
  std::array<std::string_view, kOperands> name_{};
  std::array<std::uint32_t, 4> param_{};
  unsigned used_ = 0;
  std::uint8_t saturate_ = 0;
};

}  // namespace tandem::ops
