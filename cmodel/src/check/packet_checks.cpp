// SPDX-License-Identifier: Apache-2.0
// Checks of one packet that need the micro-program or index data.
#include <fmt/format.h>

#include <algorithm>

#include "checker.hpp"
#include "cmd/elements.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::cmodel {
namespace {

using abi::Opcode;
using abi::Operand;
using abi::Role;

constexpr std::uint64_t kMaxIndices = std::uint64_t{1} << 20;

/// Bit i: the program reads input i in its last phase at most.
unsigned late_inputs_of(const abi::VectorPacket& packet, const driver::UcodeMemory& ucode) {
  unsigned early = 0;
  unsigned this_phase = 0;
  for (std::uint32_t w = 0; w < packet.ucode_words; ++w) {
    const abi::MicroWord word = abi::decode(ucode.words[packet.ucode_start + w]);
    if (word.op == abi::MicroOp::kPhase) {
      early |= this_phase;
      this_phase = 0;
    } else if (word.op == abi::MicroOp::kLd) {
      this_phase |= 1u << word.a;
    }
  }
  return ~early;
}

/// Position 0..3 of "in0".."in3", or -1.
int input_number(const Operand& operand) {
  return operand.name.size() == 3 && operand.name.substr(0, 2) == "in" ? operand.name[2] - '0' : -1;
}

/// Same address, strides and element size, so element i of one is element i of the other.
bool same_elements(const Operand& a, const Operand& b) {
  if (a.base != b.base || a.run_bytes != b.run_bytes) return false;
  // Absent dimensions have extent 1.
  for (int d = 0; d < Operand::kMaxDims; ++d) {
    const auto& x = a.dims[std::size_t(d)];
    const auto& y = b.dims[std::size_t(d)];
    if (x.extent != y.extent || (x.extent > 1 && x.stride != y.stride)) return false;
  }
  return true;
}

/// The three loops of GATHER and SCATTER_ADD with the strides of the index and of the operand that
/// it selects from.
struct IndexLoops {
  std::array<std::uint64_t, 3> extents{};
  std::array<std::uint64_t, 3> index_strides{};
  abi::Dtype index_type = abi::Dtype::kNone;
  std::uint64_t limit = 0;
  std::uint64_t stride0 = 0;
  std::uint64_t index_stride = 0;
  std::uint64_t stride2 = 0;
};

IndexLoops loops_of(const abi::Packet& packet) {
  const auto common = [](const auto& p) {
    return IndexLoops{.extents = {p.extent0, p.extent1, p.extent2},
                      .index_strides = {p.index_stride0, p.index_stride1, p.index_stride2},
                      .index_type = p.index_type,
                      .limit = p.limit};
  };
  if (packet.opcode == Opcode::kGather) {
    const auto p = abi::packet_as<abi::GatherPacket>(packet);
    IndexLoops loops = common(p);
    loops.stride0 = p.src_stride0;
    loops.index_stride = p.src_index_stride;
    loops.stride2 = p.src_stride2;
    return loops;
  }
  const auto p = abi::packet_as<abi::ScatterAddPacket>(packet);
  IndexLoops loops = common(p);
  loops.stride0 = p.dst_stride0;
  loops.index_stride = p.dst_index_stride;
  loops.stride2 = p.dst_stride2;
  return loops;
}

/// Calls `visit(part)` for the part of `operand` that each index selects; indices out of range are
/// the engine's to report.
template <class Visit>
void for_each_selected(const IndexLoops& loops, const std::byte* index, const Operand& operand,
                       Visit&& visit) {
  const auto& strides = loops.index_strides;
  // One index for a whole row selects all of its elements.
  const std::uint64_t inner = strides[2] == 0 ? 1 : loops.extents[2];
  Operand part;
  part.name = operand.name;
  part.role = operand.role;
  part.run_bytes = operand.run_bytes;
  part.num_dims = 1;
  part.dims[0] = {inner == 1 ? loops.extents[2] : 1, loops.stride2};
  for (std::uint64_t i = 0; i < loops.extents[0]; ++i) {
    for (std::uint64_t j = 0; j < loops.extents[1]; ++j) {
      for (std::uint64_t l = 0; l < inner; ++l) {
        const std::uint64_t row =
            read_index(loops.index_type, index + i * strides[0] + j * strides[1] + l * strides[2]);
        if (row >= loops.limit) continue;
        part.base = operand.base + i * loops.stride0 + row * loops.index_stride + l * loops.stride2;
        visit(part);
      }
    }
  }
}

}  // namespace

void Checker::examine(const abi::Packet& packet, const abi::OperandList& operands,
                      const driver::SparseRam& ram, const driver::UcodeMemory& ucode) {
  const std::lock_guard lock(mutex_);
  unsigned late_inputs = 0;
  if (packet.opcode == Opcode::kVector) {
    late_inputs = late_inputs_of(abi::packet_as<abi::VectorPacket>(packet), ucode);
  }
  check_overlap(packet, operands, late_inputs);
  check_indexed(packet, operands, ram);
}

void Checker::check_overlap(const abi::Packet& packet, const abi::OperandList& operands,
                            unsigned late_inputs) {
  const auto all = operands.view();
  for (std::size_t w = 0; w < all.size(); ++w) {
    if (all[w].role == Role::kRead) continue;
    for (std::size_t other = 0; other < all.size(); ++other) {
      // Two written operands make one pair.
      if (other == w || (other < w && all[other].role != Role::kRead)) continue;
      const int input = packet.opcode == Opcode::kVector ? input_number(all[other]) : -1;
      if (input >= 0 && ((late_inputs >> input) & 1) != 0 && same_elements(all[w], all[other])) {
        continue;
      }
      const Shared shared = shared_bytes(Layout(all[w]), Layout(all[other]));
      if (shared.answer == Answer::kTooMany) findings_.add_skipped();
      if (shared.answer != Answer::kYes) continue;
      const bool early = input >= 0 && same_elements(all[w], all[other]);
      report("overlap", packet, all[w].name,
             fmt::format("shares byte {:#x}{} with operand {}{}; give the output bytes of its own",
                         shared.addr, map_.describe(shared.addr), all[other].name,
                         early ? ", which the program reads before its last phase" : ""));
    }
  }
}

void Checker::check_indexed(const abi::Packet& packet, const abi::OperandList& operands,
                            const driver::SparseRam& ram) {
  if (packet.opcode != Opcode::kGather && packet.opcode != Opcode::kScatterAdd) return;
  const IndexLoops loops = loops_of(packet);
  const Operand& index = operands.items[1];
  const Operand& indexed = operands.items[packet.opcode == Opcode::kGather ? 0 : 2];
  const Layout whole(indexed);
  const Range hull = whole.hull();
  if (written_.first_unwritten(hull.begin, hull.end - hull.begin) == hull.end) return;
  const std::uint64_t rows = loops.extents[0] * loops.extents[1];
  const std::uint64_t inner = loops.index_strides[2] == 0 ? 1 : loops.extents[2];
  if (rows > kMaxIndices || rows * inner > kMaxIndices) return findings_.add_skipped();
  const std::byte* words = ram.pointer(index.base, index.hull_end() - index.base);
  for_each_selected(loops, words, indexed, [&](const Operand& part) {
    const Layout layout(part);
    check_written(packet, part, layout);
    if (part.role == Role::kRead || layout.num_runs() > kMaxRuns) return;
    layout.for_each_run([&](std::uint64_t begin, std::uint64_t num_bytes) {
      written_.mark(begin, num_bytes);
      return true;
    });
  });
}

}  // namespace tandem::cmodel
