// SPDX-License-Identifier: Apache-2.0
#include "words.hpp"

#include "tandem/numerics/convert.hpp"

namespace tandem::debug::wave {

std::uint32_t load_word(const driver::SparseRam& ram, abi::Dtype type, std::uint64_t addr) {
  using abi::Dtype;
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
    case Dtype::kI64:
      return load<std::uint32_t>(ram, addr);
    case Dtype::kBF16:
      return numerics::bf16_to_f32(load<std::uint16_t>(ram, addr));
    case Dtype::kF16:
      return numerics::f16_to_f32(load<std::uint16_t>(ram, addr));
    case Dtype::kE4M3:
      return numerics::e4m3_to_f32(load<std::uint8_t>(ram, addr));
    case Dtype::kE5M2:
      return numerics::e5m2_to_f32(load<std::uint8_t>(ram, addr));
    case Dtype::kI8:
      return static_cast<std::uint32_t>(std::int32_t{load<std::int8_t>(ram, addr)});
    case Dtype::kU8:
      return load<std::uint8_t>(ram, addr);
    case Dtype::kU16:
      return load<std::uint16_t>(ram, addr);
    default:
      return 0;
  }
}

}  // namespace tandem::debug::wave
