// SPDX-License-Identifier: Apache-2.0
// Vectors of 32-bit lanes in plain C++, as in isa_avx512.hpp, for any processor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/inline.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"
#include "tandem/numerics/micro_ops.hpp"

namespace tandem::cmodel::portable {

using abi::Dtype;

inline constexpr int kWidth = 8;
inline constexpr int kTileRows = 4;
inline constexpr int kUnroll = 1;  ///< Of tile loops: accumulators live in memory anyway.
/// Panels of a tile: enough accumulators to hide the latency of the FMA.
constexpr int panels_by_rows(int rows) { return rows == 1 ? 2 : 1; }
struct Vec {
  std::uint32_t v[kWidth];
};

/// A vector of function(i) for every lane i.
template <class Function>
TANDEM_CM_INLINE Vec lanes(Function&& function) {
  Vec out;
  for (int i = 0; i < kWidth; ++i) out.v[i] = function(i);
  return out;
}

TANDEM_CM_INLINE Vec load(const void* p) {
  Vec out;
  std::memcpy(&out, p, sizeof out);
  return out;
}
TANDEM_CM_INLINE void store(void* p, Vec a) { std::memcpy(p, &a, sizeof a); }
TANDEM_CM_INLINE Vec splat(std::uint32_t word) {
  return lanes([=](int) { return word; });
}
TANDEM_CM_INLINE Vec broadcast(const void* p) {
  std::uint32_t word = 0;
  std::memcpy(&word, p, sizeof word);
  return splat(word);
}

TANDEM_CM_INLINE Vec fma(Vec a, Vec b, Vec c) {
  using numerics::float_of;
  return lanes([&](int i) {
    return numerics::bits_of(numerics::fma32(float_of(a.v[i]), float_of(b.v[i]), float_of(c.v[i])));
  });
}
TANDEM_CM_INLINE Vec mul(Vec a, Vec b) {
  return lanes([&](int i) {
    return numerics::bits_of(
        numerics::mul32(numerics::float_of(a.v[i]), numerics::float_of(b.v[i])));
  });
}
TANDEM_CM_INLINE Vec to_float(Vec a) {
  return lanes([&](int i) { return numerics::i32_to_f32(std::int32_t(a.v[i])); });
}
TANDEM_CM_INLINE Vec and_bits(Vec a, Vec b) {
  return lanes([&](int i) { return a.v[i] & b.v[i]; });
}
template <int kBits>
TANDEM_CM_INLINE Vec shift_right(Vec a) {
  return lanes([&](int i) { return a.v[i] >> kBits; });
}
TANDEM_CM_INLINE Vec multiply_pairs(Vec a, Vec b, Vec acc) {
  return lanes([&](int i) {
    const std::int32_t low = std::int16_t(a.v[i]) * std::int16_t(b.v[i]);
    const std::int32_t high = std::int16_t(a.v[i] >> 16) * std::int16_t(b.v[i] >> 16);
    return acc.v[i] + std::uint32_t(low) + std::uint32_t(high);
  });
}
TANDEM_CM_INLINE Vec canonical(Vec a) {
  return lanes([&](int i) { return numerics::canonical_bits(a.v[i]); });
}
TANDEM_CM_INLINE Vec round_e8m10(Vec a) {
  return lanes([&](int i) { return numerics::to_e8m10_bits(a.v[i]); });
}
TANDEM_CM_INLINE Vec round_e8m10_finite(Vec a) { return round_e8m10(a); }

template <class T>
TANDEM_CM_INLINE T element(const std::byte* p, int i) {
  T value;
  std::memcpy(&value, p + std::size_t(i) * sizeof(T), sizeof value);
  return value;
}

template <Dtype kType>
TANDEM_CM_INLINE Vec widen(const std::byte* p) {
  using namespace numerics;
  if constexpr (kType == Dtype::kF32 || kType == Dtype::kI32) {
    return load(p);
  } else if constexpr (kType == Dtype::kBF16) {
    return lanes([=](int i) { return bf16_to_f32(element<std::uint16_t>(p, i)); });
  } else if constexpr (kType == Dtype::kF16) {
    return lanes([=](int i) { return f16_to_f32(element<std::uint16_t>(p, i)); });
  } else if constexpr (kType == Dtype::kE5M2) {
    return lanes([=](int i) { return e5m2_to_f32(element<std::uint8_t>(p, i)); });
  } else if constexpr (kType == Dtype::kE4M3) {
    return lanes([=](int i) { return e4m3_to_f32(element<std::uint8_t>(p, i)); });
  } else if constexpr (kType == Dtype::kI8) {
    return lanes([=](int i) { return std::uint32_t(element<std::int8_t>(p, i)); });
  } else if constexpr (kType == Dtype::kU8) {
    return lanes([=](int i) { return std::uint32_t(element<std::uint8_t>(p, i)); });
  } else if constexpr (kType == Dtype::kU16) {
    return lanes([=](int i) { return std::uint32_t(element<std::uint16_t>(p, i)); });
  } else {
    static_assert(kType == Dtype::kI64);
    return lanes([=](int i) { return std::uint32_t(element<std::uint64_t>(p, i)); });
  }
}

template <Dtype kType>
TANDEM_CM_INLINE void narrow(std::byte* p, Vec a) {
  const auto put = [p](int i, auto value) {
    std::memcpy(p + std::size_t(i) * sizeof value, &value, sizeof value);
  };
  for (int i = 0; i < kWidth; ++i) {
    if constexpr (kType == Dtype::kF32 || kType == Dtype::kI32) {
      put(i, a.v[i]);
    } else if constexpr (kType == Dtype::kBF16) {
      put(i, numerics::f32_to_bf16(a.v[i]));
    } else if constexpr (kType == Dtype::kF16) {
      put(i, numerics::f32_to_f16(a.v[i]));
    } else if constexpr (kType == Dtype::kI8 || kType == Dtype::kU8) {
      put(i, std::uint8_t(a.v[i]));
    } else if constexpr (kType == Dtype::kU16) {
      put(i, std::uint16_t(a.v[i]));
    } else {
      static_assert(kType == Dtype::kI64);
      put(i, std::int64_t(std::int32_t(a.v[i])));
    }
  }
}

/// Two signed bytes as a pair of 16-bit integers.
TANDEM_CM_INLINE std::uint32_t pair_of(std::uint8_t low, std::uint8_t high) {
  return (std::uint32_t(std::int8_t(low)) & 0xFFFFu) | (std::uint32_t(std::int8_t(high)) << 16);
}
/// Bytes of two rows as pairs of 16-bit integers, the first row in the low halves.
TANDEM_CM_INLINE Vec pair_bytes(const std::byte* first, const std::byte* second) {
  return lanes([=](int i) { return pair_of(std::uint8_t(first[i]), std::uint8_t(second[i])); });
}
/// Consecutive bytes as pairs of 16-bit integers.
TANDEM_CM_INLINE Vec widen_byte_pairs(const std::byte* p) {
  return lanes([=](int i) { return pair_of(std::uint8_t(p[2 * i]), std::uint8_t(p[2 * i + 1])); });
}

/// The low (0) or high (1) 16 bits of every lane as a bf16 or f16 number; kU16: as two signed bytes
/// that become a pair of 16-bit integers.
template <Dtype kType, int kHalf>
TANDEM_CM_INLINE Vec widen_half(Vec pairs) {
  return lanes([&](int i) {
    const auto half = std::uint16_t(pairs.v[i] >> (16 * kHalf));
    if (kType == Dtype::kU16) return pair_of(std::uint8_t(half), std::uint8_t(half >> 8));
    return kType == Dtype::kBF16 ? numerics::bf16_to_f32(half) : numerics::f16_to_f32(half);
  });
}

/// The 32 4-bit numbers of a panel's row as fp32; the order of columns is the natural one here.
TANDEM_CM_INLINE void load_nibbles(const std::byte* p, Vec (&x)[32 / kWidth]) {
  for (int v = 0; v < 32 / kWidth; ++v) {
    x[v] = lanes([&](int i) {
      const int column = v * kWidth + i;
      const auto byte = std::uint32_t(p[column / 2]);
      return numerics::i32_to_f32(std::int32_t((byte >> (4 * (column & 1))) & 15));
    });
  }
}
TANDEM_CM_INLINE void to_nibble_order(Vec (&)[32 / kWidth]) {}
TANDEM_CM_INLINE void from_nibble_order(Vec (&)[32 / kWidth]) {}

template <class Get, class Put>
TANDEM_CM_INLINE void transpose(Get&& get, Put&& put) {
  Vec rows[kWidth];
  for (int r = 0; r < kWidth; ++r) rows[r] = get(r);
  for (int i = 0; i < kWidth; ++i) put(i, lanes([&](int r) { return rows[r].v[i]; }));
}

struct WordSums {
  std::uint64_t sum_of[kWidth] = {};
  std::uint64_t running_of[kWidth] = {};

