// SPDX-License-Identifier: Apache-2.0
#include "trace_writer.hpp"

#include <algorithm>

#include "config_json.hpp"

namespace tandem::runtime {
namespace {

std::string header_text(const std::string& backend, const driver::DeviceConfig& config) {
  return nlohmann::json{{"backend", backend}, {"config", config_to_json(config)}}.dump();
}

std::uint32_t code(TraceRecord::Kind kind) { return static_cast<std::uint32_t>(kind); }

}  // namespace

TraceWriter::TraceWriter(const std::string& path, const std::string& backend,
                         const driver::DeviceConfig& config)
    : file_(path, kTraceKind, header_text(backend, config)) {}

void TraceWriter::named(TraceRecord::Kind kind, PhysAddr addr, std::uint64_t num_bytes,
                        std::string_view text) {
  file_.add(code(kind),
            {bytes_of(addr.value), bytes_of(num_bytes), bytes_of(text.substr(0, kMaxTraceText))});
}

void TraceWriter::allocate(PhysAddr addr, std::uint64_t num_bytes, std::string_view label) {
  named(TraceRecord::Kind::kAllocate, addr, num_bytes, label);
}

void TraceWriter::free(PhysAddr addr) {
  file_.add(code(TraceRecord::Kind::kFree), {bytes_of(addr.value)});
}

void TraceWriter::tensor(PhysAddr addr, std::uint64_t num_bytes, std::string_view name) {
  named(TraceRecord::Kind::kTensor, addr, num_bytes, name);
}

void TraceWriter::write(PhysAddr addr, std::span<const std::byte> data) {
  constexpr std::size_t kPiece = kMaxRecordBytes - sizeof(std::uint64_t);
  while (!data.empty()) {
    const auto piece = data.first(std::min(data.size(), kPiece));
    file_.add(code(TraceRecord::Kind::kWrite), {bytes_of(addr.value), piece});
    addr = addr + piece.size();
    data = data.subspan(piece.size());
  }
}

void TraceWriter::op(std::string_view name) {
  file_.add(code(TraceRecord::Kind::kOp), {bytes_of(name.substr(0, kMaxTraceText))});
}

void TraceWriter::packet(const abi::Packet& packet) {
  file_.add(code(TraceRecord::Kind::kPacket), {bytes_of(packet)});
}

void TraceWriter::completion(const abi::Completion& completion) {
  file_.add(code(TraceRecord::Kind::kCompletion), {bytes_of(completion)});
}

void TraceWriter::reset() { file_.add(code(TraceRecord::Kind::kReset), {}); }

}  // namespace tandem::runtime
