// SPDX-License-Identifier: Apache-2.0
#include "difference.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::lockstep {
namespace {

using abi::Dtype;
using abi::Opcode;

/// Reads device memory in pages: elements are looked at one by one, devices are far away.
class PagedReader {
 public:
  explicit PagedReader(driver::Backend& device) : device_(device) {}

  void read(std::uint64_t addr, std::span<std::byte> dst) {
    while (!dst.empty()) {
      const std::uint64_t offset = addr % kPage;
      const std::size_t count = std::min<std::size_t>(dst.size(), kPage - offset);
      fetch(addr - offset);
      std::memcpy(dst.data(), page_.data() + offset, count);
      addr += count;
      dst = dst.subspan(count);
    }
  }

 private:
  static constexpr std::uint64_t kPage = 4096;  // Regions are multiples of it.

  void fetch(std::uint64_t base) {
    if (base_ == base) return;
    device_.read(PhysAddr(base), page_);
    base_ = base;
  }

  driver::Backend& device_;
  std::optional<std::uint64_t> base_;
  std::array<std::byte, kPage> page_{};
};

/// Type of the elements of a written operand; kNone for those that a packet only moves.
Dtype element_type(const abi::Packet& packet, const abi::Operand& operand) {
  switch (packet.opcode) {
    case Opcode::kMatmul:
      return abi::packet_as<abi::MatmulPacket>(packet).c_type;
    case Opcode::kScatterAdd:
      return abi::packet_as<abi::ScatterAddPacket>(packet).elem_type;
    case Opcode::kVector: {
      const auto vector = abi::packet_as<abi::VectorPacket>(packet);
      for (unsigned i = abi::kVectorInputs; i < abi::kVectorStreams; ++i) {
        if (abi::stream_addr_at(i) == operand.addr_field) {
          return abi::vector_stream(vector, i).type;
        }
      }
      return Dtype::kNone;
    }
    default:
      return Dtype::kNone;
  }
}

template <class T>
T load(std::span<const std::byte> bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string float_text(std::uint32_t f32, std::uint32_t bits, unsigned digits) {
  return fmt::format("{} (0x{:0{}x})", numerics::float_of(f32), bits, digits);
}

/// The element's value and its bits.
std::string value_text(Dtype type, std::span<const std::byte> bytes) {
  switch (type) {
    case Dtype::kF32:
      return float_text(load<std::uint32_t>(bytes), load<std::uint32_t>(bytes), 8);
    case Dtype::kBF16:
      return float_text(numerics::bf16_to_f32(load<std::uint16_t>(bytes)),
                        load<std::uint16_t>(bytes), 4);
    case Dtype::kF16:
      return float_text(numerics::f16_to_f32(load<std::uint16_t>(bytes)),
                        load<std::uint16_t>(bytes), 4);
    case Dtype::kE4M3:
      return float_text(numerics::e4m3_to_f32(load<std::uint8_t>(bytes)), load<std::uint8_t>(bytes),
                        2);
    case Dtype::kE5M2:
      return float_text(numerics::e5m2_to_f32(load<std::uint8_t>(bytes)), load<std::uint8_t>(bytes),
                        2);
    case Dtype::kI8:
      return fmt::format("{}", int{load<std::int8_t>(bytes)});
    case Dtype::kI32:
      return fmt::format("{}", load<std::int32_t>(bytes));
    case Dtype::kI64:
      return fmt::format("{}", load<std::int64_t>(bytes));
    default:
      break;
  }
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return fmt::format("{:#x}", value);
}

struct ElementDifference {
  std::uint64_t differing = 0;  ///< Elements.
  std::uint64_t elements = 0;
  std::uint64_t addr = 0;  ///< Of the first, in the order of the operand's indices.
  std::string index;
  std::vector<std::byte> a;
  std::vector<std::byte> b;
};

std::string index_text(const abi::Operand& operand,
                       std::span<const std::uint64_t, abi::Operand::kMaxDims> index,
                       std::uint64_t in_run, bool with_run) {
  std::string text;
  for (int d = 0; d < operand.num_dims; ++d) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", index[static_cast<std::size_t>(d)]);
  }
  if (with_run) text += fmt::format("{}{}", text.empty() ? "" : ", ", in_run);
  return '[' + text + ']';
}

/// Steps through all positions of an operand, the last dimension fastest.
bool advance(const abi::Operand& operand, std::array<std::uint64_t, abi::Operand::kMaxDims>& index,
             std::uint64_t& addr) {
  for (int d = operand.num_dims - 1; d >= 0; --d) {
    const auto at = static_cast<std::size_t>(d);
    const abi::Operand::Dim& dim = operand.dims[at];
    if (++index[at] < dim.extent) {
      addr += dim.stride;
      return true;
    }
    addr -= (index[at] - 1) * dim.stride;
    index[at] = 0;
  }
  return false;
}

ElementDifference compare_elements(const abi::Operand& operand, std::uint64_t element_bytes,
                                   const Side& side_a, const Side& side_b) {
  PagedReader reader_a(side_a.device);
  PagedReader reader_b(side_b.device);
  ElementDifference found;
  std::vector<std::byte> a(operand.run_bytes);
  std::vector<std::byte> b(operand.run_bytes);
  std::array<std::uint64_t, abi::Operand::kMaxDims> index{};
  std::uint64_t addr = operand.base;
  do {
    reader_a.read(addr, a);
    reader_b.read(addr, b);
    found.elements += operand.run_bytes / element_bytes;
    if (a == b) continue;
    for (std::uint64_t at = 0; at < operand.run_bytes; at += element_bytes) {
      const auto piece_a = std::span(a).subspan(at, element_bytes);
      const auto piece_b = std::span(b).subspan(at, element_bytes);
      if (std::ranges::equal(piece_a, piece_b)) continue;
      if (found.differing++ != 0) continue;
      found.addr = addr + at;
      found.index =
          index_text(operand, index, at / element_bytes, operand.run_bytes > element_bytes);
      found.a.assign(piece_a.begin(), piece_a.end());
      found.b.assign(piece_b.begin(), piece_b.end());
    }
  } while (advance(operand, index, addr));
  return found;
}

/// What differs in the bytes of one operand; empty if nothing does.
std::string operand_text(const abi::Packet& packet, const abi::Operand& operand, const Side& a,
                         const Side& b, const Names& names) {
  const Dtype type = element_type(packet, operand);
  const std::uint64_t bits = abi::dtype_bits(type);
  // An operand of moved elements has one element a run.
  const std::uint64_t element_bytes = bits == 0 ? operand.run_bytes : bits / 8;
  const ElementDifference found = compare_elements(operand, element_bytes, a, b);
  if (found.differing == 0) return {};
  const std::string place = names.place(found.addr);
  return fmt::format("{} of {} elements of {} differ, first {}{} at {:#x}{}: {} on {}, {} on {}",
                     found.differing, found.elements, operand.name, operand.name, found.index,
                     found.addr, place.empty() ? place : fmt::format(" ({})", place),
                     type == Dtype::kNone
                         ? value_text(type, found.a)
                         : fmt::format("{} {}", abi::to_string(type), value_text(type, found.a)),
                     a.label, value_text(type, found.b), b.label);
}

}  // namespace

