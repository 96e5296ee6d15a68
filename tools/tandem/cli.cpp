// SPDX-License-Identifier: Apache-2.0
// Shared parts of the commands.
#include "cli.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <fstream>

#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::cli {

void add_device_flags(CLI::App& app, DeviceFlags& flags) {
  app.add_option("--backend", flags.backend, "Device: name[:configuration][?key=value&...]")
      ->type_name("URI")
      ->capture_default_str()
      ->group("Device");
  app.add_option("--config", flags.config,
                 "Device configuration: a name in sim_configs or a YAML file (default: the URI's, "
                 "else edge)")
      ->type_name("FILE")
      ->group("Device");
  app.add_option("--threads", flags.threads, "Threads of the device model (default: its own)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024))
      ->group("Device");
}

void add_hybrid_flags(CLI::App& app, DeviceFlags& flags) {
  flags.chooses = true;
  const auto add = [&app](const char* name, std::string& value, const char* text,
                          const char* type) {
    app.add_option(name, value, text)->type_name(type)->group("Hybrid");
  };
  add("--rtl-packets", flags.rtl_packets,
      "Packets that the second device of hybrid:A,B runs, by sequence number", "A-B,...");
  add("--rtl-layers", flags.rtl_layers, "Layers that it runs, by number or name", "LIST");
  add("--rtl-ops", flags.rtl_ops, "Ops that it runs, e.g. 'layer.3/*,*/linear'", "GLOB,...");
}

namespace {

/// The backend with the packets chosen by options in its brackets.
std::string with_chosen_packets(const DeviceFlags& flags) {
  std::string chosen;
  for (const auto& [key, value] :
       {std::pair("packets", &flags.rtl_packets), std::pair("layers", &flags.rtl_layers),
        std::pair("ops", &flags.rtl_ops)}) {
    if (value->empty()) continue;
    if (value->find_first_of("]&") != std::string::npos) {
      throw UsageError(fmt::format("--rtl-{} {}: ']' and '&' have no place there", key, *value));
    }
    chosen += fmt::format("{}{}={}", chosen.empty() ? "" : "&", key, *value);
  }
  driver::BackendUri uri = driver::parse_uri(flags.backend);
  if (uri.name != "hybrid") {
    if (chosen.empty()) return flags.backend;
    throw UsageError(fmt::format(
        "--rtl-packets, --rtl-layers and --rtl-ops choose packets of a hybrid, e.g. --backend "
        "hybrid:cmodel,rtl; found --backend {}",
        flags.backend));
  }
  const driver::OwnOptions own = driver::own_options_of(uri);
  if (chosen.empty() && own.options.empty()) {
    throw UsageError(fmt::format(
        "--backend {}: say what the second device runs, with --rtl-packets, --rtl-layers or "
        "--rtl-ops",
        flags.backend));
  }
  if (chosen.empty()) return flags.backend;
  if (own.end > 2) chosen = uri.body.substr(1, own.end - 2) + '&' + chosen;
  uri.body = fmt::format("[{}]{}", chosen, uri.body.substr(own.end));
  return uri.to_string();
}

}  // namespace

std::string backend_uri(const DeviceFlags& flags) {
  const std::string backend = flags.chooses ? with_chosen_packets(flags) : flags.backend;
  if (flags.threads == 0) return backend;
  driver::BackendUri uri = driver::parse_uri(backend);
  const std::string threads = std::to_string(flags.threads);
  const auto [option, added] = uri.options.emplace("threads", threads);
  if (!added && option->second != threads) {
    throw UsageError(fmt::format("--threads {} contradicts --backend {}", threads, flags.backend));
  }
  return uri.to_string();
}

runtime::Device open_device(const DeviceFlags& flags) {
  return runtime::Device::open(backend_uri(flags), {.config = flags.config});
}

int report_findings(std::string_view findings) {
  if (findings.empty()) return kSuccess;
  if (!log::enabled(log::Level::kWarning)) fmt::print(stderr, "{}", findings);
  fmt::print(stderr, "check mode: {} findings\n", std::ranges::count(findings, '\n'));
  return kFailure;
}

std::vector<std::int32_t> parse_ids(std::string_view text, std::string_view option) {
  std::vector<std::int32_t> ids;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    std::string_view word = text.substr(begin, end - begin);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    std::int32_t id = 0;
    const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (word.empty() || error != std::errc() || rest != word.data() + word.size() || id < 0) {
      throw UsageError(fmt::format("{}: entry {} is '{}', expected a token id (0 to 2147483647)",
                                   option, ids.size(), word));
    }
    ids.push_back(id);
    begin = end + 1;
  }
  return ids;
}

debug::SeqRange parse_seq_range(std::string_view text, std::string_view option) {
  debug::SeqRange range;
  if (text.empty()) return range;
  const auto number = [](std::string_view digits, std::uint64_t& value) {
    const auto [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && rest == digits.data() + digits.size();
  };
  const std::size_t dash = text.find('-');
  const std::string_view first = text.substr(0, dash);
  const std::string_view last = dash == std::string_view::npos ? first : text.substr(dash + 1);
  const bool valid = (first.empty() || number(first, range.first)) &&
                     (last.empty() || number(last, range.last)) && text != "-";
  if (!valid || range.first > range.last) {
    throw UsageError(fmt::format(
        "{} {}: expected sequence numbers FIRST-LAST, FIRST-, -LAST or one number", option, text));
  }
  return range;
}

std::string read_text_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: cannot be opened for reading", path));
  }
  constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
  std::string text;
  std::string chunk(std::size_t{1} << 16, '\0');
  while (file && text.size() <= kMaxBytes) {
    file.read(chunk.data(), static_cast<std::streamsize>(chunk.size()));
    text.append(chunk, 0, static_cast<std::size_t>(file.gcount()));
  }
  if (text.size() > kMaxBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: expected at most 64 MiB, found more; split the file", path));
  }
  if (!file.eof()) throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be read", path));
  return text;
}

bool stderr_is_terminal() { return isatty(STDERR_FILENO) != 0; }
bool stdout_is_terminal() { return isatty(STDOUT_FILENO) != 0; }

std::string coloured(std::string_view text, std::string_view code) {
  if (!stderr_is_terminal() || std::getenv("NO_COLOR") != nullptr) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void print_error(const std::string& text) {
  std::fflush(stdout);
  fmt::print(stderr, "{} {}\n", coloured("tandem: error:", "1;31"), text);
}

std::string version() { return TANDEM_VERSION; }

}  // namespace tandem::cli
