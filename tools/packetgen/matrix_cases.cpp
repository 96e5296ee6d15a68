// SPDX-License-Identifier: Apache-2.0
#include "packetgen/matrix_cases.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "tandem/abi/metadata.hpp"

namespace tandem::packetgen {
namespace {

using abi::Dtype;

constexpr std::uint64_t kInputs = 0x1000'0000;      // first bank of the bench
constexpr std::uint64_t kOutputs = 0x12'3456'0000;  // second bank

class Maker {
 public:
  Maker(std::mt19937_64& random, const MatrixLimits& limits) : random_(random), limits_(limits) {}

  MatrixCase make() {
    types();
    shape();
    operand_a();
    operand_b();
    operand_c();
    extras();
    return std::move(out_);
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  bool chance(unsigned percent) { return below(100) < percent; }
  template <class T>
  T pick(std::initializer_list<T> values) {
    return values.begin()[below(values.size())];
  }
  std::uint32_t extent(std::uint32_t limit) {
    if (chance(15)) return 1;
    if (chance(30)) return 1 + std::uint32_t(below(std::min<std::uint32_t>(limit, 5)));
    return 1 + std::uint32_t(below(limit));
  }

  void types() {
    const auto floats = {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2};
    if (chance(20)) {
      p_.a_type = p_.b_type = Dtype::kI8;
      p_.c_type = Dtype::kI32;
      if (chance(50)) {
        p_.scale_mode = abi::ScaleMode::kRowCol;
        p_.scale_type = Dtype::kF32;
        p_.c_type = pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16});
      }
    } else {
      p_.a_type = pick(floats);
      p_.b_type = pick(floats);
      p_.c_type = pick({Dtype::kF32, Dtype::kBF16, Dtype::kF16});
      if (chance(25)) {
        p_.scale_mode = abi::ScaleMode::kGroup;
        p_.b_type = pick({Dtype::kI8, Dtype::kU4});
        p_.scale_type = pick({Dtype::kF32, Dtype::kF16});
        p_.group_size = pick<std::uint16_t>({16, 32, 64, 128});
      }
    }
    p_.a_layout = pick({abi::ALayout::kRows, abi::ALayout::kCols});
    p_.b_layout = p_.scale_mode == abi::ScaleMode::kGroup
                      ? pick({abi::BLayout::kNk, abi::BLayout::kPanels})
                      : pick({abi::BLayout::kKn, abi::BLayout::kNk, abi::BLayout::kPanels});
    p_.init_mode = pick({abi::InitMode::kZero, abi::InitMode::kBias, abi::InitMode::kAccumulate});
    if (p_.scale_mode == abi::ScaleMode::kRowCol && p_.init_mode == abi::InitMode::kAccumulate) {
      p_.init_mode = abi::InitMode::kZero;
    }
    tame_ = chance(80);
  }

  void shape() {
    p_.m = extent(limits_.m);
    p_.n = extent(limits_.n);
    p_.k = extent(limits_.k);
    p_.batch0 = chance(20) ? 2 : 1;
    p_.batch1 = chance(25) ? 1 + std::uint32_t(below(3)) : 1;
  }

  /// Bytes of `rows` rows of `row_bytes`; sets the stride (a multiple of `unit`).
  std::uint64_t rows(std::uint64_t count, std::uint64_t row_bytes, std::uint64_t unit,
                     std::uint64_t& stride) {
    stride = (row_bytes + unit - 1) / unit * unit;
    if (chance(40)) stride += unit * below(40);
    if (count == 1) {
      stride = random_() & ~std::uint64_t{63};
      return row_bytes;
    }
    return (count - 1) * stride + row_bytes;
  }

  /// Space for a matrix of `bytes` in each batch; strides may broadcast where `shared`.
  std::uint64_t place(std::uint64_t& at, std::uint64_t bytes, std::uint64_t unit, bool shared,
                      std::uint64_t& stride0, std::uint64_t& stride1) {
    at = (at + unit - 1) / unit * unit;
    if (chance(60)) at += unit * below(std::max<std::uint64_t>(1, 64 / unit) * 2);
    const std::uint64_t base = at;
    const std::uint64_t size = (bytes + unit - 1) / unit * unit;
    stride1 = size + (chance(30) ? unit * below(9) : 0);
    if (shared && chance(30)) stride1 = 0;
    stride0 = p_.batch1 * stride1;
    if (shared && chance(30)) stride0 = 0;
    if (!shared || stride0 != 0) stride0 = std::max(stride0, size);
    at = base + (p_.batch0 - 1) * stride0 + (p_.batch1 - 1) * stride1 + size;
    return base;
  }

  void fill(std::uint64_t addr, std::uint64_t bytes, Dtype type) {
    MatrixCase::Data data{addr, std::vector<std::uint8_t>(bytes)};
    for (std::uint8_t& byte : data.bytes) byte = std::uint8_t(random_());
    const unsigned size = abi::dtype_bits(type) / 8;
    if (tame_ && size != 0) {
      // Exponents near 1: sums stay finite and the additions round.
      for (std::uint64_t i = 0; i + size <= bytes; i += size) {
        std::uint8_t& top = data.bytes[i + size - 1];
        switch (type) {
          case Dtype::kF32:
          case Dtype::kBF16:
            top = std::uint8_t((top & 0x80) | 0x3e | (top & 1));
            break;
          case Dtype::kF16:
          case Dtype::kE5M2:
            top = std::uint8_t((top & 0x83) | 0x34 | (top & 8));
            break;
          case Dtype::kE4M3:
            top = std::uint8_t((top & 0x8f) | 0x30);
            break;
          default:
            break;
        }
      }
    }
    out_.data.push_back(std::move(data));
  }

