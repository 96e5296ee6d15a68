// SPDX-License-Identifier: Apache-2.0
// Decoding of micro-programs.
#include "vector/program_cache.hpp"

#include <algorithm>

#include "tandem/abi/metadata.hpp"

namespace tandem::cmodel {
namespace {

using abi::MicroOp;

unsigned field(std::uint64_t word, unsigned lsb, unsigned width) {
  return unsigned((word >> lsb) & ((std::uint64_t{1} << width) - 1));
}

bool is_scalar(unsigned selector) {
  return selector >= abi::kSelectS && selector != abi::kSelectCol;
}
bool is_vector_register(unsigned selector) { return selector < abi::kSelectS; }

DecodedOp::Kind kind_of(MicroOp op) {
  switch (op) {
    case MicroOp::kLd:
      return DecodedOp::Kind::kLoad;
    case MicroOp::kSt:
      return DecodedOp::Kind::kStore;
    case MicroOp::kSts:
      return DecodedOp::Kind::kStoreScalar;
    case MicroOp::kRsum:
    case MicroOp::kRmin:
    case MicroOp::kRmax:
    case MicroOp::kRisum:
    case MicroOp::kRimin:
    case MicroOp::kRimax:
      return DecodedOp::Kind::kReduce;
    default:
      return DecodedOp::Kind::kCompute;
  }
}

DecodedOp decode(std::uint64_t word) {
  DecodedOp out;
  out.op = MicroOp(field(word, abi::kUcodeOpLsb, abi::kUcodeOpWidth));
  out.kind = kind_of(out.op);
  out.d = std::uint8_t(field(word, abi::kUcodeDstLsb, abi::kUcodeDstWidth));
  out.a = std::uint8_t(field(word, abi::kUcodeALsb, abi::kUcodeAWidth));
  out.b = std::uint8_t(field(word, abi::kUcodeBLsb, abi::kUcodeBWidth));
  out.c = std::uint8_t(field(word, abi::kUcodeCLsb, abi::kUcodeCWidth));
  out.imm = std::uint32_t(word >> abi::kUcodeImmLsb);
  const abi::MicroOpInfo* info = abi::find_micro_op(std::uint8_t(out.op));
  const auto add = [&](char kind, unsigned selector, unsigned bit) {
    const bool source = kind == 'r' || kind == 'v' || kind == 's';
    if (source && is_scalar(selector)) out.scalars |= std::uint8_t(1u << bit);
  };
  if (info != nullptr) {
    add(info->a, out.a, 0);
    add(info->b, out.b, 1);
    add(info->c, out.c, 2);
  }
  return out;
}

bool reads(const DecodedOp& op, unsigned selector) {
  const abi::MicroOpInfo* info = abi::find_micro_op(std::uint8_t(op.op));
  const auto is = [&](char kind, unsigned value) {
    return (kind == 'r' || kind == 'v' || kind == 's') && value == selector;
  };
  return is(info->a, op.a) || is(info->b, op.b) || is(info->c, op.c);
}

}  // namespace

DecodedProgram decode_program(std::span<const std::uint64_t> words) {
  DecodedProgram program;
  program.words.assign(words.begin(), words.end());
  for (const std::uint64_t word : words) {
    const DecodedOp op = decode(word);
    if (op.op == MicroOp::kPhase) {
      program.phases.emplace_back();
      continue;
    }
    DecodedPhase& phase = program.phases.back();
    const bool scalar = op.kind == DecodedOp::Kind::kStoreScalar ||
                        (op.kind == DecodedOp::Kind::kCompute && !is_vector_register(op.d));
    (scalar ? phase.scalar_ops : phase.vector_ops).push_back(op);
    phase.uses_column |= reads(op, abi::kSelectCol);
    program.uses_row |= scalar || op.kind == DecodedOp::Kind::kReduce ||
                        reads(op, abi::kSelectRow0) || reads(op, abi::kSelectRow1);
  }
  return program;
}

const DecodedProgram& ProgramCache::find(const driver::UcodeMemory& ucode, std::uint32_t start,
                                         std::uint32_t words) {
  const std::uint64_t key = (std::uint64_t{start} << 32) | words;
  const std::span<const std::uint64_t> source(ucode.words.data() + start, words);
  auto found = entries_.find(key);
  if (found == entries_.end()) {
    if (entries_.size() >= kMaxEntries) entries_.clear();
    found = entries_.emplace(key, Entry{decode_program(source), ucode.generation}).first;
  }
  Entry& entry = found->second;
  if (entry.generation != ucode.generation) {
    if (!std::ranges::equal(entry.program.words, source)) entry.program = decode_program(source);
    entry.generation = ucode.generation;
  }
  return entry.program;
}

}  // namespace tandem::cmodel
