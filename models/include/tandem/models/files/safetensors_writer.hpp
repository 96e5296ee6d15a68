// SPDX-License-Identifier: Apache-2.0
// Writer of safetensors files, streamed: memory does not grow with the data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/models/files/stored_type.hpp"

namespace tandem::models {

/// Writes tensors one after another; finish() makes the file appear under its name in one step.
///
/// The header of the format comes first but is known last, so the data goes to `<path>.part`
/// until finish(). Without finish() the destructor removes it and writes no file.
///
///     SafetensorsWriter writer("dump.safetensors");
///     writer.add("logits", StoredType::kF32, {4, 49152}, std::as_bytes(std::span(logits)));
///     writer.finish();
///
/// Errors of all calls: kUnavailable (the system refused to write), kInvalidArgument (a name given
/// twice, a size that does not match the shape, a type that the format does not have).
class SafetensorsWriter {
 public:
  explicit SafetensorsWriter(std::filesystem::path path);
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;
  ~SafetensorsWriter();

  /// One whole tensor; `bytes` is row-major in the byte order of the machine (little endian).
  void add(std::string_view name, StoredType type, std::vector<std::uint64_t> shape,
           std::span<const std::byte> bytes);

  /// A tensor in pieces: begin, then append until all its bytes are there.
  void begin(std::string_view name, StoredType type, std::vector<std::uint64_t> shape);
  void append(std::span<const std::byte> bytes);

  /// An entry of `__metadata__`.
  void set_metadata(std::string_view key, std::string_view value);

  /// Writes the header and puts the file in place. Nothing may be written afterwards.
  void finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tandem::models
