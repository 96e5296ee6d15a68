// SPDX-License-Identifier: Apache-2.0
// Text to micro-programs.
#include <fmt/format.h>

#include "packet_text.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "ucode_kinds.hpp"

namespace tandem::abi {
namespace detail {
namespace {

/// Number after a prefix, e.g. 3 of "v3" with prefix "v".
std::optional<unsigned> numbered(std::string_view text, std::string_view prefix) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return std::nullopt;
  const std::string_view digits = text.substr(prefix.size());
  if (digits.size() > 2 || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    return std::nullopt;
  }
  unsigned value = 0;
  for (char c : digits) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

/// Selector of a register, parameter or index name.
std::optional<unsigned> named_selector(std::string_view text) {
  if (text == "row0") return kSelectRow0;
  if (text == "row1") return kSelectRow1;
  if (text == "col") return kSelectCol;
  const struct {
    std::string_view prefix;
    unsigned first;
    unsigned count;
  } ranges[] = {{"v", kSelectV, kVectorRegisters},
                {"s", kSelectS, kScalarRegisters},
                {"p", kSelectP, kUcodeParams}};
  for (const auto& range : ranges) {
    const auto index = numbered(text, range.prefix);
    if (index && *index < range.count) return range.first + *index;
  }
  return std::nullopt;
}

std::string_view expected_text(char kind, bool is_destination) {
  switch (kind) {
    case 'i':
      return "an input in0 to in3";
    case 'o':
      return "an output out0 to out2";
    case 't':
      return "a table t0 or t1";
    case 'd':
      return "a register v0 to v15 or s0 to s7";
    case 'v':
      return is_destination ? "a register v0 to v15" : "a register v0 to v15 or col";
    case 's':
      return is_destination ? "a register s0 to s7" : "s0 to s7, p0 to p3, row0, row1 or a number";
    default:
      return "v0 to v15, s0 to s7, p0 to p3, row0, row1, col or a number";
  }
}

/// Parses the operands of one word.
class WordParser {
 public:
  WordParser(TextLine& line, const MicroOpInfo& info) : line_(line), info_(info) {}

  std::uint8_t operand(char kind, bool is_destination) {
    if (kind == '-') return 0;
    if (count_++ > 0 && !line_.take(',')) line_.fail_here(", and the next operand");
    const Token token = line_.word(",");
    const auto expected = [&] {
      return fmt::format("{} as operand {} of {}", expected_text(kind, is_destination), count_,
                         info_.name);
    };
    std::optional<unsigned> selector;
    if (kind == 'i') {
      selector = numbered(token.text, "in");
    } else if (kind == 'o') {
      selector = numbered(token.text, "out");
    } else if (kind == 't') {
      selector = numbered(token.text, "t");
    } else {
      selector = named_selector(token.text);
    }
    if (!selector && is_source(kind) && !is_destination) {
      if (const auto number = parse_number(token.text)) return immediate(token, *number);
    }
    if (!selector || !selector_ok(kind, *selector, is_destination)) line_.fail(token, expected());
    return static_cast<std::uint8_t>(*selector);
  }

  std::uint32_t imm() const { return imm_.value_or(0); }

 private:
  std::uint8_t immediate(const Token& token, const Number& number) {
    std::optional<std::uint64_t> bits = integer_bits(number, 32, true);
    if (number.is_float) {
      bits = number.f32;
    } else if (takes_floats(info_) && !number.hex) {
      line_.fail(token,
                 fmt::format("a float (2.0) or bits (0x40000000) as operand of {}", info_.name));
    }
    if (!bits) line_.fail(token, "a number that fits 32 bits");
    const auto value = static_cast<std::uint32_t>(*bits);
    if (imm_ && *imm_ != value) {
      line_.fail_because(token, fmt::format("a word holds one immediate: expected {:#x} again, "
                                            "found {:#x}; put one into a parameter or register",
                                            *imm_, value));
    }
    imm_ = value;
    return static_cast<std::uint8_t>(kSelectImm);
  }

  TextLine& line_;
  const MicroOpInfo& info_;
  int count_ = 0;
  std::optional<std::uint32_t> imm_;
};

std::uint64_t raw_word(TextLine& line) {
  const Token token = line.word();
  const auto number = parse_number(token.text);
  const auto bits = number ? integer_bits(*number, 64, false) : std::nullopt;
  if (!bits) line.fail(token, "a 64-bit number after .word");
  line.expect_done("nothing after the number");
  return *bits;
}

}  // namespace

std::uint64_t assemble_word_line(TextLine& line) {
  const Token name = line.word();
  if (name.text == ".word") return raw_word(line);
  const MicroOpInfo* info = find_micro_op(name.text);
  if (info == nullptr) {
    std::vector<std::string_view> candidates;
    for (const MicroOpInfo& entry : micro_ops()) candidates.push_back(entry.name);
    line.fail(name, "a micro-operation of docs/reference/micro_ops.md or .word" +
                        suggestion(name.text, candidates));
  }
  WordParser parser(line, *info);
  MicroWord word;
  word.op = info->op;
  word.dst = parser.operand(info->d, true);
  word.a = parser.operand(info->a, false);
  word.b = parser.operand(info->b, false);
  word.c = parser.operand(info->c, false);
  word.imm = parser.imm();
  line.expect_done(fmt::format("no more operands of {}", info->name));
  return encode(word);
}

}  // namespace detail

std::vector<std::uint64_t> assemble_ucode(std::string_view text, TextOrigin origin) {
  std::vector<std::uint64_t> out;
  for (detail::TextLine& line : detail::split_lines(text, origin)) {
    if (!line.done()) out.push_back(detail::assemble_word_line(line));
  }
  return out;
}

}  // namespace tandem::abi
