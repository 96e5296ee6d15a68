// SPDX-License-Identifier: Apache-2.0
// The program of VECTOR as an interpreter of its words, for GPUs without a compiler at hand.
#pragma once

#include "kernels/vector.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/numerics/micro_ops.hpp"

namespace tandem::gpu {

/// The micro-operations that compute, but `tab`.
TANDEM_GPU_FN std::uint32_t evaluate(abi::MicroOp op, std::uint32_t x, std::uint32_t y,
                                     std::uint32_t z) {
  using abi::MicroOp;
  using numerics::Bits32;
  const Bits32 a{x};
  const Bits32 b{y};
  const Bits32 c{z};
  switch (op) {
    case MicroOp::kFma:
      return numerics::fma(a, b, c).bits;
    case MicroOp::kFnma:
      return numerics::fnma(a, b, c).bits;
    case MicroOp::kFadd:
      return numerics::add(a, b).bits;
    case MicroOp::kFsub:
      return numerics::sub(a, b).bits;
    case MicroOp::kFmul:
      return numerics::mul(a, b).bits;
    case MicroOp::kFmin:
      return numerics::fmin(a, b).bits;
    case MicroOp::kFmax:
      return numerics::fmax(a, b).bits;
    case MicroOp::kFclt:
      return numerics::fclt(a, b).bits;
    case MicroOp::kFcle:
      return numerics::fcle(a, b).bits;
    case MicroOp::kFceq:
      return numerics::fceq(a, b).bits;
    case MicroOp::kSel:
      return numerics::sel(a, b, c).bits;
    case MicroOp::kAnd:
      return numerics::and_(a, b).bits;
    case MicroOp::kOr:
      return numerics::or_(a, b).bits;
    case MicroOp::kXor:
      return numerics::xor_(a, b).bits;
    case MicroOp::kShl:
      return numerics::shl(a, b).bits;
    case MicroOp::kShr:
      return numerics::shr(a, b).bits;
    case MicroOp::kSar:
      return numerics::sar(a, b).bits;
    case MicroOp::kIadd:
      return numerics::iadd(a, b).bits;
    case MicroOp::kIsub:
      return numerics::isub(a, b).bits;
    case MicroOp::kIlt:
      return numerics::ilt(a, b).bits;
    case MicroOp::kUlt:
      return numerics::ult(a, b).bits;
    case MicroOp::kIeq:
      return numerics::ieq(a, b).bits;
    case MicroOp::kMull:
      return numerics::mull(a, b).bits;
    case MicroOp::kMulh:
      return numerics::mulh(a, b).bits;
    case MicroOp::kClz:
      return numerics::clz(a).bits;
    case MicroOp::kI2f:
      return numerics::i2f(a).bits;
    case MicroOp::kF2i:
      return numerics::f2i(a).bits;
    default:
      return numerics::f2t(a).bits;
  }
}

/// V registers lie in shared memory, because the words choose them at run time.
class Interpreter {
 public:
  static constexpr unsigned kRegisterWords = abi::kVectorRegisters;

  TANDEM_GPU_FN void scalars(const VectorArgs& a, unsigned phase, VectorThread& thread,
                             std::uint32_t* registers) const {
    for (unsigned n = a.scalar_begin[phase]; n < a.vector_begin[phase]; ++n) {
      const abi::MicroWord word = word_at(a, n);
      if (word.op == abi::MicroOp::kSts) {
        vector_store_scalar(a, 4u + word.dst, thread,
                            source(a, word, word.a, thread, 0, registers));
      } else {
        set_scalar(thread, word.dst, compute(a, word, thread, 0, registers));
      }
    }
  }

