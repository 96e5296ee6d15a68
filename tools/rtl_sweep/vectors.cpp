// SPDX-License-Identifier: Apache-2.0
// Operand vectors by class.
#include "vectors.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/numerics/bits.hpp"

namespace tandem::rtl_sweep {

namespace {

using numerics::bits_of;
using numerics::float_of;
using numerics::kF32SignBit;

constexpr std::uint32_t kE8m10Mask = 0xFFFFE000u;

constexpr std::array kFmaClasses{VectorClass::kCorners,        VectorClass::kRaw,
                                 VectorClass::kCloseExponents, VectorClass::kCancellation,
                                 VectorClass::kSubnormal,      VectorClass::kOverflow,
                                 VectorClass::kSpecials,       VectorClass::kNear};
constexpr std::array kTwoClasses{VectorClass::kCorners, VectorClass::kRaw, VectorClass::kSpecials,
                                 VectorClass::kNear};
constexpr std::array kOneClasses{VectorClass::kCorners, VectorClass::kTies, VectorClass::kEvery};
constexpr std::array kNarrowClasses{VectorClass::kEvery};

/// Words of both signs with the given exponent fields and fractions.
std::vector<std::uint32_t> combine(std::span<const std::uint32_t> exponents,
                                   std::span<const std::uint32_t> fractions) {
  std::vector<std::uint32_t> words;
  for (const std::uint32_t exponent : exponents) {
    for (const std::uint32_t fraction : fractions) {
      words.push_back(exponent << 23 | fraction);
      words.push_back(kF32SignBit | exponent << 23 | fraction);
    }
  }
  return words;
}

/// Corner values of an operand of E8M10.
const std::vector<std::uint32_t>& corners10() {
  static const std::vector<std::uint32_t> kWords = [] {
    constexpr std::array<std::uint32_t, 12> kExponents{0,   1,   2,   63,  115, 126,
                                                       127, 128, 138, 190, 254, 255};
    constexpr std::array<std::uint32_t, 6> kFractions{0x0,      0x2000,   0x200000,
                                                      0x400000, 0x402000, 0x7FE000};
    return combine(kExponents, kFractions);
  }();
  return kWords;
}

/// Corner values of an fp32 operand.
const std::vector<std::uint32_t>& corners32() {
  static const std::vector<std::uint32_t> kWords = [] {
    constexpr std::array<std::uint32_t, 15> kExponents{0,   1,   2,   24,  63,  103, 126, 127,
                                                       128, 150, 157, 190, 253, 254, 255};
    constexpr std::array<std::uint32_t, 9> kFractions{
        0x0, 0x1, 0x2, 0x1000, 0x3FFFFF, 0x400000, 0x400001, 0x7FFFFE, 0x7FFFFF};
    return combine(kExponents, kFractions);
  }();
  return kWords;
}

const std::vector<std::uint32_t>& first_corners(Operands operands) {
  return operands == Operands::kFma10 ? corners10() : corners32();
}

std::uint64_t corner_population(Operands operands) {
  const std::uint64_t first = first_corners(operands).size();
  const std::uint64_t last = corners32().size();
  switch (operands) {
    case Operands::kFma10:
    case Operands::kFma32:
      return first * first * last;
    case Operands::kTwo:
      return first * first;
    default:
      return first;
  }
}

constexpr std::array<std::uint32_t, 16> kSpecials{
    0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000, 0xFFC02000, 0x7F802000, 0x00002000,
    0x80000001, 0x007FE000, 0x00800000, 0x80800000, 0x7F7FE000, 0xFF7FFFFF, 0x3F800000, 0xBF800000};

}  // namespace

std::string_view to_string(VectorClass vector_class) {
  switch (vector_class) {
    case VectorClass::kCorners:
      return "corners";
    case VectorClass::kRaw:
      return "raw";
    case VectorClass::kCloseExponents:
      return "close exponents";
    case VectorClass::kCancellation:
      return "cancellation";
    case VectorClass::kSubnormal:
      return "subnormal";
    case VectorClass::kOverflow:
      return "overflow";
    case VectorClass::kSpecials:
      return "specials";
    case VectorClass::kNear:
      return "near";
    case VectorClass::kTies:
      return "ties";
    case VectorClass::kEvery:
      return "every";
  }
  return "unknown";
}

std::span<const VectorClass> classes_of(Operands operands) {
  switch (operands) {
    case Operands::kFma10:
    case Operands::kFma32:
      return kFmaClasses;
    case Operands::kTwo:
      return kTwoClasses;
    case Operands::kOne:
      return kOneClasses;
    default:
      return kNarrowClasses;
  }
}

std::uint64_t population(VectorClass vector_class, Operands operands) {
  if (vector_class == VectorClass::kCorners) return corner_population(operands);
  if (vector_class != VectorClass::kEvery) return ~std::uint64_t{0};
  switch (operands) {
    case Operands::kNarrow16:
      return std::uint64_t{1} << 16;
    case Operands::kNarrow8:
      return std::uint64_t{1} << 8;
    default:
      return std::uint64_t{1} << 32;
  }
}

/// splitmix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014).
std::uint64_t VectorSource::random() {
  std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

/// A fraction that is random, or nearly a power of two, or nearly all ones: ties and carries.
std::uint32_t VectorSource::fraction() {
  const std::uint64_t r = random();
  const auto bits = static_cast<std::uint32_t>(r) & 0x7FFFFFu;
  const std::uint32_t ones = 0x7FFFFFu << ((r >> 32) % 24);
  const std::uint64_t choice = (r >> 40) & 7u;
  if (choice == 0) return ones & 0x7FFFFFu;
  if (choice == 1) return ~ones & 0x7FFFFFu;
  if (choice == 2) return (ones & (0u - ones)) & 0x7FFFFFu;
  return choice < 5 ? bits & ones : bits;
}

std::uint32_t VectorSource::word(std::uint32_t exponent) {
  return (static_cast<std::uint32_t>(random()) & kF32SignBit) | (exponent << 23) | fraction();
}

std::uint32_t VectorSource::special_or_raw() {
  const std::uint64_t r = random();
  return (r >> 63) != 0 ? kSpecials[(r >> 32) & 15u] : static_cast<std::uint32_t>(r);
}

void VectorSource::corners(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c) {
  const std::vector<std::uint32_t>& first = first_corners(operands_);
  const std::vector<std::uint32_t>& last = corners32();
  // A step coprime to the population visits all of it, wherever the caller stops.
  constexpr std::uint64_t kStep = 1000003;
  std::uint64_t index = index_ * kStep % corner_population(operands_);
  a = first[index % first.size()];
  index /= first.size();
  b = first[index % first.size()];
  index /= first.size();
  c = last[index % last.size()];
}

/// Products with an exponent field (not limited to 8 bits) of `low` to `high`, and an addend within
/// 32 binades of it.
void VectorSource::around(int low, int high, std::uint32_t& a, std::uint32_t& b, std::uint32_t& c) {
  const std::uint64_t r = random();
  const int product = low + static_cast<int>((r & 0xFFFFu) % static_cast<unsigned>(high - low + 1));
  const int from = std::max(1, product + 127 - 254);
  const int to = std::min(254, product + 127 - 1);
  const int ea =
      from + static_cast<int>(((r >> 16) & 0xFFFFu) % static_cast<unsigned>(to - from + 1));
  const int ec = product - 32 + static_cast<int>((r >> 32) & 63u);
  a = word(static_cast<std::uint32_t>(ea));
  b = word(static_cast<std::uint32_t>(product + 127 - ea));
  c = word(static_cast<std::uint32_t>(std::clamp(ec, 0, 254)));
}

/// a is subnormal, b any normal number, c within 16 binades of the product.
void VectorSource::subnormal_factor(std::uint32_t& a, std::uint32_t& b, std::uint32_t& c) {
  const std::uint64_t r = random();
  a = (word(0) & kF32SignBit) | (fraction() >> (r & 15u)) |
      (operands_ == Operands::kFma10 ? 0x2000u : 1u);
  b = word(1 + static_cast<std::uint32_t>((r >> 8) % 254u));
  const std::uint32_t product = bits_of(float_of(a) * float_of(b));
  const int exponent =
      static_cast<int>((product >> 23) & 0xFFu) - 16 + static_cast<int>((r >> 32) & 31u);
  c = word(static_cast<std::uint32_t>(std::clamp(exponent, 0, 254)));
}

std::uint32_t VectorSource::near(std::uint32_t x) {
  const std::uint64_t r = random();
  const auto units = static_cast<std::uint32_t>(r & 7u) - 3u;
  const std::uint32_t sign = static_cast<std::uint32_t>(r >> 8) & kF32SignBit;
  // Mostly units in the last place, at times binades as well, at times a small number.
  const std::uint32_t binades = (static_cast<std::uint32_t>(r >> 16) % 61u - 30u) << 23;
  if (((r >> 40) & 15u) == 0) return static_cast<std::uint32_t>(r >> 48) & 63u;
  return ((r >> 44) & 3u) == 0 ? (x + units + binades) ^ sign : (x + units) ^ sign;
}

void VectorSource::fill(std::span<std::uint32_t> a, std::span<std::uint32_t> b,
                        std::span<std::uint32_t> c) {
  TANDEM_CHECK(a.size() == b.size() && b.size() == c.size());
  const std::uint64_t every = population(VectorClass::kEvery, operands_) - 1;
  for (std::size_t i = 0; i < a.size(); ++i, ++index_) {
    switch (class_) {
      case VectorClass::kCorners:
        corners(a[i], b[i], c[i]);
        break;
      case VectorClass::kRaw: {
        const std::uint64_t r = random();
        a[i] = static_cast<std::uint32_t>(r);
        b[i] = static_cast<std::uint32_t>(r >> 32);
        c[i] = static_cast<std::uint32_t>(random());
        break;
      }
      case VectorClass::kCloseExponents:
        around(1, 254, a[i], b[i], c[i]);
        break;
      case VectorClass::kCancellation: {
        around(-20, 254, a[i], b[i], c[i]);
        if (operands_ == Operands::kFma10) {
          a[i] &= kE8m10Mask;
          b[i] &= kE8m10Mask;
        }
        const float product = float_of(a[i]) * float_of(b[i]);
        c[i] = (bits_of(product) ^ kF32SignBit) + static_cast<std::uint32_t>(random() % 7) - 3u;
        break;
      }
      case VectorClass::kSubnormal:
        around(-30, 6, a[i], b[i], c[i]);
        if ((index_ & 1u) != 0) subnormal_factor(a[i], b[i], c[i]);
        break;
      case VectorClass::kOverflow:
        around(246, 258, a[i], b[i], c[i]);
        break;
      case VectorClass::kSpecials:
        a[i] = special_or_raw();
        b[i] = special_or_raw();
        c[i] = special_or_raw();
        break;
      case VectorClass::kNear:
        a[i] = static_cast<std::uint32_t>(random());
        b[i] = near(a[i]);
        c[i] = near(b[i]);
        break;
      case VectorClass::kTies: {
        // Few bits set, a few units beside that: as fp32 about the small types' range, or as an
        // integer.
        const std::uint64_t r = random();
        const std::uint32_t units = static_cast<std::uint32_t>(r % 3u) - 1u;
        const auto exponent = static_cast<std::uint32_t>(96 + ((r >> 8) & 63u));
        const auto bits =
            static_cast<std::uint32_t>((1u << ((r >> 16) & 31u)) | (1u << ((r >> 24) & 31u)));
        const bool integer = (r >> 63) != 0;
        a[i] = (integer ? bits : (word(exponent) & ~0x7FFFFFu) | (bits & 0x7FFFFFu)) + units;
        b[i] = 0;
        c[i] = 0;
        break;
      }
      case VectorClass::kEvery: {
        // An odd factor permutes the patterns; bits above a narrow one are random.
        const std::uint64_t pattern = (index_ * 2654435769u) & every;
        const std::uint64_t above = every == 0xFFFFFFFFu ? 0 : random() & ~every;
        a[i] = static_cast<std::uint32_t>(pattern | above);
        b[i] = 0;
        c[i] = 0;
        break;
      }
    }
    if (operands_ == Operands::kFma10) {
      a[i] &= kE8m10Mask;
      b[i] &= kE8m10Mask;
    }
  }
}

}  // namespace tandem::rtl_sweep
