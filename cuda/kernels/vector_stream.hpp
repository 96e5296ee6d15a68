// SPDX-License-Identifier: Apache-2.0
// Elements of VECTOR's inputs and outputs to and from 32-bit words.
#pragma once

#include "kernels/context.hpp"
#include "kernels/launch.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::gpu {

/// Micro-operation `ld` of one element.
TANDEM_GPU_FN std::uint32_t load_element(abi::Dtype type, std::uint64_t at) {
  using abi::Dtype;
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
      return load<std::uint32_t>(at);
    case Dtype::kBF16:
      return numerics::bf16_to_f32(load<std::uint16_t>(at));
    case Dtype::kF16:
      return numerics::f16_to_f32(load<std::uint16_t>(at));
    case Dtype::kE4M3:
      return numerics::e4m3_to_f32(load<std::uint8_t>(at));
    case Dtype::kE5M2:
      return numerics::e5m2_to_f32(load<std::uint8_t>(at));
    case Dtype::kI8:
      return static_cast<std::uint32_t>(std::int32_t{load<std::int8_t>(at)});
    case Dtype::kU8:
      return load<std::uint8_t>(at);
    case Dtype::kU16:
      return load<std::uint16_t>(at);
    default:  // I64
      return static_cast<std::uint32_t>(load<std::uint64_t>(at));
  }
}

template <class T>
TANDEM_GPU_FN std::uint64_t put_element(const Place& place, std::uint64_t offset, T value) {
  store<T>(place.at + offset, value);
  return element_checksum(place.addr + offset, value);
}

/// Micro-operation `st` of one element, `offset` bytes into the stream. Returns what it adds to the
/// checksum.
TANDEM_GPU_FN std::uint64_t store_element(const StreamArgs& stream, std::uint64_t offset,
                                          std::uint32_t word) {
  using abi::Dtype;
  const auto rule =
      stream.saturate != 0 ? numerics::Fp8Overflow::kSaturate : numerics::Fp8Overflow::kNonSaturate;
  switch (stream.type) {
    case Dtype::kF32:
    case Dtype::kI32:
      return put_element(stream.place, offset, word);
    case Dtype::kBF16:
      return put_element(stream.place, offset, numerics::f32_to_bf16(word));
    case Dtype::kF16:
      return put_element(stream.place, offset, numerics::f32_to_f16(word));
    case Dtype::kE4M3:
      return put_element(stream.place, offset, numerics::f32_to_e4m3(word, rule));
    case Dtype::kE5M2:
      return put_element(stream.place, offset, numerics::f32_to_e5m2(word, rule));
    case Dtype::kI8:
    case Dtype::kU8:
      return put_element(stream.place, offset, static_cast<std::uint8_t>(word));
    case Dtype::kU16:
      return put_element(stream.place, offset, static_cast<std::uint16_t>(word));
    default:  // I64
      return put_element(
          stream.place, offset,
          static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(word))));
  }
}

}  // namespace tandem::gpu
