// SPDX-License-Identifier: Apache-2.0
// tandem dis: packets of a trace, or of a binary that `tandem asm` wrote, as text.
#include <fmt/format.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::cli {

namespace {

struct DisOptions {
  std::string file;
  std::string format = "trace";
  bool completions = false;
  bool json = false;
};

// Prints lines, or gathers them as cases.
class Listing {
 public:
  Listing(bool json, std::string backend) : json_(json), report_(std::move(backend)) {}

  void line(const std::string& text) {
    if (!json_) fmt::print("{}\n", text);
  }
  // nullptr in text mode.
  Json* entry(const std::string& name, const std::string& text) {
    ++count_;
    if (!json_) {
      fmt::print("{}\n", text);
      return nullptr;
    }
    Json& entry = report_.add_case(name);
    entry["text"] = text;
    return &entry;
  }
  void finish() {
    if (!json_) return;
    report_.summary()["lines"] = count_;
    report_.print();
  }

 private:
  bool json_;
  Report report_;
  std::uint64_t count_ = 0;
};

std::string completion_text(const abi::Completion& completion) {
  return fmt::format("#   seq={} error={} fault_addr={:#x} checksum={:016x}", completion.seq,
                     static_cast<unsigned>(completion.error), completion.fault_addr,
                     completion.checksum);
}

void list_trace(const DisOptions& options) {
  runtime::TraceReader trace(options.file);
  Listing listing(options.json, trace.info().backend);
  std::string op;
  runtime::TraceRecord record;
  while (trace.next(record)) {
    using Kind = runtime::TraceRecord::Kind;
    if (record.kind == Kind::kOp && record.text != op) {
      op = record.text;
      listing.line("# " + op);
    } else if (record.kind == Kind::kPacket) {
      Json* entry = listing.entry(fmt::format("packet.{}", record.packet.seq),
                                  abi::disassemble(record.packet));
      if (entry != nullptr) (*entry)["op"] = op;
    } else if (record.kind == Kind::kCompletion && options.completions) {
      if (options.json) {
        Json* entry = listing.entry(fmt::format("completion.{}", record.completion.seq),
                                    completion_text(record.completion));
        (*entry)["checksum"] = fmt::format("{:016x}", record.completion.checksum);
        (*entry)["error"] = static_cast<unsigned>(record.completion.error);
        (*entry)["fault_addr"] = record.completion.fault_addr;
      } else {
        listing.line(completion_text(record.completion));
      }
    }
  }
  listing.finish();
}

// The file as elements of T.
template <class T>
std::vector<T> read_elements(const std::string& path, const char* what) {
  const std::string bytes = read_text_file(path);
  if (bytes.empty() || bytes.size() % sizeof(T) != 0) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: {} bytes, expected a multiple of {} ({})", path, bytes.size(),
                            sizeof(T), what));
  }
  std::vector<T> elements(bytes.size() / sizeof(T));
  std::memcpy(elements.data(), bytes.data(), bytes.size());
  return elements;
}

void list_packets(const DisOptions& options) {
  Listing listing(options.json, "");
  std::uint64_t number = 0;
  for (const auto& packet : read_elements<abi::Packet>(options.file, "packets")) {
    listing.entry(fmt::format("packet.{}", number++), abi::disassemble(packet));
  }
  listing.finish();
}

void list_ucode(const DisOptions& options) {
  Listing listing(options.json, "");
  const auto words = read_elements<std::uint64_t>(options.file, "micro-program words");
  if (!options.json) {
    fmt::print("{}", abi::disassemble_ucode(words));
    return;
  }
  for (std::size_t i = 0; i < words.size(); ++i) {
    listing.entry(fmt::format("word.{}", i), abi::disassemble_word(words[i]));
  }
  listing.finish();
}

int dis(const DisOptions& options) {
  if (options.format == "trace") {
    list_trace(options);
  } else if (options.format == "packets") {
    list_packets(options);
  } else {
    list_ucode(options);
  }
  return kSuccess;
}

}  // namespace

Command add_dis_command(CLI::App& app) {
  auto options = std::make_shared<DisOptions>();
  CLI::App* command = app.add_subcommand("dis", "Show packets or micro-programs as text");
  command->add_option("file", options->file, "Trace (from `tandem run --record`) or binary")
      ->type_name("TRACE")
      ->required();
  command
      ->add_option("--format", options->format,
                   "trace; packets or ucode: a binary that `tandem asm` wrote")
      ->check(CLI::IsMember({"trace", "packets", "ucode"}))
      ->capture_default_str();
  command->add_flag("--completions", options->completions, "Also what the device answered");
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options] { return dis(*options); }};
}

}  // namespace tandem::cli
