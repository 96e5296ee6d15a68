// SPDX-License-Identifier: Apache-2.0
// tandem asm: text to packets or micro-programs.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/base/error.hpp"

namespace tandem::cli {

namespace {

struct AsmOptions {
  std::string file;
  std::string format = "packets";
  std::string output;
  bool json = false;
};

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (std::byte b : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(b));
  return text;
}

// Writes the binary, or prints one element a line as hexadecimal bytes in memory order.
template <class T>
void emit(const AsmOptions& options, const std::vector<T>& elements, const char* name,
          std::string (*text_of)(const T&)) {
  if (!options.output.empty()) {
    std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
    const auto bytes = std::as_bytes(std::span(elements));
    file.write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file) {
      throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", options.output));
    }
  }
  if (options.json) {
    Report report;
    for (std::size_t i = 0; i < elements.size(); ++i) {
      Json& entry = report.add_case(fmt::format("{}.{}", name, i));
      entry["text"] = text_of(elements[i]);
      entry["bytes"] = hex(std::as_bytes(std::span(&elements[i], 1)));
    }
    report.summary()["count"] = elements.size();
    report.print();
  } else if (options.output.empty()) {
    for (const T& element : elements)
      fmt::print("{}\n", hex(std::as_bytes(std::span(&element, 1))));
  }
}

int assemble(const AsmOptions& options) {
  const std::string text = read_text_file(options.file);
  const abi::TextOrigin origin{.name = options.file};
  if (options.format == "packets") {
    emit<abi::Packet>(options, abi::assemble_packets(text, origin), "packet",
                      [](const abi::Packet& packet) { return abi::disassemble(packet); });
  } else {
    emit<std::uint64_t>(options, abi::assemble_ucode(text, origin), "word",
                        [](const std::uint64_t& word) { return abi::disassemble_word(word); });
  }
  return kSuccess;
}

}  // namespace

Command add_asm_command(CLI::App& app) {
  auto options = std::make_shared<AsmOptions>();
  CLI::App* command =
      app.add_subcommand("asm", "Assemble packets or a micro-program; `tandem dis` goes back");
  command->add_option("file", options->file, "Text, one packet or word a line")
      ->type_name("FILE")
      ->required();
  command->add_option("--format", options->format, "What the text is")
      ->check(CLI::IsMember({"packets", "ucode"}))
      ->capture_default_str();
  command
      ->add_option("-o,--output", options->output,
                   "Binary to write; without it bytes are printed as hexadecimal")
      ->type_name("FILE");
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options] { return assemble(*options); }};
}

}  // namespace tandem::cli
