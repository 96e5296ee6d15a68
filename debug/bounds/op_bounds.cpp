// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/op_bounds.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "bounds/matmul_terms.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::debug {
namespace {

using abi::Dtype;
using abi::MatmulPacket;
using abi::Opcode;

constexpr double kFar = std::numeric_limits<double>::infinity();
// Results over what independent roundings give on average.
constexpr double kSafety = 4;
// Rounding of an fp32 operation: to nearest on A, perhaps truncated on B.
constexpr double kSingle = 0x1p-24 + 0x1p-23;
// Rounding of an operand to ten fraction bits: to nearest on A, perhaps truncated or none on B.
constexpr double kOperand = 0x1p-11 + 0x1p-10;
// Four ulp of an elementary function, times what an error of an argument grows by in the result:
// exp of up to 16 in size.
constexpr double kConditioning = 64;

struct Format {
  int fraction_bits;
  int least_exponent;  // Of the smallest subnormal.
};

/// Nothing for types without roundings.
std::optional<Format> format_of(Dtype type) {
  switch (type) {
    case Dtype::kF32:
      return Format{23, -149};
    case Dtype::kBF16:
      return Format{7, -133};
    case Dtype::kF16:
      return Format{10, -24};
    case Dtype::kE4M3:
      return Format{3, -9};
    case Dtype::kE5M2:
      return Format{2, -16};
    default:
      return std::nullopt;
  }
}

bool is_rounded(Dtype operand) { return operand == Dtype::kF32; }

OpBound matmul_bound(const MatmulPacket& packet) {
  OpBound bound;
  if (packet.scale_mode == abi::ScaleMode::kRowCol) {
    // The sum is exact; two multiplications and a conversion follow.
    bound.value = 3 * kSingle;
    return bound;
  }
  const bool group = packet.scale_mode == abi::ScaleMode::kGroup;
  const double operands =
      (is_rounded(packet.a_type) ? 1 : 0) + (group ? 2 : 0) + (is_rounded(packet.b_type) ? 1 : 0);
  const double steps = double(packet.k) + 1;
  bound.terms = operands * kOperand;
  bound.terms_rms = std::sqrt(operands / 3) * kOperand;
  bound.sum = steps * kSingle;
  // A partial sum is as large as the root of its squares, on average over the steps 1/sqrt(2).
  bound.sum_rms = std::sqrt(steps / 2) * kSingle;
  return bound;
}

OpBound vector_bound(const abi::VectorPacket& packet) {
  OpBound bound;
  const double words = packet.ucode_words;
  // A sum over the row: 64 partial sums, then a tree, against any order.
  const double sums = double(packet.cols);
  bound.terms = kConditioning * words * kSingle;
  bound.terms_rms = kConditioning * std::sqrt(words) * kSingle;
  bound.sum = sums * kSingle;
  bound.sum_rms = std::sqrt(sums) * kSingle;
  return bound;
}

OpBound scatter_bound(const abi::ScatterAddPacket& packet) {
  OpBound bound;
  const double additions = double(packet.extent0) * packet.extent1 * packet.extent2;
  bound.sum = additions * kSingle;
  bound.sum_rms = std::sqrt(additions) * kSingle;
  return bound;
}

struct Element {
  double a = 0;
  double b = 0;
};

/// Distance in an element; infinite where only one side has a number.
double distance(const Element& e) {
  if (e.a == e.b || (std::isnan(e.a) && std::isnan(e.b))) return 0;
  const double d = std::abs(e.b - e.a);
  return std::isfinite(d) ? d : kFar;
}

/// Collects ratios of differences to bounds.
class Ratios {
 public:
  Ratios(const OpBound& bound, BoundCheck& check) : bound_(bound), check_(check) {}

