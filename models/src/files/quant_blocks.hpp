// SPDX-License-Identifier: Apache-2.0
// ggml's quantised blocks, unpacked into integers, scales and minimums.
#pragma once

#include <cstdint>
#include <cstring>

#include "float_bits.hpp"

namespace tandem::models {

// Each struct unpacks one block: kElements integers, and one scale (and minimum) per kGroup of
// them, so that w = scale * q [+ min]. Bit positions and the order of operations are those of
// ggml's dequantize_row_* functions (ggml-quants.c).

/// Splits 16 bytes into 32 nibbles: the low ones first, then the high ones.
inline void unpack_nibbles(const std::uint8_t* bytes, std::int8_t* q) {
  for (int i = 0; i < 16; ++i) {
    q[i] = static_cast<std::int8_t>(bytes[i] & 0x0F);
    q[i + 16] = static_cast<std::int8_t>(bytes[i] >> 4);
  }
}

/// Adds bit i of the 32-bit word at `high` to q[i] as its fifth bit.
inline void add_fifth_bits(const std::uint8_t* high, std::int8_t* q) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, high, sizeof bits);
  for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(q[i] | (((bits >> i) & 1) << 4));
}

struct Q4_0Block {
  static constexpr int kBytes = 18, kElements = 32, kGroup = 32;
  static constexpr bool kHasMin = false;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scale, float*) {
    *scale = f16_at(block);
    unpack_nibbles(block + 2, q);
    for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(q[i] - 8);
  }
};

struct Q4_1Block {
  static constexpr int kBytes = 20, kElements = 32, kGroup = 32;
  static constexpr bool kHasMin = true;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scale, float* min) {
    *scale = f16_at(block);
    *min = f16_at(block + 2);
    unpack_nibbles(block + 4, q);
  }
};

struct Q5_0Block {
  static constexpr int kBytes = 22, kElements = 32, kGroup = 32;
  static constexpr bool kHasMin = false;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scale, float*) {
    *scale = f16_at(block);
    unpack_nibbles(block + 6, q);
    add_fifth_bits(block + 2, q);
    for (int i = 0; i < 32; ++i) q[i] = static_cast<std::int8_t>(q[i] - 16);
  }
};

struct Q5_1Block {
  static constexpr int kBytes = 24, kElements = 32, kGroup = 32;
  static constexpr bool kHasMin = true;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scale, float* min) {
    *scale = f16_at(block);
    *min = f16_at(block + 2);
    unpack_nibbles(block + 8, q);
    add_fifth_bits(block + 4, q);
  }
};

struct Q8_0Block {
  static constexpr int kBytes = 34, kElements = 32, kGroup = 32;
  static constexpr bool kHasMin = false;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scale, float*) {
    *scale = f16_at(block);
    std::memcpy(q, block + 2, 32);
  }
};

/// The eight 6-bit scales and minimums of a Q4_K or Q5_K block, packed in 12 bytes.
inline void unpack_k_scales(const std::uint8_t* block, float* scales, float* mins) {
  const float d = f16_at(block);
  const float d_min = f16_at(block + 2);
  const std::uint8_t* p = block + 4;
  for (int i = 0; i < 8; ++i) {
    const int scale = i < 4 ? p[i] & 63 : (p[i + 4] & 0x0F) | ((p[i - 4] >> 6) << 4);
    const int min = i < 4 ? p[i + 4] & 63 : (p[i + 4] >> 4) | ((p[i] >> 6) << 4);
    scales[i] = d * static_cast<float>(scale);
    mins[i] = -(d_min * static_cast<float>(min));
  }
}

struct Q4KBlock {
  static constexpr int kBytes = 144, kElements = 256, kGroup = 32;
  static constexpr bool kHasMin = true;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scales, float* mins) {
    unpack_k_scales(block, scales, mins);
    for (int pair = 0; pair < 4; ++pair) {
      const std::uint8_t* bytes = block + 16 + 32 * pair;
      std::int8_t* out = q + 64 * pair;
      for (int i = 0; i < 32; ++i) {
        out[i] = static_cast<std::int8_t>(bytes[i] & 0x0F);
        out[i + 32] = static_cast<std::int8_t>(bytes[i] >> 4);
      }
    }
  }
};

struct Q5KBlock {
  static constexpr int kBytes = 176, kElements = 256, kGroup = 32;
  static constexpr bool kHasMin = true;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scales, float* mins) {
    unpack_k_scales(block, scales, mins);
    const std::uint8_t* high = block + 16;
    for (int pair = 0; pair < 4; ++pair) {
      const std::uint8_t* bytes = block + 48 + 32 * pair;
      std::int8_t* out = q + 64 * pair;
      for (int i = 0; i < 32; ++i) {
        const int bits = high[i] >> (2 * pair);
        out[i] = static_cast<std::int8_t>((bytes[i] & 0x0F) | ((bits & 1) << 4));
        out[i + 32] = static_cast<std::int8_t>((bytes[i] >> 4) | ((bits & 2) << 3));
      }
    }
  }
};

struct Q6KBlock {
  static constexpr int kBytes = 210, kElements = 256, kGroup = 16;
  static constexpr bool kHasMin = false;
  static void unpack(const std::uint8_t* block, std::int8_t* q, float* scales, float*) {
    const float d = f16_at(block + 208);
    for (int i = 0; i < 16; ++i) {
      scales[i] = d * static_cast<float>(static_cast<std::int8_t>(block[192 + i]));
    }
    for (int half = 0; half < 2; ++half) {
      const std::uint8_t* low = block + 64 * half;
      const std::uint8_t* high = block + 128 + 32 * half;
      std::int8_t* out = q + 128 * half;
      for (int i = 0; i < 32; ++i) {
        const int h = high[i];
        out[i] = static_cast<std::int8_t>(((low[i] & 0x0F) | ((h & 3) << 4)) - 32);
        out[i + 32] = static_cast<std::int8_t>(((low[i + 32] & 0x0F) | ((h & 12) << 2)) - 32);
        out[i + 64] = static_cast<std::int8_t>(((low[i] >> 4) | (h & 48)) - 32);
        out[i + 96] = static_cast<std::int8_t>(((low[i + 32] >> 4) | ((h & 192) >> 2)) - 32);
      }
    }
  }
};

}  // namespace tandem::models
