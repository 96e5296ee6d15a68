// SPDX-License-Identifier: Apache-2.0
// Operands of the matrix kernels: groups of four elements from device memory, and their widening.
//
// Fetching and widening are apart: the raw bits of the next step wait in registers while the
// current one is multiplied, and are widened once on the way to shared memory.
#pragma once

#include "kernels/context.hpp"
#include "kernels/launch.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/quant.hpp"

namespace tandem::gpu {

/// Four neighbouring elements, each in the low bits of its word; absent ones are 0.
struct Quad {
  std::uint32_t word[4];
};

struct alignas(8) Half4 {
  std::uint16_t item[4];
};

/// Two elements a byte, the even one in the low nibble. The group starts at an even element.
TANDEM_GPU_FN Quad fetch_nibbles(std::uint64_t at, unsigned valid) {
  Quad out = {};
  TANDEM_GPU_UNROLL
  for (unsigned i = 0; i < 4; ++i) {
    if (i < valid) out.word[i] = (load<std::uint8_t>(at + i / 2) >> (4 * (i & 1))) & 15u;
  }
  return out;
}

template <class T>
TANDEM_GPU_FN Quad fetch_each(std::uint64_t at, unsigned valid) {
  Quad out = {};
  TANDEM_GPU_UNROLL
  for (unsigned i = 0; i < 4; ++i) {
    if (i < valid) out.word[i] = load<T>(at + i * sizeof(T));
  }
  return out;
}

/// `valid` elements from `at` on; `aligned`: the group is aligned as a whole.
TANDEM_GPU_FN Quad fetch(std::uint64_t at, abi::Dtype type, unsigned valid, bool aligned) {
  using abi::Dtype;
  const bool whole = aligned && valid == 4;
  switch (type) {
    case Dtype::kF32: {
      if (!whole) return fetch_each<std::uint32_t>(at, valid);
      const Wide all = load<Wide>(at);
      return {{all.word[0], all.word[1], all.word[2], all.word[3]}};
    }
    case Dtype::kBF16:
    case Dtype::kF16: {
      if (!whole) return fetch_each<std::uint16_t>(at, valid);
      const Half4 all = load<Half4>(at);
      return {{all.item[0], all.item[1], all.item[2], all.item[3]}};
    }
    case Dtype::kU4:
      return fetch_nibbles(at, valid);
    default: {
      if (!whole) return fetch_each<std::uint8_t>(at, valid);
      const auto all = load<std::uint32_t>(at);
      return {{all & 255u, (all >> 8) & 255u, (all >> 16) & 255u, all >> 24}};
    }
  }
}

/// Bytes of `count` elements; `count` is even for 4-bit ones.
TANDEM_GPU_FN std::uint64_t matmul_bytes(abi::Dtype type, std::uint64_t count) {
  using abi::Dtype;
  switch (type) {
    case Dtype::kF32:
    case Dtype::kI32:
      return 4 * count;
    case Dtype::kBF16:
    case Dtype::kF16:
      return 2 * count;
    case Dtype::kU4:
      return count / 2;
    default:
      return count;
  }
}

/// Signed value of an 8-bit pattern.
TANDEM_GPU_FN std::uint32_t sign_extend(std::uint32_t word) {
  return static_cast<std::uint32_t>(static_cast<std::int32_t>(static_cast<std::int8_t>(word)));
}

/// Raw bits to E8M10 numbers as fp32 patterns; I8 to sign-extended words. 0 stays 0.
TANDEM_GPU_FN Quad widen(const Quad& raw, abi::Dtype type) {
  using abi::Dtype;
  Quad out = {};
  TANDEM_GPU_UNROLL
  for (unsigned i = 0; i < 4; ++i) {
    const std::uint32_t word = raw.word[i];
    switch (type) {
      case Dtype::kF32:
        out.word[i] = numerics::to_e8m10_bits(word);
        break;
      case Dtype::kBF16:
        out.word[i] = numerics::bf16_to_f32(static_cast<std::uint16_t>(word));
        break;
      case Dtype::kF16:
        out.word[i] = numerics::f16_to_f32(static_cast<std::uint16_t>(word));
        break;
      case Dtype::kE4M3:
        out.word[i] = numerics::e4m3_to_f32(static_cast<std::uint8_t>(word));
        break;
      case Dtype::kE5M2:
        out.word[i] = numerics::e5m2_to_f32(static_cast<std::uint8_t>(word));
        break;
      default:
        out.word[i] = sign_extend(word);
        break;
    }
  }
  return out;
}

/// The fp32 number of a scale or minimum.
TANDEM_GPU_FN float load_scale(std::uint64_t at, abi::Dtype type) {
  if (type == abi::Dtype::kF32) return numerics::float_of(load<std::uint32_t>(at));
  return numerics::float_of(numerics::f16_to_f32(load<std::uint16_t>(at)));
}

/// The matrices of one batch.
struct MatmulBatch {
  std::uint64_t a = 0, b = 0, c = 0;  ///< Device addresses.
  std::uint64_t b_scale = 0, b_min = 0, a_scale = 0;
  std::uint64_t c_addr = 0;  ///< Physical.
};

TANDEM_GPU_FN MatmulBatch matmul_batch(const MatmulArgs& p, std::uint64_t batch) {
  const std::uint64_t b0 = batch / p.batch1;
  const std::uint64_t b1 = batch - b0 * p.batch1;
  const auto at = [&](const MatmulOperand& o) {
    return o.at + b0 * o.batch0_stride + b1 * o.batch1_stride;
  };
  MatmulBatch out{at(p.a), at(p.b), at(p.c), at(p.b_scale), at(p.b_min), at(p.a_scale), 0};
  out.c_addr = p.c_addr + (out.c - p.c.at);
  return out;
}

/// How many of the four elements from `first` < `end` on lie below `end`.
TANDEM_GPU_FN unsigned valid_of(std::uint32_t first, std::uint32_t end) {
  return end - first < 4 ? end - first : 4u;
}

/// Four elements of A, the first of which exists: rows m.. of column k ([K, M]) or columns k.. of
/// row m.
TANDEM_GPU_FN Quad fetch_a(const MatmulArgs& p, std::uint64_t base, std::uint32_t m,
                           std::uint32_t k) {
  if (p.a_layout == abi::ALayout::kCols) {
    const unsigned valid = valid_of(m, p.m);
    return fetch(base + k * p.a.row_stride + matmul_bytes(p.a_type, m), p.a_type, valid,
                 p.a_vector != 0);
  }
  const unsigned valid = valid_of(k, p.k);
  return fetch(base + m * p.a.row_stride + matmul_bytes(p.a_type, k), p.a_type, valid,
               p.a_vector != 0);
}

/// Four elements of B, the first of which exists: columns n.. of step k, or steps k.. of column n
/// ([N, K]).
TANDEM_GPU_FN Quad fetch_b(const MatmulArgs& p, std::uint64_t base, std::uint32_t k,
                           std::uint32_t n) {
  if (p.b_layout == abi::BLayout::kNk) {
    const unsigned valid = valid_of(k, p.k);
    return fetch(base + n * p.b.row_stride + matmul_bytes(p.b_type, k), p.b_type, valid,
                 p.b_vector != 0);
  }
  if (p.b_layout == abi::BLayout::kPanels) {
    return fetch(
        base + n / abi::kPanelColumns * p.b.row_stride +
            matmul_bytes(p.b_type, std::uint64_t{k} * abi::kPanelColumns + n % abi::kPanelColumns),
        p.b_type, 4, true);  // the last panel has all of its columns
  }
  const unsigned valid = valid_of(n, p.n);
  return fetch(base + k * p.b.row_stride + matmul_bytes(p.b_type, n), p.b_type, valid,
               p.b_vector != 0);
}

/// Group-quantised elements to E8M10 numbers; the first exists.
TANDEM_GPU_FN Quad dequantise(const MatmulArgs& p, const MatmulBatch& batch, const Quad& raw,
                              std::uint32_t k, std::uint32_t n) {
  Quad out = {};
  const bool panels = p.b_layout == abi::BLayout::kPanels;
  const std::uint64_t group = k >> p.group_log2;
  const std::uint64_t row = panels ? n / abi::kPanelColumns : n;
  const std::uint64_t first = panels ? group * abi::kPanelColumns + n % abi::kPanelColumns : group;
  const std::uint64_t at = row * p.b_scale.row_stride + matmul_bytes(p.scale_type, first);
  float scale = 0;
  float minimum = 0;
  TANDEM_GPU_UNROLL
  for (unsigned i = 0; i < 4; ++i) {
    // Steps of a group of four share a scale; columns of a panel have one each.
    if (i == 0 || panels) {
      const std::uint64_t next = matmul_bytes(p.scale_type, i);
      scale = load_scale(batch.b_scale + at + next, p.scale_type);
      minimum = load_scale(batch.b_min + at + next, p.scale_type);
    }
    const std::uint32_t word = p.b_type == abi::Dtype::kU4 ? raw.word[i] : sign_extend(raw.word[i]);
    out.word[i] =
        numerics::bits_of(numerics::dequantize(scale, static_cast<std::int32_t>(word), minimum));
  }
  return out;
}

}  // namespace tandem::gpu