  /// `terms`, `root`: sum|a b| and the root of the sum of its squares; `initial`: |initial|.
  void add(const Element& e, double terms, double root, double initial) {
    const double d = distance(e);
    const double size = std::isfinite(e.a) ? std::abs(e.a) : 0;
    const double allowed =
        bound_.terms * terms + bound_.sum * (terms + initial) + bound_.value * size + bound_.least;
    if (d > 0) check_.element = std::max(check_.element, allowed > 0 ? d / allowed : kFar);
    // A rounding is uniform within its limits.
    const double parts[] = {bound_.terms_rms * root, bound_.sum_rms * (root + initial),
                            bound_.value * size / std::sqrt(3.0), bound_.least};
    for (const double part : parts) row_allowed_ += part * part;
    row_diff_ += d * d;
  }
  void end_row() {
    if (row_diff_ > 0) {
      check_.row = std::max(check_.row, std::sqrt(row_diff_ / row_allowed_) / kSafety);
    }
    row_diff_ = row_allowed_ = 0;
  }

 private:
  const OpBound& bound_;
  BoundCheck& check_;
  double row_diff_ = 0;
  double row_allowed_ = 0;
};

std::vector<Element> read_elements(const abi::Packet& packet, const abi::Operand& operand,
                                   const abi::ReadMemory& a, const abi::ReadMemory& b) {
  const Dtype type = abi::element_type(packet, operand);
  std::vector<Element> elements;
  abi::for_each_element(packet, operand, a, b, [&](const abi::ElementPair& pair) {
    elements.push_back({*abi::number_of(type, pair.a), *abi::number_of(type, pair.b)});
  });
  return elements;
}

/// sum|a b| and its companion of all elements of one matrix of C.
class Magnitudes {
 public:
  Magnitudes(const MatmulPacket& packet, MatmulTerms& terms) : p_(packet), terms_(terms) {}

  void read(std::uint64_t batch0, std::uint64_t batch1) {
    const std::size_t size = std::size_t{p_.m} * p_.n;
    sums.assign(size, 0);
    roots.assign(size, 0);
    a_.resize(std::size_t{p_.m} * p_.k);
    b_.resize(p_.k);
    for (std::uint64_t m = 0; m < p_.m; ++m) {
      for (std::uint64_t k = 0; k < p_.k; ++k) {
        a_[m * p_.k + k] = std::abs(terms_.a({batch0, batch1, m, 0}, k));
      }
    }
    for (std::uint64_t n = 0; n < p_.n; ++n) {
      for (std::uint64_t k = 0; k < p_.k; ++k) {
        b_[k] = terms_.b_magnitude({batch0, batch1, 0, n}, k);
      }
      for (std::uint64_t m = 0; m < p_.m; ++m) add(m * p_.n + n, &a_[m * p_.k]);
    }
  }

  std::vector<double> sums;
  std::vector<double> roots;

 private:
  void add(std::size_t at, const float* a) {
    double sum = 0;
    double squares = 0;
    for (std::size_t k = 0; k < b_.size(); ++k) {
      const double term = double(a[k]) * double(b_[k]);
      sum += term;
      squares += term * term;
    }
    sums[at] = sum;
    roots[at] = std::sqrt(squares);
  }

