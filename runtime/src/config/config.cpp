// SPDX-License-Identifier: Apache-2.0
#include "tandem/runtime/config.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <system_error>

#include "schema.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "yaml_tree.hpp"

namespace tandem::runtime {
namespace {

namespace fs = std::filesystem;

std::uint32_t word(const YamlNode& root, std::string_view section, std::string_view key) {
  const YamlNode* node = section.empty() ? &root : root.find(section);
  return static_cast<std::uint32_t>(*parse_integer(node->find(key)->text, false));
}

driver::RegionConfig read_region(const YamlNode& node) {
  driver::RegionConfig region;
  region.name = node.find("name")->text;
  region.base = PhysAddr(*parse_integer(node.find("base")->text, false));
  region.size = *parse_integer(node.find("size")->text, true);
  region.writable = *parse_bool(node.find("writable")->text);
  return region;
}

void check_memory_map(const YamlNode& memory, const std::vector<driver::RegionConfig>& regions,
                      const std::string& file) {
  const auto fail = [&](std::size_t i, std::string_view leaf, const std::string& what) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}:{}: memory[{}].{}: region '{}' {}", file,
                            memory.items[i].find(leaf)->line, i, leaf, regions[i].name, what));
  };
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const std::uint64_t base = regions[i].base.value;
    const std::uint64_t end = base + regions[i].size;
    if (end > std::uint64_t{1} << abi::kAddressBits) {
      fail(i, "size",
           fmt::format("ends at {:#x}; expected an end at or below 2^{} = {:#x}", end,
                       abi::kAddressBits, std::uint64_t{1} << abi::kAddressBits));
    }
    for (std::size_t j = 0; j < i; ++j) {
      const std::uint64_t other = regions[j].base.value;
      if (base < other + regions[j].size && other < end) {
        fail(i, "base",
             fmt::format("[{:#x}, {:#x}) overlaps region '{}' [{:#x}, {:#x}) of line {}; expected "
                         "regions without common bytes",
                         base, end, regions[j].name, other, other + regions[j].size,
                         memory.items[j].line));
      }
    }
  }
}

void check_required_regions(const YamlNode& memory,
                            const std::vector<driver::RegionConfig>& regions,
                            const std::string& file) {
  for (const Schema::Named& required : config_schema().regions) {
    const bool found = std::any_of(regions.begin(), regions.end(), [&](const auto& region) {
      return region.name == required.name;
    });
    if (!found) {
      std::vector<std::string> names;
      for (const auto& region : regions) {
        names.push_back(region.name);
      }
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}:{}: memory: expected a region '{}' ({}), found only {}", file,
                              memory.line, required.name, required.doc, fmt::join(names, ", ")));
    }
  }
}

/// Directory of the program or library that holds this code.
fs::path module_directory() {
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&load_config), &info) == 0 ||
      info.dli_fname == nullptr) {
    return {};
  }
  std::error_code code;
  // dladdr may give a name without a directory for the program itself.
  fs::path path = fs::path(info.dli_fname).has_parent_path()
                      ? fs::path(info.dli_fname)
                      : fs::read_symlink("/proc/self/exe", code);
  path = fs::canonical(path, code);
  return code ? fs::path() : path.parent_path();
}

bool is_path(std::string_view name) {
  return name.find('/') != std::string_view::npos || name.ends_with(".yaml") ||
         name.ends_with(".yml");
}

}  // namespace

driver::DeviceConfig parse_config(std::string_view text, const std::string& file) {
  const YamlNode root = parse_yaml(text, file);
  check_against_schema(root, config_schema(), file);
  driver::DeviceConfig config;
  config.name = root.find("name")->text;
  config.array_rows = word(root, "array", "rows");
  config.array_cols = word(root, "array", "cols");
  config.vector_lanes = word(root, "vector", "lanes");
  config.vector_length = word(root, "vector", "length");
  config.ucode_words = word(root, "", "ucode_words");
  config.axi_data_bits = word(root, "", "axi_data_bits");
  const YamlNode& memory = *root.find("memory");
  for (const YamlNode& node : memory.items) {
    config.regions.push_back(read_region(node));
  }
  check_memory_map(memory, config.regions, file);
  check_required_regions(memory, config.regions, file);
  return config;
}

std::vector<fs::path> config_search_path() {
  std::vector<fs::path> path;
  if (const char* variable = std::getenv("TANDEM_CONFIG_PATH")) {
    std::string_view rest(variable);
    while (!rest.empty()) {
      const std::size_t colon = std::min(rest.find(':'), rest.size());
      if (colon != 0) {
        path.emplace_back(rest.substr(0, colon));
      }
      rest.remove_prefix(std::min(colon + 1, rest.size()));
    }
  }
  if (const fs::path module = module_directory(); !module.empty()) {
    // prefix/bin, prefix/lib and prefix/lib/<architecture>.
    path.push_back(module.parent_path() / "share/tandem/sim_configs");
    path.push_back(module.parent_path().parent_path() / "share/tandem/sim_configs");
  }
  path.emplace_back(TANDEM_SOURCE_CONFIG_DIR);
  return path;
}

std::vector<std::string> list_configs() {
  std::set<std::string> names;
  for (const fs::path& directory : config_search_path()) {
    std::error_code code;
    for (fs::directory_iterator it(directory, code), end; !code && it != end; it.increment(code)) {
      if (it->path().extension() == ".yaml") {
        names.insert(it->path().stem().string());
      }
    }
  }
  return {names.begin(), names.end()};
}

fs::path find_config(std::string_view name) {
  std::error_code code;
  if (is_path(name)) {
    if (!fs::exists(fs::path(name), code)) {
      throw Error(ErrorCode::kNotFound, fmt::format("configuration {}: no such file", name));
    }
    return fs::path(name);
  }
  std::vector<std::string> searched;
  for (const fs::path& directory : config_search_path()) {
    const fs::path file = directory / fmt::format("{}.yaml", name);
    if (!name.empty() && fs::is_regular_file(file, code)) {
      return file;
    }
    searched.push_back(directory.string());
  }
  const std::vector<std::string> known = list_configs();
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("configuration '{:.64}' not found in {}; {} known: {}. Give one of these, "
                  "or the path of a file, or set TANDEM_CONFIG_PATH",
                  name, fmt::join(searched, ", "), known.size(), fmt::join(known, ", ")));
}

driver::DeviceConfig load_config(std::string_view name) {
  const std::string file = find_config(name).string();
  return parse_config(read_text_file(file, kMaxYamlBytes), file);
}

}  // namespace tandem::runtime
