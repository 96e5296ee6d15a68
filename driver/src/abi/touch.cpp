// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/touch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi {
namespace {

constexpr std::uint64_t kMaxSteps = 1'000'000;

/// Looks for a position whose run meets the range. Of each dimension only the indices are visited
/// whose piece of memory can meet it.
class Search {
 public:
  Search(const Operand& operand, ByteRange range) : operand_(operand), range_(range) {
    // span_[d]: bytes from the first to the last of everything inside dimension d.
    span_[dims()] = operand.run_bytes;
    for (std::size_t d = dims(); d-- > 0;) {
      span_[d] = span_[d + 1] + (operand.dims[d].extent - 1) * operand.dims[d].stride;
    }
  }

  std::optional<Touch> run() {
    if (operand_.run_bytes == 0 || !visit(0, operand_.base)) return std::nullopt;
    return found_;
  }

 private:
  std::size_t dims() const { return static_cast<std::size_t>(operand_.num_dims); }

  bool visit(std::size_t d, std::uint64_t base) {
    if (base >= range_.end || base + span_[d] <= range_.begin) return false;
    if (d == dims() || ++steps_ > kMaxSteps) {
      found_.addr = std::max(base, range_.begin);
      found_.in_run = found_.addr - base;
      return true;
    }
    const Operand::Dim& dim = operand_.dims[d];
    std::uint64_t first = 0;
    std::uint64_t last = dim.extent - 1;
    if (dim.stride == 0) {
      last = 0;
    } else {
      const std::uint64_t inner = span_[d + 1];
      if (range_.begin >= base + inner) first = (range_.begin - base - inner) / dim.stride + 1;
      last = std::min(last, (range_.end - 1 - base) / dim.stride);
    }
    for (std::uint64_t i = first; i <= last; ++i) {
      found_.index[d] = i;
      if (visit(d + 1, base + i * dim.stride)) return true;
    }
    found_.index[d] = 0;
    return false;
  }

  const Operand& operand_;
  const ByteRange range_;
  std::array<std::uint64_t, Operand::kMaxDims + 1> span_{};
  std::uint64_t steps_ = 0;
  Touch found_;
};

/// Positions that index data selects.
std::uint64_t selections(const Packet& packet) {
  if (packet.opcode == Opcode::kGather) {
    const auto p = packet_as<GatherPacket>(packet);
    return std::uint64_t{p.extent0} * p.extent1 * p.extent2;
  }
  const auto p = packet_as<ScatterAddPacket>(packet);
  return std::uint64_t{p.extent0} * p.extent1 * p.extent2;
}

Dtype matmul_type(const MatmulPacket& packet, const Operand& operand) {
  if (operand.name == "a") return packet.a_type;
  if (operand.name == "b") return packet.b_type;
  if (operand.name == "c") return packet.c_type;
  if (operand.name != "bias") return packet.scale_type;
  return packet.a_type == Dtype::kI8 && packet.scale_mode == ScaleMode::kNone ? Dtype::kI32
                                                                              : Dtype::kF32;
}

}  // namespace

OperandList checked_operands(const Packet& packet) {
  // The size of the micro-program memory decides nothing about what is touched.
  constexpr DeviceLimits kNoLimits{.ucode_words = ~0u, .loaded_ucode_words = ~0u};
  if (check_packet(packet, kNoLimits)) return {};
  return operands(packet);
}

std::optional<Touch> first_touch(const Operand& operand, ByteRange range) {
  if (range.begin >= range.end) return std::nullopt;
  return Search(operand, range).run();
}

std::string touch_text(const Operand& operand, const Touch& touch, std::uint64_t element_bytes) {
  std::string text;
  const auto add = [&text](std::uint64_t index) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", index);
  };
  for (int d = 0; d < operand.num_dims; ++d) add(touch.index[static_cast<std::size_t>(d)]);
  if (element_bytes != 0 && operand.run_bytes > element_bytes) add(touch.in_run / element_bytes);
  return text.empty() ? std::string(operand.name) : fmt::format("{}[{}]", operand.name, text);
}

std::uint64_t element_bytes(const Packet& packet, const Operand& operand) {
  switch (packet.opcode) {
    case Opcode::kMatmul:
      return dtype_bits(matmul_type(packet_as<MatmulPacket>(packet), operand)) / 8;
    case Opcode::kLoadUcode:
      return packet_as<LoadUcodePacket>(packet).target == UcodeTarget::kProgram ? 8 : 4;
    default:
      return operand.run_bytes;  // One element a position.
  }
}

std::uint64_t distinct_bytes(const Packet& packet, const Operand& operand) {
  if (operand.indexed) return selections(packet) * operand.run_bytes;
  std::uint64_t bytes = operand.run_bytes;
  for (int d = 0; d < operand.num_dims; ++d) {
    const Operand::Dim& dim = operand.dims[static_cast<std::size_t>(d)];
    if (dim.stride == 0) continue;
    if (__builtin_mul_overflow(bytes, dim.extent, &bytes)) bytes = ~std::uint64_t{0};
  }
  return std::min(bytes, operand.hull_end() - operand.base);
}

}  // namespace tandem::abi
