// SPDX-License-Identifier: Apache-2.0
// A value type that counts the micro-operations a function spends.
#pragma once

#include <array>
#include <cstdint>

#include "tandem/numerics/micro_ops.hpp"

namespace tandem::test {

/// What a micro-program costs. `second_constants`: operands beyond the one immediate of their
/// operation, which a register, parameter or scalar must hold.
struct Cost {
  int operations = 0;
  int second_constants = 0;
};

/// Meets numerics::MicroOps. Operations on constants alone are folded and cost nothing.
class Counted {
 public:
  static Counted imm(std::uint32_t bits) { return {true, bits}; }
  static Counted input() { return {false, 0}; }
  static Cost& cost() {
    static thread_local Cost cost;
    return cost;
  }

  /// One operation with these operands.
  template <class... Operands>
  static Counted operation(Operands... operands) {
    const std::array all = {operands...};
    int constants = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      bool repeated = false;
      for (std::size_t j = 0; j < i; ++j) {
        repeated = repeated || (all[j].constant_ && all[j].bits_ == all[i].bits_);
      }
      constants += all[i].constant_ && !repeated ? 1 : 0;
    }
    bool folds = true;
    for (const Counted& operand : all) folds = folds && operand.constant_;
    if (folds) return all[0];
    ++cost().operations;
    if (constants > 1) cost().second_constants += constants - 1;
    return input();
  }

 private:
  Counted(bool constant, std::uint32_t bits) : constant_(constant), bits_(bits) {}

  bool constant_;
  std::uint32_t bits_;
};

#define TANDEM_TEST_COUNT1(name) \
  inline Counted name(Counted a) { return Counted::operation(a); }
#define TANDEM_TEST_COUNT2(name) \
  inline Counted name(Counted a, Counted b) { return Counted::operation(a, b); }
#define TANDEM_TEST_COUNT3(name) \
  inline Counted name(Counted a, Counted b, Counted c) { return Counted::operation(a, b, c); }
TANDEM_TEST_COUNT3(fma)
TANDEM_TEST_COUNT3(fnma)
TANDEM_TEST_COUNT3(sel)
TANDEM_TEST_COUNT2(add)
TANDEM_TEST_COUNT2(sub)
TANDEM_TEST_COUNT2(mul)
TANDEM_TEST_COUNT2(fmin)
TANDEM_TEST_COUNT2(fmax)
TANDEM_TEST_COUNT2(fclt)
TANDEM_TEST_COUNT2(fcle)
TANDEM_TEST_COUNT2(fceq)
TANDEM_TEST_COUNT2(and_)
TANDEM_TEST_COUNT2(or_)
TANDEM_TEST_COUNT2(xor_)
TANDEM_TEST_COUNT2(shl)
TANDEM_TEST_COUNT2(shr)
TANDEM_TEST_COUNT2(sar)
TANDEM_TEST_COUNT2(iadd)
TANDEM_TEST_COUNT2(isub)
TANDEM_TEST_COUNT2(ilt)
TANDEM_TEST_COUNT2(ult)
TANDEM_TEST_COUNT2(ieq)
TANDEM_TEST_COUNT2(mull)
TANDEM_TEST_COUNT2(mulh)
TANDEM_TEST_COUNT1(clz)
TANDEM_TEST_COUNT1(i2f)
TANDEM_TEST_COUNT1(f2i)
TANDEM_TEST_COUNT1(f2t)
#undef TANDEM_TEST_COUNT1
#undef TANDEM_TEST_COUNT2
#undef TANDEM_TEST_COUNT3

static_assert(numerics::MicroOps<Counted>);

}  // namespace tandem::test
