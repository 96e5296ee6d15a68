// SPDX-License-Identifier: Apache-2.0
// Lookups in the tables of the specification.
#include "tandem/abi/metadata.hpp"

#include <array>

namespace tandem::abi {
namespace {

const EnumInfo* find_enum(std::string_view name) {
  for (const EnumInfo& info : enums()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

/// Entry of a table by an 8-bit code, built once.
template <class Info, class Code>
std::array<const Info*, 256> index_by_code(std::span<const Info> table, Code code) {
  std::array<const Info*, 256> index{};
  for (const Info& info : table) index[static_cast<std::uint8_t>(code(info))] = &info;
  return index;
}

}  // namespace

const OpcodeInfo* find_opcode(std::uint8_t opcode) {
  static const auto index =
      index_by_code(opcodes(), [](const OpcodeInfo& info) { return info.opcode; });
  return index[opcode];
}

const OpcodeInfo* find_opcode(std::string_view name) {
  for (const OpcodeInfo& info : opcodes()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

const MicroOpInfo* find_micro_op(std::uint8_t op) {
  static const auto index =
      index_by_code(micro_ops(), [](const MicroOpInfo& info) { return info.op; });
  return index[op];
}

const MicroOpInfo* find_micro_op(std::string_view name) {
  for (const MicroOpInfo& info : micro_ops()) {
    if (info.name == name) return &info;
  }
  return nullptr;
}

const FieldInfo* find_field(const OpcodeInfo& opcode, std::string_view name) {
  for (const FieldInfo& field : opcode.fields) {
    if (field.name == name) return &field;
  }
  return nullptr;
}

const FieldInfo* find_field(const OpcodeInfo& opcode, std::uint64_t byte_offset) {
  for (const FieldInfo& field : opcode.fields) {
    if (byte_offset >= field.at && byte_offset < field.at + field.width / 8u) return &field;
  }
  return nullptr;
}

std::string_view enum_name(std::string_view enumeration, std::uint64_t value) {
  const EnumInfo* info = find_enum(enumeration);
  if (info == nullptr) return {};
  for (const EnumValue& entry : info->values) {
    if (entry.value == value) return entry.name;
  }
  return {};
}

std::optional<std::uint32_t> enum_value(std::string_view enumeration, std::string_view name) {
  const EnumInfo* info = find_enum(enumeration);
  if (info == nullptr) return std::nullopt;
  for (const EnumValue& entry : info->values) {
    if (entry.name == name) return entry.value;
  }
  return std::nullopt;
}

std::string_view register_name(std::uint32_t offset) {
  for (const RegisterInfo& info : registers()) {
    if (info.at == offset) return info.name;
  }
  return {};
}

std::string_view to_string(Fault fault) {
  const std::string_view name = enum_name("error", static_cast<std::uint64_t>(fault));
  return name.empty() ? "unknown error" : name;
}

std::string_view to_string(Dtype type) {
  switch (type) {
    case Dtype::kNone:
      return "none";
    case Dtype::kF32:
      return "f32";
    case Dtype::kBF16:
      return "bf16";
    case Dtype::kF16:
      return "f16";
    case Dtype::kE4M3:
      return "e4m3";
    case Dtype::kE5M2:
      return "e5m2";
    case Dtype::kI8:
      return "i8";
    case Dtype::kU8:
      return "u8";
    case Dtype::kU16:
      return "u16";
    case Dtype::kI32:
      return "i32";
    case Dtype::kI64:
      return "i64";
    case Dtype::kU4:
      return "u4";
  }
  return "unknown type";
}

}  // namespace tandem::abi
