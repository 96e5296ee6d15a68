// SPDX-License-Identifier: Apache-2.0
#include "tandem/abi/elements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/vector_stream.hpp"
#include "tandem/numerics/bits.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::abi {
namespace {

/// Reads device memory in pages: elements are looked at one by one, devices are far away.
class PagedReader {
 public:
  explicit PagedReader(const ReadMemory& read) : read_(read) {}

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
    read_(base, page_);
    base_ = base;
  }

  const ReadMemory& read_;
  std::optional<std::uint64_t> base_;
  std::array<std::byte, kPage> page_{};
};

template <class T>
T load(std::span<const std::byte> bytes) {
  T value{};
  std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof value));
  return value;
}

/// Bits of a float type as fp32; nothing for other types.
std::optional<std::uint32_t> f32_bits(Dtype type, std::span<const std::byte> bytes) {
  switch (type) {
    case Dtype::kF32:
      return load<std::uint32_t>(bytes);
    case Dtype::kBF16:
      return numerics::bf16_to_f32(load<std::uint16_t>(bytes));
    case Dtype::kF16:
      return numerics::f16_to_f32(load<std::uint16_t>(bytes));
    case Dtype::kE4M3:
      return numerics::e4m3_to_f32(load<std::uint8_t>(bytes));
    case Dtype::kE5M2:
      return numerics::e5m2_to_f32(load<std::uint8_t>(bytes));
    default:
      return std::nullopt;
  }
}

std::optional<std::int64_t> integer(Dtype type, std::span<const std::byte> bytes) {
  switch (type) {
    case Dtype::kI8:
      return load<std::int8_t>(bytes);
    case Dtype::kU8:
      return load<std::uint8_t>(bytes);
    case Dtype::kU16:
      return load<std::uint16_t>(bytes);
    case Dtype::kI32:
      return load<std::int32_t>(bytes);
    case Dtype::kI64:
      return load<std::int64_t>(bytes);
    default:
      return std::nullopt;
  }
}

/// Steps through all positions of an operand, the last dimension fastest.
bool advance(const Operand& operand, std::array<std::uint64_t, Operand::kMaxDims>& index,
             std::uint64_t& addr) {
  for (int d = operand.num_dims - 1; d >= 0; --d) {
    const auto at = static_cast<std::size_t>(d);
    const Operand::Dim& dim = operand.dims[at];
    if (++index[at] < dim.extent) {
      addr += dim.stride;
      return true;
    }
    addr -= (index[at] - 1) * dim.stride;
    index[at] = 0;
  }
  return false;
}

}  // namespace

std::vector<Operand> memory_operands(const Packet& packet) {
  // The size of the micro-program memory decides nothing about operands.
  constexpr DeviceLimits kNoLimits{.ucode_words = ~0u, .loaded_ucode_words = ~0u};
  if (check_packet(packet, kNoLimits)) return {};
  const OperandList list = operands(packet);
  return {list.view().begin(), list.view().end()};
}

std::vector<Operand> written_operands(const Packet& packet) {
  std::vector<Operand> written = memory_operands(packet);
  std::erase_if(written, [](const Operand& operand) { return operand.role == Role::kRead; });
  return written;
}

Dtype element_type(const Packet& packet, const Operand& operand) {
  switch (packet.opcode) {
    case Opcode::kMatmul:
      return packet_as<MatmulPacket>(packet).c_type;
    case Opcode::kScatterAdd:
      return packet_as<ScatterAddPacket>(packet).elem_type;
    case Opcode::kVector: {
      const auto vector = packet_as<VectorPacket>(packet);
      for (unsigned i = kVectorInputs; i < kVectorStreams; ++i) {
        if (stream_addr_at(i) == operand.addr_field) return vector_stream(vector, i).type;
      }
      return Dtype::kNone;
    }
    default:
      return Dtype::kNone;
  }
}

std::uint64_t element_size(const Packet& packet, const Operand& operand) {
  const unsigned bits = dtype_bits(element_type(packet, operand));
  return bits == 0 ? operand.run_bytes : bits / 8;
}

std::string value_text(Dtype type, std::span<const std::byte> bytes) {
  if (const auto f32 = f32_bits(type, bytes)) {
    return fmt::format("{} (0x{:0{}x})", numerics::float_of(*f32), load<std::uint64_t>(bytes),
                       dtype_bits(type) / 4);
  }
  // Unsigned elements are shown as bits, as elements without a type are.
  if (type == Dtype::kI8 || type == Dtype::kI32 || type == Dtype::kI64) {
    return fmt::format("{}", *integer(type, bytes));
  }
  return fmt::format("{:#x}", load<std::uint64_t>(bytes));
}

std::optional<double> number_of(Dtype type, std::span<const std::byte> bytes) {
  if (const auto f32 = f32_bits(type, bytes)) return numerics::float_of(*f32);
  if (const auto value = integer(type, bytes)) return static_cast<double>(*value);
  return std::nullopt;
}

void for_each_element(const Packet& packet, const Operand& operand, const ReadMemory& a,
                      const ReadMemory& b, const std::function<void(const ElementPair&)>& visit) {
  PagedReader reader_a(a);
  PagedReader reader_b(b);
  const std::uint64_t size = element_size(packet, operand);
  std::vector<std::byte> run_a(operand.run_bytes);
  std::vector<std::byte> run_b(operand.run_bytes);
  std::array<std::uint64_t, Operand::kMaxDims> index{};
  ElementPair pair;
  std::uint64_t addr = operand.base;
  do {
    reader_a.read(addr, run_a);
    reader_b.read(addr, run_b);
    const bool equal = run_a == run_b;
    for (std::uint64_t at = 0; at < operand.run_bytes; at += size) {
      pair.a = std::span(run_a).subspan(at, size);
      pair.b = std::span(run_b).subspan(at, size);
      pair.addr = addr + at;
      pair.differ = !equal && !std::ranges::equal(pair.a, pair.b);
      visit(pair);
      ++pair.number;
    }
  } while (advance(operand, index, addr));
}

std::string index_text(const Packet& packet, const Operand& operand, std::uint64_t number) {
  const std::uint64_t in_run = operand.run_bytes / element_size(packet, operand);
  std::vector<std::uint64_t> index;
  if (in_run > 1 || packet.opcode == Opcode::kMatmul) index.push_back(number % in_run);
  number /= in_run;
  for (int d = operand.num_dims - 1; d >= 0; --d) {
    const std::uint64_t extent = operand.dims[static_cast<std::size_t>(d)].extent;
    index.push_back(number % extent);
    number /= extent;
  }
  std::string text;
  for (auto value = index.rbegin(); value != index.rend(); ++value) {
    text += fmt::format("{}{}", text.empty() ? "" : ", ", *value);
  }
  return '[' + text + ']';
}

}  // namespace tandem::abi
