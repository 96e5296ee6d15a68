// SPDX-License-Identifier: Apache-2.0
// tandem_rtl_faults LIST RTL --out FOLDER | --docs FILE | --check-docs FILE: checks the list of
// faults against the RTL; writes npu_fault_ids.hpp and faults.cpp for models with faults, or the
// table in a page. A step of the build.
#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/base/error.hpp"

namespace {

using tandem::Error;
using tandem::ErrorCode;

constexpr std::string_view kTableBegin = "<!-- faults.yml: begin -->\n";
constexpr std::string_view kTableEnd = "<!-- faults.yml: end -->\n";

struct Fault {
  std::string name, module, kind, what, symptom, where, program, options, engine;
  unsigned depth = 0;
};

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(ErrorCode::kNotFound, path.string() + " cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  if (!(out << text).flush()) {
    throw Error(ErrorCode::kInvalidArgument, path.string() + " cannot be written");
  }
}

[[noreturn]] void fail(const std::string& list, const YAML::Mark& mark, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}:{}: {}", list, mark.line + 1, what));
}

/// The engine whose packet a fault in this folder belongs to.
std::string engine_of(const std::string& module) {
  for (const char* engine : {"matrix", "vector", "dma"}) {
    if (module.starts_with(std::string(engine) + "/")) return engine;
  }
  return "control";
}

std::vector<Fault> load(const std::string& list) {
  constexpr std::array<std::string_view, 10> kKeys = {"name",    "module", "kind",    "what",
                                                      "symptom", "where",  "program", "options",
                                                      "engine",  "depth"};
  constexpr std::array<std::string_view, 5> kSymptoms = {"data", "completion", "hang", "register",
                                                         "protocol"};
  std::vector<Fault> faults;
  for (const YAML::Node& node : YAML::LoadFile(list)["faults"]) {
    for (const auto& entry : node) {
      if (std::ranges::find(kKeys, entry.first.as<std::string>()) == kKeys.end()) {
        fail(list, entry.first.Mark(), "unknown key " + entry.first.as<std::string>());
      }
    }
    const auto text = [&](const char* key, bool required = true) {
      if (required && !node[key]) fail(list, node.Mark(), fmt::format("expected a key {}", key));
      return node[key].as<std::string>("");
    };
    Fault fault{text("name"),    text("module"),         text("kind"),
                text("what"),    text("symptom"),        text("where", false),
                text("program"), text("options", false), text("engine", false)};
    fault.depth = node["depth"].as<unsigned>(0);
    if (fault.engine.empty()) fault.engine = engine_of(fault.module);
    if (!std::regex_match(fault.name, std::regex("[a-z][a-z0-9_]*"))) {
      fail(list, node.Mark(), "a name holds a-z, 0-9 and '_', found '" + fault.name + "'");
    }
    if (std::ranges::find(faults, fault.name, &Fault::name) != faults.end()) {
      fail(list, node.Mark(), "a second " + fault.name);
    }
    if (std::ranges::find(kSymptoms, fault.symptom) == kSymptoms.end()) {
      fail(list, node.Mark(),
           fmt::format("symptom is {}, found '{}'", fmt::join(kSymptoms, ", "), fault.symptom));
    }
    faults.push_back(std::move(fault));
  }
  return faults;
}

