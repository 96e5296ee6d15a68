// SPDX-License-Identifier: Apache-2.0
// Micro-programs decoded once and kept until the memory that holds them changes.
#pragma once

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "kernels/kernels.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/driver/command_processor.hpp"

namespace tandem::cmodel {

/// One word of a valid micro-program.
struct DecodedOp {
  enum class Kind : std::uint8_t { kCompute, kLoad, kStore, kStoreScalar, kReduce };
  Kind kind = Kind::kCompute;
  abi::MicroOp op = abi::MicroOp::kPhase;
  std::uint8_t d = 0, a = 0, b = 0, c = 0;  ///< Selectors, stream or table numbers.
  std::uint8_t scalars = 0;                 ///< Bit n: source n is a scalar.
  std::uint32_t imm = 0;
};

struct DecodedPhase {
  std::vector<DecodedOp> scalar_ops;  ///< Once a row; stores of scalars among them.
  std::vector<DecodedOp> vector_ops;  ///< For every chunk.
  bool uses_column = false;
};

struct DecodedProgram {
  std::vector<std::uint64_t> words;
  std::vector<DecodedPhase> phases;
  bool uses_row =
      false;  ///< Reads a row index or has scalar operations or reductions: rows differ.
};

/// Decodes the words of a program that abi::check_ucode accepted.
DecodedProgram decode_program(std::span<const std::uint64_t> words);

class ProgramCache {
 public:
  /// The program of `words` words from `start` on. Valid until the next call.
  const DecodedProgram& find(const driver::UcodeMemory& ucode, std::uint32_t start,
                             std::uint32_t words);
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    DecodedProgram program;
    std::uint64_t generation = 0;
  };
  static constexpr std::size_t kMaxEntries = 1024;
  std::unordered_map<std::uint64_t, Entry> entries_;  ///< By start and length.
};

}  // namespace tandem::cmodel
