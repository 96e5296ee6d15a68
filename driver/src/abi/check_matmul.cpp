// SPDX-License-Identifier: Apache-2.0
// Rules of MATMUL beyond its single fields.
#include "checks.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi::detail {
namespace {

CheckResult type_rules(const MatmulPacket& p) {
  const bool group = p.scale_mode == ScaleMode::kGroup;
  const bool row_col = p.scale_mode == ScaleMode::kRowCol;
  const bool int_a = p.a_type == Dtype::kI8;
  const bool int_b = p.b_type == Dtype::kI8;
  if (group) {
    if (!int_b && p.b_type != Dtype::kU4) return bad_field(offsetof(MatmulPacket, b_type));
    if (int_a) return bad_field(offsetof(MatmulPacket, a_type));
  } else if (p.b_type == Dtype::kU4 || int_a != int_b) {
    return bad_field(offsetof(MatmulPacket, b_type));
  }
  if (row_col && !(int_a && int_b)) return bad_field(offsetof(MatmulPacket, scale_mode));
  const bool int_c = int_a && int_b && !row_col;
  if ((p.c_type == Dtype::kI32) != int_c) return bad_field(offsetof(MatmulPacket, c_type));
  const bool scale_ok = group     ? p.scale_type == Dtype::kF16 || p.scale_type == Dtype::kF32
                        : row_col ? p.scale_type == Dtype::kF32
                                  : p.scale_type == Dtype::kNone;
  if (!scale_ok) return bad_field(offsetof(MatmulPacket, scale_type));
  return {};
}

/// Addresses and strides of operands that the packet does not have.
CheckResult absent_operands(const MatmulPacket& p) {
  const bool no_bias = p.init_mode != InitMode::kBias;
  const bool no_scale = p.scale_mode == ScaleMode::kNone;
  const bool no_group = p.scale_mode != ScaleMode::kGroup;
  const bool no_row_col = p.scale_mode != ScaleMode::kRowCol;
  const struct {
    bool absent;
    std::uint64_t value;
    std::uint16_t at;
  } rules[] = {
      {no_bias, p.bias_addr, offsetof(MatmulPacket, bias_addr)},
      {no_scale, p.b_scale_addr, offsetof(MatmulPacket, b_scale_addr)},
      {no_group, p.b_min_addr, offsetof(MatmulPacket, b_min_addr)},
      {no_row_col, p.a_scale_addr, offsetof(MatmulPacket, a_scale_addr)},
      {no_group, p.b_scale_row_stride, offsetof(MatmulPacket, b_scale_row_stride)},
      {no_scale, p.b_scale_batch0_stride, offsetof(MatmulPacket, b_scale_batch0_stride)},
      {no_scale, p.b_scale_batch1_stride, offsetof(MatmulPacket, b_scale_batch1_stride)},
      {no_row_col, p.a_scale_batch0_stride, offsetof(MatmulPacket, a_scale_batch0_stride)},
      {no_row_col, p.a_scale_batch1_stride, offsetof(MatmulPacket, a_scale_batch1_stride)},
  };
  for (const auto& rule : rules) {
    if (rule.absent && rule.value != 0) return bad_field(rule.at);
  }
  return {};
}

/// Element size for alignment; packed 4-bit elements align to their byte.
std::uint64_t align_of(Dtype type) {
  const unsigned bits = dtype_bits(type);
  return bits < 8 ? 1 : bits / 8;
}

}  // namespace

CheckResult combinations(const MatmulPacket& p) {
  if (CheckResult r = type_rules(p)) return r;
  const bool group = p.scale_mode == ScaleMode::kGroup;
  if (group && p.b_layout == BLayout::kKn) return bad_field(offsetof(MatmulPacket, b_layout));
  if (p.scale_mode == ScaleMode::kRowCol && p.init_mode == InitMode::kAccumulate) {
    return bad_field(offsetof(MatmulPacket, init_mode));
  }
  if ((p.group_size != 0) != group) return bad_field(offsetof(MatmulPacket, group_size));
  return absent_operands(p);
}

AlignmentList alignments(const MatmulPacket& p) {
  const bool panels = p.b_layout == BLayout::kPanels;
  const std::uint64_t a = align_of(p.a_type);
  const std::uint64_t b = panels ? kPanelAlignBytes : align_of(p.b_type);
  const std::uint64_t c = align_of(p.c_type);
  const std::uint64_t s =
      panels && p.scale_mode == ScaleMode::kGroup ? kPanelAlignBytes : align_of(p.scale_type);
  return {
      {offsetof(MatmulPacket, a_addr), p.a_addr, a},
      {offsetof(MatmulPacket, b_addr), p.b_addr, b},
      {offsetof(MatmulPacket, c_addr), p.c_addr, c},
      {offsetof(MatmulPacket, bias_addr), p.bias_addr, 4},
      {offsetof(MatmulPacket, b_scale_addr), p.b_scale_addr, s},
      {offsetof(MatmulPacket, b_min_addr), p.b_min_addr, s},
      {offsetof(MatmulPacket, a_scale_addr), p.a_scale_addr, 4},
      {offsetof(MatmulPacket, a_row_stride), p.a_row_stride, a},
      {offsetof(MatmulPacket, a_batch0_stride), p.a_batch0_stride, a},
      {offsetof(MatmulPacket, a_batch1_stride), p.a_batch1_stride, a},
      {offsetof(MatmulPacket, b_row_stride), p.b_row_stride, b},
      {offsetof(MatmulPacket, b_batch0_stride), p.b_batch0_stride, b},
      {offsetof(MatmulPacket, b_batch1_stride), p.b_batch1_stride, b},
      {offsetof(MatmulPacket, c_row_stride), p.c_row_stride, c},
      {offsetof(MatmulPacket, c_batch0_stride), p.c_batch0_stride, c},
      {offsetof(MatmulPacket, c_batch1_stride), p.c_batch1_stride, c},
      {offsetof(MatmulPacket, b_scale_row_stride), p.b_scale_row_stride, s},
      {offsetof(MatmulPacket, b_scale_batch0_stride), p.b_scale_batch0_stride, s},
      {offsetof(MatmulPacket, b_scale_batch1_stride), p.b_scale_batch1_stride, s},
      {offsetof(MatmulPacket, a_scale_batch0_stride), p.a_scale_batch0_stride, 4},
      {offsetof(MatmulPacket, a_scale_batch1_stride), p.a_scale_batch1_stride, 4},
  };
}

}  // namespace tandem::abi::detail
