// SPDX-License-Identifier: Apache-2.0
// ggml's type numbers (enum ggml_type of ggml.h) with their block sizes.
#include <algorithm>
#include <array>

#include "gguf_parser.hpp"

namespace tandem::models {
namespace {

constexpr StoredType kNone = StoredType::kOther;

constexpr std::array kGgmlTypes{
    GgmlType{0, "F32", 1, 4, StoredType::kF32},
    GgmlType{1, "F16", 1, 2, StoredType::kF16},
    GgmlType{2, "Q4_0", 32, 18, StoredType::kQ4_0},
    GgmlType{3, "Q4_1", 32, 20, StoredType::kQ4_1},
    GgmlType{6, "Q5_0", 32, 22, StoredType::kQ5_0},
    GgmlType{7, "Q5_1", 32, 24, StoredType::kQ5_1},
    GgmlType{8, "Q8_0", 32, 34, StoredType::kQ8_0},
    GgmlType{9, "Q8_1", 32, 36, kNone},
    GgmlType{10, "Q2_K", 256, 84, kNone},
    GgmlType{11, "Q3_K", 256, 110, kNone},
    GgmlType{12, "Q4_K", 256, 144, StoredType::kQ4_K},
    GgmlType{13, "Q5_K", 256, 176, StoredType::kQ5_K},
    GgmlType{14, "Q6_K", 256, 210, StoredType::kQ6_K},
    GgmlType{15, "Q8_K", 256, 292, kNone},
    GgmlType{16, "IQ2_XXS", 256, 66, kNone},
    GgmlType{17, "IQ2_XS", 256, 74, kNone},
    GgmlType{18, "IQ3_XXS", 256, 98, kNone},
    GgmlType{19, "IQ1_S", 256, 50, kNone},
    GgmlType{20, "IQ4_NL", 32, 18, kNone},
    GgmlType{21, "IQ3_S", 256, 110, kNone},
    GgmlType{22, "IQ2_S", 256, 82, kNone},
    GgmlType{23, "IQ4_XS", 256, 136, kNone},
    GgmlType{24, "I8", 1, 1, StoredType::kI8},
    GgmlType{25, "I16", 1, 2, StoredType::kI16},
    GgmlType{26, "I32", 1, 4, StoredType::kI32},
    GgmlType{27, "I64", 1, 8, StoredType::kI64},
    GgmlType{28, "F64", 1, 8, StoredType::kF64},
    GgmlType{29, "IQ1_M", 256, 56, kNone},
    GgmlType{30, "BF16", 1, 2, StoredType::kBf16},
    GgmlType{34, "TQ1_0", 256, 54, kNone},
    GgmlType{35, "TQ2_0", 256, 66, kNone},
    GgmlType{39, "MXFP4", 32, 17, kNone},
};

constexpr std::array<std::string_view, 13> kValueTypeNames{
    "u8", "i8", "u16", "i16", "u32", "i32", "f32", "bool", "string", "array", "u64", "i64", "f64"};
constexpr std::array<std::uint8_t, 13> kValueBytes{1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

}  // namespace

const GgmlType* find_ggml_type(std::uint32_t id) {
  const auto it = std::ranges::find(kGgmlTypes, id, &GgmlType::id);
  return it == kGgmlTypes.end() ? nullptr : &*it;
}

std::string_view to_string(GgufType type) {
  return kValueTypeNames.at(static_cast<std::size_t>(type));
}

std::uint64_t gguf_value_bytes(GgufType type) {
  return kValueBytes.at(static_cast<std::size_t>(type));
}

}  // namespace tandem::models
