// SPDX-License-Identifier: Apache-2.0
// Parser of exec files.
#include "tandem/abi/exec_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <unordered_map>

#include "exec_values.hpp"
#include "packet_text.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"

namespace tandem::abi {
namespace {

using detail::Number;
using detail::TextLine;
using detail::Token;

constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxDataBytes = std::size_t{256} << 20;  // all repeated values of a file

/// Appends `count` copies of `element`; every pass doubles what is there.
void append_copies(std::vector<std::uint8_t>& out, const std::vector<std::uint8_t>& element,
                   std::uint64_t count) {
  const std::size_t start = out.size();
  const std::size_t total = element.size() * count;
  out.resize(start + total);
  std::copy(element.begin(), element.end(), out.begin() + static_cast<std::ptrdiff_t>(start));
  for (std::size_t done = element.size(); done < total;) {
    const std::size_t piece = std::min(done, total - done);
    std::copy_n(out.data() + start, piece, out.data() + start + done);
    done += piece;
  }
}

class Parser {
 public:
  Parser(std::string_view text, const TextOrigin& origin, std::span<const NamedAddress> regions)
      : lines_(detail::split_lines(text, origin)), regions_(regions) {
    file_.name = std::string(origin.name);
    names_.address = [this](std::string_view name) { return region(name); };
    names_.program = [this](std::string_view name) { return program(name); };
  }

  ExecFile parse() {
    while (next_ < lines_.size()) {
      TextLine line = lines_[next_++];
      if (!line.done()) statement(line);
    }
    return std::move(file_);
  }

 private:
  std::optional<std::uint64_t> region(std::string_view name) const {
    for (const NamedAddress& entry : regions_) {
      if (entry.name == name) return entry.addr;
    }
    return std::nullopt;
  }

  std::optional<detail::ProgramName> program(std::string_view name) const {
    const auto found = programs_.find(std::string(name));
    return found == programs_.end() ? std::nullopt : std::optional(found->second);
  }

  void statement(TextLine line) {
    TextLine peek = line;
    const std::string_view word = peek.word().text;
    if (word == "mem") return memory(peek);
    if (word == "fill") return fill(peek);
    if (word == "expect") return expect(peek);
    if (word == "ucode") return ucode(peek);
    if (word == "table") return table(peek);
    packet(line);
  }

  std::uint64_t address(TextLine& line) { return detail::parse_address(line, line.word(), names_); }

  std::uint64_t integer(TextLine& line, const Token& token, std::uint64_t low, std::uint64_t high,
                        std::string_view what) {
    const std::optional<Number> number = detail::parse_number(token.text);
    const auto bits = number ? detail::integer_bits(*number, 64, false) : std::nullopt;
    if (!bits || *bits < low || *bits > high) {
      line.fail(token, fmt::format("{} from {} to {}", what, low, high));
    }
    return *bits;
  }

  ExecType type(TextLine& line) {
    const Token token = line.word();
    const auto found = detail::exec_type(token.text);
    if (!found) line.fail(token, "a type: " + detail::exec_type_list());
    return *found;
  }

  /// Values to the end of the line; N*VALUE repeats.
  std::vector<std::uint8_t> values(TextLine& line, ExecType type) {
    std::vector<std::uint8_t> out;
    do {
      Token token = line.word();
      std::uint64_t count = 1;
      const std::size_t star = token.text.find('*');
      if (star != std::string_view::npos) {
        const Token times{token.text.substr(0, star), token.pos};
        count = integer(line, times, 1, kMaxDataBytes, "a number of repetitions");
        token = {token.text.substr(star + 1), token.pos + star + 1};
      }
      std::vector<std::uint8_t> element;
      if (!detail::append_value(type, token.text, element)) {
        line.fail(token, type == ExecType::kHex ? "pairs of hexadecimal digits"
                                                : "a value of the type that fits it");
      }
      data_bytes_ += count * element.size();
      if (data_bytes_ > kMaxDataBytes) {
        line.fail(token, "at most 256 MiB of values in a file (use fill for more)");
      }
      append_copies(out, element, count);
    } while (!line.done());
    return out;
  }

  void memory(TextLine& line) {
    const int number = line.number();
    const std::uint64_t addr = address(line);
    const ExecType kind = type(line);
    file_.steps.push_back(ExecWrite{addr, values(line, kind), number});
  }

  void fill(TextLine& line) {
    ExecFill step;
    step.line = line.number();
    step.addr = address(line);
    const ExecType kind = type(line);
    step.count = integer(line, line.word(), 1, std::uint64_t{1} << 40, "a number of elements");
    const Token value = line.word();
    if (!detail::append_value(kind, value.text, step.element)) {
      line.fail(value, "a value of the type that fits it");
    }
    line.expect_done("nothing after the value");
    file_.steps.push_back(std::move(step));
  }

