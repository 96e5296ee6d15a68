// SPDX-License-Identifier: Apache-2.0
// Writes packet traces.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "record_file.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::runtime {

inline constexpr RecordFileKind kTraceKind = {{'T', 'N', 'D', 'M', 'T', 'R', 'C', '\n'}, "trace"};
/// Op names, labels and tensor names are cut to this length in files.
inline constexpr std::size_t kMaxTraceText = 1024;

/// Every method appends one record, or several where the data does not fit one.
class TraceWriter {
 public:
  TraceWriter(const std::string& path, const std::string& backend,
              const driver::DeviceConfig& config);

  void allocate(PhysAddr addr, std::uint64_t num_bytes, std::string_view label);
  void free(PhysAddr addr);
  void tensor(PhysAddr addr, std::uint64_t num_bytes, std::string_view name);
  void write(PhysAddr addr, std::span<const std::byte> data);
  void op(std::string_view name);
  void packet(const abi::Packet& packet);
  void completion(const abi::Completion& completion);
  void reset();
  void finish() { file_.finish(); }

 private:
  void named(TraceRecord::Kind kind, PhysAddr addr, std::uint64_t num_bytes, std::string_view text);

  RecordWriter file_;
};

}  // namespace tandem::runtime
