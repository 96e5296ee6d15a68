// SPDX-License-Identifier: Apache-2.0
// The exact reference: 256-bit arithmetic by MPFR, for the few inputs where double is too coarse.
#include <mpfr.h>

#include <cmath>

#include "sweep.hpp"
#include "tandem/numerics/bits.hpp"

namespace tandem::numsweep {

namespace {

constexpr mpfr_prec_t kBits = 256;

class Real {
 public:
  Real() { mpfr_init2(value_, kBits); }
  explicit Real(double x) : Real() { mpfr_set_d(value_, x, MPFR_RNDN); }
  ~Real() { mpfr_clear(value_); }
  Real(const Real&) = delete;
  Real& operator=(const Real&) = delete;

  mpfr_ptr get() { return value_; }

 private:
  mpfr_t value_;
};

/// r = 1 / (1 + e^-z).
void logistic(mpfr_ptr r, mpfr_ptr z) {
  mpfr_neg(r, z, MPFR_RNDN);
  mpfr_exp(r, r, MPFR_RNDN);
  mpfr_add_ui(r, r, 1, MPFR_RNDN);
  mpfr_ui_div(r, 1, r, MPFR_RNDN);
}

/// r = erfc(-x / sqrt(2)) x / 2.
void gelu(mpfr_ptr r, mpfr_ptr x) {
  Real root(0.5);
  mpfr_sqrt(root.get(), root.get(), MPFR_RNDN);
  mpfr_mul(r, x, root.get(), MPFR_RNDN);
  mpfr_neg(r, r, MPFR_RNDN);
  mpfr_erfc(r, r, MPFR_RNDN);
  mpfr_mul(r, r, x, MPFR_RNDN);
  mpfr_div_ui(r, r, 2, MPFR_RNDN);
}

/// r = x logistic(2 sqrt(2 / pi) (x + 0.044715 x^3)), with 0.044715 as the decimal it is.
void gelu_tanh(mpfr_ptr r, mpfr_ptr x) {
  Real z;
  Real factor;
  mpfr_sqr(z.get(), x, MPFR_RNDN);
  mpfr_mul_ui(z.get(), z.get(), 44715, MPFR_RNDN);
  mpfr_div_ui(z.get(), z.get(), 1000000, MPFR_RNDN);
  mpfr_add_ui(z.get(), z.get(), 1, MPFR_RNDN);
  mpfr_mul(z.get(), z.get(), x, MPFR_RNDN);
  mpfr_const_pi(factor.get(), MPFR_RNDN);
  mpfr_ui_div(factor.get(), 8, factor.get(), MPFR_RNDN);
  mpfr_sqrt(factor.get(), factor.get(), MPFR_RNDN);
  mpfr_mul(z.get(), z.get(), factor.get(), MPFR_RNDN);
  logistic(r, z.get());
  mpfr_mul(r, r, x, MPFR_RNDN);
}

void value_of(FunctionId id, mpfr_ptr r, mpfr_ptr x) {
  switch (id) {
    case FunctionId::kExp:
    case FunctionId::kExpNonpositive:
      mpfr_exp(r, x, MPFR_RNDN);
      return;
    case FunctionId::kExp2:
      mpfr_exp2(r, x, MPFR_RNDN);
      return;
    case FunctionId::kLog:
      mpfr_log(r, x, MPFR_RNDN);
      return;
    case FunctionId::kLog2:
      mpfr_log2(r, x, MPFR_RNDN);
      return;
    case FunctionId::kRecip:
    case FunctionId::kDivOne:
      mpfr_ui_div(r, 1, x, MPFR_RNDN);
      return;
    case FunctionId::kSqrt:
      mpfr_sqrt(r, x, MPFR_RNDN);
      return;
    case FunctionId::kRsqrt:
      mpfr_rec_sqrt(r, x, MPFR_RNDN);
      return;
    case FunctionId::kSin:
      mpfr_sin(r, x, MPFR_RNDN);
      return;
    case FunctionId::kCos:
      mpfr_cos(r, x, MPFR_RNDN);
      return;
    case FunctionId::kTanh:
      mpfr_tanh(r, x, MPFR_RNDN);
      return;
    case FunctionId::kErf:
      mpfr_erf(r, x, MPFR_RNDN);
      return;
    case FunctionId::kSigmoid:
      logistic(r, x);
      return;
    case FunctionId::kSilu:
      logistic(r, x);
      mpfr_mul(r, r, x, MPFR_RNDN);
      return;
    case FunctionId::kGelu:
      gelu(r, x);
      return;
    case FunctionId::kGeluTanh:
      gelu_tanh(r, x);
      return;
    case FunctionId::kElu:
      if (mpfr_sgn(x) < 0) {
        mpfr_expm1(r, x, MPFR_RNDN);
      } else {
        mpfr_set(r, x, MPFR_RNDN);
      }
      return;
    case FunctionId::kRelu:
      mpfr_set_ui(r, 0, MPFR_RNDN);
      mpfr_max(r, r, x, MPFR_RNDN);
      return;
    case FunctionId::kSqr:
      mpfr_sqr(r, x, MPFR_RNDN);
      return;
    default:
      mpfr_set_nan(r);
  }
}

ExactError exact_error(const Function& function, std::uint32_t x_bits, std::uint32_t y_bits) {
  const double x = numerics::float_of(x_bits);
  const float y = numerics::float_of(y_bits);
  Real operand(x);
  Real r;
  value_of(function.id, r.get(), operand.get());
  const double rounded = mpfr_get_d(r.get(), MPFR_RNDN);
  Real difference(std::isinf(y) ? std::copysign(0x1p128, y) : double{y});
  mpfr_sub(difference.get(), difference.get(), r.get(), MPFR_RNDN);
  const double error = std::fabs(mpfr_get_d(difference.get(), MPFR_RNDN));
  return {error / ulp_fp32(rounded), share(error, bound_of(function, x, rounded))};
}

}  // namespace

ExactReference mpfr_reference() { return exact_error; }

}  // namespace tandem::numsweep
