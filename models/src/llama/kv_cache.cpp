// SPDX-License-Identifier: Apache-2.0
// Growth and views of the key/value cache.
#include "tandem/models/llama/kv_cache.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "tandem/base/error.hpp"
#include "tandem/models/llama/weight_storage.hpp"
#include "tandem/ops/move.hpp"

namespace tandem::models {

using abi::Dtype;
using ops::Tensor;

KvCache::KvCache(ops::Context& ctx, const LlamaConfig& config, std::uint32_t num_sequences,
                 Dtype dtype)
    : ctx_(&ctx),
      kv_heads_(config.num_kv_heads),
      head_dim_(config.head_dim),
      dtype_(dtype),
      lengths_(num_sequences, 0),
      stores_(2 * std::size_t{config.num_layers}) {
  if (dtype != Dtype::kF16 && dtype != Dtype::kBF16 && dtype != Dtype::kF32) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("KV cache: type {}, expected f16, bf16 or f32", dtype_name(dtype)));
  }
  if (num_sequences == 0) {
    throw Error(ErrorCode::kInvalidArgument, "KV cache: 0 sequences, expected at least 1");
  }
}

std::uint64_t KvCache::num_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const Store& store : stores_) bytes += store.buffer.num_bytes();
  return bytes;
}

void KvCache::advance(std::uint32_t sequence, std::uint32_t positions) {
  TANDEM_CHECK(lengths_.at(sequence) + positions <= capacity_);
  lengths_[sequence] += positions;
}

void KvCache::truncate(std::uint32_t sequence, std::uint32_t length) {
  lengths_.at(sequence) = std::min(lengths_.at(sequence), length);
}

void KvCache::copy_sequence(std::uint32_t from, std::uint32_t first, std::uint32_t count) {
  TANDEM_CHECK(from < first || from >= first + count);
  const std::uint32_t length = lengths_.at(from);
  for (std::uint32_t i = 0; i < count; ++i) lengths_.at(first + i) = length;
  if (length == 0) return;
  for (const Store& store : stores_) {
    const Tensor filled = whole(store).slice(2, 0, length);
    ops::copy(*ctx_, filled.slice(0, from, from + 1), filled.slice(0, first, first + count));
  }
}

void KvCache::reserve(std::uint32_t positions) {
  if (positions <= capacity_) return;
  std::uint64_t wanted = capacity_ == 0 ? kFirstCapacity : capacity_;
  while (wanted < positions) wanted *= 2;
  const auto capacity = static_cast<std::uint32_t>(
      std::min<std::uint64_t>(wanted, std::numeric_limits<std::uint32_t>::max()));

  // One buffer at a time, so that old and new memory of all layers never coexist.
  for (std::size_t i = 0; i < stores_.size(); ++i) {
    if (stores_[i].capacity >= capacity) continue;  // grown before an earlier call failed
    try {
      Store grown = allocate(i, capacity);
      copy_filled(stores_[i], grown);
      stores_[i] = std::move(grown);
    } catch (const Error& error) {
      throw error.with_context(
          fmt::format("while growing the KV cache of {} sequences from {} to {} positions",
                      lengths_.size(), capacity_, capacity));
    }
  }
  capacity_ = capacity;
}

void KvCache::copy_filled(const Store& from, const Store& to) const {
  bool copied = false;
  for (std::size_t first = 0; first < lengths_.size();) {
    std::size_t end = first + 1;
    while (end < lengths_.size() && lengths_[end] == lengths_[first]) ++end;
    if (lengths_[first] != 0) {
      const auto filled = [&](const Store& store) {
        return whole(store).slice(0, first, end).slice(2, 0, lengths_[first]);
      };
      ops::copy(*ctx_, filled(from), filled(to));
      copied = true;
    }
    first = end;
  }
  // The old memory is given back next: nothing in flight may read it.
  if (copied) ctx_->queue().finish();
}

Tensor KvCache::keys(std::uint32_t layer, std::uint32_t first_sequence, std::uint32_t sequences,
                     std::uint32_t first_position, std::uint32_t positions) const {
  return whole(stores_.at(2 * std::size_t{layer}))
      .slice(0, first_sequence, first_sequence + sequences)
      .slice(2, first_position, first_position + positions);
}

Tensor KvCache::values(std::uint32_t layer, std::uint32_t first_sequence, std::uint32_t sequences,
                       std::uint32_t first_position, std::uint32_t positions) const {
  return whole(stores_.at(2 * std::size_t{layer} + 1))
      .slice(0, first_sequence, first_sequence + sequences)
      .slice(2, first_position, first_position + positions);
}

Tensor KvCache::whole(const Store& store) const {
  return Tensor(store.buffer.addr(), dtype_,
                {lengths_.size(), kv_heads_, store.capacity, head_dim_});
}

KvCache::Store KvCache::allocate(std::size_t index, std::uint32_t capacity) const {
  const std::uint64_t elem_bytes = Tensor(PhysAddr(), dtype_, {1}).elem_bytes();
  const std::uint64_t num_bytes = lengths_.size() * kv_heads_ * capacity * head_dim_ * elem_bytes;
  const std::string label = fmt::format("layer.{}.{}_cache", index / 2, index % 2 == 0 ? "k" : "v");
  return {ctx_->device().malloc("kv", num_bytes, label), capacity};
}

}  // namespace tandem::models
