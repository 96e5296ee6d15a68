// SPDX-License-Identifier: Apache-2.0
// The arguments of an op at the border to C.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/ops/tensor.hpp"
#include "tandem/tandem_ops.h"

namespace tandem::ops::c {

/// Named arguments, each asked for by its op. `finish` refuses what no one asked for.
class OpArgs {
 public:
  /// Throws kInvalidArgument for a name that is NULL or given twice and for malformed tensors.
  OpArgs(std::string_view op, std::span<const tandem_arg> args);

  /// Throws kInvalidArgument, naming op and argument, when it is missing or of another kind.
  Tensor tensor(const char* name);
  std::vector<Tensor> tensors(const char* name);
  std::int64_t integer(const char* name);
  /// An integer of 0 to 2^32 - 1.
  std::uint32_t count(const char* name);
  double number(const char* name);

  /// Whether the argument is given as one integer.
  bool is_integer(const char* name) const;
  bool has(const char* name) const { return find(name).has_value(); }
  std::optional<Tensor> tensor_if(const char* name);
  bool flag(const char* name);  ///< False when it was left out.
  std::uint32_t count_or(const char* name, std::uint32_t fallback);
  float number_or(const char* name, float fallback);
  std::vector<int> ints_or_none(const char* name);

  /// Call it when all arguments were asked for and before anything is submitted.
  void finish() const;

 private:
  struct Arg {
    const tandem_arg* given;
    bool taken = false;
  };
  /// Index of the argument, or nullopt.
  std::optional<std::size_t> find(std::string_view name) const;
  const tandem_arg& take(const char* name);
  [[noreturn]] void refuse(const char* name, std::string_view expected,
                           const std::string& found) const;
  Tensor to_tensor(const char* name, const tandem_tensor& tensor) const;

  std::string_view op_;
  std::vector<Arg> args_;
};

}  // namespace tandem::ops::c