std::vector<abi::Operand> written_operands(const abi::Packet& packet) {
  // The size of the micro-program memory decides nothing about what is written.
  constexpr abi::DeviceLimits kNoLimits{.ucode_words = ~0u, .loaded_ucode_words = ~0u};
  std::vector<abi::Operand> written;
  if (abi::check_packet(packet, kNoLimits)) return written;
  const abi::OperandList operands = abi::operands(packet);
  for (const abi::Operand& operand : operands.view()) {
    if (operand.role != abi::Role::kRead) written.push_back(operand);
  }
  return written;
}

bool overlap(std::span<const abi::Operand> a, std::span<const abi::Operand> b) {
  return std::ranges::any_of(a, [&](const abi::Operand& x) {
    return std::ranges::any_of(
        b, [&](const abi::Operand& y) { return x.base < y.hull_end() && y.base < x.hull_end(); });
  });
}

bool same_outcome(const abi::Completion& a, const abi::Completion& b) {
  return a.seq == b.seq && a.error == b.error && a.opcode == b.opcode && a.engine == b.engine &&
         a.fault_addr == b.fault_addr && a.checksum == b.checksum;
}

std::string packet_title(const abi::Packet& packet, const Names& names) {
  const auto opcode = static_cast<std::uint8_t>(packet.opcode);
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  const std::string op = names.op(packet.seq);
  return fmt::format(
      "{} seq {}{}",
      info != nullptr ? std::string(info->name) : fmt::format("opcode {:#04x}", opcode), packet.seq,
      op.empty() ? op : fmt::format(" (op {})", op));
}

std::string record_text(const abi::Completion& record) {
  std::string text = fmt::format("error {}", abi::to_string(record.error));
  if (record.error != abi::Fault::kNone) {
    text += fmt::format(", fault_addr {:#x}", record.fault_addr);
  }
  return text + fmt::format(", checksum {:#018x}", record.checksum);
}

std::string describe_difference(const abi::Packet& packet, const abi::Completion& record_a,
                                const abi::Completion& record_b, const Side& a, const Side& b,
                                const Names& names) {
  std::string what;
  if (record_a.seq != record_b.seq || record_a.opcode != record_b.opcode ||
      record_a.engine != record_b.engine) {
    what = fmt::format(
        "record of seq {}, opcode {:#x}, engine {} on {}, seq {}, opcode {:#x}, "
        "engine {} on {}",
        record_a.seq, record_a.opcode, static_cast<int>(record_a.engine), a.label, record_b.seq,
        record_b.opcode, static_cast<int>(record_b.engine), b.label);
  } else if (record_a.error == abi::Fault::kNone && record_b.error == abi::Fault::kNone) {
    for (const abi::Operand& operand : written_operands(packet)) {
      what = operand_text(packet, operand, a, b, names);
      if (!what.empty()) break;
    }
    if (what.empty()) {
      what =
          "the written bytes are equal, so a checksum is wrong, or a byte outside the packet's "
          "operands was written";
    }
  } else {
    what = "the outcomes differ";
  }
  return fmt::format(
      "lockstep: {} and {} differ in {}: {}; completions: {}: {}; {}: {}; packet: {}", a.label,
      b.label, packet_title(packet, names), what, a.label, record_text(record_a), b.label,
      record_text(record_b), abi::disassemble(packet));
}

}  // namespace tandem::lockstep
