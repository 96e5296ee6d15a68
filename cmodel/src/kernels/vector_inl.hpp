// SPDX-License-Identifier: Apache-2.0
// Micro-operations over arrays, reductions and conversions over the primitives of one instruction
// set. Included as tiles_inl.hpp is.
#pragma once

#include <cstring>
#include <utility>

#include "kernels/kernels.hpp"
#include "kernels/pack_inl.hpp"

namespace tandem::cmodel::TANDEM_CM_ISA {

using abi::MicroOp;

// ---- element-wise operations ----

/// A source: an array or one word for all elements.
template <bool kScalar>
struct Source {
  const std::uint32_t* p;
  Vec all;
  TANDEM_CM_INLINE explicit Source(const std::uint32_t* words) : p(words) {
    if constexpr (kScalar) all = broadcast(words);
  }
  TANDEM_CM_INLINE Vec at(int i) const {
    if constexpr (kScalar) return all;
    return load(p + i);
  }
};

/// Whole vectors, several a turn; the compiler must not think that `d` could change the arguments.
template <class Function>
TANDEM_CM_INLINE void for_vectors(std::uint32_t* d, int count, Function&& function) {
  int i = 0;
  for (; i + 4 * kWidth <= count; i += 4 * kWidth) {
    const Vec first = function(i);
    const Vec second = function(i + kWidth);
    const Vec third = function(i + 2 * kWidth);
    const Vec fourth = function(i + 3 * kWidth);
    store(d + i, first);
    store(d + i + kWidth, second);
    store(d + i + 2 * kWidth, third);
    store(d + i + 3 * kWidth, fourth);
  }
  for (; i < count; i += kWidth) store(d + i, function(i));
}

/// The function object Op over arrays; bit n of kScalars: source n is a scalar.
template <class Op, int kScalars>
void run_op(const OpArgs& args) {
  const Source<(kScalars & 1) != 0> a(args.a);
  if constexpr (Op::kSources == 1) {
    for_vectors(args.d, args.count, [a](int i) TANDEM_CM_LAMBDA { return Op::run(a.at(i)); });
  } else {
    const Source<(kScalars & 2) != 0> b(args.b);
    if constexpr (Op::kSources == 2) {
      for_vectors(args.d, args.count,
                  [a, b](int i) TANDEM_CM_LAMBDA { return Op::run(a.at(i), b.at(i)); });
    } else {
      const Source<(kScalars & 4) != 0> c(args.c);
      for_vectors(args.d, args.count,
                  [a, b, c](int i) TANDEM_CM_LAMBDA { return Op::run(a.at(i), b.at(i), c.at(i)); });
    }
  }
}

template <int kScalars>
void run_tab(const OpArgs& args) {
  const Source<(kScalars & 1) != 0> a(args.a);
  const std::uint32_t* table = args.b;
  for_vectors(args.d, args.count,
              [a, table](int i) TANDEM_CM_LAMBDA { return micro::tab(a.at(i), table); });
}

template <auto kFunction>
struct Op1 {
  static constexpr int kSources = 1;
  static TANDEM_CM_INLINE Vec run(Vec a) { return kFunction(a); }
};
template <auto kFunction>
struct Op2 {
  static constexpr int kSources = 2;
  static TANDEM_CM_INLINE Vec run(Vec a, Vec b) { return kFunction(a, b); }
};
template <auto kFunction>
struct Op3 {
  static constexpr int kSources = 3;
  static TANDEM_CM_INLINE Vec run(Vec a, Vec b, Vec c) { return kFunction(a, b, c); }
};

template <class Op>
constexpr void add_op(OpTable& table, MicroOp op) {
  auto& row = table[std::size_t(op)];
  row[0] = run_op<Op, 0>;
  row[1] = run_op<Op, 1>;
  if constexpr (Op::kSources >= 2) {
    row[2] = run_op<Op, 2>;
    row[3] = run_op<Op, 3>;
  }
  if constexpr (Op::kSources >= 3) {
    row[4] = run_op<Op, 4>;
    row[5] = run_op<Op, 5>;
    row[6] = run_op<Op, 6>;
    row[7] = run_op<Op, 7>;
  }
}

constexpr OpTable make_ops() {
  OpTable table{};
  add_op<Op3<micro::fma>>(table, MicroOp::kFma);
  add_op<Op3<micro::fnma>>(table, MicroOp::kFnma);
  add_op<Op2<micro::fadd>>(table, MicroOp::kFadd);
  add_op<Op2<micro::fsub>>(table, MicroOp::kFsub);
  add_op<Op2<micro::fmul>>(table, MicroOp::kFmul);
  add_op<Op2<micro::fmin>>(table, MicroOp::kFmin);
  add_op<Op2<micro::fmax>>(table, MicroOp::kFmax);
  add_op<Op2<micro::fclt>>(table, MicroOp::kFclt);
  add_op<Op2<micro::fcle>>(table, MicroOp::kFcle);
  add_op<Op2<micro::fceq>>(table, MicroOp::kFceq);
  add_op<Op3<micro::sel>>(table, MicroOp::kSel);
  add_op<Op2<micro::and_>>(table, MicroOp::kAnd);
  add_op<Op2<micro::or_>>(table, MicroOp::kOr);
  add_op<Op2<micro::xor_>>(table, MicroOp::kXor);
  add_op<Op2<micro::shl>>(table, MicroOp::kShl);
  add_op<Op2<micro::shr>>(table, MicroOp::kShr);
  add_op<Op2<micro::sar>>(table, MicroOp::kSar);
  add_op<Op2<micro::iadd>>(table, MicroOp::kIadd);
  add_op<Op2<micro::isub>>(table, MicroOp::kIsub);
  add_op<Op2<micro::ilt>>(table, MicroOp::kIlt);
  add_op<Op2<micro::ult>>(table, MicroOp::kUlt);
  add_op<Op2<micro::ieq>>(table, MicroOp::kIeq);
  add_op<Op2<micro::mull>>(table, MicroOp::kMull);
  add_op<Op2<micro::mulh>>(table, MicroOp::kMulh);
  add_op<Op1<micro::clz>>(table, MicroOp::kClz);
  add_op<Op1<micro::i2f>>(table, MicroOp::kI2f);
  add_op<Op1<micro::f2i>>(table, MicroOp::kF2i);
  add_op<Op1<micro::f2t>>(table, MicroOp::kF2t);
  table[std::size_t(MicroOp::kTab)][0] = run_tab<0>;
  table[std::size_t(MicroOp::kTab)][1] = run_tab<1>;
  return table;
}

// ---- reductions ----

template <auto kFunction>
TANDEM_CM_INLINE void accumulate_with(std::uint32_t identity, std::uint32_t* partial,
                                      std::uint32_t* x, int count) {
  constexpr int kPartialVecs = int(kPartials) / kWidth;
  // Elements past the end leave no trace as identities.
  const int end = (count + int(kPartials) - 1) / int(kPartials) * int(kPartials);
  for (int i = count; i < end; ++i) x[i] = identity;
  Vec sums[kPartialVecs];
#pragma GCC unroll kUnroll
  for (int v = 0; v < kPartialVecs; ++v) sums[v] = load(partial + v * kWidth);
  for (int i = 0; i < end; i += int(kPartials)) {
#pragma GCC unroll kUnroll
    for (int v = 0; v < kPartialVecs; ++v) {
      sums[v] = kFunction(sums[v], load(x + i + v * kWidth));
    }
  }
#pragma GCC unroll kUnroll
  for (int v = 0; v < kPartialVecs; ++v) store(partial + v * kWidth, sums[v]);
}

void accumulate(MicroOp op, std::uint32_t* partial, std::uint32_t* x, int count) {
  const std::uint32_t identity = reduction_identity(op);
  switch (op) {
    case MicroOp::kRsum:
      return accumulate_with<micro::fadd>(identity, partial, x, count);
    case MicroOp::kRmin:
      return accumulate_with<micro::fmin>(identity, partial, x, count);
    case MicroOp::kRmax:
      return accumulate_with<micro::fmax>(identity, partial, x, count);
    case MicroOp::kRisum:
      return accumulate_with<micro::iadd>(identity, partial, x, count);
    case MicroOp::kRimin:
      return accumulate_with<micro::imin>(identity, partial, x, count);
    default:
      return accumulate_with<micro::imax>(identity, partial, x, count);
  }
}

// ---- conversions ----

template <Dtype kType>
TANDEM_CM_INLINE Vec widen_canonical(const std::byte* p) {
  constexpr bool kFloat = kType == Dtype::kBF16 || kType == Dtype::kF16 || kType == Dtype::kE4M3 ||
                          kType == Dtype::kE5M2;
  if constexpr (kFloat) return canonical(tandem::cmodel::TANDEM_CM_ISA::widen<kType>(p));
  return tandem::cmodel::TANDEM_CM_ISA::widen<kType>(p);
}

/// Calls function.template operator()<type>() for a type of the vector engine.
template <class Function>
TANDEM_CM_INLINE void for_vector_type(Dtype type, Function&& function) {
  switch (type) {
    case Dtype::kBF16:
      return function.template operator()<Dtype::kBF16>();
    case Dtype::kF16:
      return function.template operator()<Dtype::kF16>();
    case Dtype::kE4M3:
      return function.template operator()<Dtype::kE4M3>();
    case Dtype::kE5M2:
      return function.template operator()<Dtype::kE5M2>();
    case Dtype::kI8:
      return function.template operator()<Dtype::kI8>();
    case Dtype::kU8:
      return function.template operator()<Dtype::kU8>();
    case Dtype::kU16:
      return function.template operator()<Dtype::kU16>();
    case Dtype::kI64:
      return function.template operator()<Dtype::kI64>();
    default:
      return function.template operator()<Dtype::kI32>();
  }
}

void widen_elements(Dtype type, const std::byte* src, int count, std::uint32_t* out) {
  for_vector_type(type, [&]<Dtype kType>() {
    constexpr int kBytes = element_bytes<kType>();
    int i = 0;
    for (; i + kWidth <= count; i += kWidth)
      store(out + i, widen_canonical<kType>(src + i * kBytes));
    if (i == count) return;
    std::byte part[kWidth * kBytes] = {};
    std::uint32_t words[kWidth];
    std::memcpy(part, src + i * kBytes, std::size_t(count - i) * kBytes);
    store(words, widen_canonical<kType>(part));
    std::memcpy(out + i, words, std::size_t(count - i) * 4);
  });
}

template <Dtype kType>
TANDEM_CM_INLINE Vec narrowable(Vec value) {
  if constexpr (kType == Dtype::kBF16 || kType == Dtype::kF16) return canonical(value);
  return value;
}

void narrow_elements(Dtype type, const std::uint32_t* words, int count, std::byte* dst) {
  for_vector_type(type, [&]<Dtype kType>() {
    if constexpr (kType == Dtype::kE4M3 || kType == Dtype::kE5M2) {
      return;  // fp8 results are rare: narrow_fp8 in vector/interpreter.cpp serves every path
    } else {
      constexpr int kBytes = element_bytes<kType>();
      int i = 0;
      for (; i + kWidth <= count; i += kWidth) {
        narrow<kType>(dst + i * kBytes, narrowable<kType>(load(words + i)));
      }
      if (i == count) return;
      std::uint32_t rest[kWidth] = {};
      std::byte part[kWidth * kBytes];
      std::memcpy(rest, words + i, std::size_t(count - i) * 4);
      narrow<kType>(part, narrowable<kType>(load(rest)));
      std::memcpy(dst + i * kBytes, part, std::size_t(count - i) * kBytes);
    }
  });
}

}  // namespace tandem::cmodel::TANDEM_CM_ISA
