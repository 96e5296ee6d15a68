// SPDX-License-Identifier: Apache-2.0
// Hand-written device tests: memory contents, packets and what they must leave behind. Grammar:
// docs/reference/exec.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/isa.hpp"

namespace tandem::abi {

/// Element types of values in a file: those of packets, unsigned words, and bytes in hexadecimal.
enum class ExecType : std::uint8_t {
  kF32,
  kBF16,
  kF16,
  kE4M3,
  kE5M2,
  kI8,
  kU8,
  kU16,
  kI32,
  kU32,
  kI64,
  kU64,
  kHex,
};

/// Bytes that software writes before the next packet.
struct ExecWrite {
  std::uint64_t addr = 0;
  std::vector<std::uint8_t> bytes;
  int line = 0;
};

/// `count` copies of one element, from `addr` on. Large counts stay a count.
struct ExecFill {
  std::uint64_t addr = 0;
  std::uint64_t count = 0;
  std::vector<std::uint8_t> element;
  int line = 0;
};

/// A packet and its completion. Without an `expect` line it must complete without error.
struct ExecPacket {
  Packet packet;
  Fault error = Fault::kNone;
  std::optional<std::uint64_t> fault_addr;  ///< Compared if given.
  std::optional<std::uint64_t> checksum;    ///< Compared if given.
  int line = 0;                             ///< Of the packet.
  int expect_line = 0;  ///< Of its `expect` line; the packet's if there is none.
};

/// Bytes that memory must hold once all packets before have completed.
struct ExecExpect {
  std::uint64_t addr = 0;
  ExecType type = ExecType::kHex;  ///< How differences are shown.
  std::vector<std::uint8_t> bytes;
  int line = 0;
};

using ExecStep = std::variant<ExecWrite, ExecFill, ExecPacket, ExecExpect>;

/// Steps in file order. Packets that follow each other are submitted together; every other step
/// waits first until all packets before it have completed.
struct ExecFile {
  std::string name;
  std::vector<ExecStep> steps;
};

/// A name that the file may use as an address, e.g. a region of the memory map.
struct NamedAddress {
  std::string name;
  std::uint64_t addr = 0;
};

/// Parses a file's text. Throws kInvalidArgument "name:line:column: expected ..., found ...".
ExecFile parse_exec_file(std::string_view text, TextOrigin origin = {},
                         std::span<const NamedAddress> regions = {});

/// Reads and parses a file of at most 64 MiB. Throws kNotFound if it cannot be read, else as
/// parse_exec_file.
ExecFile load_exec_file(const std::string& path, std::span<const NamedAddress> regions = {});

/// Empty if `found` (as many bytes as expected) is right; else a sentence with file, line, element,
/// address, both values.
std::string check_expected(const ExecFile& file, const ExecExpect& expected,
                           std::span<const std::uint8_t> found);

/// Empty if the completion is what the file says; else a sentence with file, line and both values.
std::string check_completion(const ExecFile& file, const ExecPacket& expected,
                             const Completion& found);

}  // namespace tandem::abi
