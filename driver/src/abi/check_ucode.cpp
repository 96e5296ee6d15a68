// SPDX-License-Identifier: Apache-2.0
// Structure check of micro-programs.
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/ucode.hpp"
#include "tandem/abi/vector_stream.hpp"

namespace tandem::abi {
namespace {

constexpr unsigned kNumTables = 2;

/// Walks a program in word order. Bounded state: what a hardware checker would hold in registers.
class Checker {
 public:
  Checker(const VectorPacket& packet, unsigned tables_loaded, std::size_t last_phase)
      : packet_(packet), tables_loaded_(tables_loaded), last_phase_(last_phase) {}

  /// True if word `index` obeys every rule; then takes its effects.
  bool accept(std::size_t index, const MicroWord& word) {
    const MicroOpInfo* info = find_micro_op(static_cast<std::uint8_t>(word.op));
    if (info == nullptr || !shape_ok(*info, word)) return false;
    if (word.op == MicroOp::kPhase) return start_phase(index);
    if (num_phases_ == 0) return false;
    if (!sources_ok(*info, word) || !order_ok(*info, word)) return false;
    if (word.op == MicroOp::kLd && type_of(word.a) == Dtype::kNone) return false;
    if (word.op == MicroOp::kTab && ((tables_loaded_ >> word.b) & 1) == 0) return false;
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

  static bool selector_ok(char kind, unsigned selector, bool is_destination) {
    switch (kind) {
      case '-':
        return selector == 0;
      case 'd':
        return is_v(selector) || is_s(selector);
      case 'r':
        return is_vector(selector) || is_scalar(selector);
      case 'v':
        return is_destination ? is_v(selector) : is_vector(selector);
      case 's':
        return is_destination ? is_s(selector) : is_scalar(selector);
      case 'i':
        return selector < kVectorInputs;
      case 'o':
        return selector < kVectorOutputs;
      case 't':
        return selector < kNumTables;
      default:
        return false;
    }
  }

  static bool is_source(char kind) { return kind == 'r' || kind == 'v' || kind == 's'; }

  /// Selectors are of the right kind, and the immediate is used or zero.
  static bool shape_ok(const MicroOpInfo& info, const MicroWord& w) {
    if (!selector_ok(info.d, w.dst, true) || !selector_ok(info.a, w.a, false) ||
        !selector_ok(info.b, w.b, false) || !selector_ok(info.c, w.c, false)) {
      return false;
    }
    const bool uses_imm = (is_source(info.a) && w.a == kSelectImm) ||
                          (is_source(info.b) && w.b == kSelectImm) ||
                          (is_source(info.c) && w.c == kSelectImm);
    return uses_imm || w.imm == 0;
  }

  bool start_phase(std::size_t index) {
    if (num_phases_ == kMaxPhases) return false;
    ++num_phases_;
    in_last_phase_ = index == last_phase_;
    vector_part_ = false;
    v_written_ = 0;
    s_readable_ |= s_reduced_;
    s_reduced_ = 0;
    return true;
  }

  bool readable(unsigned selector) const {
    if (is_v(selector)) return ((v_written_ >> (selector - kSelectV)) & 1) != 0;
    if (is_s(selector)) {
      const unsigned bit = selector - kSelectS;
      return ((s_readable_ & ~s_reduced_) >> bit & 1) != 0;
    }
    return true;
  }

  bool sources_ok(const MicroOpInfo& info, const MicroWord& w) const {
    return (!is_source(info.a) || readable(w.a)) && (!is_source(info.b) || readable(w.b)) &&
           (!is_source(info.c) || readable(w.c));
  }

  static bool is_scalar_op(const MicroOpInfo& info, const MicroWord& w) {
    if (w.op == MicroOp::kSts) return true;
    return info.op_class != MicroOpClass::kReduce && info.op_class != MicroOpClass::kStream &&
           is_s(w.dst);
  }

  /// Scalar operations come first and have scalar sources only.
  bool order_ok(const MicroOpInfo& info, const MicroWord& w) {
    if (!is_scalar_op(info, w)) {
      vector_part_ = true;
      return true;
    }
    if (vector_part_) return false;
    return (!is_source(info.a) || is_scalar(w.a)) && (!is_source(info.b) || is_scalar(w.b)) &&
           (!is_source(info.c) || is_scalar(w.c));
  }

  bool store(const MicroWord& w) {
    const bool scalar_output = ((packet_.out_scalar >> w.dst) & 1) != 0;
    if (!in_last_phase_ || type_of(kVectorInputs + w.dst) == Dtype::kNone) return false;
    if (scalar_output != (w.op == MicroOp::kSts)) return false;
    if (((stored_ >> w.dst) & 1) != 0) return false;
    stored_ |= 1u << w.dst;
    return true;
  }

  bool write(const MicroOpInfo& info, const MicroWord& w) {
    if (is_v(w.dst)) {
      v_written_ |= 1u << (w.dst - kSelectV);
      return true;
    }
    const unsigned bit = 1u << (w.dst - kSelectS);
    if (info.op_class != MicroOpClass::kReduce) {
      s_readable_ |= bit;
      return true;
    }
    if ((s_reduced_ & bit) != 0) return false;
    s_reduced_ |= bit;
    return true;
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

}  // namespace

CheckResult check_ucode(const VectorPacket& packet, std::span<const std::uint64_t> program,
                        unsigned tables_loaded) {
  const std::size_t words = packet.ucode_words;
  const std::size_t loaded = program.size() < words ? program.size() : words;
  const auto bad = [&](std::size_t index) {
    return CheckResult{Fault::kBadUcode, packet.ucode_start + index};
  };
  std::size_t last_phase = 0;
  for (std::size_t i = 0; i < loaded; ++i) {
    if (decode(program[i]).op == MicroOp::kPhase) last_phase = i;
  }
  Checker checker(packet, tables_loaded, last_phase);
  for (std::size_t i = 0; i < loaded; ++i) {
    if (!checker.accept(i, decode(program[i]))) return bad(i);
  }
  if (loaded < words) return bad(loaded);
  return checker.complete() ? CheckResult{} : bad(words - 1);
}

}  // namespace tandem::abi
