// SPDX-License-Identifier: Apache-2.0
// Widening of every stored type, exhaustively where the type is small.
#include "tandem/models/files/stored_type.hpp"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

#include "unit/models_files/file_helpers.hpp"

namespace tandem::models {
namespace {

using tandem::testing::expect_error;

/// Value of a small float from its definition; `has_infinity` false: only all ones are NaN.
double decode(std::uint32_t bits, int exponent_bits, int fraction_bits, bool has_infinity) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const std::uint32_t fraction = bits & ((1u << fraction_bits) - 1);
  const std::uint32_t exponent = bits >> fraction_bits & ((1u << exponent_bits) - 1);
  const bool negative = bits >> (exponent_bits + fraction_bits) & 1;
  const bool top = exponent == (1u << exponent_bits) - 1;
  double value = 0;
  if (top && has_infinity) {
    value = fraction ? std::nan("") : std::numeric_limits<double>::infinity();
  } else if (top && fraction == (1u << fraction_bits) - 1) {
    value = std::nan("");
  } else if (exponent == 0) {
    value = std::ldexp(fraction, 1 - bias - fraction_bits);
  } else {
    value = std::ldexp(fraction + (1u << fraction_bits),
                       static_cast<int>(exponent) - bias - fraction_bits);
  }
  return negative ? -value : value;
}

void expect_same_bits(float got, double expected, std::uint32_t input) {
  if (std::isnan(expected)) {
    EXPECT_TRUE(std::isnan(got)) << std::hex << input;
  } else {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(got),
              std::bit_cast<std::uint32_t>(static_cast<float>(expected)))
        << std::hex << input;
  }
}

template <typename Stored>
std::vector<float> widen_all(StoredType type) {
  std::vector<Stored> values(std::size_t{1} << (8 * sizeof(Stored)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<Stored>(i);
  std::vector<float> out(values.size());
  widen_to_f32(type, std::as_bytes(std::span(values)), out);
  return out;
}

TEST(StoredType, WidensEverySmallFloatExactly) {
  const auto f16 = widen_all<std::uint16_t>(StoredType::kF16);
  const auto bf16 = widen_all<std::uint16_t>(StoredType::kBf16);
  for (std::uint32_t i = 0; i < 65536; ++i) {
    expect_same_bits(f16[i], decode(i, 5, 10, true), i);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(bf16[i]), i << 16);
  }
  const auto e4m3 = widen_all<std::uint8_t>(StoredType::kF8E4m3);
  const auto e5m2 = widen_all<std::uint8_t>(StoredType::kF8E5m2);
  for (std::uint32_t i = 0; i < 256; ++i) {
    expect_same_bits(e4m3[i], decode(i, 4, 3, false), i);
    expect_same_bits(e5m2[i], decode(i, 5, 2, true), i);
  }
}

#if defined(__x86_64__)
TEST(StoredType, WidensTheSameUnderFlushToZero) {
  const auto expected16 = widen_all<std::uint16_t>(StoredType::kF16);
  const auto expected8 = widen_all<std::uint8_t>(StoredType::kF8E4m3);
  const unsigned saved = _mm_getcsr();
  _mm_setcsr(saved | 0x8040);  // flush to zero, denormals are zero
  const auto flushed16 = widen_all<std::uint16_t>(StoredType::kF16);
  const auto flushed8 = widen_all<std::uint8_t>(StoredType::kF8E4m3);
  _mm_setcsr(saved);
  EXPECT_EQ(std::memcmp(expected16.data(), flushed16.data(), 4 * expected16.size()), 0);
  EXPECT_EQ(std::memcmp(expected8.data(), flushed8.data(), 4 * expected8.size()), 0);
}
#endif

TEST(StoredType, RoundsDoublesToNearestEven) {
  const std::vector<double> values{0.1, 1.0 + 0x1p-24, 1.0 + 3 * 0x1p-24, 1e300, -0.0, 1e-50};
  std::vector<float> out(values.size());
  widen_to_f32(StoredType::kF64, std::as_bytes(std::span(values)), out);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(out[i]),
              std::bit_cast<std::uint32_t>(static_cast<float>(values[i])));
  }
  EXPECT_EQ(out[1], 1.0f);
  EXPECT_EQ(out[2], 1.0f + 0x1p-22f);
}

TEST(StoredType, KnowsBlockSizes) {
  EXPECT_EQ(stored_bytes(StoredType::kF32, 3), 12u);
  EXPECT_EQ(stored_bytes(StoredType::kQ4_0, 64), 36u);
  EXPECT_EQ(stored_bytes(StoredType::kQ6_K, 512), 420u);
  EXPECT_EQ(stored_bytes(StoredType::kQ4_K, 32), std::nullopt);
  EXPECT_EQ(stored_bytes(StoredType::kF64, ~std::uint64_t{0} / 4), std::nullopt);
  EXPECT_EQ(stored_bytes(StoredType::kOther, 1), std::nullopt);
  EXPECT_EQ(to_string(StoredType::kQ5_K), "Q5_K");
  EXPECT_EQ(to_string(StoredType::kF8E4m3), "F8_E4M3");
}

TEST(StoredType, RefusesWrongSizesAndTypesBad) {
  std::vector<std::byte> bytes(18);
  std::vector<float> out(33);
  expect_error(ErrorCode::kInvalidArgument, {"Q4_0", "18 bytes do not hold 33 elements"},
               [&] { widen_to_f32(StoredType::kQ4_0, bytes, out); });
  out.resize(64);
  expect_error(ErrorCode::kInvalidArgument, {"18 bytes do not hold 64 elements"},
               [&] { widen_to_f32(StoredType::kQ4_0, bytes, out); });
  expect_error(ErrorCode::kUnimplemented, {"stored type I8 cannot be read as fp32"},
               [&] { widen_to_f32(StoredType::kI8, bytes, out); });
}

}  // namespace
}  // namespace tandem::models
