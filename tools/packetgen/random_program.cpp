// SPDX-License-Identifier: Apache-2.0
#include "packetgen/random_program.hpp"

#include <algorithm>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::packetgen {
namespace {

using abi::Dtype;
using abi::MicroOp;

struct Source {
  unsigned selector = 0;
  std::uint32_t imm = 0;
};

class Generator {
 public:
  Generator(Random& random, const abi::VectorPacket& packet)
      : random_(random), packet_(packet), rows_alike_(random.one_in(2) && packet.out_scalar == 0) {}

  std::vector<std::uint64_t> run() {
    const auto phases = rows_alike_ ? 1 : 1 + random_.below(4);
    for (std::uint64_t phase = 1; phase <= phases; ++phase) {
      emit(MicroOp::kPhase);
      vectors_.clear();
      for (const unsigned s : reduced_) add(scalars_, s);
      reduced_.clear();
      if (!rows_alike_) scalar_part(phase == phases);
      vector_part();
      if (phase == phases) store_outputs(false);
    }
    return words_;
  }

 private:
  void emit(MicroOp op, unsigned d = 0, Source a = {}, Source b = {}, Source c = {}) {
    const std::uint32_t imm = a.imm | b.imm | c.imm;
    words_.push_back(std::uint64_t(op) | (std::uint64_t(d) << 8) |
                     (std::uint64_t(a.selector) << 14) | (std::uint64_t(b.selector) << 20) |
                     (std::uint64_t(c.selector) << 26) | (std::uint64_t(imm) << 32));
  }
  static void add(std::vector<unsigned>& set, unsigned selector) {
    if (std::find(set.begin(), set.end(), selector) == set.end()) set.push_back(selector);
  }

  Source scalar_source() {
    switch (random_.below(rows_alike_ ? 2 : 4)) {
      case 0:
        return {abi::kSelectP + unsigned(random_.below(4))};
      case 1:
        return {abi::kSelectImm, imm_};
      case 2:
        return {random_.one_in(2) ? abi::kSelectRow0 : abi::kSelectRow1};
      default:
        if (scalars_.empty()) return {abi::kSelectP};
        return {scalars_[random_.below(scalars_.size())]};
    }
  }
  Source vector_source() {
    if (!vectors_.empty() && !random_.one_in(5)) return {vectors_[random_.below(vectors_.size())]};
    return random_.one_in(3) ? Source{abi::kSelectCol} : scalar_source();
  }

  /// A random operation to `d` with sources from `source`.
  template <class SourceFunction>
  void compute(unsigned d, SourceFunction source) {
    const auto ops = abi::micro_ops();
    const abi::MicroOpInfo* info = nullptr;
    do {
      info = &ops[random_.below(ops.size())];
    } while (info->d != 'd');
    imm_ = random_.one_in(2) ? random_.float_pattern(false) : std::uint32_t(random_.below(34));
    const Source a = source();
    const Source b = info->b == 'r'
                         ? source()
                         : (info->b == 't' ? Source{unsigned(random_.below(2))} : Source{});
    const Source c = info->c == 'r' ? source() : Source{};
    emit(info->op, d, a, b, c);
  }

  void scalar_part(bool last) {
    for (std::uint64_t n = random_.below(4); n != 0; --n) {
      const unsigned d = abi::kSelectS + unsigned(random_.below(abi::kScalarRegisters));
      compute(d, [this] { return scalar_source(); });
      add(scalars_, d);
    }
    if (last) store_outputs(true);
  }

  void vector_part() {
    for (unsigned i = 0; i < abi::kVectorInputs; ++i) {
      if (abi::vector_stream(packet_, i).type == Dtype::kNone) continue;
      const auto v = unsigned(random_.below(abi::kVectorRegisters));
      emit(MicroOp::kLd, v, {i});
      add(vectors_, v);
    }
    for (std::uint64_t n = random_.below(12); n != 0; --n) {
      const auto d = unsigned(random_.below(abi::kVectorRegisters));
      compute(d, [this] { return vector_source(); });
      add(vectors_, d);
    }
    if (rows_alike_) return;
    for (std::uint64_t n = random_.below(4); n != 0; --n) {
      const unsigned d = abi::kSelectS + unsigned(random_.below(abi::kScalarRegisters));
      if (std::find(reduced_.begin(), reduced_.end(), d) != reduced_.end()) continue;
      const MicroOp op = random_.pick({MicroOp::kRsum, MicroOp::kRmin, MicroOp::kRmax,
                                       MicroOp::kRisum, MicroOp::kRimin, MicroOp::kRimax});
      const unsigned a = vectors_.empty() || random_.one_in(6)
                             ? abi::kSelectCol
                             : vectors_[random_.below(vectors_.size())];
      emit(op, d, {a});
      reduced_.push_back(d);
    }
    // A reduction hides the S register until the next phase.
    std::erase_if(scalars_, [&](unsigned s) {
      return std::find(reduced_.begin(), reduced_.end(), s) != reduced_.end();
    });
  }

  void store_outputs(bool scalar) {
    for (unsigned i = 0; i < abi::kVectorOutputs; ++i) {
      if (abi::vector_stream(packet_, abi::kVectorInputs + i).type == Dtype::kNone) continue;
      if ((((packet_.out_scalar >> i) & 1) != 0) != scalar) continue;
      imm_ = random_.float_pattern(true);
      emit(scalar ? MicroOp::kSts : MicroOp::kSt, i, scalar ? scalar_source() : vector_source());
    }
  }

  Random& random_;
  const abi::VectorPacket& packet_;
  bool rows_alike_;
  std::uint32_t imm_ = 0;  // of the word in hand
  std::vector<std::uint64_t> words_;
  std::vector<unsigned> vectors_;  // V registers written in this phase
  std::vector<unsigned> scalars_;  // S registers that may be read
  std::vector<unsigned> reduced_;  // S registers that reductions of this phase write
};

}  // namespace

std::vector<std::uint64_t> random_program(Random& random, const abi::VectorPacket& packet) {
  return Generator(random, packet).run();
}

}  // namespace tandem::packetgen
