// SPDX-License-Identifier: Apache-2.0
// Unpacks quantised blocks into integer groups.
#include "tandem/models/files/weight_groups.hpp"

#include <fmt/format.h>

#include "quant_blocks.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

template <typename Block>
void unpack_blocks(const std::uint8_t* blocks, std::size_t count, std::int8_t* q, float* scales,
                   float* mins) {
  constexpr int kGroups = Block::kElements / Block::kGroup;
  for (std::size_t b = 0; b < count; ++b, blocks += Block::kBytes) {
    Block::unpack(blocks, q, scales, mins);
    q += Block::kElements;
    scales += kGroups;
    if constexpr (Block::kHasMin) mins += kGroups;
  }
}

/// Q4_0 as unsigned integers with the minimum -8 * scale, which fits four bits.
void unpack_q4_0(const std::uint8_t* blocks, std::size_t count, std::int8_t* q, float* scales,
                 float* mins) {
  for (std::size_t b = 0; b < count; ++b, blocks += Q4_0Block::kBytes, q += 32) {
    scales[b] = f16_at(blocks);
    mins[b] = -8.0f * scales[b];
    unpack_nibbles(blocks + 2, q);
  }
}

}  // namespace

std::optional<GroupLayout> group_layout(StoredType type) {
  using Code = GroupLayout::Code;
  switch (type) {
    case StoredType::kQ4_0:
    case StoredType::kQ4_1:
      return GroupLayout{32, Code::kUnsigned4, true, true};
    case StoredType::kQ5_0:
    case StoredType::kQ8_0:
      return GroupLayout{32, Code::kSigned8, false, true};
    case StoredType::kQ5_1:
      return GroupLayout{32, Code::kSigned8, true, true};
    case StoredType::kQ4_K:
      return GroupLayout{32, Code::kUnsigned4, true, false};
    case StoredType::kQ5_K:
      return GroupLayout{32, Code::kSigned8, true, false};
    case StoredType::kQ6_K:
      return GroupLayout{16, Code::kSigned8, false, false};
    default:
      return std::nullopt;
  }
}

void unpack_groups(StoredType type, std::span<const std::byte> blocks, std::span<std::int8_t> q,
                   std::span<float> scales, std::span<float> mins) {
  const auto layout = group_layout(type);
  if (!layout) {
    throw Error(ErrorCode::kUnimplemented,
                fmt::format("stored type {} has no integer groups", to_string(type)));
  }
  const auto needed = stored_bytes(type, q.size());
  const std::size_t groups = q.size() / layout->group_size;
  const bool mins_fit = mins.size() == groups || (!layout->has_min && mins.empty());
  if (!needed || *needed != blocks.size() || scales.size() != groups || !mins_fit) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("unpacking {} elements of {}: {} bytes, {} scales and {} minimums do "
                    "not fit {} groups",
                    q.size(), to_string(type), blocks.size(), scales.size(), mins.size(), groups));
  }
  if (!layout->has_min) {
    for (float& min : mins) min = 0.0f;
  }
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(blocks.data());
  const std::size_t count = q.size() / elements_per_block(type);
  switch (type) {
    case StoredType::kQ4_0:
      return unpack_q4_0(bytes, count, q.data(), scales.data(), mins.data());
    case StoredType::kQ4_1:
      return unpack_blocks<Q4_1Block>(bytes, count, q.data(), scales.data(), mins.data());
    case StoredType::kQ5_0:
      return unpack_blocks<Q5_0Block>(bytes, count, q.data(), scales.data(), nullptr);
    case StoredType::kQ5_1:
      return unpack_blocks<Q5_1Block>(bytes, count, q.data(), scales.data(), mins.data());
    case StoredType::kQ8_0:
      return unpack_blocks<Q8_0Block>(bytes, count, q.data(), scales.data(), nullptr);
    case StoredType::kQ4_K:
      return unpack_blocks<Q4KBlock>(bytes, count, q.data(), scales.data(), mins.data());
    case StoredType::kQ5_K:
      return unpack_blocks<Q5KBlock>(bytes, count, q.data(), scales.data(), mins.data());
    case StoredType::kQ6_K:
      return unpack_blocks<Q6KBlock>(bytes, count, q.data(), scales.data(), nullptr);
    default:
      TANDEM_CHECK(false);
  }
}

}  // namespace tandem::models
