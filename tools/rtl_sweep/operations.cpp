// SPDX-License-Identifier: Apache-2.0
// The list of operations. This file is compiled for this machine, so that the references are the
// processor's own multiply-add and vector code.
#include "operations.hpp"

#include <bit>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/micro_ops.hpp"

namespace tandem::rtl_sweep {

namespace {

using abi::Dtype;
using abi::MicroOp;
using abi::MicroOpClass;
using numerics::Bits32;
using numerics::Fp8Overflow;
using Words = std::span<const std::uint32_t>;
using Results = std::span<std::uint32_t>;

/// A reference from a function of one element. `Element` is a stateless lambda's type.
template <class Element>
Reference each(Element) {
  return [](Words a, Words b, Words c, Results y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      y[i] = Element{}(Bits32{a[i]}, Bits32{b[i]}, Bits32{c[i]}).bits;
    }
  };
}

#define TANDEM_EACH(expression)                                                              \
  each([]([[maybe_unused]] Bits32 a, [[maybe_unused]] Bits32 b, [[maybe_unused]] Bits32 c) { \
    return Bits32{static_cast<std::uint32_t>(expression)};                                   \
  })

Reference micro_reference(MicroOp op) {
  switch (op) {
    // clang-format off
    case MicroOp::kFma: return TANDEM_EACH(fma(a, b, c).bits);
    case MicroOp::kFnma: return TANDEM_EACH(fnma(a, b, c).bits);
    case MicroOp::kFadd: return TANDEM_EACH(add(a, b).bits);
    case MicroOp::kFsub: return TANDEM_EACH(sub(a, b).bits);
    case MicroOp::kFmul: return TANDEM_EACH(mul(a, b).bits);
    case MicroOp::kFmin: case MicroOp::kRmin: return TANDEM_EACH(fmin(a, b).bits);
    case MicroOp::kFmax: case MicroOp::kRmax: return TANDEM_EACH(fmax(a, b).bits);
    case MicroOp::kFclt: return TANDEM_EACH(fclt(a, b).bits);
    case MicroOp::kFcle: return TANDEM_EACH(fcle(a, b).bits);
    case MicroOp::kFceq: return TANDEM_EACH(fceq(a, b).bits);
    case MicroOp::kSel: return TANDEM_EACH(sel(a, b, c).bits);
    case MicroOp::kAnd: return TANDEM_EACH(and_(a, b).bits);
    case MicroOp::kOr: return TANDEM_EACH(or_(a, b).bits);
    case MicroOp::kXor: return TANDEM_EACH(xor_(a, b).bits);
    case MicroOp::kShl: return TANDEM_EACH(shl(a, b).bits);
    case MicroOp::kShr: return TANDEM_EACH(shr(a, b).bits);
    case MicroOp::kSar: return TANDEM_EACH(sar(a, b).bits);
    case MicroOp::kIadd: case MicroOp::kRisum: return TANDEM_EACH(iadd(a, b).bits);
    case MicroOp::kIsub: return TANDEM_EACH(isub(a, b).bits);
    case MicroOp::kIlt: return TANDEM_EACH(ilt(a, b).bits);
    case MicroOp::kUlt: return TANDEM_EACH(ult(a, b).bits);
    case MicroOp::kIeq: return TANDEM_EACH(ieq(a, b).bits);
    case MicroOp::kMull: return TANDEM_EACH(mull(a, b).bits);
    case MicroOp::kMulh: return TANDEM_EACH(mulh(a, b).bits);
    case MicroOp::kClz: return TANDEM_EACH(clz(a).bits);
    case MicroOp::kI2f: return TANDEM_EACH(i2f(a).bits);
    case MicroOp::kF2i: return TANDEM_EACH(f2i(a).bits);
    case MicroOp::kF2t: return TANDEM_EACH(f2t(a).bits);
    case MicroOp::kRimin: return TANDEM_EACH(ilt(a, b).bits != 0 ? a.bits : b.bits);
    case MicroOp::kRimax: return TANDEM_EACH(ilt(a, b).bits != 0 ? b.bits : a.bits);
    default: return nullptr;
      // clang-format on
  }
}

/// Adds the micro-operation in the unit of its class; those that are no arithmetic stay out.
void add_micro_op(std::vector<Operation>& list, const abi::MicroOpInfo& info) {
  const auto add = [&](Unit unit, Operands operands, std::string_view suffix = "") {
    const Reference reference = micro_reference(info.op);
    if (reference == nullptr) {
      throw Error(ErrorCode::kInternal, "rtl_sweep: no reference for micro-operation " +
                                            std::string(info.name) + "; add it to operations.cpp");
    }
    list.push_back({std::string(info.name) + std::string(suffix),
                    {unit, static_cast<std::uint8_t>(info.op), 0},
                    operands,
                    reference});
  };
  switch (info.op_class) {
    case MicroOpClass::kFma:
      add(Unit::kFma32, Operands::kFma32);
      add(Unit::kFma32Staged, Operands::kFma32, " staged");
      return;
    case MicroOpClass::kCompare:
      return add(Unit::kCompare, Operands::kTwo);
    case MicroOpClass::kLogic:
      return add(Unit::kLogic, Operands::kTwo);
    case MicroOpClass::kMultiply:
      return add(Unit::kMultiply, Operands::kTwo);
    case MicroOpClass::kConvert:
      return add(Unit::kConvert, Operands::kOne);
    case MicroOpClass::kReduce:
      // rsum is additions, proven as such.
      if (info.op != MicroOp::kRsum) add(Unit::kReduce, Operands::kTwo);
      return;
    default:
      return;
  }
}

void add_conversions(std::vector<Operation>& list) {
  using namespace numerics;  // NOLINT: the names of its conversions
  constexpr auto kSaturate = Fp8Overflow::kSaturate;
  constexpr auto kNonSaturate = Fp8Overflow::kNonSaturate;
  const auto add = [&](const char* name, Unit unit, auto op, Operands operands, Reference reference,
                       std::uint32_t option = 0) {
    list.push_back({name, {unit, static_cast<std::uint8_t>(op), option}, operands, reference});
  };
  const Reference word = TANDEM_EACH(a.bits);
  const Reference byte = TANDEM_EACH(a.bits & 0xFFu);
  const Reference half = TANDEM_EACH(a.bits & 0xFFFFu);
  const Reference from_bf16 = TANDEM_EACH(bf16_to_f32(static_cast<std::uint16_t>(a.bits)));
  const Reference from_f16 = TANDEM_EACH(f16_to_f32(static_cast<std::uint16_t>(a.bits)));
  const Reference from_e4m3 = TANDEM_EACH(e4m3_to_f32(static_cast<std::uint8_t>(a.bits)));
  const Reference from_e5m2 = TANDEM_EACH(e5m2_to_f32(static_cast<std::uint8_t>(a.bits)));
  const Reference to_bf16 = TANDEM_EACH(f32_to_bf16(a.bits));
  const Reference to_f16 = TANDEM_EACH(f32_to_f16(a.bits));
  const Reference to_e4m3 = TANDEM_EACH(f32_to_e4m3(a.bits, kNonSaturate));
  const Reference to_e4m3_sat = TANDEM_EACH(f32_to_e4m3(a.bits, kSaturate));
  const Reference to_e5m2 = TANDEM_EACH(f32_to_e5m2(a.bits, kNonSaturate));
  const Reference to_e5m2_sat = TANDEM_EACH(f32_to_e5m2(a.bits, kSaturate));

  add("widen f32", Unit::kWiden, Dtype::kF32, Operands::kOne, word);
  add("widen bf16", Unit::kWiden, Dtype::kBF16, Operands::kNarrow16, from_bf16);
  add("widen f16", Unit::kWiden, Dtype::kF16, Operands::kNarrow16, from_f16);
  add("widen e4m3", Unit::kWiden, Dtype::kE4M3, Operands::kNarrow8, from_e4m3);
  add("widen e5m2", Unit::kWiden, Dtype::kE5M2, Operands::kNarrow8, from_e5m2);
  add("widen i8", Unit::kWiden, Dtype::kI8, Operands::kNarrow8,
      TANDEM_EACH(static_cast<std::int8_t>(a.bits)));
  add("widen u8", Unit::kWiden, Dtype::kU8, Operands::kNarrow8, byte);
  add("widen u16", Unit::kWiden, Dtype::kU16, Operands::kNarrow16, half);
  add("widen i32", Unit::kWiden, Dtype::kI32, Operands::kOne, word);
  add("widen i64", Unit::kWiden, Dtype::kI64, Operands::kOne, word);

  add("narrow f32", Unit::kNarrow, Dtype::kF32, Operands::kOne, word);
  add("narrow bf16", Unit::kNarrow, Dtype::kBF16, Operands::kOne, to_bf16);
  add("narrow f16", Unit::kNarrow, Dtype::kF16, Operands::kOne, to_f16);
  add("narrow f16 sat", Unit::kNarrow, Dtype::kF16, Operands::kOne, to_f16, 1);
  add("narrow e4m3", Unit::kNarrow, Dtype::kE4M3, Operands::kOne, to_e4m3);
  add("narrow e4m3 sat", Unit::kNarrow, Dtype::kE4M3, Operands::kOne, to_e4m3_sat, 1);
  add("narrow e5m2", Unit::kNarrow, Dtype::kE5M2, Operands::kOne, to_e5m2);
  add("narrow e5m2 sat", Unit::kNarrow, Dtype::kE5M2, Operands::kOne, to_e5m2_sat, 1);
  add("narrow i8", Unit::kNarrow, Dtype::kI8, Operands::kOne, byte);
  add("narrow u8", Unit::kNarrow, Dtype::kU8, Operands::kOne, byte);
  add("narrow u16", Unit::kNarrow, Dtype::kU16, Operands::kOne, half);
  add("narrow i32", Unit::kNarrow, Dtype::kI32, Operands::kOne, word);
  add("narrow i64", Unit::kNarrow, Dtype::kI64, Operands::kOne, word);

  add("round10", Unit::kSingle, Single::kRound10, Operands::kOne,
      TANDEM_EACH(to_e8m10_bits(a.bits)));
  add("bf16_to_f32", Unit::kSingle, Single::kBf16ToF32, Operands::kNarrow16, from_bf16);
  add("f16_to_f32", Unit::kSingle, Single::kF16ToF32, Operands::kNarrow16, from_f16);
  add("e4m3_to_f32", Unit::kSingle, Single::kE4m3ToF32, Operands::kNarrow8, from_e4m3);
  add("e5m2_to_f32", Unit::kSingle, Single::kE5m2ToF32, Operands::kNarrow8, from_e5m2);
  add("i8_to_f32", Unit::kSingle, Single::kI8ToF32, Operands::kNarrow8,
      TANDEM_EACH(i8_to_f32(static_cast<std::int8_t>(a.bits))));
  add("f32_to_bf16", Unit::kSingle, Single::kF32ToBf16, Operands::kOne, to_bf16);
  add("f32_to_f16", Unit::kSingle, Single::kF32ToF16, Operands::kOne, to_f16);
  add("f32_to_e4m3", Unit::kSingle, Single::kF32ToE4m3, Operands::kOne, to_e4m3);
  add("f32_to_e4m3 sat", Unit::kSingle, Single::kF32ToE4m3, Operands::kOne, to_e4m3_sat, 1);
  add("f32_to_e5m2", Unit::kSingle, Single::kF32ToE5m2, Operands::kOne, to_e5m2);
  add("f32_to_e5m2 sat", Unit::kSingle, Single::kF32ToE5m2, Operands::kOne, to_e5m2_sat, 1);
  add("fnma32", Unit::kSingle, Single::kFnma, Operands::kFma32, micro_reference(MicroOp::kFnma));
  add("add32", Unit::kSingle, Single::kAdd, Operands::kFma32, micro_reference(MicroOp::kFadd));
  add("sub32", Unit::kSingle, Single::kSub, Operands::kFma32, micro_reference(MicroOp::kFsub));
  add("mul32", Unit::kSingle, Single::kMul, Operands::kFma32, micro_reference(MicroOp::kFmul));
  add("sign_word", Unit::kSingle, Single::kSignWord, Operands::kOne,
      TANDEM_EACH(static_cast<std::int32_t>(a.bits) < 0 ? 0xFFFFFFFFu : 0u));
}

#undef TANDEM_EACH

std::vector<Operation> make_operations() {
  std::vector<Operation> list;
  const Reference fma = micro_reference(MicroOp::kFma);
  list.push_back({"fma10", {Unit::kFma10, 0, 0}, Operands::kFma10, fma});
  list.push_back({"fma10 staged", {Unit::kFma10Staged, 0, 0}, Operands::kFma10, fma});
  for (const abi::MicroOpInfo& info : abi::micro_ops()) add_micro_op(list, info);
  add_conversions(list);
  return list;
}

}  // namespace

const std::vector<Operation>& operations() {
  static const std::vector<Operation> kList = make_operations();
  return kList;
}

}  // namespace tandem::rtl_sweep
