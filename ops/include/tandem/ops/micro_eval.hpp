// SPDX-License-Identifier: Apache-2.0
// One micro-operation on one element, by its definition.
#pragma once

#include "tandem/abi/isa.hpp"
#include "tandem/numerics/micro_ops.hpp"

namespace tandem::ops {

/// Result of an arithmetic micro-operation (classes fma, compare, logic, multiply, convert);
/// operands that it does not have are ignored. Throws kInternal for any other operation.
numerics::Bits32 evaluate(abi::MicroOp op, numerics::Bits32 a, numerics::Bits32 b,
                          numerics::Bits32 c);

}  // namespace tandem::ops
