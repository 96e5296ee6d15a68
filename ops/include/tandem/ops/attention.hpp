// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention, with or without a key/value cache.
#pragma once

#include <cstdint>
#include <optional>

#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"

namespace tandem::ops {

/// What a query row that sees no key gives.
enum class MaskedRow : std::uint8_t {
  kNan,   ///< As the formula says: softmax of only -infinity.
  kZero,  ///< +0, for rows that are padding.
};

/// Key j is visible to query i, at position p = i + offset, if first_key <= j and, where causal, p
/// - window < j <= p.
struct AttentionOptions {
  float scale = 1.0f;  ///< Of q . k, before soft-capping and mask.
  bool causal = false;
  std::uint32_t window = 0;  ///< Sliding window; 0: none. Needs causal.
  float softcap = 0.0f;      ///< s -> softcap * tanh(s / softcap); 0: none.
  /// Position of query 0 among the keys; nullopt: keys - queries (the last query sees all keys).
  std::optional<std::uint64_t> query_offset;
  /// Additive, f32 bf16 or f16, broadcast to [batch, heads, queries, keys]: causal, padding or any
  /// other mask.
  std::optional<Tensor> mask;
  /// i32 [batch]: first visible key of each sequence (left padding).
  std::optional<Tensor> first_key;
  /// i32 [batch]: position of query 0 of each sequence, instead of query_offset.
  std::optional<Tensor> offsets;
  /// Mask and first_key never hide the key at a query's own position, so padding attends to itself.
  bool own_key_visible = false;
  MaskedRow masked_row = MaskedRow::kNan;
};

/// y = softmax(scale q k^T + mask) v per head.
///
/// q, y [batch, heads, queries, dim], k [batch, kv_heads, keys, dim], v [batch, kv_heads, keys,
/// dim_v] (y's last axis), heads a multiple of kv_heads. f32, bf16, f16, e4m3, e5m2; any strides
/// with contiguous last axis, so token-major activations and caches [kv_head][seq][dim] come as
/// views: q.permute, cache.slice. Keys past the visible ones of the call belong outside the view. y
/// must not overlap q, k or v.
///
/// Blocks of query rows: S = q k^T (one MATMUL), softmax over whole rows (one VECTOR; masked P
/// exactly +0), then P v as one chain over the keys (one MATMUL). Scratch is O(block x keys). Keys
/// that no row of a block can see are left out. A single query takes three packets for all heads
/// and sequences.
void sdpa(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v,
          const AttentionOptions& options, const Tensor& y);

/// k and v converted into slices of a cache, in one packet where their shapes are equal.
/// k, v [batch, kv_heads, seq, dim] views; k_cache, v_cache views of the same shapes.
void kv_append(Context& ctx, const Tensor& k, const Tensor& v, const Tensor& k_cache,
               const Tensor& v_cache);

}  // namespace tandem::ops
