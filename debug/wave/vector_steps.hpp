// SPDX-License-Identifier: Apache-2.0
// VECTOR as the lanes compute it: every line that is written to vector registers, partials and
// scalars, in order.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/driver/device_config.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::debug::wave {

using Tables = std::array<std::vector<std::uint32_t>, 2>;

/// One line of results: a beat of one operation.
struct VectorStep {
  enum class To : std::uint8_t { kRegister, kPartial, kScalar };
  To to = To::kRegister;
  unsigned target = 0;             ///< V or S register.
  unsigned line = 0;               ///< Of the register, or of its partials.
  bool last_of_reduction = false;  ///< Lane 0 is also the S register's value.
  std::uint32_t row0 = 0;
  std::uint32_t row1 = 0;
  std::uint32_t first_col = 0;       ///< Column of lane 0; meaningless for scalars and folds.
  std::uint32_t word = 0;            ///< Of the program, relative to its start.
  std::vector<std::uint32_t> lanes;  ///< Those that count.
};

/// Executes a checked program operation by operation.
class VectorSteps {
 public:
  /// `program`: the words of the packet. `before`: memory before the packet. All outlive this.
  VectorSteps(const abi::VectorPacket& packet, std::span<const std::uint64_t> program,
              const Tables& tables, const driver::SparseRam& before,
              const driver::DeviceConfig& config);
  /// False behind the last step.
  bool next(VectorStep& step);

 private:
  using Lanes = std::vector<std::uint32_t>;
  bool advance();  ///< Executes the next operation, which may have no step.
  void begin_phase();
  void end_phase();
  void scalar_operation(const abi::MicroWord& word);
  void vector_operation(const abi::MicroWord& word);
  void reduce(const abi::MicroWord& word, std::span<const std::uint32_t> elements);
  void fold(unsigned target, abi::MicroOp op);
  std::uint32_t compute(const abi::MicroWord& word, std::uint32_t lane) const;
  std::uint32_t source(unsigned selector, const abi::MicroWord& word, std::uint32_t lane) const;
  VectorStep make_step(VectorStep::To to, unsigned target, unsigned line) const;

  const abi::VectorPacket& packet_;
  std::vector<abi::MicroWord> program_;
  const Tables& tables_;
  const driver::SparseRam& ram_;
  unsigned lanes_;
  std::uint32_t chunk_;
  std::deque<VectorStep> ready_;

  std::uint32_t row0_ = 0;
  std::uint32_t row1_ = 0;
  std::uint32_t at_ = 0;         ///< Next word.
  std::uint32_t vector_at_ = 0;  ///< First vector operation of the phase.
  std::uint32_t end_ = 0;        ///< Behind the phase.
  std::uint32_t col_ = 0;        ///< Of the chunk.
  std::uint32_t count_ = 0;      ///< Columns of the chunk.
  bool done_ = false;
  std::array<Lanes, abi::kVectorRegisters> v_;
  std::array<std::uint32_t, abi::kScalarRegisters> s_{};
  struct Reduction {
    bool used = false;
    abi::MicroOp op = abi::MicroOp::kRsum;
    std::uint32_t word = 0;
    std::array<std::uint32_t, 64> partials{};
  };
  std::array<Reduction, abi::kScalarRegisters> reductions_;
};

}  // namespace tandem::debug::wave
