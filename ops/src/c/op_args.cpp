// SPDX-License-Identifier: Apache-2.0
#include "op_args.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tandem/base/error.hpp"

namespace tandem::ops::c {
namespace {

std::string kind_of(const tandem_arg& arg) {
  if (arg.tensors != nullptr) return fmt::format("{} tensors", arg.num_tensors);
  if (arg.ints != nullptr) return fmt::format("{} integers", arg.num_ints);
  return fmt::format("the number {}", arg.number);
}

}  // namespace

OpArgs::OpArgs(std::string_view op, std::span<const tandem_arg> args) : op_(op) {
  for (const tandem_arg& arg : args) {
    if (arg.name == nullptr) {
      throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: an argument has no name", op_));
    }
    if (has(arg.name)) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: argument '{}' is given twice", op_, arg.name));
    }
    args_.push_back({&arg});
  }
}

std::optional<std::size_t> OpArgs::find(std::string_view name) const {
  const auto found =
      std::find_if(args_.begin(), args_.end(), [&](const Arg& a) { return a.given->name == name; });
  if (found == args_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - args_.begin());
}

const tandem_arg& OpArgs::take(const char* name) {
  const std::optional<std::size_t> index = find(name);
  if (!index) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: argument '{}' is missing", op_, name));
  }
  args_[*index].taken = true;
  return *args_[*index].given;
}

void OpArgs::refuse(const char* name, std::string_view expected, const std::string& found) const {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: argument '{}': expected {}, found {}", op_, name, expected, found));
}

Tensor OpArgs::to_tensor(const char* name, const tandem_tensor& given) const {
  if (given.rank > TANDEM_MAX_RANK) {
    refuse(name, fmt::format("a rank of at most {}", TANDEM_MAX_RANK), std::to_string(given.rank));
  }
  if (given.dtype < TANDEM_F32 || given.dtype > TANDEM_I64) {
    refuse(name, "an element type of tandem_dtype", std::to_string(given.dtype));
  }
  Tensor tensor;
  tensor.addr = PhysAddr(given.addr);
  tensor.dtype = static_cast<Dtype>(given.dtype);
  tensor.rank = static_cast<int>(given.rank);
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < given.rank; ++i) {
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max() / 8;
    if (given.shape[i] != 0 && elements > most / given.shape[i]) {
      refuse(name, "a shape whose element count fits 60 bits",
             fmt::format("extent {}", given.shape[i]));
    }
    elements *= given.shape[i];
    tensor.shape[i] = given.shape[i];
    tensor.stride[i] = given.stride[i];
  }
  return tensor;
}

Tensor OpArgs::tensor(const char* name) {
  const tandem_arg& arg = take(name);
  if (arg.tensors == nullptr || arg.num_tensors != 1) refuse(name, "a tensor", kind_of(arg));
  return to_tensor(name, *arg.tensors);
}

std::vector<Tensor> OpArgs::tensors(const char* name) {
  const tandem_arg& arg = take(name);
  if (arg.tensors == nullptr) refuse(name, "tensors", kind_of(arg));
  std::vector<Tensor> out;
  for (const tandem_tensor& tensor : std::span(arg.tensors, arg.num_tensors)) {
    out.push_back(to_tensor(name, tensor));
  }
  return out;
}

std::int64_t OpArgs::integer(const char* name) {
  const tandem_arg& arg = take(name);
  if (arg.tensors != nullptr || arg.ints == nullptr || arg.num_ints != 1) {
    refuse(name, "an integer", kind_of(arg));
  }
  return *arg.ints;
}

bool OpArgs::is_integer(const char* name) const {
  const std::optional<std::size_t> index = find(name);
  if (!index) return false;
  const tandem_arg& arg = *args_[*index].given;
  return arg.tensors == nullptr && arg.ints != nullptr && arg.num_ints == 1;
}

std::uint32_t OpArgs::count(const char* name) {
  const std::int64_t value = integer(name);
  if (value < 0 || value > std::numeric_limits<std::uint32_t>::max()) {
    refuse(name, "an integer from 0 to 4294967295", std::to_string(value));
  }
  return static_cast<std::uint32_t>(value);
}

double OpArgs::number(const char* name) {
  const tandem_arg& arg = take(name);
  if (arg.tensors != nullptr || (arg.ints != nullptr && arg.num_ints != 1)) {
    refuse(name, "a number", kind_of(arg));
  }
  return arg.ints != nullptr ? static_cast<double>(*arg.ints) : arg.number;
}

std::optional<Tensor> OpArgs::tensor_if(const char* name) {
  return has(name) ? std::optional(tensor(name)) : std::nullopt;
}

bool OpArgs::flag(const char* name) { return has(name) && integer(name) != 0; }

std::uint32_t OpArgs::count_or(const char* name, std::uint32_t fallback) {
  return has(name) ? count(name) : fallback;
}

float OpArgs::number_or(const char* name, float fallback) {
  return has(name) ? static_cast<float>(number(name)) : fallback;
}

std::vector<int> OpArgs::ints_or_none(const char* name) {
  std::vector<int> out;
  if (!has(name)) return out;
  const tandem_arg& arg = take(name);
  if (arg.tensors != nullptr || arg.ints == nullptr) refuse(name, "integers", kind_of(arg));
  for (const std::int64_t value : std::span(arg.ints, arg.num_ints)) {
    if (value < -TANDEM_MAX_RANK || value >= TANDEM_MAX_RANK) {
      refuse(name, "axes of a tensor", std::to_string(value));
    }
    out.push_back(static_cast<int>(value));
  }
  return out;
}

void OpArgs::finish() const {
  for (const Arg& arg : args_) {
    if (!arg.taken) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: there is no argument '{}'", op_, arg.given->name));
    }
  }
}

}  // namespace tandem::ops::c