  TANDEM_GPU_FN void element(const VectorArgs& a, unsigned phase, VectorThread& thread,
                             std::uint64_t column, std::uint32_t* registers) const {
    using abi::MicroOp;
    for (unsigned n = a.vector_begin[phase]; n < a.phase_end[phase]; ++n) {
      const abi::MicroWord word = word_at(a, n);
      switch (word.op) {
        case MicroOp::kLd:
          registers[word.dst * kBlockThreads] = vector_load(a, word.a, thread, column);
          break;
        case MicroOp::kSt:
          vector_store(a, 4u + word.dst, thread, column,
                       source(a, word, word.a, thread, column, registers));
          break;
        case MicroOp::kRsum:
        case MicroOp::kRmin:
        case MicroOp::kRmax:
        case MicroOp::kRisum:
        case MicroOp::kRimin:
        case MicroOp::kRimax:
          add_partial(thread, word, source(a, word, word.a, thread, column, registers));
          break;
        default:
          registers[word.dst * kBlockThreads] = compute(a, word, thread, column, registers);
          break;
      }
    }
  }

 private:
  TANDEM_GPU_FN static abi::MicroWord word_at(const VectorArgs& a, unsigned n) {
    const auto bits = load<std::uint64_t>(a.program + std::uint64_t{n} * 8);
    abi::MicroWord word;
    word.op = static_cast<abi::MicroOp>(bits & 255u);
    word.dst = static_cast<std::uint8_t>(bits >> abi::kUcodeDstLsb & 63u);
    word.a = static_cast<std::uint8_t>(bits >> abi::kUcodeALsb & 63u);
    word.b = static_cast<std::uint8_t>(bits >> abi::kUcodeBLsb & 63u);
    word.c = static_cast<std::uint8_t>(bits >> abi::kUcodeCLsb & 63u);
    word.imm = static_cast<std::uint32_t>(bits >> abi::kUcodeImmLsb);
    return word;
  }

  /// S registers by loops over all of them: they stay in registers of the thread.
  TANDEM_GPU_FN static void set_scalar(VectorThread& thread, unsigned selector,
                                       std::uint32_t value) {
    TANDEM_GPU_UNROLL
    for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
      if (selector == abi::kSelectS + s) thread.scalar[s] = value;
    }
  }
  TANDEM_GPU_FN static void add_partial(VectorThread& thread, const abi::MicroWord& word,
                                        std::uint32_t value) {
    TANDEM_GPU_UNROLL
    for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
      if (word.dst == abi::kSelectS + s)
        thread.partial[s] = reduce(word.op, thread.partial[s], value);
    }
  }

  TANDEM_GPU_FN static std::uint32_t source(const VectorArgs& a, const abi::MicroWord& word,
                                            unsigned selector, const VectorThread& thread,
                                            std::uint64_t column, const std::uint32_t* registers) {
    if (selector < abi::kSelectS) return registers[selector * kBlockThreads];
    std::uint32_t value = word.imm;
    TANDEM_GPU_UNROLL
    for (unsigned s = 0; s < abi::kScalarRegisters; ++s) {
      if (selector == abi::kSelectS + s) value = thread.scalar[s];
    }
    TANDEM_GPU_UNROLL
    for (unsigned p = 0; p < abi::kUcodeParams; ++p) {
      if (selector == abi::kSelectP + p) value = a.param[p];
    }
    if (selector == abi::kSelectRow0) value = thread.row0;
    if (selector == abi::kSelectRow1) value = thread.row1;
    if (selector == abi::kSelectCol) value = static_cast<std::uint32_t>(column);
    return value;
  }

  TANDEM_GPU_FN static std::uint32_t compute(const VectorArgs& a, const abi::MicroWord& word,
                                             const VectorThread& thread, std::uint64_t column,
                                             const std::uint32_t* registers) {
    const std::uint32_t x = source(a, word, word.a, thread, column, registers);
    if (word.op == abi::MicroOp::kTab) return vector_table(a, word.b, x);
    return evaluate(word.op, x, source(a, word, word.b, thread, column, registers),
                    source(a, word, word.c, thread, column, registers));
  }
};

}  // namespace tandem::gpu
