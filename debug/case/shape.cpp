// SPDX-License-Identifier: Apache-2.0
#include "shape.hpp"

#include <fmt/format.h>

#include <cstring>
#include <string>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using abi::Dtype;
using abi::Opcode;

// Groups along k have 16 to 128 elements and rows of panels are 64 byte aligned at every eighth k.
constexpr std::uint64_t kPanelDepthGranule = 8;

/// The bytes of a packet by the specification's field names.
class Fields {
 public:
  explicit Fields(abi::Packet& packet)
      : packet_(packet), opcode_(*abi::find_opcode(static_cast<std::uint8_t>(packet.opcode))) {}

  std::uint64_t get(std::string_view name) const {
    const abi::FieldInfo& field = find(name);
    std::uint64_t value = 0;
    std::memcpy(&value, bytes() + field.at, field.width / 8u);
    return value;
  }
  void set(std::string_view name, std::uint64_t value) {
    const abi::FieldInfo& field = find(name);
    std::memcpy(bytes() + field.at, &value, field.width / 8u);
  }
  /// Moves an operand on by `count` steps of `stride` bytes.
  void advance(std::string_view name, std::uint64_t count, std::uint64_t stride) {
    const std::string field = fmt::format("{}_addr", name);
    set(field, get(field) + count * stride);
  }
  /// The same with the operand's stride field.
  void advance_by(std::string_view name, std::string_view stride, std::uint64_t count) {
    advance(name, count, get(fmt::format("{}_{}", name, stride)));
  }

 private:
  const abi::FieldInfo& find(std::string_view name) const {
    const abi::FieldInfo* field = abi::find_field(opcode_, name);
    TANDEM_CHECK(field != nullptr);
    return *field;
  }
  std::byte* bytes() const { return reinterpret_cast<std::byte*>(&packet_); }

  abi::Packet& packet_;
  const abi::OpcodeInfo& opcode_;
};

std::uint64_t bytes_of(Dtype type, std::uint64_t count) {
  return count * abi::dtype_bits(type) / 8;
}

// ---- MATMUL

void skip_batches(Fields& fields, const abi::MatmulPacket& p, std::string_view batch,
                  std::uint64_t first) {
  const std::string stride = fmt::format("{}_stride", batch);
  for (const char* operand : {"a", "b", "c"}) fields.advance_by(operand, stride, first);
  if (p.scale_mode == abi::ScaleMode::kNone) return;
  fields.advance_by("b_scale", stride, first);
  if (p.scale_mode == abi::ScaleMode::kGroup) {
    fields.advance("b_min", first, fields.get("b_scale_" + stride));
  } else {
    fields.advance_by("a_scale", stride, first);
  }
}

void skip_rows(Fields& fields, const abi::MatmulPacket& p, std::uint64_t first) {
  fields.advance(
      "a", 1,
      p.a_layout == abi::ALayout::kRows ? first * p.a_row_stride : bytes_of(p.a_type, first));
  fields.advance("c", first, p.c_row_stride);
  if (p.scale_mode == abi::ScaleMode::kRowCol) fields.advance("a_scale", first, 4);
}

void skip_columns(Fields& fields, const abi::MatmulPacket& p, std::uint64_t first) {
  const bool panels = p.b_layout == abi::BLayout::kPanels;
  const std::uint64_t rows = panels ? first / abi::kPanelColumns : first;
  fields.advance(
      "b", 1, p.b_layout == abi::BLayout::kKn ? bytes_of(p.b_type, first) : rows * p.b_row_stride);
  fields.advance("c", 1, bytes_of(p.c_type, first));
  if (p.init_mode == abi::InitMode::kBias) fields.advance("bias", first, 4);
  if (p.scale_mode == abi::ScaleMode::kRowCol) fields.advance("b_scale", first, 4);
  if (p.scale_mode == abi::ScaleMode::kGroup) {
    fields.advance("b_scale", rows, p.b_scale_row_stride);
    fields.advance("b_min", rows, p.b_scale_row_stride);
  }
}

void skip_depth(Fields& fields, const abi::MatmulPacket& p, std::uint64_t first) {
  fields.advance(
      "a", 1,
      p.a_layout == abi::ALayout::kRows ? bytes_of(p.a_type, first) : first * p.a_row_stride);
  const bool panels = p.b_layout == abi::BLayout::kPanels;
  fields.advance("b", 1,
                 p.b_layout == abi::BLayout::kKn
                     ? first * p.b_row_stride
                     : bytes_of(p.b_type, first * (panels ? abi::kPanelColumns : 1)));
  if (p.scale_mode != abi::ScaleMode::kGroup) return;
  const std::uint64_t groups = first / p.group_size * (panels ? abi::kPanelColumns : 1);
  fields.advance("b_scale", 1, bytes_of(p.scale_type, groups));
  fields.advance("b_min", 1, bytes_of(p.scale_type, groups));
}

