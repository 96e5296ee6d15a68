// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/micro_eval.hpp"

#include "tandem/base/error.hpp"

namespace tandem::ops {

numerics::Bits32 evaluate(abi::MicroOp op, numerics::Bits32 a, numerics::Bits32 b,
                          numerics::Bits32 c) {
  using abi::MicroOp;
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
  TANDEM_CHECK(!"an arithmetic micro-operation");
  return {0};
}

}  // namespace tandem::ops
