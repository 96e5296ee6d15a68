// SPDX-License-Identifier: Apache-2.0
#include "config_json.hpp"

#include <fmt/format.h>

#include <limits>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

using nlohmann::json;

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: header: {}", path, what));
}

const json& member(const json& object, const char* key, const std::string& path) {
  if (!object.is_object() || !object.contains(key)) {
    fail(path, fmt::format("key '{}' is missing", key));
  }
  return object.at(key);
}

std::uint32_t word_from_json(const json& object, const char* key, const std::string& path) {
  const std::uint64_t value = uint_from_json(object, key, path);
  if (value > std::numeric_limits<std::uint32_t>::max()) {
    fail(path, fmt::format("key '{}': {} does not fit 32 bits", key, value));
  }
  return static_cast<std::uint32_t>(value);
}

}  // namespace

json config_to_json(const driver::DeviceConfig& config) {
  json regions = json::array();
  for (const auto& region : config.regions) {
    regions.push_back({{"name", region.name},
                       {"base", region.base.value},
                       {"size", region.size},
                       {"writable", region.writable}});
  }
  return {{"name", config.name},
          {"array_rows", config.array_rows},
          {"array_cols", config.array_cols},
          {"vector_lanes", config.vector_lanes},
          {"vector_length", config.vector_length},
          {"ucode_words", config.ucode_words},
          {"axi_data_bits", config.axi_data_bits},
          {"regions", std::move(regions)}};
}

json parse_header(const std::string& text, const std::string& path) {
  json header = json::parse(text, nullptr, false);
  if (header.is_discarded() || !header.is_object()) {
    fail(path, "not a JSON object");
  }
  return header;
}

std::string string_from_json(const json& header, const char* key, const std::string& path) {
  const json& value = member(header, key, path);
  if (!value.is_string() || value.get_ref<const std::string&>().size() > 4096) {
    fail(path, fmt::format("key '{}': expected a string of at most 4096 characters", key));
  }
  return value.get<std::string>();
}

std::uint64_t uint_from_json(const json& header, const char* key, const std::string& path) {
  const json& value = member(header, key, path);
  if (!value.is_number_unsigned()) {
    fail(path, fmt::format("key '{}': expected an unsigned number", key));
  }
  return value.get<std::uint64_t>();
}

driver::DeviceConfig config_from_json(const json& header, const std::string& path) {
  const json& object = member(header, "config", path);
  driver::DeviceConfig config;
  config.name = string_from_json(object, "name", path);
  config.array_rows = word_from_json(object, "array_rows", path);
  config.array_cols = word_from_json(object, "array_cols", path);
  config.vector_lanes = word_from_json(object, "vector_lanes", path);
  config.vector_length = word_from_json(object, "vector_length", path);
  config.ucode_words = word_from_json(object, "ucode_words", path);
  config.axi_data_bits = word_from_json(object, "axi_data_bits", path);
  const json& regions = member(object, "regions", path);
  if (!regions.is_array() || regions.empty() || regions.size() > abi::kMaxRegions) {
    fail(path, fmt::format("key 'regions': expected a list of 1 to {} regions", abi::kMaxRegions));
  }
  for (const json& item : regions) {
    driver::RegionConfig region;
    region.name = string_from_json(item, "name", path);
    region.base = PhysAddr(uint_from_json(item, "base", path));
    region.size = uint_from_json(item, "size", path);
    const json& writable = member(item, "writable", path);
    if (!writable.is_boolean()) {
      fail(path, "key 'writable': expected true or false");
    }
    region.writable = writable.get<bool>();
    config.regions.push_back(std::move(region));
  }
  return config;
}

void check_same_device(const std::string& path, std::uint64_t abi_hash,
                       const driver::DeviceConfig& file, const driver::DeviceConfig& device) {
  const auto fail = [&](const std::string& what) {
    throw Error(ErrorCode::kMismatch, fmt::format("{}: {}", path, what));
  };
  if (abi_hash != abi::kAbiHash) {
    fail(
        fmt::format("made with ABI hash {:016x}, this program has {:016x}; make it again with this "
                    "program",
                    abi_hash, abi::kAbiHash));
  }
  if (file.name != device.name) {
    fail(
        fmt::format("made with configuration '{}', the device has '{}'; open the device with the "
                    "former",
                    file.name, device.name));
  }
  if (file.ucode_words != device.ucode_words) {
    fail(
        fmt::format("configuration '{}' had {} micro-program words, the device has {}; use the "
                    "configuration file it was made with",
                    file.name, file.ucode_words, device.ucode_words));
  }
  const auto describe = [](const driver::DeviceConfig& config, std::size_t i) {
    if (i >= config.regions.size()) {
      return std::string("no region");
    }
    const auto& region = config.regions[i];
    return fmt::format("'{}' at {:#x} of {:#x} bytes{}", region.name, region.base.value,
                       region.size, region.writable ? "" : ", read only");
  };
  for (std::size_t i = 0; i < std::max(file.regions.size(), device.regions.size()); ++i) {
    if (describe(file, i) != describe(device, i)) {
      fail(
          fmt::format("memory map of configuration '{}': region {} was {}, the device has {}; use "
                      "the configuration file it was made with",
                      file.name, i, describe(file, i), describe(device, i)));
    }
  }
}

}  // namespace tandem::runtime
