// SPDX-License-Identifier: Apache-2.0
#include "support/micro_interpreter.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tandem/abi/isa.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/numerics/reduce.hpp"

namespace tandem::tests {
namespace {

using abi::MicroOp;
using numerics::Bits32;

constexpr std::uint32_t kPoison = 0x7FBADBADu;

struct Word {
  explicit Word(std::uint64_t bits)
      : op(static_cast<MicroOp>(bits & 0xFF)),
        dst(static_cast<unsigned>(bits >> 8 & 0x3F)),
        a(static_cast<unsigned>(bits >> 14 & 0x3F)),
        b(static_cast<unsigned>(bits >> 20 & 0x3F)),
        c(static_cast<unsigned>(bits >> 26 & 0x3F)),
        imm(static_cast<std::uint32_t>(bits >> 32)) {}
  MicroOp op;
  unsigned dst, a, b, c;
  std::uint32_t imm;
};

bool is_reduction(MicroOp op) { return op >= MicroOp::kRsum && op <= MicroOp::kRimax; }

Bits32 arithmetic(MicroOp op, Bits32 a, Bits32 b, Bits32 c) {
  switch (op) {
    case MicroOp::kFma:
      return fma(a, b, c);
    case MicroOp::kFnma:
      return fnma(a, b, c);
    case MicroOp::kFadd:
      return add(a, b);
    case MicroOp::kFsub:
      return sub(a, b);
    case MicroOp::kFmul:
      return mul(a, b);
    case MicroOp::kFmin:
      return fmin(a, b);
    case MicroOp::kFmax:
      return fmax(a, b);
    case MicroOp::kFclt:
      return fclt(a, b);
    case MicroOp::kFcle:
      return fcle(a, b);
    case MicroOp::kFceq:
      return fceq(a, b);
    case MicroOp::kSel:
      return sel(a, b, c);
    case MicroOp::kAnd:
      return and_(a, b);
    case MicroOp::kOr:
      return or_(a, b);
    case MicroOp::kXor:
      return xor_(a, b);
    case MicroOp::kShl:
      return shl(a, b);
    case MicroOp::kShr:
      return shr(a, b);
    case MicroOp::kSar:
      return sar(a, b);
    case MicroOp::kIadd:
      return iadd(a, b);
    case MicroOp::kIsub:
      return isub(a, b);
    case MicroOp::kIlt:
      return ilt(a, b);
    case MicroOp::kUlt:
      return ult(a, b);
    case MicroOp::kIeq:
      return ieq(a, b);
    case MicroOp::kMull:
      return mull(a, b);
    case MicroOp::kMulh:
      return mulh(a, b);
    case MicroOp::kClz:
      return clz(a);
    case MicroOp::kI2f:
      return i2f(a);
    case MicroOp::kF2i:
      return f2i(a);
    case MicroOp::kF2t:
      return f2t(a);
    default:
      break;
  }
  throw std::logic_error("unknown micro-operation " + std::to_string(static_cast<int>(op)));
}

std::uint32_t reduce(MicroOp op, const std::vector<std::uint32_t>& x) {
  switch (op) {
    case MicroOp::kRsum:
      return numerics::reduce<numerics::SumF32>(x.data(), x.size());
    case MicroOp::kRmin:
      return numerics::reduce<numerics::MinF32>(x.data(), x.size());
    case MicroOp::kRmax:
      return numerics::reduce<numerics::MaxF32>(x.data(), x.size());
    case MicroOp::kRisum:
      return numerics::reduce<numerics::SumI32>(x.data(), x.size());
    case MicroOp::kRimin:
      return numerics::reduce<numerics::MinI32>(x.data(), x.size());
    default:
      return numerics::reduce<numerics::MaxI32>(x.data(), x.size());
  }
}

class Interpreter {
 public:
  Interpreter(std::span<const std::uint64_t> words, MicroRow& row, std::uint32_t chunk)
      : words_(words), row_(row), chunk_(chunk) {
    scalars_.fill(kPoison);
  }

