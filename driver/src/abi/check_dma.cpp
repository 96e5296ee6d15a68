// SPDX-License-Identifier: Apache-2.0
// Rules of the copy engine's packets, SIGNAL, WAIT and LOAD_UCODE beyond their single fields.
#include "checks.hpp"
#include "tandem/abi/metadata.hpp"

namespace tandem::abi::detail {
namespace {

bool fits(std::uint64_t value, unsigned num_bytes) {
  return num_bytes >= 8 || (value >> (8 * num_bytes)) == 0;
}

}  // namespace

CheckResult combinations(const SignalPacket& p) {
  return fits(p.value, p.elem_bytes) ? CheckResult{} : bad_field(offsetof(SignalPacket, value));
}

CheckResult combinations(const FillPacket& p) {
  return fits(p.value, p.elem_bytes) ? CheckResult{} : bad_field(offsetof(FillPacket, value));
}

CheckResult combinations(const LoadUcodePacket& p, const DeviceLimits& limits) {
  const std::uint32_t limit = p.target == UcodeTarget::kProgram ? limits.loaded_ucode_words : 0;
  return p.dst_word <= limit ? CheckResult{} : bad_field(offsetof(LoadUcodePacket, dst_word));
}

CheckResult shape(const LoadUcodePacket& p, const DeviceLimits& limits) {
  const bool ok = p.target == UcodeTarget::kProgram
                      ? std::uint64_t{p.dst_word} + p.words <= limits.ucode_words
                      : p.words == kTableWords;
  return ok ? CheckResult{} : CheckResult{Fault::kBadShape, offsetof(LoadUcodePacket, words)};
}

AlignmentList alignments(const SignalPacket& p) {
  return {{offsetof(SignalPacket, addr), p.addr, p.elem_bytes}};
}

AlignmentList alignments(const WaitPacket& p) { return {{offsetof(WaitPacket, addr), p.addr, 4}}; }

AlignmentList alignments(const LoadUcodePacket& p) {
  return {{offsetof(LoadUcodePacket, src_addr), p.src_addr,
           p.target == UcodeTarget::kProgram ? 8u : 4u}};
}

AlignmentList alignments(const CopyPacket& p) {
  const std::uint64_t e = p.elem_bytes;
  return {
      {offsetof(CopyPacket, src_addr), p.src_addr, e},
      {offsetof(CopyPacket, src_stride0), p.src_stride0, e},
      {offsetof(CopyPacket, src_stride1), p.src_stride1, e},
      {offsetof(CopyPacket, src_stride2), p.src_stride2, e},
      {offsetof(CopyPacket, src_stride3), p.src_stride3, e},
      {offsetof(CopyPacket, dst_addr), p.dst_addr, e},
      {offsetof(CopyPacket, dst_stride0), p.dst_stride0, e},
      {offsetof(CopyPacket, dst_stride1), p.dst_stride1, e},
      {offsetof(CopyPacket, dst_stride2), p.dst_stride2, e},
      {offsetof(CopyPacket, dst_stride3), p.dst_stride3, e},
  };
}

AlignmentList alignments(const FillPacket& p) {
  const std::uint64_t e = p.elem_bytes;
  return {
      {offsetof(FillPacket, dst_addr), p.dst_addr, e},
      {offsetof(FillPacket, dst_stride0), p.dst_stride0, e},
      {offsetof(FillPacket, dst_stride1), p.dst_stride1, e},
      {offsetof(FillPacket, dst_stride2), p.dst_stride2, e},
      {offsetof(FillPacket, dst_stride3), p.dst_stride3, e},
  };
}

AlignmentList alignments(const GatherPacket& p) {
  const std::uint64_t e = p.elem_bytes;
  const std::uint64_t i = dtype_bits(p.index_type) / 8;
  return {
      {offsetof(GatherPacket, src_addr), p.src_addr, e},
      {offsetof(GatherPacket, src_stride0), p.src_stride0, e},
      {offsetof(GatherPacket, src_index_stride), p.src_index_stride, e},
      {offsetof(GatherPacket, src_stride2), p.src_stride2, e},
      {offsetof(GatherPacket, dst_addr), p.dst_addr, e},
      {offsetof(GatherPacket, dst_stride0), p.dst_stride0, e},
      {offsetof(GatherPacket, dst_stride1), p.dst_stride1, e},
      {offsetof(GatherPacket, dst_stride2), p.dst_stride2, e},
      {offsetof(GatherPacket, index_addr), p.index_addr, i},
      {offsetof(GatherPacket, index_stride0), p.index_stride0, i},
      {offsetof(GatherPacket, index_stride1), p.index_stride1, i},
      {offsetof(GatherPacket, index_stride2), p.index_stride2, i},
  };
}

AlignmentList alignments(const ScatterAddPacket& p) {
  const std::uint64_t e = dtype_bits(p.elem_type) / 8;
  const std::uint64_t i = dtype_bits(p.index_type) / 8;
  return {
      {offsetof(ScatterAddPacket, src_addr), p.src_addr, e},
      {offsetof(ScatterAddPacket, src_stride0), p.src_stride0, e},
      {offsetof(ScatterAddPacket, src_stride1), p.src_stride1, e},
      {offsetof(ScatterAddPacket, src_stride2), p.src_stride2, e},
      {offsetof(ScatterAddPacket, dst_addr), p.dst_addr, e},
      {offsetof(ScatterAddPacket, dst_stride0), p.dst_stride0, e},
      {offsetof(ScatterAddPacket, dst_index_stride), p.dst_index_stride, e},
      {offsetof(ScatterAddPacket, dst_stride2), p.dst_stride2, e},
      {offsetof(ScatterAddPacket, index_addr), p.index_addr, i},
      {offsetof(ScatterAddPacket, index_stride0), p.index_stride0, i},
      {offsetof(ScatterAddPacket, index_stride1), p.index_stride1, i},
      {offsetof(ScatterAddPacket, index_stride2), p.index_stride2, i},
  };
}

}  // namespace tandem::abi::detail
