// SPDX-License-Identifier: Apache-2.0
// Argument checks that every op shares, and their messages.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

/// Throws kInvalidArgument: "<op>: <argument>: expected <expected>, found <found>".
[[noreturn]] void fail_argument(std::string_view op, std::string_view argument,
                                std::string_view expected, std::string_view found);

/// "[3, 17]".
std::string shape_text(std::span<const std::uint64_t> shape);
inline std::span<const std::uint64_t> shape_of(const Tensor& x) {
  return {x.shape.data(), static_cast<std::size_t>(x.rank)};
}

bool same_shape(const Tensor& a, const Tensor& b);
/// x has exactly this shape.
void check_shape(std::string_view op, std::string_view argument, const Tensor& x,
                 std::span<const std::uint64_t> expected);
inline void check_shape(std::string_view op, std::string_view argument, const Tensor& x,
                        std::initializer_list<std::uint64_t> expected) {
  check_shape(op, argument, x, std::span<const std::uint64_t>{expected.begin(), expected.size()});
}
void check_rank(std::string_view op, std::string_view argument, const Tensor& x, int rank);
/// x has one of these types.
void check_dtype(std::string_view op, std::string_view argument, const Tensor& x,
                 std::initializer_list<Dtype> allowed);
/// f32, bf16, f16, e4m3 or e5m2.
void check_float(std::string_view op, std::string_view argument, const Tensor& x);
/// i32 or i64.
void check_index_type(std::string_view op, std::string_view argument, const Tensor& x);
/// x and y have one type.
void check_same_dtype(std::string_view op, std::string_view argument, const Tensor& x,
                      std::string_view other_name, const Tensor& other);
/// Axis in [0, rank) from one that may be negative.
int check_axis(std::string_view op, int axis, const Tensor& x);
/// x broadcast to `shape`; the message names the argument.
Tensor check_broadcast(std::string_view op, std::string_view argument, const Tensor& x,
                       std::span<const std::uint64_t> shape);

/// y shares no byte with x.
void check_apart(std::string_view op, std::string_view x_name, const Tensor& x,
                 std::string_view y_name, const Tensor& y);

bool is_float(Dtype type);
bool is_integer(Dtype type);
std::uint64_t bytes_of(Dtype type);

}  // namespace tandem::ops