  const MatmulPacket& p_;
  MatmulTerms& terms_;
  std::vector<float> a_;
  std::vector<float> b_;
};

void check_matmul(const abi::Packet& packet, const std::vector<Element>& elements,
                  const abi::ReadMemory& memory, Ratios& ratios) {
  const auto p = abi::packet_as<MatmulPacket>(packet);
  MatmulTerms terms(p, memory);
  const bool scaled = p.scale_mode == abi::ScaleMode::kRowCol;
  Magnitudes magnitudes(p, terms);
  std::size_t i = 0;
  for (std::uint64_t batch0 = 0; batch0 < p.batch0; ++batch0) {
    for (std::uint64_t batch1 = 0; batch1 < p.batch1; ++batch1) {
      if (!scaled) magnitudes.read(batch0, batch1);
      for (std::uint64_t m = 0; m < p.m; ++m) {
        for (std::uint64_t n = 0; n < p.n; ++n, ++i) {
          const std::size_t at = m * p.n + n;
          const double sum = scaled ? 0 : magnitudes.sums[at];
          const double root = scaled ? 0 : magnitudes.roots[at];
          double initial = 0;
          if (p.init_mode == abi::InitMode::kBias) {
            initial = std::abs(numerics::float_of(terms.initial({batch0, batch1, m, n})));
          } else if (p.init_mode == abi::InitMode::kAccumulate) {
            // The old C is gone; the result and the sum say how large it was at most.
            initial = std::abs(elements[i].a) + sum;
          }
          ratios.add(elements[i], sum, root, std::isfinite(initial) ? initial : 0);
        }
        ratios.end_row();
      }
    }
  }
}

void check_rows(const std::vector<Element>& elements, std::uint64_t row, Ratios& ratios) {
  for (std::size_t first = 0; first < elements.size(); first += row) {
    const std::size_t end = std::min(elements.size(), first + row);
    double squares = 0;
    for (std::size_t i = first; i < end; ++i) {
      if (std::isfinite(elements[i].a)) squares += elements[i].a * elements[i].a;
    }
    const double rms = std::sqrt(squares / double(end - first));
    for (std::size_t i = first; i < end; ++i) {
      const double size = std::isfinite(elements[i].a) ? std::abs(elements[i].a) : 0;
      ratios.add(elements[i], std::max(rms, size), rms, 0);
    }
    ratios.end_row();
  }
}

}  // namespace

OpBound op_bound(const abi::Packet& packet, Dtype written) {
  OpBound bound;
  const auto format = format_of(written);
  if (!format) return {.exact = true};
  switch (packet.opcode) {
    case Opcode::kMatmul:
      bound = matmul_bound(abi::packet_as<MatmulPacket>(packet));
      break;
    case Opcode::kVector:
      bound = vector_bound(abi::packet_as<abi::VectorPacket>(packet));
      break;
    case Opcode::kScatterAdd:
      bound = scatter_bound(abi::packet_as<abi::ScatterAddPacket>(packet));
      break;
    default:
      return {.exact = true};
  }
  // Both round to nearest: half a unit each.
  bound.value += std::ldexp(1.0, -format->fraction_bits);
  bound.least = std::ldexp(1.0, format->least_exponent);
  return bound;
}

std::uint64_t row_elements(const abi::Packet& packet, const abi::Operand& operand) {
  if (packet.opcode == Opcode::kMatmul) return abi::packet_as<MatmulPacket>(packet).n;
  const std::uint64_t size = std::max<std::uint64_t>(1, abi::element_size(packet, operand));
  const std::uint64_t all = std::max<std::uint64_t>(1, operand.total_bytes() / size);
  if (packet.opcode != Opcode::kVector) return all;
  const auto p = abi::packet_as<abi::VectorPacket>(packet);
  const std::uint64_t rows = std::uint64_t{p.rows0} * p.rows1;
  return rows != 0 && all == rows * p.cols ? p.cols : all;
}

BoundCheck check_bounds(const abi::Packet& packet, const abi::ReadMemory& a,
                        const abi::ReadMemory& b) {
  BoundCheck check;
  for (const abi::Operand& operand : abi::written_operands(packet)) {
    const OpBound bound = op_bound(packet, abi::element_type(packet, operand));
    if (bound.exact) {
      abi::for_each_element(packet, operand, a, b, [&](const abi::ElementPair& pair) {
        if (pair.differ) check.element = kFar;
      });
      continue;
    }
    Ratios ratios(bound, check);
    const std::vector<Element> elements = read_elements(packet, operand, a, b);
    if (packet.opcode == Opcode::kMatmul) {
      check_matmul(packet, elements, a, ratios);
    } else {
      check_rows(elements, row_elements(packet, operand), ratios);
    }
  }
  return check;
}

}  // namespace tandem::debug
