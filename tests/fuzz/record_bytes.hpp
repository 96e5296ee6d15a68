// SPDX-License-Identifier: Apache-2.0
// Inputs of the trace and snapshot targets. A file's checksums would stop nearly every mutation, so
// the first byte says what the rest is: 'f' a whole file, 'h' the header text of a file without
// records, 'r' records behind a good header.
#pragma once

#include <zstd.h>

#include <cstring>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config_json.hpp"
#include "fuzz.hpp"
#include "record_file.hpp"
#include "tandem/abi/isa.hpp"
#include "unit/runtime/toy_device.hpp"

namespace tandem::fuzz {

/// The low `num_bytes` bytes of a number.
inline std::string little(std::uint64_t value, unsigned num_bytes) {
  std::string bytes;
  for (unsigned i = 0; i < num_bytes; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}

inline std::string join(std::initializer_list<std::string_view> parts) {
  std::string bytes;
  for (const std::string_view part : parts) bytes += part;
  return bytes;
}

inline std::string record(std::uint32_t type, const std::string& payload) {
  return join({little(type, 4), little(payload.size(), 4), payload});
}

inline std::string file_bytes(const runtime::RecordFileKind& kind, std::string_view header,
                              std::string_view records) {
  std::string file(kind.magic.data(), kind.magic.size());
  file +=
      little(runtime::kRecordFileVersion, 4) + little(header.size(), 4) + little(abi::kAbiHash, 8);
  file += header;
  std::string stored(ZSTD_compressBound(records.size()), '\0');
  const std::size_t num_bytes =
      ZSTD_compress(stored.data(), stored.size(), records.data(), records.size(), 1);
  require(ZSTD_isError(num_bytes) == 0, "zstd");
  stored.resize(num_bytes);
  return join({file, little(stored.size(), 4), little(records.size(), 4), stored, little(0, 8)});
}

inline std::string good_header() {
  const nlohmann::json header = {
      {"backend", "toy:toy"},
      {"seq", 5},
      {"config", runtime::config_to_json(runtime::testing::toy_config())}};
  return header.dump();
}

/// Ends records as a complete file does, if they are whole; else they stay as they are.
inline std::string with_end(std::string_view records) {
  std::uint64_t count = 0;
  std::size_t at = 0;
  while (records.size() - at >= 8) {
    std::uint32_t payload = 0;
    std::memcpy(&payload, records.data() + at + 4, sizeof(payload));
    if (payload > records.size() - at - 8) break;
    at += 8 + payload;
    ++count;
  }
  std::string bytes(records);
  if (at == records.size()) bytes += record(runtime::kEndRecord, little(count, 8));
  return bytes;
}

/// The file that an input stands for.
inline std::string record_file_of(std::span<const std::uint8_t> input,
                                  const runtime::RecordFileKind& kind) {
  if (input.empty()) return {};
  const std::string_view rest = as_text(input.subspan(1));
  if (input[0] == 'h') return file_bytes(kind, rest, with_end({}));
  if (input[0] == 'r') return file_bytes(kind, good_header(), with_end(rest));
  return std::string(rest);
}

inline std::vector<std::string> record_file_seeds(const runtime::RecordFileKind& kind,
                                                  const std::string& records) {
  return {join({"r", records}), join({"h", good_header()}),
          join({"f", file_bytes(kind, good_header(), with_end(records))})};
}

}  // namespace tandem::fuzz
