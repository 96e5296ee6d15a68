// SPDX-License-Identifier: Apache-2.0
// Keys and values of all sequences of a batch, in device memory.
#pragma once

#include <cstdint>
#include <vector>

#include "tandem/models/files/llama_config.hpp"
#include "tandem/ops/context.hpp"
#include "tandem/ops/tensor.hpp"
#include "tandem/runtime/buffer.hpp"

namespace tandem::models {

/// Two buffers per layer in region "kv", [sequence, kv_head, capacity, head_dim], which grow
/// together: the capacity doubles and the device copies the old contents. Entry p of a sequence
/// belongs to position p, so a sequence's numbers do not depend on the others in the batch.
///
/// Not thread-safe.
class KvCache {
 public:
  static constexpr std::uint32_t kFirstCapacity = 256;  ///< Positions.

  /// `dtype`: f16 (exact for the matrix engine's fraction), bf16 or f32. Memory is taken at first
  /// use. Errors: kInvalidArgument for another type or no sequence.
  KvCache(ops::Context& ctx, const LlamaConfig& config, std::uint32_t num_sequences,
          abi::Dtype dtype = abi::Dtype::kF16);

  std::uint32_t num_sequences() const noexcept {
    return static_cast<std::uint32_t>(lengths_.size());
  }
  abi::Dtype dtype() const noexcept { return dtype_; }
  std::uint32_t capacity() const noexcept { return capacity_; }  ///< Positions per sequence.
  std::uint64_t num_bytes() const noexcept;                      ///< Of device memory.

  /// Positions of a sequence that are filled; the next token gets this position.
  std::uint32_t length(std::uint32_t sequence) const { return lengths_.at(sequence); }
  /// After the entries were written.
  void advance(std::uint32_t sequence, std::uint32_t positions);
  /// Forgets everything from position `length` on.
  void truncate(std::uint32_t sequence, std::uint32_t length);
  /// Makes `count` sequences from `first` on equal to `from`, which is not among them: one COPY per
  /// buffer.
  void copy_sequence(std::uint32_t from, std::uint32_t first, std::uint32_t count = 1);

  /// Makes room for `positions` per sequence. Errors: kOutOfMemory; the cache keeps its contents.
  void reserve(std::uint32_t positions);

  /// Views [sequences, kv_heads, positions, head_dim]; `first_position` + `positions` is within the
  /// capacity.
  ops::Tensor keys(std::uint32_t layer, std::uint32_t first_sequence, std::uint32_t sequences,
                   std::uint32_t first_position, std::uint32_t positions) const;
  ops::Tensor values(std::uint32_t layer, std::uint32_t first_sequence, std::uint32_t sequences,
                     std::uint32_t first_position, std::uint32_t positions) const;

 private:
  struct Store {
    runtime::Buffer buffer;
    std::uint32_t capacity = 0;
  };
  ops::Tensor whole(const Store& store) const;
  Store allocate(std::size_t index, std::uint32_t capacity) const;
  void copy_filled(const Store& from, const Store& to) const;

  ops::Context* ctx_;
  std::uint64_t kv_heads_;
  std::uint64_t head_dim_;
  abi::Dtype dtype_;
  std::uint32_t capacity_ = 0;
  std::vector<std::uint32_t> lengths_;  // of each sequence
  std::vector<Store> stores_;           // keys of layer 0, values of layer 0, keys of layer 1 ...
};

}  // namespace tandem::models