  void expect(TextLine& line) {
    const int number = line.number();
    TextLine peek = line;
    peek.word("=");
    if (peek.take('=')) return expect_completion(line);
    const std::uint64_t addr = detail::parse_address(line, line.word(), names_);
    const ExecType kind = type(line);
    file_.steps.push_back(ExecExpect{addr, kind, values(line, kind), number});
  }

  /// The latest packet, or the latest with the given sequence number.
  ExecPacket* find_packet(std::optional<std::uint64_t> seq) {
    std::optional<std::size_t> step = last_packet_;
    if (seq) {
      const auto found = packet_of_seq_.find(*seq);
      step = found == packet_of_seq_.end() ? std::nullopt : std::optional(found->second);
    }
    return step ? &std::get<ExecPacket>(file_.steps[*step]) : nullptr;
  }

  void expect_completion(TextLine& line) {
    const int number = line.number();
    ExecPacket wanted;
    std::optional<std::uint64_t> seq;
    const Token start{{}, line.pos()};
    while (!line.done()) {
      const Token key = line.word("=");
      if (!line.take('=')) line.fail_here(fmt::format("= after '{}'", key.text.substr(0, 32)));
      const Token value = line.word();
      if (key.text == "error") {
        const auto code = enum_value("error", value.text);
        if (!code) line.fail(value, "an error code of docs/reference/errors.md, e.g. UNMAPPED");
        wanted.error = static_cast<Fault>(*code);
      } else if (key.text == "fault") {
        wanted.fault_addr = detail::parse_address(line, value, names_);
      } else if (key.text == "checksum") {
        wanted.checksum = integer(line, value, 0, ~std::uint64_t{0}, "a checksum");
      } else if (key.text == "seq") {
        seq = integer(line, value, 0, ~std::uint64_t{0}, "a sequence number");
      } else {
        line.fail(key, "error=, fault=, checksum= or seq=");
      }
    }
    ExecPacket* packet = find_packet(seq);
    if (packet == nullptr) {
      line.fail_because(start, seq ? fmt::format("no packet before this line has seq {}", *seq)
                                   : "there is no packet before this line");
    }
    packet->error = wanted.error;
    packet->fault_addr = wanted.fault_addr;
    packet->checksum = wanted.checksum;
    packet->expect_line = number;
  }

  void add_packet(Packet packet, bool has_seq, int line) {
    if (!has_seq) packet.seq = next_seq_;
    next_seq_ = packet.seq + 1;
    ExecPacket step;
    step.packet = packet;
    step.line = step.expect_line = line;
    last_packet_ = packet_of_seq_[packet.seq] = file_.steps.size();
    file_.steps.push_back(std::move(step));
  }

  void packet(TextLine& line) {
    const int number = line.number();
    const detail::PacketLine parsed = detail::assemble_packet_line(line, names_);
    add_packet(parsed.packet, parsed.has_seq, number);
  }

  /// Memory words at `addr` and the packet that loads them.
  void load(UcodeTarget target, std::uint64_t addr, std::uint32_t dst_word, std::uint32_t words,
            std::vector<std::uint8_t> bytes, int line) {
    file_.steps.push_back(ExecWrite{addr, std::move(bytes), line});
    LoadUcodePacket packet;
    packet.target = target;
    packet.words = words;
    packet.dst_word = dst_word;
    packet.src_addr = addr;
    add_packet(to_packet(packet), false, line);
  }

  /// `ucode NAME [word=N] [addr=ADDRESS]`, words, `end`.
  void ucode(TextLine& line) {
    const int number = line.number();
    const Token name = line.word();
    if (name.text.empty() || programs_.contains(std::string(name.text))) {
      line.fail(name, "a new name of a micro-program");
    }
    std::uint64_t word = next_word_;
    std::optional<std::uint64_t> addr;
    while (!line.done()) {
      const Token key = line.word("=");
      if (!line.take('=')) line.fail_here(fmt::format("= after '{}'", key.text.substr(0, 32)));
      const Token value = line.word();
      if (key.text == "word") {
        word = integer(line, value, 0, 0xffff, "a word");
      } else if (key.text == "addr") {
        addr = detail::parse_address(line, value, names_);
      } else {
        line.fail(key, "word= or addr=");
      }
    }
    if (!addr && region("ucode")) addr = *region("ucode") + 8 * word;
    if (!addr)
      line.fail_because(name, "expected addr=ADDRESS, because no region is called 'ucode'");
    std::vector<std::uint8_t> bytes;
    const std::uint32_t words = program_words(line, name, bytes);
    if (words > 0xffff || word + words > 0x10000) {
      line.fail_because(name,
                        fmt::format("{} words from word {} on do not fit the 16-bit fields of "
                                    "VECTOR",
                                    words, word));
    }
    next_word_ = word + words;
    programs_[std::string(name.text)] = {static_cast<std::uint16_t>(word),
                                         static_cast<std::uint16_t>(words)};
    load(UcodeTarget::kProgram, *addr, static_cast<std::uint32_t>(word), words, std::move(bytes),
         number);
  }

