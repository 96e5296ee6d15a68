// SPDX-License-Identifier: Apache-2.0
// MATMUL, one output element at a time.
#include "conformance/oracle.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::tests::oracle {
namespace {

using abi::BLayout;
using abi::Dtype;
using abi::InitMode;
using abi::MatmulPacket;
using abi::ScaleMode;

constexpr std::uint64_t kPanel = abi::kPanelColumns;

std::uint64_t size_of(Dtype type) { return abi::dtype_bits(type) / 8; }

float load_float(const Image& image, Dtype type, std::uint64_t addr) {
  return numerics::float_of(load_element(image, type, addr));
}

/// Where one batch of a MATMUL lies.
struct Batch {
  std::uint64_t a, b, c, b_scale, b_min, a_scale;
};

Batch batch_of(const MatmulPacket& p, std::uint64_t b0, std::uint64_t b1) {
  const std::uint64_t scale = b0 * p.b_scale_batch0_stride + b1 * p.b_scale_batch1_stride;
  return {p.a_addr + b0 * p.a_batch0_stride + b1 * p.a_batch1_stride,
          p.b_addr + b0 * p.b_batch0_stride + b1 * p.b_batch1_stride,
          p.c_addr + b0 * p.c_batch0_stride + b1 * p.c_batch1_stride,
          p.b_scale_addr + scale,
          p.b_min_addr + scale,
          p.a_scale_addr + b0 * p.a_scale_batch0_stride + b1 * p.a_scale_batch1_stride};
}

std::uint64_t a_at(const MatmulPacket& p, const Batch& batch, std::uint64_t m, std::uint64_t k) {
  const bool rows = p.a_layout == abi::ALayout::kRows;
  return batch.a + (rows ? m : k) * p.a_row_stride + (rows ? k : m) * size_of(p.a_type);
}

/// Stored integer or address-free value of B at (k, n); U4 unpacks a nibble.
std::int32_t b_integer(const Image& image, const MatmulPacket& p, const Batch& batch,
                       std::uint64_t k, std::uint64_t n) {
  std::uint64_t row = p.b_layout == BLayout::kKn ? k : n;
  std::uint64_t element = p.b_layout == BLayout::kKn ? n : k;
  if (p.b_layout == BLayout::kPanels) {
    row = n / kPanel;
    element = k * kPanel + n % kPanel;
  }
  const std::uint64_t base = batch.b + row * p.b_row_stride;
  if (p.b_type == Dtype::kI8) return image.load<std::int8_t>(base + element);
  const std::uint8_t pair = image.load<std::uint8_t>(base + element / 2);
  return element % 2 == 0 ? pair & 15 : pair >> 4;
}

float b_float(const Image& image, const MatmulPacket& p, const Batch& batch, std::uint64_t k,
              std::uint64_t n) {
  const std::uint64_t e = size_of(p.b_type);
  switch (p.b_layout) {
    case BLayout::kKn:
      return load_float(image, p.b_type, batch.b + k * p.b_row_stride + n * e);
    case BLayout::kNk:
      return load_float(image, p.b_type, batch.b + n * p.b_row_stride + k * e);
    case BLayout::kPanels:
      break;
  }
  return load_float(image, p.b_type,
                    batch.b + n / kPanel * p.b_row_stride + (k * kPanel + n % kPanel) * e);
}

/// B as it enters the chain.
float weight(const Image& image, const MatmulPacket& p, const Batch& batch, std::uint64_t k,
             std::uint64_t n) {
  if (p.scale_mode != ScaleMode::kGroup) {
    return numerics::to_e8m10(b_float(image, p, batch, k, n));
  }
  const std::uint64_t group = k / p.group_size;
  const bool panels = p.b_layout == BLayout::kPanels;
  const std::uint64_t at = (panels ? n / kPanel : n) * p.b_scale_row_stride +
                           (panels ? group * kPanel + n % kPanel : group) * size_of(p.scale_type);
  const float scale = load_float(image, p.scale_type, batch.b_scale + at);
  const float minimum = load_float(image, p.scale_type, batch.b_min + at);
  const auto q = static_cast<float>(b_integer(image, p, batch, k, n));
  return numerics::to_e8m10(numerics::fma32(scale, q, minimum));
}

std::uint32_t float_element(const Image& image, const MatmulPacket& p, const Batch& batch,
                            std::uint64_t m, std::uint64_t n, std::uint64_t c_at) {
  float acc = 0;
  if (p.init_mode == InitMode::kBias) acc = load_float(image, Dtype::kF32, p.bias_addr + 4 * n);
  if (p.init_mode == InitMode::kAccumulate) acc = load_float(image, p.c_type, c_at);
  for (std::uint64_t k = 0; k < p.k; ++k) {
    const float a = numerics::to_e8m10(load_float(image, p.a_type, a_at(p, batch, m, k)));
    acc = numerics::fma32(a, weight(image, p, batch, k, n), acc);
  }
  return numerics::bits_of(acc);
}

std::uint32_t integer_element(const Image& image, const MatmulPacket& p, const Batch& batch,
                              std::uint64_t m, std::uint64_t n, std::uint64_t c_at) {
  std::uint32_t acc = 0;
  if (p.init_mode == InitMode::kBias) acc = image.load<std::uint32_t>(p.bias_addr + 4 * n);
  if (p.init_mode == InitMode::kAccumulate) acc = image.load<std::uint32_t>(c_at);
  for (std::uint64_t k = 0; k < p.k; ++k) {
    const std::int32_t a = image.load<std::int8_t>(a_at(p, batch, m, k));
    acc += static_cast<std::uint32_t>(a * b_integer(image, p, batch, k, n));
  }
  if (p.scale_mode != ScaleMode::kRowCol) return acc;
  const float value = numerics::float_of(numerics::i32_to_f32(static_cast<std::int32_t>(acc)));
  const float row = load_float(image, Dtype::kF32, batch.a_scale + 4 * m);
  const float col = load_float(image, Dtype::kF32, batch.b_scale + 4 * n);
  return numerics::bits_of(numerics::mul32(numerics::mul32(value, row), col));
}

}  // namespace

Outcome run(Image& image, const MatmulPacket& p) {
  const Image before = image;
  for (std::uint64_t b0 = 0; b0 < p.batch0; ++b0) {
    for (std::uint64_t b1 = 0; b1 < p.batch1; ++b1) {
      const Batch batch = batch_of(p, b0, b1);
      for (std::uint64_t m = 0; m < p.m; ++m) {
        for (std::uint64_t n = 0; n < p.n; ++n) {
          const std::uint64_t c_at = batch.c + m * p.c_row_stride + n * size_of(p.c_type);
          const bool integer = p.a_type == Dtype::kI8;
          const std::uint32_t value = integer ? integer_element(before, p, batch, m, n, c_at)
                                              : float_element(before, p, batch, m, n, c_at);
          store_element(image, p.c_type, c_at, value, false);
        }
      }
    }
  }
  return {};
}

}  // namespace tandem::tests::oracle
