// SPDX-License-Identifier: Apache-2.0
// Rules of VECTOR beyond its single fields.
#include "checks.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi::detail {
namespace {

bool is_fp8(Dtype type) { return type == Dtype::kE4M3 || type == Dtype::kE5M2; }

bool has_bit(std::uint8_t mask, unsigned bit) { return ((mask >> bit) & 1) != 0; }

}  // namespace

CheckResult combinations(const VectorPacket& p) {
  for (unsigned i = 0; i < kVectorOutputs; ++i) {
    if (has_bit(p.out_scalar, i) && vector_stream(p, kVectorInputs + i).type == Dtype::kNone) {
      return bad_field(offsetof(VectorPacket, out_scalar));
    }
  }
  for (unsigned i = 0; i < kVectorOutputs; ++i) {
    if (has_bit(p.saturate, i) && !is_fp8(vector_stream(p, kVectorInputs + i).type)) {
      return bad_field(offsetof(VectorPacket, saturate));
    }
  }
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    const VectorStream stream = vector_stream(p, s);
    const bool scalar = s >= kVectorInputs && has_bit(p.out_scalar, s - kVectorInputs);
    if ((stream.type == Dtype::kNone || scalar) && stream.col_stride != 0) {
      return bad_field(stream_col_stride_at(s));
    }
  }
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    const VectorStream stream = vector_stream(p, s);
    if (stream.type != Dtype::kNone) continue;
    if (stream.addr != 0) return bad_field(stream_addr_at(s));
    if (stream.row1_stride != 0) return bad_field(stream_row1_stride_at(s));
    if (stream.row0_stride != 0) return bad_field(stream_row0_stride_at(s));
  }
  return {};
}

AlignmentList alignments(const VectorPacket& p) {
  AlignmentList list;
  const auto align_of = [](const VectorStream& stream) -> std::uint64_t {
    return stream.type == Dtype::kNone ? 1 : dtype_bits(stream.type) / 8;
  };
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    const VectorStream stream = vector_stream(p, s);
    list.add({stream_col_stride_at(s), stream.col_stride, align_of(stream)});
  }
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    const VectorStream stream = vector_stream(p, s);
    list.add({stream_addr_at(s), stream.addr, align_of(stream)});
    list.add({stream_row1_stride_at(s), stream.row1_stride, align_of(stream)});
    list.add({stream_row0_stride_at(s), stream.row0_stride, align_of(stream)});
  }
  return list;
}

}  // namespace tandem::abi::detail
