// SPDX-License-Identifier: Apache-2.0
#include "program_source.hpp"

#include <fmt/format.h>

#include <array>
#include <optional>

#include "native_functions.hpp"
#include "program_phases.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/ucode.hpp"

namespace tandem::gpu {
namespace {

using abi::Dtype;
using abi::MicroOp;
using abi::MicroWord;

std::string type_name(Dtype type) {
  switch (type) {
    case Dtype::kF32:
      return "abi::Dtype::kF32";
    case Dtype::kBF16:
      return "abi::Dtype::kBF16";
    case Dtype::kF16:
      return "abi::Dtype::kF16";
    case Dtype::kE4M3:
      return "abi::Dtype::kE4M3";
    case Dtype::kE5M2:
      return "abi::Dtype::kE5M2";
    case Dtype::kI8:
      return "abi::Dtype::kI8";
    case Dtype::kU8:
      return "abi::Dtype::kU8";
    case Dtype::kU16:
      return "abi::Dtype::kU16";
    case Dtype::kI32:
      return "abi::Dtype::kI32";
    default:
      return "abi::Dtype::kI64";
  }
}

const char* reduction_name(MicroOp op) {
  switch (op) {
    case MicroOp::kRsum:
      return "SumF32";
    case MicroOp::kRmin:
      return "MinF32";
    case MicroOp::kRmax:
      return "MaxF32";
    case MicroOp::kRisum:
      return "SumI32";
    case MicroOp::kRimin:
      return "MinI32";
    default:
      return "MaxI32";
  }
}

/// Name of the function in numerics/micro_ops.hpp.
std::string function_name(MicroOp op) {
  switch (op) {
    case MicroOp::kFadd:
      return "add";
    case MicroOp::kFsub:
      return "sub";
    case MicroOp::kFmul:
      return "mul";
    case MicroOp::kAnd:
      return "and_";
    case MicroOp::kOr:
      return "or_";
    case MicroOp::kXor:
      return "xor_";
    default:
      return std::string(abi::find_micro_op(std::uint8_t(op))->name);
  }
}

unsigned source_count(MicroOp op) {
  const abi::MicroOpInfo* info = abi::find_micro_op(std::uint8_t(op));
  const auto is_source = [](char kind) { return kind == 'r' || kind == 'v' || kind == 's'; };
  return unsigned(is_source(info->a)) + unsigned(is_source(info->b)) + unsigned(is_source(info->c));
}

/// Writes the two member functions of the program's class.
class Writer {
 public:
  Writer(std::span<const std::uint64_t> words, const abi::VectorPacket& packet, Maths maths)
      : phases_(split_phases(words)),
        types_{packet.in0_type,  packet.in1_type,  packet.in2_type, packet.in3_type,
               packet.out0_type, packet.out1_type, packet.out2_type},
        saturate_(packet.saturate) {
    if (maths == Maths::kNative) native_.emplace(phases_);
  }

  std::string text() {
    std::string scalars;
    std::string elements;
    for (std::size_t n = 0; n < phases_.size(); ++n) {
      phase_ = n;
      scalars += phase(phases_[n].scalar_words, 0);
      elements += phase(phases_[n].vector_words, phases_[n].scalar_words.size());
    }
    return fmt::format(
        "  TANDEM_GPU_FN void scalars(const VectorArgs& a, unsigned phase, VectorThread& thread,\n"
        "                             std::uint32_t*) const {{\n"
        "    (void)a;\n    (void)thread;\n    switch (phase) {{\n{}    }}\n  }}\n"
        "  TANDEM_GPU_FN void element(const VectorArgs& a, unsigned phase, VectorThread& thread,\n"
        "                             std::uint64_t column, std::uint32_t*) const {{\n"
        "    (void)a;\n    (void)thread;\n    (void)column;\n    switch (phase) {{\n{}    }}\n  "
        "}}\n",
        scalars, elements);
  }

 private:
  std::string phase(const std::vector<MicroWord>& words, std::size_t first) {
    std::string out = fmt::format("      case {}: {{\n", phase_);
    for (std::size_t i = 0; i < words.size(); ++i) {
      out += "        " + statement(words[i], first + i) + '\n';
    }
    return out + "        break;\n      }\n";
  }

  std::string source(const MicroWord& word, unsigned selector) const {
    if (abi::is_v(selector)) return vectors_[selector];
    if (abi::is_s(selector)) return fmt::format("thread.scalar[{}]", selector - abi::kSelectS);
    if (abi::is_p(selector)) return fmt::format("a.param[{}]", selector - abi::kSelectP);
    if (selector == abi::kSelectRow0) return "thread.row0";
    if (selector == abi::kSelectRow1) return "thread.row1";
    if (selector == abi::kSelectCol) return "std::uint32_t(column)";
    return fmt::format("0x{:08x}u", word.imm);
  }

