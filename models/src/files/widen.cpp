// SPDX-License-Identifier: Apache-2.0
// Conversion of stored elements to fp32.
#include <fmt/format.h>

#include "quant_blocks.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/stored_type.hpp"

namespace tandem::models {
namespace {

template <typename Block>
void widen_blocks(const std::uint8_t* blocks, std::size_t count, float* __restrict out) {
  constexpr int kGroups = Block::kElements / Block::kGroup;
  std::int8_t q[Block::kElements];
  float scales[kGroups];
  float mins[kGroups];
  for (std::size_t b = 0; b < count; ++b, blocks += Block::kBytes) {
    Block::unpack(blocks, q, scales, mins);
    for (int g = 0; g < kGroups; ++g) {
      const std::int8_t* __restrict group = q + g * Block::kGroup;
      const float scale = scales[g];
      // Adding an absent minimum would turn -0 into +0.
      if constexpr (Block::kHasMin) {
        const float min = mins[g];
        for (int i = 0; i < Block::kGroup; ++i) out[i] = scale * static_cast<float>(group[i]) + min;
      } else {
        for (int i = 0; i < Block::kGroup; ++i) out[i] = scale * static_cast<float>(group[i]);
      }
      out += Block::kGroup;
    }
  }
}

template <typename Stored, typename Convert>
void widen_elements(const std::uint8_t* bytes, std::size_t count, float* __restrict out,
                    Convert convert) {
  for (std::size_t i = 0; i < count; ++i) {
    Stored value;
    std::memcpy(&value, bytes + i * sizeof value, sizeof value);
    out[i] = convert(value);
  }
}

}  // namespace

void widen_to_f32(StoredType type, std::span<const std::byte> blocks, std::span<float> out) {
  if (!is_widenable(type)) {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("stored type {} cannot be read as fp32", to_string(type)));
  }
  const auto needed = stored_bytes(type, out.size());
  if (!needed || *needed != blocks.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("widening {}: {} bytes do not hold {} elements", to_string(type),
                            blocks.size(), out.size()));
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(blocks.data());
  const std::size_t count = out.size();
  const std::size_t num_blocks = count / elements_per_block(type);
  float* dst = out.data();
  switch (type) {
    case StoredType::kF64:
      return widen_elements<double>(bytes, count, dst,
                                    [](double v) { return static_cast<float>(v); });
    case StoredType::kF32:
      if (count > 0) std::memcpy(dst, bytes, count * sizeof(float));
      return;
    case StoredType::kF16:
      return widen_elements<std::uint16_t>(bytes, count, dst, f16_to_f32);
    case StoredType::kBf16:
      return widen_elements<std::uint16_t>(bytes, count, dst, bf16_to_f32);
    case StoredType::kF8E4m3:
      return widen_elements<std::uint8_t>(bytes, count, dst, e4m3_to_f32);
    case StoredType::kF8E5m2:
      return widen_elements<std::uint8_t>(bytes, count, dst, e5m2_to_f32);
    case StoredType::kQ4_0:
      return widen_blocks<Q4_0Block>(bytes, num_blocks, dst);
    case StoredType::kQ4_1:
      return widen_blocks<Q4_1Block>(bytes, num_blocks, dst);
    case StoredType::kQ5_0:
      return widen_blocks<Q5_0Block>(bytes, num_blocks, dst);
    case StoredType::kQ5_1:
      return widen_blocks<Q5_1Block>(bytes, num_blocks, dst);
    case StoredType::kQ8_0:
      return widen_blocks<Q8_0Block>(bytes, num_blocks, dst);
    case StoredType::kQ4_K:
      return widen_blocks<Q4KBlock>(bytes, num_blocks, dst);
    case StoredType::kQ5_K:
      return widen_blocks<Q5KBlock>(bytes, num_blocks, dst);
    case StoredType::kQ6_K:
      return widen_blocks<Q6KBlock>(bytes, num_blocks, dst);
    default:
      TANDEM_CHECK(false);
  }
}

}  // namespace tandem::models
