// SPDX-License-Identifier: Apache-2.0
// tandem info: the device, its capabilities and its memory map; the backends that there are.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "cli.hpp"
#include "report.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::cli {

namespace {

struct InfoOptions {
  DeviceFlags device;
  bool json = false;
};

std::string size_text(std::uint64_t bytes) {
  const char* const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(units)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", bytes, units[unit]);
}

void print_text(runtime::Device& device) {
  const driver::Capabilities& caps = device.driver().capabilities();
  fmt::print("backend          {}\n", device.backend_name());
  fmt::print("configuration    {}\n", device.config().name);
  fmt::print("ABI              version {}, hash {:016x}\n", caps.abi_version, caps.abi_hash);
  fmt::print("matrix array     {} x {}\n", caps.array_rows, caps.array_cols);
  fmt::print("vector unit      {} lanes, registers of {} elements\n", caps.vector_lanes,
             caps.vector_length);
  fmt::print("micro-programs   {} words\n", caps.ucode_words);
  fmt::print("AXI data width   {} bits\n", caps.axi_data_bits);
  fmt::print("cycle counts     {}\n", caps.timed ? "yes" : "no");
  fmt::print("\nmemory region    base            size        packets may\n");
  for (const driver::RegionConfig& region : device.config().regions) {
    fmt::print("{:<16} {:#014x}  {:<10}  {}\n", region.name, region.base.value,
               size_text(region.size), region.writable ? "read, write" : "read");
  }
  fmt::print("\nbackends\n");
  for (const driver::BackendInfo& backend : driver::list_backends()) {
    fmt::print("{:<16} {}\n", backend.name,
               backend.problem.empty() ? backend.doc : "not usable: " + backend.problem);
    for (const driver::BackendInfo::Option& option : backend.options) {
      const bool inside = backend.body == driver::UriBody::kBackends;
      fmt::print("  {}{}={}{}  {}\n", inside ? "[" : "?", option.key, option.values,
                 inside ? "]" : "", option.doc);
    }
  }
}

void print_json(runtime::Device& device) {
  const driver::Capabilities& caps = device.driver().capabilities();
  Report report(device.backend_name());
  Json& entry = report.add_case("device");
  entry["config"] = device.config().name;
  entry["abi_version"] = caps.abi_version;
  entry["abi_hash"] = fmt::format("{:016x}", caps.abi_hash);
  entry["array_rows"] = caps.array_rows;
  entry["array_cols"] = caps.array_cols;
  entry["vector_lanes"] = caps.vector_lanes;
  entry["vector_length"] = caps.vector_length;
  entry["ucode_words"] = caps.ucode_words;
  entry["axi_data_bits"] = caps.axi_data_bits;
  entry["timed"] = caps.timed;
  for (const driver::RegionConfig& region : device.config().regions) {
    Json& of_region = report.add_case("region." + region.name);
    of_region["base"] = region.base.value;
    of_region["size"] = region.size;
    of_region["writable"] = region.writable;
  }
  for (const driver::BackendInfo& backend : driver::list_backends()) {
    Json& of_backend = report.add_case("backend." + backend.name);
    of_backend["doc"] = backend.doc;
    of_backend["path"] = backend.path.string();
    of_backend["problem"] = backend.problem;
    of_backend["options"] = Json::array();
    for (const driver::BackendInfo::Option& option : backend.options) {
      of_backend["options"].push_back(
          {{"key", option.key}, {"values", option.values}, {"doc", option.doc}});
    }
  }
  report.summary()["regions"] = device.config().regions.size();
  report.print();
}

}  // namespace

Command add_info_command(CLI::App& app) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command =
      app.add_subcommand("info", "Show a device, its capabilities, its memory map; list backends");
  add_device_flags(*command, options->device);
  command->add_flag("--json", options->json, "Print JSON");
  return {command, [options] {
            runtime::Device device = open_device(options->device);
            options->json ? print_json(device) : print_text(device);
            return kSuccess;
          }};
}

}  // namespace tandem::cli
