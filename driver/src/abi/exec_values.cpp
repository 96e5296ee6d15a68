// SPDX-License-Identifier: Apache-2.0
// Typed values of exec files: text to bytes and back.
#include "exec_values.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "tandem/numerics/convert.hpp"

namespace tandem::abi::detail {
namespace {

using numerics::Fp8Overflow;

struct TypeName {
  std::string_view name;
  ExecType type;
  unsigned num_bytes;
};

constexpr TypeName kTypes[] = {
    {"f32", ExecType::kF32, 4},   {"bf16", ExecType::kBF16, 2}, {"f16", ExecType::kF16, 2},
    {"e4m3", ExecType::kE4M3, 1}, {"e5m2", ExecType::kE5M2, 1}, {"i8", ExecType::kI8, 1},
    {"u8", ExecType::kU8, 1},     {"u16", ExecType::kU16, 2},   {"i32", ExecType::kI32, 4},
    {"u32", ExecType::kU32, 4},   {"i64", ExecType::kI64, 8},   {"u64", ExecType::kU64, 8},
    {"hex", ExecType::kHex, 1},
};

bool is_float(ExecType type) { return type <= ExecType::kE5M2; }

/// fp32 pattern narrowed to the type, nearest even, overflow as without saturation.
std::uint64_t narrow(ExecType type, std::uint32_t f32) {
  switch (type) {
    case ExecType::kBF16:
      return numerics::f32_to_bf16(f32);
    case ExecType::kF16:
      return numerics::f32_to_f16(f32);
    case ExecType::kE4M3:
      return numerics::f32_to_e4m3(f32, Fp8Overflow::kNonSaturate);
    case ExecType::kE5M2:
      return numerics::f32_to_e5m2(f32, Fp8Overflow::kNonSaturate);
    default:
      return f32;
  }
}

std::uint32_t widen(ExecType type, std::uint64_t bits) {
  switch (type) {
    case ExecType::kBF16:
      return numerics::bf16_to_f32(static_cast<std::uint16_t>(bits));
    case ExecType::kF16:
      return numerics::f16_to_f32(static_cast<std::uint16_t>(bits));
    case ExecType::kE4M3:
      return numerics::e4m3_to_f32(static_cast<std::uint8_t>(bits));
    case ExecType::kE5M2:
      return numerics::e5m2_to_f32(static_cast<std::uint8_t>(bits));
    default:
      return static_cast<std::uint32_t>(bits);
  }
}

void append(std::vector<std::uint8_t>& out, std::uint64_t bits, unsigned num_bytes) {
  for (unsigned i = 0; i < num_bytes; ++i)
    out.push_back(static_cast<std::uint8_t>(bits >> (8 * i)));
}

bool append_hex(std::string_view text, std::vector<std::uint8_t>& out) {
  if (text.size() % 2 != 0 ||
      text.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto number = parse_number("0x" + std::string(text.substr(i, 2)));
    out.push_back(static_cast<std::uint8_t>(number->magnitude));
  }
  return !text.empty();
}

}  // namespace

std::optional<ExecType> exec_type(std::string_view name) {
  for (const TypeName& entry : kTypes) {
    if (entry.name == name) return entry.type;
  }
  return std::nullopt;
}

std::string exec_type_list() {
  std::string out;
  for (const TypeName& entry : kTypes)
    out += fmt::format("{}{}", out.empty() ? "" : ", ", entry.name);
  return out;
}

unsigned exec_bytes(ExecType type) { return kTypes[static_cast<std::size_t>(type)].num_bytes; }

bool append_value(ExecType type, std::string_view text, std::vector<std::uint8_t>& out) {
  if (type == ExecType::kHex) return append_hex(text, out);
  const std::optional<Number> number = parse_number(text);
  if (!number) return false;
  const unsigned num_bytes = exec_bytes(type);
  if (is_float(type) && !number->hex) {
    append(out, narrow(type, number->f32), num_bytes);
    return true;
  }
  const bool sign = !is_float(type) && type != ExecType::kU8 && type != ExecType::kU16 &&
                    type != ExecType::kU32 && type != ExecType::kU64;
  const std::optional<std::uint64_t> bits = integer_bits(*number, 8 * num_bytes, sign);
  if (!bits) return false;
  append(out, *bits, num_bytes);
  return true;
}

std::string exec_value_text(ExecType type, std::span<const std::uint8_t> element) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, element.data(), element.size());
  const auto digits = static_cast<int>(2 * element.size());
  if (type == ExecType::kHex) return fmt::format("{:0{}x}", bits, digits);
  std::string value;
  if (is_float(type)) {
    value = fmt::format("{}", std::bit_cast<float>(widen(type, bits)));
  } else if (type == ExecType::kI8) {
    value = fmt::format("{}", static_cast<std::int8_t>(bits));
  } else if (type == ExecType::kI32) {
    value = fmt::format("{}", static_cast<std::int32_t>(bits));
  } else if (type == ExecType::kI64) {
    value = fmt::format("{}", static_cast<std::int64_t>(bits));
  } else {
    value = fmt::format("{}", bits);
  }
  return fmt::format("{} (0x{:0{}x})", value, bits, digits);
}

}  // namespace tandem::abi::detail
