// SPDX-License-Identifier: Apache-2.0
#include "program_image.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <span>

#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

template <class Word>
std::string hex(const std::vector<Word>& words) {
  std::string text;
  for (const Word word : words) {
    text += fmt::format("{}{:x}", text.empty() ? "" : ",", word);
  }
  return text.empty() ? "-" : text;
}

template <class Word>
Word number(std::string_view text, int base) {
  Word value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || rest != text.data() + text.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("position in a trace: '{}' is no number", text.substr(0, 40)));
  }
  return value;
}

std::string_view take(std::string_view& text, char end) {
  const std::string_view word = text.substr(0, text.find(end));
  text.remove_prefix(std::min(text.size(), word.size() + 1));
  return word;
}

template <class Word>
std::vector<Word> words(std::string_view text) {
  std::vector<Word> result;
  if (text == "-") return result;
  do {
    result.push_back(number<Word>(take(text, ','), 16));
  } while (!text.empty());
  return result;
}

}  // namespace

std::string TracePosition::to_string() const {
  return fmt::format("{} {} {} {}", records, hex(program), hex(tables[0]), hex(tables[1]));
}

TracePosition TracePosition::parse(std::string_view text) {
  TracePosition position;
  position.records = number<std::uint64_t>(take(text, ' '), 10);
  position.program = words<std::uint64_t>(take(text, ' '));
  for (auto& table : position.tables) {
    table = words<std::uint32_t>(take(text, ' '));
    if (!table.empty() && table.size() != abi::kTableWords) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("position in a trace: a table of {} words, expected {}", table.size(),
                              abi::kTableWords));
    }
  }
  return position;
}

void note_load(TracePosition& loaded, const abi::Packet& packet, runtime::Device& device) {
  const auto load = abi::packet_as<abi::LoadUcodePacket>(packet);
  if (load.target == abi::UcodeTarget::kProgram) {
    const std::size_t end = std::size_t{load.dst_word} + load.words;
    loaded.program.resize(std::max(loaded.program.size(), end));
    device.copy_out(
        PhysAddr(load.src_addr),
        std::as_writable_bytes(std::span(loaded.program).subspan(load.dst_word, load.words)));
    return;
  }
  auto& table = loaded.tables[load.target == abi::UcodeTarget::kTable0 ? 0 : 1];
  table.resize(abi::kTableWords);
  device.copy_out(PhysAddr(load.src_addr), std::as_writable_bytes(std::span(table)));
}

void load_again(const TracePosition& loaded, runtime::Device& device) {
  runtime::Queue& queue = device.queue();
  queue.forget_programs();
  // The queue stages words where the recorded one did, so memory stays as the trace has it.
  if (!loaded.program.empty()) queue.program(loaded.program);
  for (unsigned table = 0; table < loaded.tables.size(); ++table) {
    if (!loaded.tables[table].empty()) queue.table(table, loaded.tables[table]);
  }
  queue.finish();
  queue.forget_programs();
}

}  // namespace tandem::debug
