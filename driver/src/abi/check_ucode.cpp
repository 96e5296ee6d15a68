// SPDX-License-Identifier: Apache-2.0
// Structure check of micro-programs and its explanation.
#include <fmt/format.h>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/describe.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/metadata.hpp"
#include "ucode_kinds.hpp"

namespace tandem::abi {
namespace {

using detail::is_source;
using detail::selector_ok;

/// The rule that a word breaks as the end of a sentence, or nullptr.
using Rule = const char*;

/// Walks a program in word order. Bounded state: what a hardware checker would hold in registers.
class Checker {
 public:
  Checker(const VectorPacket& packet, unsigned tables_loaded, std::size_t last_phase)
      : packet_(packet), tables_loaded_(tables_loaded), last_phase_(last_phase) {}

  /// The rule that word `index` breaks; nullptr if none, then its effects are taken.
  Rule accept(std::size_t index, const MicroWord& word) {
    const MicroOpInfo* info = find_micro_op(static_cast<std::uint8_t>(word.op));
    if (info == nullptr) return "no operation has this code";
    if (Rule rule = shape_rule(*info, word)) return rule;
    if (word.op == MicroOp::kPhase) return start_phase(index);
    if (num_phases_ == 0) return "the first word must be `phase`";
    if (Rule rule = source_rule(*info, word)) return rule;
    if (Rule rule = order_rule(*info, word)) return rule;
    if (word.op == MicroOp::kLd && type_of(word.a) == Dtype::kNone) {
      return "it loads an input whose type in the packet is NONE";
    }
    if (word.op == MicroOp::kTab && ((tables_loaded_ >> word.b) & 1) == 0) {
      return "its table has not been loaded since reset";
    }
    if (word.op == MicroOp::kSt || word.op == MicroOp::kSts) return store(word);
    return write(*info, word);
  }

  /// True if every present output was stored.
  bool complete() const {
    for (unsigned i = 0; i < kVectorOutputs; ++i) {
      const bool present = type_of(kVectorInputs + i) != Dtype::kNone;
      if (present != (((stored_ >> i) & 1) != 0)) return false;
    }
    return true;
  }

 private:
  Dtype type_of(unsigned stream) const { return vector_stream(packet_, stream).type; }

  /// Selectors are of the right kind, and the immediate is used or zero.
  static Rule shape_rule(const MicroOpInfo& info, const MicroWord& w) {
    if (!selector_ok(info.d, w.dst, true)) return "its dst selector is not of the kind it takes";
    if (!selector_ok(info.a, w.a, false)) return "its a selector is not of the kind it takes";
    if (!selector_ok(info.b, w.b, false)) return "its b selector is not of the kind it takes";
    if (!selector_ok(info.c, w.c, false)) return "its c selector is not of the kind it takes";
    const bool uses_imm = (is_source(info.a) && w.a == kSelectImm) ||
                          (is_source(info.b) && w.b == kSelectImm) ||
                          (is_source(info.c) && w.c == kSelectImm);
    return uses_imm || w.imm == 0 ? nullptr : "its imm is not zero although no source selects it";
  }

  Rule start_phase(std::size_t index) {
    if (num_phases_ == kMaxPhases) return "a program has at most 8 phases";
    ++num_phases_;
    in_last_phase_ = index == last_phase_;
    vector_part_ = false;
    v_written_ = 0;
    s_readable_ |= s_reduced_;
    s_reduced_ = 0;
    return nullptr;
  }

  Rule read_rule(unsigned selector) const {
    if (is_v(selector) && ((v_written_ >> (selector - kSelectV)) & 1) == 0) {
      return "it reads a V register that this phase has not written";
    }
    if (!is_s(selector)) return nullptr;
    const unsigned bit = 1u << (selector - kSelectS);
    if ((s_reduced_ & bit) != 0)
      return "it reads an S register that a reduction of this phase writes";
    return (s_readable_ & bit) != 0 ? nullptr : "it reads an S register that nothing has written";
  }

  Rule source_rule(const MicroOpInfo& info, const MicroWord& w) const {
    const struct {
      char kind;
      unsigned selector;
    } sources[] = {{info.a, w.a}, {info.b, w.b}, {info.c, w.c}};
    for (const auto& source : sources) {
      if (!is_source(source.kind)) continue;
      if (Rule rule = read_rule(source.selector)) return rule;
    }
    return nullptr;
  }

