// SPDX-License-Identifier: Apache-2.0
// tandem who: what wrote and read a byte in a recorded run.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/history.hpp"

namespace tandem::cli {

namespace {

struct WhoFlags {
  std::string trace;
  std::string address;
  std::uint64_t before = std::numeric_limits<std::uint64_t>::max();
  std::size_t last = 10;
  bool all = false;
  bool json = false;
};

abi::ByteRange parse_bytes(const std::string& text) {
  try {
    if (text.find(':') == std::string::npos) return driver::parse_watch_range(text).bytes;
  } catch (const Error&) {
    // Said below, as a wrong command line.
  }
  throw UsageError(fmt::format("{}: expected ADDRESS or ADDRESS+BYTES, e.g. 0x20000040+4", text));
}

Json json_of(const debug::Access& access) {
  using debug::Access;
  Json entry;
  const bool packet = access.by == Access::By::kPacket;
  entry["by"] = packet ? "packet" : access.by == Access::By::kHost ? "host" : "start";
  entry["access"] = access.reads && access.writes ? "read_write" : access.reads ? "read" : "write";
  entry[packet ? "packet" : "before_packet"] = access.seq;
  if (packet) {
    const auto opcode = static_cast<std::uint8_t>(access.packet.opcode);
    const abi::OpcodeInfo* info = abi::find_opcode(opcode);
    entry["opcode"] = info != nullptr ? std::string(info->name) : fmt::format("{:#04x}", opcode);
    entry["op"] = access.op;
    entry["operand"] = access.operand.name;
    entry["element"] = access.element;
    entry["certain"] = !access.indexed;
    entry["outcome"] = access.outcome == Access::Outcome::kDone     ? "done"
                       : access.outcome == Access::Outcome::kFailed ? "failed"
                                                                    : "unfinished";
  } else {
    entry["first_byte"] = access.bytes.begin;
    entry["num_bytes"] = access.bytes.end - access.bytes.begin;
  }
  entry["address"] = access.addr;
  entry["place"] = access.place;
  return entry;
}

std::string line_of(const debug::Access& access) {
  std::string line = debug::describe(access);
  if (!access.op.empty()) line += fmt::format(", op {}", access.op);
  if (!access.place.empty()) line += fmt::format(", {}", access.place);
  return line;
}

void print_json(const WhoFlags& flags, const debug::History& history, std::size_t first) {
  Report report(history.backend);
  for (std::size_t i = first; i < history.accesses.size(); ++i) {
    const debug::Access& access = history.accesses[i];
    report.add_case(fmt::format("access.{}", i)).update(json_of(access));
  }
  Json& summary = report.summary();
  summary["trace"] = flags.trace;
  summary["address"] = history.range.begin;
  summary["num_bytes"] = history.range.end - history.range.begin;
  summary["region"] = history.region;
  summary["accesses"] = history.accesses.size();
  summary["last_writers"] = Json::array();
  for (const debug::LastWriter& writer : debug::last_writers(history)) {
    Json piece = {{"first_byte", writer.bytes.begin},
                  {"num_bytes", writer.bytes.end - writer.bytes.begin}};
    piece["writer"] = writer.access == nullptr ? Json() : json_of(*writer.access);
    piece["maybe"] = Json::array();
    for (const debug::Access* access : writer.maybe) piece["maybe"].push_back(json_of(*access));
    summary["last_writers"].push_back(std::move(piece));
  }
  report.print();
}

void print_text(const debug::History& history, std::size_t first) {
  fmt::print("{:#x}+{} in region {} of {}\n", history.range.begin,
             history.range.end - history.range.begin, history.region, history.path);
  if (first != 0) fmt::print("  ... {} earlier ones; --all shows them\n", first);
  for (std::size_t i = first; i < history.accesses.size(); ++i) {
    fmt::print("  {}\n", line_of(history.accesses[i]));
  }
  for (const debug::LastWriter& writer : debug::last_writers(history)) {
    const std::string piece =
        fmt::format("{:#x}+{}", writer.bytes.begin, writer.bytes.end - writer.bytes.begin);
    for (const debug::Access* access : writer.maybe) {
      fmt::print("last written, {}: perhaps {}\n", piece, line_of(*access));
    }
    fmt::print("last written, {}: {}\n", piece,
               writer.access == nullptr ? "never; zero when the recording began"
                                        : line_of(*writer.access));
  }
}

int who(const WhoFlags& flags) {
  const debug::History history =
      debug::history_of(flags.trace, parse_bytes(flags.address), flags.before);
  const std::size_t count = history.accesses.size();
  const std::size_t first = flags.all ? 0 : count - std::min(count, flags.last);
  if (flags.json) {
    print_json(flags, history, first);
  } else {
    print_text(history, first);
  }
  return kSuccess;
}

}  // namespace

Command add_who_command(CLI::App& app) {
  auto flags = std::make_shared<WhoFlags>();
  CLI::App* command = app.add_subcommand(
      "who", "Show which packets and host writes touched a byte in a recorded run");
  command->add_option("trace", flags->trace, "From `tandem run --record`")
      ->type_name("TRACE")
      ->required();
  command->add_option("address", flags->address, "First byte, e.g. 0x20000040, or a range")
      ->type_name("ADDR[+LEN]")
      ->required();
  command->add_option("--before", flags->before, "Only what came before this packet")
      ->type_name("SEQ");
  command->add_option("--last", flags->last, "Accesses to show")
      ->type_name("N")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_flag("--all", flags->all, "Show all accesses");
  command->add_flag("--json", flags->json, "Print JSON");
  return {command, [flags] { return who(*flags); }};
}

}  // namespace tandem::cli