  /// A value of its own for every word, so that later ones may read it when its register is taken.
  std::string assigned(const MicroWord& word, std::size_t index, const std::string& value) {
    const std::string name = value_name(index);
    std::string out = fmt::format("[[maybe_unused]] const std::uint32_t {} = {};", name, value);
    if (abi::is_s(word.dst)) {
      out += fmt::format(" thread.scalar[{}] = {};", word.dst - abi::kSelectS, name);
    } else {
      vectors_[word.dst] = name;
    }
    return out;
  }

  std::string stored(unsigned output) const {
    return fmt::format("<{}, {}>(a, {}, thread", type_name(types_[4 + output]),
                       saturate_ >> output & 1, 4 + output);
  }

  std::string statement(const MicroWord& word, std::size_t index) {
    const std::string a = source(word, word.a);
    switch (word.op) {
      case MicroOp::kLd:
        return assigned(word, index,
                        fmt::format("program_load<{}>(a, {}, thread, column)",
                                    type_name(types_[word.a]), word.a));
      case MicroOp::kSt:
        return fmt::format("program_store{}, column, {});", stored(word.dst), a);
      case MicroOp::kSts:
        return fmt::format("program_store_scalar{}, {});", stored(word.dst), a);
      case MicroOp::kTab:
        return assigned(word, index, fmt::format("vector_table(a, {}, {})", word.b, a));
      case MicroOp::kRsum:
      case MicroOp::kRmin:
      case MicroOp::kRmax:
      case MicroOp::kRisum:
      case MicroOp::kRimin:
      case MicroOp::kRimax: {
        const unsigned s = word.dst - abi::kSelectS;
        return fmt::format("thread.partial[{}] = numerics::{}()(thread.partial[{}], {});", s,
                           reduction_name(word.op), s, a);
      }
      default:
        return assigned(word, index, computation(word, index));
    }
  }

  std::string computation(const MicroWord& word, std::size_t index) const {
    const std::array<unsigned, 3> selectors = {word.a, word.b, word.c};
    std::array<std::string, 3> sources;
    const unsigned count = source_count(word.op);
    for (unsigned i = 0; i < count; ++i) sources[i] = source(word, selectors[i]);
    if (native_) {
      if (const std::string& text = native_->text(phase_, index); !text.empty()) return text;
      if (const std::string text = native_operation(word.op, sources); !text.empty()) return text;
    }
    std::string arguments;
    for (unsigned i = 0; i < count; ++i) {
      arguments += fmt::format("{}Bits32{{{}}}", i == 0 ? "" : ", ", sources[i]);
    }
    return fmt::format("numerics::{}({}).bits", function_name(word.op), arguments);
  }

  const std::vector<ProgramPhase> phases_;
  const std::array<Dtype, 7> types_;
  const unsigned saturate_;
  std::optional<NativeFunctions> native_;
  std::size_t phase_ = 0;
  std::array<std::string, abi::kVectorRegisters> vectors_;
};

}  // namespace

std::vector<ProgramPhase> split_phases(std::span<const std::uint64_t> words) {
  std::vector<ProgramPhase> phases;
  for (const std::uint64_t bits : words) {
    const MicroWord word = abi::decode(bits);
    if (word.op == MicroOp::kPhase) {
      phases.emplace_back();
      continue;
    }
    const bool reduces = word.op >= MicroOp::kRsum && word.op <= MicroOp::kRimax;
    const bool scalar =
        word.op == MicroOp::kSts || (!reduces && word.op != MicroOp::kSt && abi::is_s(word.dst));
    ProgramPhase& phase = phases.back();
    (scalar ? phase.scalar_words : phase.vector_words).push_back(word);
  }
  return phases;
}

std::vector<std::uint64_t> program_key(std::span<const std::uint64_t> words,
                                       const abi::VectorPacket& packet) {
  std::vector<std::uint64_t> key(words.begin(), words.end());
  const Dtype types[] = {packet.in0_type,  packet.in1_type,  packet.in2_type, packet.in3_type,
                         packet.out0_type, packet.out1_type, packet.out2_type};
  std::uint64_t packed = packet.saturate;
  for (const Dtype type : types) packed = packed << 8 | std::uint64_t(type);
  key.push_back(packed);
  return key;
}

std::string program_source(std::span<const std::uint64_t> words, const abi::VectorPacket& packet,
                           Maths maths) {
  return fmt::format(
      "#include \"kernels/compiled_program.hpp\"\n#include \"kernels/entry.hpp\"\n\n"
      "namespace tandem::gpu {{\n\nstruct Program {{\n"
      "  static constexpr unsigned kRegisterWords = 0;\n{}}};\n\n}}  // namespace tandem::gpu\n\n"
      "TANDEM_GPU_ENTRY({}, VectorArgs, vector_body(ctx, args, tandem::gpu::Program()))\n",
      Writer(words, packet, maths).text(), kProgramName);
}

}  // namespace tandem::gpu