  static bool is_scalar_op(const MicroOpInfo& info, const MicroWord& w) {
    if (w.op == MicroOp::kSts) return true;
    return info.op_class != MicroOpClass::kReduce && info.op_class != MicroOpClass::kStream &&
           is_s(w.dst);
  }

  /// Scalar operations come first and have scalar sources only.
  Rule order_rule(const MicroOpInfo& info, const MicroWord& w) {
    if (!is_scalar_op(info, w)) {
      vector_part_ = true;
      return nullptr;
    }
    if (vector_part_) return "scalar operations come before the vector operations of a phase";
    const bool scalar_sources = (!is_source(info.a) || is_scalar(w.a)) &&
                                (!is_source(info.b) || is_scalar(w.b)) &&
                                (!is_source(info.c) || is_scalar(w.c));
    return scalar_sources ? nullptr : "a scalar operation takes scalar sources only";
  }

  Rule store(const MicroWord& w) {
    const bool scalar_output = ((packet_.out_scalar >> w.dst) & 1) != 0;
    if (!in_last_phase_) return "outputs are stored in the last phase only";
    if (type_of(kVectorInputs + w.dst) == Dtype::kNone) {
      return "it stores an output whose type in the packet is NONE";
    }
    if (scalar_output != (w.op == MicroOp::kSts)) {
      return "st takes outputs with out_scalar bit 0, sts those with bit 1";
    }
    if (((stored_ >> w.dst) & 1) != 0) return "an output is stored once";
    stored_ |= 1u << w.dst;
    return nullptr;
  }

  Rule write(const MicroOpInfo& info, const MicroWord& w) {
    if (is_v(w.dst)) {
      v_written_ |= 1u << (w.dst - kSelectV);
      return nullptr;
    }
    const unsigned bit = 1u << (w.dst - kSelectS);
    if (info.op_class != MicroOpClass::kReduce) {
      s_readable_ |= bit;
      return nullptr;
    }
    if ((s_reduced_ & bit) != 0)
      return "another reduction of this phase writes the same S register";
    s_reduced_ |= bit;
    return nullptr;
  }

  const VectorPacket& packet_;
  unsigned tables_loaded_;
  std::size_t last_phase_;
  unsigned num_phases_ = 0;
  bool in_last_phase_ = false;
  bool vector_part_ = false;
  unsigned v_written_ = 0;  // V registers written in this phase
  unsigned s_readable_ =
      0;  // S registers written by a scalar operation or an earlier phase's reduction
  unsigned s_reduced_ = 0;  // S registers that a reduction of this phase writes at its end
  unsigned stored_ = 0;     // outputs
};

struct Finding {
  std::size_t index = 0;
  Rule rule = nullptr;
};

Finding find(const VectorPacket& packet, std::span<const std::uint64_t> program,
             unsigned tables_loaded) {
  const std::size_t words = packet.ucode_words;
  const std::size_t loaded = program.size() < words ? program.size() : words;
  std::size_t last_phase = 0;
  for (std::size_t i = 0; i < loaded; ++i) {
    if (decode(program[i]).op == MicroOp::kPhase) last_phase = i;
  }
  Checker checker(packet, tables_loaded, last_phase);
  for (std::size_t i = 0; i < loaded; ++i) {
    if (Rule rule = checker.accept(i, decode(program[i]))) return {i, rule};
  }
  if (loaded < words) return {loaded, "it has not been loaded since reset"};
  if (!checker.complete()) return {words - 1, "the program ends before every output is stored"};
  return {};
}

}  // namespace

CheckResult check_ucode(const VectorPacket& packet, std::span<const std::uint64_t> program,
                        unsigned tables_loaded) {
  const Finding found = find(packet, program, tables_loaded);
  if (found.rule == nullptr) return {};
  return {Fault::kBadUcode, packet.ucode_start + found.index};
}

std::string describe_ucode(const VectorPacket& packet, std::span<const std::uint64_t> program,
                           unsigned tables_loaded) {
  const Finding found = find(packet, program, tables_loaded);
  if (found.rule == nullptr) return {};
  const std::string text =
      found.index < program.size() ? " `" + disassemble_word(program[found.index]) + "`" : "";
  return fmt::format("micro-program word {} (word {} of {} of the program){}: {}",
                     packet.ucode_start + found.index, found.index, packet.ucode_words, text,
                     found.rule);
}

}  // namespace tandem::abi
