// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/rtlmodel/device_model.hpp"

namespace tandem::rtlmodel {
namespace {

/// What a user types to get `name` into this build.
std::string build_command(const std::string& name) {
  std::string names;
  for (const BuiltModel& model : built_models()) {
    if (!model.has_faults && model.parameters.name != name)
      names += std::string(model.parameters.name) + ';';
  }
  return fmt::format(
      "cmake -S {0} -B {1} -DTANDEM_RTL_CONFIGS='{2}{3}' && cmake --build {1} --target "
      "tandem_backend_rtl",
      TANDEM_RTL_SOURCE_DIR, TANDEM_RTL_BUILD_DIR, names, name);
}

/// What a user types to get `name` with faults into this build.
std::string fault_build_command(const std::string& name) {
  return fmt::format(
      "cmake -S {0} -B {1} -DTANDEM_RTL_FAULTS='{2}' && cmake --build {1} --target "
      "tandem_backend_rtl",
      TANDEM_RTL_SOURCE_DIR, TANDEM_RTL_BUILD_DIR, name);
}

/// Letters that `a` and `b` have in common, in order.
std::size_t common_letters(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (const char c : a) {
    std::size_t diagonal = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
      const std::size_t above = row[i + 1];
      row[i + 1] = c == b[i] ? diagonal + 1 : std::max(above, row[i]);
      diagonal = above;
    }
  }
  return row.back();
}

}  // namespace

const Fault& find_fault(std::string_view name) {
  for (const Fault& fault : faults()) {
    if (name == fault.name) return fault;
  }
  if (faults().empty()) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format("rtl: no fault {}: this build has no models with faults; build them: {}", name,
                    fault_build_command("tiny")));
  }
  constexpr std::size_t kNear = 5;
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const Fault& fault : faults()) {
    const std::string_view other = fault.name;
    near.emplace_back(name.size() + other.size() - 2 * common_letters(name, other), other);
  }
  std::ranges::stable_sort(near, {}, [](const auto& entry) { return entry.first; });
  std::string text;
  for (std::size_t i = 0; i < std::min(kNear, near.size()); ++i) {
    text += fmt::format("{} {}", i == 0 ? "" : ",", near[i].second);
  }
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("rtl: no fault {}; near are{}; all: docs/howto/seeded-faults.md", name, text));
}

const BuiltModel& find_model(const driver::DeviceConfig& config, bool with_faults) {
  for (const BuiltModel& model : built_models()) {
    const ModelParameters& built = model.parameters;
    if (built.name != config.name || model.has_faults != with_faults) continue;
    struct Value {
      const char* key;
      std::uint32_t built, wanted;
    };
    const std::array<Value, 6> values = {{
        {"array.rows", built.array_rows, config.array_rows},
        {"array.cols", built.array_cols, config.array_cols},
        {"vector.lanes", built.vector_lanes, config.vector_lanes},
        {"vector.length", built.vector_length, config.vector_length},
        {"ucode_words", built.ucode_words, config.ucode_words},
        {"axi_data_bits", built.axi_data_bits, config.axi_data_bits},
    }};
    for (const Value& value : values) {
      if (value.built == value.wanted) continue;
      throw Error(
          ErrorCode::kMismatch,
          fmt::format("rtl:{}: the model was built with {} = {}, the configuration says {}; "
                      "build it again: {}",
                      config.name, value.key, value.built, value.wanted,
                      build_command(config.name)));
    }
    return model;
  }
  if (with_faults) {
    throw Error(
        ErrorCode::kNotFound,
        fmt::format(
            "rtl:{}: this build has no model of the configuration with faults; build it: {}",
            config.name, fault_build_command(config.name)));
  }
  std::string names;
  for (const BuiltModel& model : built_models()) {
    if (!model.has_faults) names += std::string(" ") + model.parameters.name;
  }
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("rtl:{}: this build has no model of the configuration, only{}; build it: {}",
                  config.name, names, build_command(config.name)));
}

}  // namespace tandem::rtlmodel
