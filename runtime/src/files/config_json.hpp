// SPDX-License-Identifier: Apache-2.0
// Device configurations in the headers of traces and snapshots, and their comparison.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tandem/driver/device_config.hpp"

namespace tandem::runtime {

nlohmann::json config_to_json(const driver::DeviceConfig& config);

/// Header text as JSON; throws kInvalidArgument naming `path`.
nlohmann::json parse_header(const std::string& text, const std::string& path);

/// The configuration in `header["config"]`; throws kInvalidArgument naming `path` and the key that
/// is missing or wrong.
driver::DeviceConfig config_from_json(const nlohmann::json& header, const std::string& path);

/// A string of the header, at most 4096 characters; throws as above.
std::string string_from_json(const nlohmann::json& header, const char* key,
                             const std::string& path);
/// An unsigned number of the header; throws as above.
std::uint64_t uint_from_json(const nlohmann::json& header, const char* key,
                             const std::string& path);

/// Throws kMismatch "PATH: made with ..., the device has ...; next step" unless both have the same
/// ABI, name, memory map and micro-program memory.
void check_same_device(const std::string& path, std::uint64_t abi_hash,
                       const driver::DeviceConfig& file, const driver::DeviceConfig& device);

}  // namespace tandem::runtime