/// Every use of the macros lies in the module that the list names, and everything in the list is
/// used.
void check_uses(const std::string& list, const std::vector<Fault>& faults,
                const std::filesystem::path& rtl) {
  std::map<std::string, std::string> uses;  // name -> module
  const std::regex use("`NPU_FAULT(?:_SEQ)?\\(\\s*([a-z0-9_]+)");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(rtl)) {
    if (entry.path().extension() != ".sv") continue;
    const std::string text = read_file(entry.path());
    const std::string module =
        entry.path().lexically_relative(rtl).replace_extension("").generic_string();
    for (std::sregex_iterator at(text.begin(), text.end(), use), end; at != end; ++at) {
      const std::string name = (*at)[1];
      if (!uses.emplace(name, module).second) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: fault {} stands in two places", module, name));
      }
      if (std::ranges::find(faults, name, &Fault::name) == faults.end()) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: fault {} is not in {}; add it there", module, name, list));
      }
    }
  }
  for (const Fault& fault : faults) {
    const auto found = uses.find(fault.name);
    if (found == uses.end() || found->second != fault.module) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: fault {}: expected `NPU_FAULT({}, ...) in {}, found it in {}",
                              list, fault.name, fault.name, fault.module,
                              found == uses.end() ? "no file" : found->second));
    }
  }
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

void write_sources(const std::vector<Fault>& faults, const std::filesystem::path& out) {
  std::string ids = "// Made by tandem_rtl_faults.\n#pragma once\nenum NpuFaultId : unsigned {\n";
  std::string table =
      "// Made by tandem_rtl_faults.\n#include <array>\n\n#include "
      "\"tandem/rtlmodel/faults.hpp\"\n\n"
      "namespace tandem::rtlmodel {\n\nstd::span<const Fault> faults() {\n";
  table += fmt::format("  static constexpr std::array<Fault, {}> kFaults = {{{{\n", faults.size());
  for (const Fault& f : faults) {
    ids += fmt::format("  NPU_FAULT_{},\n", f.name);
    table += fmt::format("    {{{}, {}, {}, {}, {}, {}, {}, {}, {}, {}}},\n", quoted(f.name),
                         quoted(f.module), quoted(f.kind), quoted(f.what), quoted(f.symptom),
                         quoted(f.where), quoted(f.program), quoted(f.options), quoted(f.engine),
                         f.depth);
  }
  std::filesystem::create_directories(out);
  write_file(out / "npu_fault_ids.hpp", ids + "};\n");
  write_file(out / "faults.cpp",
             table + "  }};\n  return kFaults;\n}\n\n}  // namespace tandem::rtlmodel\n");
}

/// The page with the table of the list in its place.
std::string with_table(const std::filesystem::path& page, const std::vector<Fault>& faults) {
  std::string text = read_file(page);
  const std::size_t begin = text.find(kTableBegin);
  const std::size_t end = text.find(kTableEnd);
  if (begin == std::string::npos || end == std::string::npos || end < begin) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: expected the lines {}and {}",
                                                         page.string(), kTableBegin, kTableEnd));
  }
  std::string table =
      "\n| fault | module | kind | what is wrong | shows as |\n|---|---|---|---|---|\n";
  for (const Fault& f : faults) {
    table += fmt::format("| `{}` | `{}` | {} | {} | {}{} |\n", f.name, f.module, f.kind, f.what,
                         f.symptom, f.where.empty() ? "" : " `" + f.where + "`");
  }
  table += "\n";
  return text.replace(begin + kTableBegin.size(), end - begin - kTableBegin.size(), table);
}

int run(const std::vector<std::string>& args) {
  if (args.size() != 4) {
    std::fputs("usage: tandem_rtl_faults LIST RTL --out FOLDER | --docs FILE | --check-docs FILE\n",
               stderr);
    return 2;
  }
  const std::vector<Fault> faults = load(args[0]);
  check_uses(args[0], faults, args[1]);
  if (args[2] == "--out") {
    write_sources(faults, args[3]);
  } else if (args[2] == "--docs") {
    write_file(args[3], with_table(args[3], faults));
  } else if (with_table(args[3], faults) != read_file(args[3])) {
    std::fprintf(stderr, "%s is stale; run: tandem_rtl_faults %s %s --docs %s\n", args[3].c_str(),
                 args[0].c_str(), args[1].c_str(), args[3].c_str());
    return 1;
  } else {
    std::printf("%zu faults, all in their modules and in %s\n", faults.size(), args[3].c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "tandem_rtl_faults: %s\n", error.what());
    return 1;
  }
}
