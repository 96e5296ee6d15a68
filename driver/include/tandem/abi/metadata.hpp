// SPDX-License-Identifier: Apache-2.0
// What the specification says of packets, registers and micro-operations, as tables for tools and
// messages.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"

namespace tandem::abi {

/// Whether zero is an error, and which.
enum class NonZero : std::uint8_t {
  kNo,     ///< Zero is allowed.
  kShape,  ///< Zero is Fault::kBadShape.
  kField,  ///< Zero is Fault::kBadField.
};

/// One field of a packet or of the completion record.
struct FieldInfo {
  std::string_view name;
  std::uint16_t at;                        ///< Byte offset.
  std::uint8_t width;                      ///< Bits: 8, 16, 32 or 64.
  std::string_view unit;                   ///< "bytes", "address", "rows" ... or empty.
  std::string_view enum_name;              ///< Enumeration of the values, or empty.
  std::uint64_t mask;                      ///< Bits that may be set.
  std::span<const std::uint16_t> allowed;  ///< Allowed values; empty: all.
  NonZero nonzero;
  std::string_view doc;
};

struct OpcodeInfo {
  Opcode opcode;
  std::string_view name;  ///< As in the specification, e.g. "MATMUL".
  Engine engine;
  std::span<const FieldInfo> fields;  ///< Ascending offsets, header included, reserved gaps not.
  std::string_view doc;
};

struct EnumValue {
  std::string_view name;
  std::uint32_t value;
  std::string_view doc;
};

struct EnumInfo {
  std::string_view name;
  std::span<const EnumValue> values;
};

enum class Access : std::uint8_t { kReadOnly, kReadWrite, kConfig, kWriteOneClear, kWriteOnly };

struct RegisterInfo {
  std::string_view name;
  std::uint32_t at;  ///< Byte offset.
  Access access;
  std::string_view unit;
  std::string_view doc;
};

enum class MicroOpClass : std::uint8_t {
  kControl,
  kStream,
  kReduce,
  kFma,
  kCompare,
  kLogic,
  kMultiply,
  kConvert,
  kTable,
};

/// Operand kinds d, a, b, c: '-' absent; 'd' vector or scalar register (destination); 'r' any
/// selector; 'v' vector register or (source) COL; 's' scalar (destination: S register; source:
/// scalar selector); 'i' input number; 'o' output number; 't' table number.
struct MicroOpInfo {
  MicroOp op;
  std::string_view name;
  MicroOpClass op_class;
  char d, a, b, c;
  std::string_view doc;
};

std::span<const OpcodeInfo> opcodes();
std::span<const FieldInfo> completion_fields();
std::span<const EnumInfo> enums();
std::span<const RegisterInfo> registers();
std::span<const MicroOpInfo> micro_ops();

/// Entry of an opcode; nullptr for an unknown or user opcode.
const OpcodeInfo* find_opcode(std::uint8_t opcode);
const OpcodeInfo* find_opcode(std::string_view name);
/// Entry of a micro-operation; nullptr if there is none.
const MicroOpInfo* find_micro_op(std::uint8_t op);
const MicroOpInfo* find_micro_op(std::string_view name);
/// Field of an opcode by name, or the field that covers a byte offset; nullptr if there is none.
const FieldInfo* find_field(const OpcodeInfo& opcode, std::string_view name);
const FieldInfo* find_field(const OpcodeInfo& opcode, std::uint64_t byte_offset);
/// Name of an enumeration value ("F32"), empty if there is none.
std::string_view enum_name(std::string_view enumeration, std::uint64_t value);
std::optional<std::uint32_t> enum_value(std::string_view enumeration, std::string_view name);
/// Register name at an offset, e.g. "CTRL"; empty if there is none.
std::string_view register_name(std::uint32_t offset);

/// Name of an error code, e.g. "UNMAPPED".
std::string_view to_string(Fault fault);
/// Name of a data type in lower case, e.g. "bf16".
std::string_view to_string(Dtype type);
/// Bits of one element; 0 for kNone.
unsigned dtype_bits(Dtype type);

}  // namespace tandem::abi
