// SPDX-License-Identifier: Apache-2.0
// Memory operands of each opcode, in the contract's order.
#include <string_view>

#include "checks.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi {
namespace {

/// Appends operands to a list.
class Builder {
 public:
  explicit Builder(OperandList& list) : list_(list) {}

  /// Appends an operand; `dims` outermost first.
  Operand& add(std::string_view name, Role role, std::size_t addr_field, std::uint64_t base,
               std::uint64_t run_bytes, std::initializer_list<Operand::Dim> dims) {
    Operand& operand = list_.items[static_cast<std::size_t>(list_.count++)];
    operand.name = name;
    operand.role = role;
    operand.addr_field = static_cast<std::uint16_t>(addr_field);
    operand.base = base;
    operand.run_bytes = run_bytes;
    for (const Operand::Dim& dim : dims) {
      operand.dims[static_cast<std::size_t>(operand.num_dims++)] = dim;
    }
    return operand;
  }

 private:
  OperandList& list_;
};

/// Bytes of `count` consecutive elements, the last byte of 4-bit ones rounded up.
std::uint64_t bytes_of(Dtype type, std::uint64_t count) {
  return (count * dtype_bits(type) + 7) / 8;
}

std::uint64_t ceil_div(std::uint64_t value, std::uint64_t divisor) {
  return (value + divisor - 1) / divisor;
}

void add_b(Builder& out, const MatmulPacket& p, const Operand::Dim& b0, const Operand::Dim& b1) {
  std::uint64_t rows = p.k;
  std::uint64_t run = bytes_of(p.b_type, p.n);
  if (p.b_layout == BLayout::kNk) {
    rows = p.n;
    run = bytes_of(p.b_type, p.k);
  } else if (p.b_layout == BLayout::kPanels) {
    rows = ceil_div(p.n, kPanelColumns);
    run = p.k * bytes_of(p.b_type, kPanelColumns);
  }
  out.add("b", Role::kRead, offsetof(MatmulPacket, b_addr), p.b_addr, run,
          {b0, b1, {rows, p.b_row_stride}});
}

void add_scales(Builder& out, const MatmulPacket& p) {
  const Operand::Dim b0{p.batch0, p.b_scale_batch0_stride};
  const Operand::Dim b1{p.batch1, p.b_scale_batch1_stride};
  if (p.scale_mode == ScaleMode::kRowCol) {
    out.add("b_scale", Role::kRead, offsetof(MatmulPacket, b_scale_addr), p.b_scale_addr,
            bytes_of(p.scale_type, p.n), {b0, b1});
    out.add("a_scale", Role::kRead, offsetof(MatmulPacket, a_scale_addr), p.a_scale_addr,
            bytes_of(p.scale_type, p.m),
            {{p.batch0, p.a_scale_batch0_stride}, {p.batch1, p.a_scale_batch1_stride}});
  } else if (p.scale_mode == ScaleMode::kGroup && p.group_size != 0) {
    const bool panels = p.b_layout == BLayout::kPanels;
    const std::uint64_t groups = ceil_div(p.k, p.group_size);
    const Operand::Dim rows{panels ? ceil_div(p.n, kPanelColumns) : p.n, p.b_scale_row_stride};
    const std::uint64_t run = bytes_of(p.scale_type, panels ? groups * kPanelColumns : groups);
    out.add("b_scale", Role::kRead, offsetof(MatmulPacket, b_scale_addr), p.b_scale_addr, run,
            {b0, b1, rows});
    out.add("b_min", Role::kRead, offsetof(MatmulPacket, b_min_addr), p.b_min_addr, run,
            {b0, b1, rows});
  }
}

void add_operands(Builder& out, const MatmulPacket& p) {
  const bool a_rows = p.a_layout == ALayout::kRows;
  out.add("a", Role::kRead, offsetof(MatmulPacket, a_addr), p.a_addr,
          bytes_of(p.a_type, a_rows ? p.k : p.m),
          {{p.batch0, p.a_batch0_stride},
           {p.batch1, p.a_batch1_stride},
           {a_rows ? p.m : p.k, p.a_row_stride}});
  add_b(out, p, {p.batch0, p.b_batch0_stride}, {p.batch1, p.b_batch1_stride});
  const bool reads_c = p.init_mode == InitMode::kAccumulate;
  out.add("c", reads_c ? Role::kReadWrite : Role::kWrite, offsetof(MatmulPacket, c_addr), p.c_addr,
          bytes_of(p.c_type, p.n),
          {{p.batch0, p.c_batch0_stride}, {p.batch1, p.c_batch1_stride}, {p.m, p.c_row_stride}});
  if (p.init_mode == InitMode::kBias) {
    out.add("bias", Role::kRead, offsetof(MatmulPacket, bias_addr), p.bias_addr,
            std::uint64_t{p.n} * 4, {});
  }
  add_scales(out, p);
}

void add_operands(Builder& out, const VectorPacket& p) {
  static constexpr std::string_view kNames[kVectorStreams] = {"in0",  "in1",  "in2", "in3",
                                                              "out0", "out1", "out2"};
  for (unsigned s = 0; s < kVectorStreams; ++s) {
    const VectorStream stream = vector_stream(p, s);
    if (stream.type == Dtype::kNone) continue;
    const bool output = s >= kVectorInputs;
    const bool scalar = output && ((p.out_scalar >> (s - kVectorInputs)) & 1) != 0;
    const Operand::Dim rows0{p.rows0, stream.row0_stride};
    const Operand::Dim rows1{p.rows1, stream.row1_stride};
    const std::uint64_t run = bytes_of(stream.type, 1);
    const Role role = output ? Role::kWrite : Role::kRead;
    if (scalar) {
      out.add(kNames[s], role, stream_addr_at(s), stream.addr, run, {rows0, rows1});
    } else {
      out.add(kNames[s], role, stream_addr_at(s), stream.addr, run,
              {rows0, rows1, {p.cols, stream.col_stride}});
    }
  }
}

void add_operands(Builder& out, const CopyPacket& p) {
  out.add("src", Role::kRead, offsetof(CopyPacket, src_addr), p.src_addr, p.elem_bytes,
          {{p.extent0, p.src_stride0},
           {p.extent1, p.src_stride1},
           {p.extent2, p.src_stride2},
           {p.extent3, p.src_stride3}});
  out.add("dst", Role::kWrite, offsetof(CopyPacket, dst_addr), p.dst_addr, p.elem_bytes,
          {{p.extent0, p.dst_stride0},
           {p.extent1, p.dst_stride1},
           {p.extent2, p.dst_stride2},
           {p.extent3, p.dst_stride3}});
}

void add_operands(Builder& out, const FillPacket& p) {
  out.add("dst", Role::kWrite, offsetof(FillPacket, dst_addr), p.dst_addr, p.elem_bytes,
          {{p.extent0, p.dst_stride0},
           {p.extent1, p.dst_stride1},
           {p.extent2, p.dst_stride2},
           {p.extent3, p.dst_stride3}});
}

void add_operands(Builder& out, const GatherPacket& p) {
  Operand& src = out.add(
      "src", Role::kRead, offsetof(GatherPacket, src_addr), p.src_addr, p.elem_bytes,
      {{p.extent0, p.src_stride0}, {p.limit, p.src_index_stride}, {p.extent2, p.src_stride2}});
  src.indexed = true;
  out.add(
      "index", Role::kRead, offsetof(GatherPacket, index_addr), p.index_addr,
      bytes_of(p.index_type, 1),
      {{p.extent0, p.index_stride0}, {p.extent1, p.index_stride1}, {p.extent2, p.index_stride2}});
  out.add("dst", Role::kWrite, offsetof(GatherPacket, dst_addr), p.dst_addr, p.elem_bytes,
          {{p.extent0, p.dst_stride0}, {p.extent1, p.dst_stride1}, {p.extent2, p.dst_stride2}});
}

void add_operands(Builder& out, const ScatterAddPacket& p) {
  const std::uint64_t elem_bytes = bytes_of(p.elem_type, 1);
  out.add("src", Role::kRead, offsetof(ScatterAddPacket, src_addr), p.src_addr, elem_bytes,
          {{p.extent0, p.src_stride0}, {p.extent1, p.src_stride1}, {p.extent2, p.src_stride2}});
  out.add(
      "index", Role::kRead, offsetof(ScatterAddPacket, index_addr), p.index_addr,
      bytes_of(p.index_type, 1),
      {{p.extent0, p.index_stride0}, {p.extent1, p.index_stride1}, {p.extent2, p.index_stride2}});
  Operand& dst = out.add(
      "dst", Role::kReadWrite, offsetof(ScatterAddPacket, dst_addr), p.dst_addr, elem_bytes,
      {{p.extent0, p.dst_stride0}, {p.limit, p.dst_index_stride}, {p.extent2, p.dst_stride2}});
  dst.indexed = true;
}

void add_operands(Builder& out, const SignalPacket& p) {
  out.add("dst", Role::kWrite, offsetof(SignalPacket, addr), p.addr, p.elem_bytes, {});
}

void add_operands(Builder& out, const WaitPacket& p) {
  out.add("src", Role::kRead, offsetof(WaitPacket, addr), p.addr, 4, {});
}

void add_operands(Builder& out, const LoadUcodePacket& p) {
  const std::uint64_t word_bytes = p.target == UcodeTarget::kProgram ? 8 : 4;
  out.add("src", Role::kRead, offsetof(LoadUcodePacket, src_addr), p.src_addr, p.words * word_bytes,
          {});
}

}  // namespace

OperandList operands(const Packet& packet) {
  OperandList list;
  Builder out(list);
  detail::visit_packet(packet, [&](const auto& p) {
    add_operands(out, p);
    return true;
  });
  return list;
}

}  // namespace tandem::abi