  void operand_a() {
    const bool by_rows = p_.a_layout == abi::ALayout::kRows;
    const std::uint64_t size = abi::dtype_bits(p_.a_type) / 8;
    const std::uint64_t bytes =
        rows(by_rows ? p_.m : p_.k, (by_rows ? p_.k : p_.m) * size, size, p_.a_row_stride);
    p_.a_addr = place(input_, bytes, size, true, p_.a_batch0_stride, p_.a_batch1_stride);
    fill(p_.a_addr, input_ - p_.a_addr, p_.a_type);
  }

  void operand_b() {
    const std::uint64_t bits = abi::dtype_bits(p_.b_type);
    std::uint64_t unit = std::max<std::uint64_t>(1, bits / 8);
    std::uint64_t bytes = 0;
    switch (p_.b_layout) {
      case abi::BLayout::kKn:
        bytes = rows(p_.k, p_.n * unit, unit, p_.b_row_stride);
        break;
      case abi::BLayout::kNk:
        bytes = rows(p_.n, (p_.k * bits + 7) / 8, unit, p_.b_row_stride);
        break;
      default:
        unit = 64;
        bytes = rows((p_.n + 31) / 32, p_.k * 4 * bits, unit, p_.b_row_stride);
        break;
    }
    p_.b_addr = place(input_, bytes, unit, true, p_.b_batch0_stride, p_.b_batch1_stride);
    fill(p_.b_addr, input_ - p_.b_addr, p_.b_type);
  }

  void operand_c() {
    const std::uint64_t size = abi::dtype_bits(p_.c_type) / 8;
    const std::uint64_t bytes = rows(p_.m, p_.n * size, size, p_.c_row_stride);
    p_.c_addr = place(output_, bytes, size, false, p_.c_batch0_stride, p_.c_batch1_stride);
    if (p_.init_mode == abi::InitMode::kAccumulate) {
      fill(p_.c_addr, output_ - p_.c_addr, p_.c_type);
    }
  }

  void extras() {
    std::uint64_t unused = 0;
    if (p_.init_mode == abi::InitMode::kBias) {
      const std::uint64_t bytes = 4 * p_.n;
      p_.bias_addr = place(input_, bytes, 4, true, unused, unused);
      fill(p_.bias_addr, bytes, p_.a_type == Dtype::kI8 ? Dtype::kI32 : Dtype::kF32);
    }
    if (p_.scale_mode == abi::ScaleMode::kRowCol) {
      p_.a_scale_addr =
          place(input_, 4 * p_.m, 4, true, p_.a_scale_batch0_stride, p_.a_scale_batch1_stride);
      fill(p_.a_scale_addr, input_ - p_.a_scale_addr, Dtype::kF32);
      p_.b_scale_addr =
          place(input_, 4 * p_.n, 4, true, p_.b_scale_batch0_stride, p_.b_scale_batch1_stride);
      fill(p_.b_scale_addr, input_ - p_.b_scale_addr, Dtype::kF32);
    }
    if (p_.scale_mode == abi::ScaleMode::kGroup) group_scales();
  }

  void group_scales() {
    const std::uint64_t size = abi::dtype_bits(p_.scale_type) / 8;
    const std::uint64_t groups = (p_.k + p_.group_size - 1) / p_.group_size;
    const bool panels = p_.b_layout == abi::BLayout::kPanels;
    const std::uint64_t unit = panels ? 64 : size;
    const std::uint64_t bytes =
        panels ? rows((p_.n + 31) / 32, groups * 32 * size, unit, p_.b_scale_row_stride)
               : rows(p_.n, groups * size, unit, p_.b_scale_row_stride);
    p_.b_scale_addr =
        place(input_, bytes, unit, true, p_.b_scale_batch0_stride, p_.b_scale_batch1_stride);
    fill(p_.b_scale_addr, input_ - p_.b_scale_addr, p_.scale_type);
    // The minimum has the strides of the scale.
    const std::uint64_t span = input_ - p_.b_scale_addr;
    p_.b_min_addr = (input_ + 63) / 64 * 64;
    input_ = p_.b_min_addr + span;
    fill(p_.b_min_addr, span, p_.scale_type);
  }

  std::mt19937_64& random_;
  MatrixLimits limits_;
  MatrixCase out_;
  abi::MatmulPacket& p_ = out_.packet;
  std::uint64_t input_ = kInputs;
  std::uint64_t output_ = kOutputs;
  bool tame_ = true;
};

}  // namespace

MatrixCase random_matrix_case(std::mt19937_64& random, const MatrixLimits& limits) {
  return Maker(random, limits).make();
}

}  // namespace tandem::packetgen