  void run() {
    std::size_t at = 0;
    while (at < words_.size()) at = run_phase(at + 1);
  }

 private:
  std::size_t run_phase(std::size_t first) {
    std::size_t end = first;
    while (end < words_.size() && Word(words_[end]).op != MicroOp::kPhase) ++end;
    std::vector<Word> vector;
    for (std::size_t i = first; i < end; ++i) {
      const Word word(words_[i]);
      if (word.op == MicroOp::kSts) {
        row_.outputs[word.dst] = {scalar(word.a, word)};
      } else if (!is_reduction(word.op) && word.op != MicroOp::kSt && word.dst >= abi::kSelectS) {
        scalars_[word.dst - abi::kSelectS] =
            arithmetic(word.op, {scalar(word.a, word)}, {scalar(word.b, word)},
                       {scalar(word.c, word)})
                .bits;
      } else {
        vector.push_back(word);
      }
    }
    run_vectors(vector);
    return end;
  }

  void run_vectors(const std::vector<Word>& vector) {
    std::vector<std::vector<std::uint32_t>> reduced(vector.size());
    for (std::uint32_t start = 0; start < row_.cols; start += chunk_) {
      registers_.fill(std::vector<std::uint32_t>(chunk_, kPoison));
      const std::uint32_t count = std::min(chunk_, row_.cols - start);
      for (std::size_t i = 0; i < vector.size(); ++i) {
        for (std::uint32_t j = 0; j < count; ++j) element(vector[i], start, j, reduced[i]);
      }
    }
    for (std::size_t i = 0; i < vector.size(); ++i) {
      if (is_reduction(vector[i].op)) {
        scalars_[vector[i].dst - abi::kSelectS] = reduce(vector[i].op, reduced[i]);
      }
    }
  }

  void element(const Word& word, std::uint32_t start, std::uint32_t j,
               std::vector<std::uint32_t>& reduced) {
    const std::uint32_t col = start + j;
    if (word.op == MicroOp::kLd) {
      registers_[word.dst][j] = row_.inputs[word.a].at(col);
    } else if (word.op == MicroOp::kSt) {
      row_.outputs[word.dst].resize(row_.cols);
      row_.outputs[word.dst][col] = value(word.a, word, col, j);
    } else if (is_reduction(word.op)) {
      reduced.push_back(value(word.a, word, col, j));
    } else {
      registers_[word.dst][j] =
          arithmetic(word.op, {value(word.a, word, col, j)}, {value(word.b, word, col, j)},
                     {value(word.c, word, col, j)})
              .bits;
    }
  }

  std::uint32_t value(unsigned selector, const Word& word, std::uint32_t col, std::uint32_t j) {
    if (selector < abi::kSelectS) return registers_[selector][j];
    if (selector == abi::kSelectCol) return col;
    return scalar(selector, word);
  }

  std::uint32_t scalar(unsigned selector, const Word& word) const {
    if (selector == abi::kSelectImm) return word.imm;
    if (selector == abi::kSelectRow0) return row_.row0;
    if (selector == abi::kSelectRow1) return row_.row1;
    if (selector >= abi::kSelectP && selector < abi::kSelectImm) {
      return row_.params[selector - abi::kSelectP];
    }
    // Selector 0 also stands for an operand that the operation does not have.
    return selector >= abi::kSelectS && selector < abi::kSelectP
               ? scalars_[selector - abi::kSelectS]
               : kPoison;
  }

  std::span<const std::uint64_t> words_;
  MicroRow& row_;
  std::uint32_t chunk_;
  std::array<std::vector<std::uint32_t>, abi::kVectorRegisters> registers_;
  std::array<std::uint32_t, abi::kScalarRegisters> scalars_;
};

}  // namespace

void run_micro_program(std::span<const std::uint64_t> words, MicroRow& row, std::uint32_t chunk) {
  Interpreter(words, row, chunk).run();
}

}  // namespace tandem::tests