  std::uint32_t program_words(TextLine& head, const Token& name, std::vector<std::uint8_t>& bytes) {
    while (next_ < lines_.size()) {
      TextLine line = lines_[next_++];
      if (line.done()) continue;
      TextLine peek = line;
      if (peek.word().text == "end") {
        peek.expect_done("nothing after end");
        if (bytes.empty()) head.fail_because(name, "the micro-program has no words");
        return static_cast<std::uint32_t>(bytes.size() / 8);
      }
      const std::uint64_t word = detail::assemble_word_line(line);
      for (unsigned i = 0; i < 8; ++i) bytes.push_back(static_cast<std::uint8_t>(word >> (8 * i)));
    }
    head.fail_because(name,
                      "expected `end` after the words of this micro-program, found the end of "
                      "the file");
  }

  /// `table N addr=ADDRESS TYPE values...`: 256 words of 32 bits.
  void table(TextLine& line) {
    const int number = line.number();
    const std::uint64_t index = integer(line, line.word(), 0, 1, "a table");
    const Token key = line.word("=");
    if (key.text != "addr" || !line.take('=')) line.fail(key, "addr=ADDRESS");
    const std::uint64_t addr = address(line);
    const ExecType kind = type(line);
    const Token first{{}, line.pos()};
    std::vector<std::uint8_t> bytes = values(line, kind);
    if (bytes.size() != 4 * kTableWords) {
      line.fail_because(
          first,
          fmt::format("expected 256 words (1024 bytes) of values, found {} bytes", bytes.size()));
    }
    load(index == 0 ? UcodeTarget::kTable0 : UcodeTarget::kTable1, addr, 0, kTableWords,
         std::move(bytes), number);
  }

  std::vector<TextLine> lines_;
  std::span<const NamedAddress> regions_;
  ExecFile file_;
  detail::Names names_;
  std::map<std::string, detail::ProgramName> programs_;
  std::unordered_map<std::uint64_t, std::size_t> packet_of_seq_;  // the latest step of each number
  std::optional<std::size_t> last_packet_;
  std::size_t next_ = 0;
  std::uint64_t next_seq_ = 1;
  std::uint64_t next_word_ = 0;
  std::size_t data_bytes_ = 0;
};

}  // namespace

ExecFile parse_exec_file(std::string_view text, TextOrigin origin,
                         std::span<const NamedAddress> regions) {
  return Parser(text, origin, regions).parse();
}

ExecFile load_exec_file(const std::string& path, std::span<const NamedAddress> regions) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::string chunk(std::size_t{1} << 16, '\0');
  while (file && text.size() <= kMaxFileBytes) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk, 0, static_cast<std::size_t>(file.gcount()));
  }
  if (!file.eof() && text.size() <= kMaxFileBytes) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("exec file '{}' cannot be read; check path and permissions", path));
  }
  if (text.size() > kMaxFileBytes) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: expected at most 64 MiB, found more; use fill for large memory", path));
  }
  return parse_exec_file(text, {.name = path}, regions);
}

std::string check_expected(const ExecFile& file, const ExecExpect& expected,
                           std::span<const std::uint8_t> found) {
  const std::size_t size = detail::exec_bytes(expected.type);
  const auto [want, got] =
      std::mismatch(expected.bytes.begin(), expected.bytes.end(), found.begin(), found.end());
  if (want == expected.bytes.end()) return {};
  const auto index = static_cast<std::size_t>(want - expected.bytes.begin()) / size;
  if (found.size() < (index + 1) * size) {
    return fmt::format("{}:{}: expected {} bytes at {:#x}, found {}", file.name, expected.line,
                       expected.bytes.size(), expected.addr, found.size());
  }
  const std::span<const std::uint8_t> wanted(expected.bytes);
  return fmt::format("{}:{}: element {} at {:#x}: expected {}, found {}", file.name, expected.line,
                     index, expected.addr + index * size,
                     detail::exec_value_text(expected.type, wanted.subspan(index * size, size)),
                     detail::exec_value_text(expected.type, found.subspan(index * size, size)));
}

std::string check_completion(const ExecFile& file, const ExecPacket& expected,
                             const Completion& found) {
  const std::string place =
      fmt::format("{}:{}: packet seq {}", file.name, expected.expect_line, expected.packet.seq);
  if (found.error != expected.error) {
    return fmt::format("{}: expected error {}, found {} (fault_addr {:#x})", place,
                       to_string(expected.error), to_string(found.error), found.fault_addr);
  }
  if (expected.fault_addr && found.fault_addr != *expected.fault_addr) {
    return fmt::format("{}: expected fault_addr {:#x}, found {:#x}", place, *expected.fault_addr,
                       found.fault_addr);
  }
  if (expected.checksum && found.checksum != *expected.checksum) {
    return fmt::format("{}: expected checksum {:#018x}, found {:#018x}", place, *expected.checksum,
                       found.checksum);
  }
  return {};
}

}  // namespace tandem::abi