void skip_matmul(Fields& fields, const abi::MatmulPacket& p, std::string_view extent,
                 std::uint64_t first) {
  if (extent == "m") {
    skip_rows(fields, p, first);
  } else if (extent == "n") {
    skip_columns(fields, p, first);
  } else if (extent == "k") {
    skip_depth(fields, p, first);
  } else {
    skip_batches(fields, p, extent, first);
  }
}

std::uint64_t depth_granule(const abi::MatmulPacket& p) {
  if (p.scale_mode == abi::ScaleMode::kGroup) return p.group_size;
  return p.b_layout == abi::BLayout::kPanels ? kPanelDepthGranule : 1;
}

// ---- the others

void skip_vector(abi::Packet& packet, std::string_view extent, std::uint64_t first) {
  auto p = abi::packet_as<abi::VectorPacket>(packet);
  for (unsigned i = 0; i < abi::kVectorStreams; ++i) {
    abi::VectorStream stream = abi::vector_stream(p, i);
    if (stream.type == Dtype::kNone) continue;
    const bool scalar =
        i >= abi::kVectorInputs && ((p.out_scalar >> (i - abi::kVectorInputs)) & 1) != 0;
    if (extent == "cols") {
      stream.addr += scalar ? 0 : first * stream.col_stride;
    } else {
      stream.addr += first * (extent == "rows0" ? stream.row0_stride : stream.row1_stride);
    }
    abi::set_vector_stream(p, i, stream);
  }
  packet = abi::to_packet(p);
}

/// extentN of the copy engine's packets.
void skip_dma(Fields& fields, Opcode opcode, std::string_view extent, std::uint64_t first) {
  const char axis = extent.back();
  const std::string stride = fmt::format("stride{}", axis);
  // The middle axis of GATHER's source and SCATTER_ADD's destination is what indices select.
  const bool indexed = opcode == Opcode::kGather || opcode == Opcode::kScatterAdd;
  const bool selected = indexed && axis == '1';
  if (opcode != Opcode::kFill && !(selected && opcode == Opcode::kGather)) {
    fields.advance_by("src", stride, first);
  }
  if (!(selected && opcode == Opcode::kScatterAdd)) fields.advance_by("dst", stride, first);
  if (indexed) fields.advance_by("index", stride, first);
}

}  // namespace

std::vector<Extent> extents(const abi::Packet& packet) {
  abi::Packet copy = packet;
  std::vector<Extent> result;
  const auto add = [&](std::string_view field, std::uint64_t granule = 1) {
    result.push_back({field, Fields(copy).get(field), granule});
  };
  switch (packet.opcode) {
    case Opcode::kMatmul: {
      const auto p = abi::packet_as<abi::MatmulPacket>(packet);
      add("batch0");
      add("batch1");
      add("m");
      add("n", p.b_layout == abi::BLayout::kPanels ? abi::kPanelColumns : 1);
      add("k", depth_granule(p));
      break;
    }
    case Opcode::kVector:
      for (const char* field : {"rows0", "rows1", "cols"}) add(field);
      break;
    case Opcode::kCopy:
    case Opcode::kFill:
      for (const char* field : {"extent0", "extent1", "extent2", "extent3"}) add(field);
      break;
    case Opcode::kGather:
    case Opcode::kScatterAdd:
      for (const char* field : {"extent0", "extent1", "extent2"}) add(field);
      break;
    default:
      break;
  }
  return result;
}

abi::Packet narrowed(const abi::Packet& packet, const Extent& extent, std::uint64_t first,
                     std::uint64_t count) {
  abi::Packet result = packet;
  Fields fields(result);
  fields.set(extent.field, count);
  if (first == 0) return result;
  switch (packet.opcode) {
    case Opcode::kMatmul:
      skip_matmul(fields, abi::packet_as<abi::MatmulPacket>(packet), extent.field, first);
      break;
    case Opcode::kVector:
      skip_vector(result, extent.field, first);
      break;
    default:
      skip_dma(fields, packet.opcode, extent.field, first);
  }
  return result;
}

}  // namespace tandem::debug