  TANDEM_CM_INLINE void add(Vec words) {
    for (int i = 0; i < kWidth; ++i) {
      sum_of[i] += words.v[i];
      running_of[i] += sum_of[i];
    }
  }
  TANDEM_CM_INLINE void get(std::uint64_t (&sum)[kWidth], std::uint64_t (&running)[kWidth]) const {
    std::memcpy(sum, sum_of, sizeof sum);
    std::memcpy(running, running_of, sizeof running);
  }
};

// ---- micro-operations ----

namespace micro {

using numerics::Bits32;

#define TANDEM_CM_LANES1(name, function)                                          \
  TANDEM_CM_INLINE Vec name(Vec a) {                                              \
    return lanes([&](int i) { return numerics::function(Bits32{a.v[i]}).bits; }); \
  }
#define TANDEM_CM_LANES2(name, function)                                                          \
  TANDEM_CM_INLINE Vec name(Vec a, Vec b) {                                                       \
    return lanes([&](int i) { return numerics::function(Bits32{a.v[i]}, Bits32{b.v[i]}).bits; }); \
  }
#define TANDEM_CM_LANES3(name, function)                                              \
  TANDEM_CM_INLINE Vec name(Vec a, Vec b, Vec c) {                                    \
    return lanes([&](int i) {                                                         \
      return numerics::function(Bits32{a.v[i]}, Bits32{b.v[i]}, Bits32{c.v[i]}).bits; \
    });                                                                               \
  }

TANDEM_CM_LANES3(fma, fma)
TANDEM_CM_LANES3(fnma, fnma)
TANDEM_CM_LANES3(sel, sel)
TANDEM_CM_LANES2(fadd, add)
TANDEM_CM_LANES2(fsub, sub)
TANDEM_CM_LANES2(fmul, mul)
TANDEM_CM_LANES2(fmin, fmin)
TANDEM_CM_LANES2(fmax, fmax)
TANDEM_CM_LANES2(fclt, fclt)
TANDEM_CM_LANES2(fcle, fcle)
TANDEM_CM_LANES2(fceq, fceq)
TANDEM_CM_LANES2(and_, and_)
TANDEM_CM_LANES2(or_, or_)
TANDEM_CM_LANES2(xor_, xor_)
TANDEM_CM_LANES2(shl, shl)
TANDEM_CM_LANES2(shr, shr)
TANDEM_CM_LANES2(sar, sar)
TANDEM_CM_LANES2(iadd, iadd)
TANDEM_CM_LANES2(isub, isub)
TANDEM_CM_LANES2(ilt, ilt)
TANDEM_CM_LANES2(ult, ult)
TANDEM_CM_LANES2(ieq, ieq)
TANDEM_CM_LANES2(mull, mull)
TANDEM_CM_LANES2(mulh, mulh)
TANDEM_CM_LANES1(clz, clz)
TANDEM_CM_LANES1(i2f, i2f)
TANDEM_CM_LANES1(f2i, f2i)
TANDEM_CM_LANES1(f2t, f2t)

#undef TANDEM_CM_LANES1
#undef TANDEM_CM_LANES2
#undef TANDEM_CM_LANES3

TANDEM_CM_INLINE Vec imin(Vec a, Vec b) { return sel(ilt(a, b), a, b); }
TANDEM_CM_INLINE Vec imax(Vec a, Vec b) { return sel(ilt(a, b), b, a); }
TANDEM_CM_INLINE Vec tab(Vec a, const std::uint32_t* table) {
  return lanes([&](int i) { return table[a.v[i] & 255u]; });
}

}  // namespace micro

}  // namespace tandem::cmodel::portable
