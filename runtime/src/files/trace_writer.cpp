// SPDX-License-Identifier: Apache-2.0
#include "trace_writer.hpp"

#include <algorithm>

#include "config_json.hpp"

namespace tandem::runtime {
namespace {

std::string header_text(const std::string& backend, const driver::DeviceConfig& config,
                        const std::string& case_text) {
  nlohmann::json header{{"backend", backend}, {"config", config_to_json(config)}};
  if (!case_text.empty()) header["case"] = nlohmann::json::parse(case_text);
  return header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::uint32_t code(TraceRecord::Kind kind) { return static_cast<std::uint32_t>(kind); }

}  // namespace

struct TraceWriter::Impl {
  Impl(const std::string& path, const std::string& header) : file(path, kTraceKind, header) {}

  void named(TraceRecord::Kind kind, PhysAddr addr, std::uint64_t num_bytes,
             std::string_view text) {
    file.add(code(kind),
             {bytes_of(addr.value), bytes_of(num_bytes), bytes_of(text.substr(0, kMaxTraceText))});
  }
  void bytes(TraceRecord::Kind kind, PhysAddr addr, std::span<const std::byte> data) {
    constexpr std::size_t kPiece = kMaxRecordBytes - sizeof(std::uint64_t);
    while (!data.empty()) {
      const auto piece = data.first(std::min(data.size(), kPiece));
      file.add(code(kind), {bytes_of(addr.value), piece});
      addr = addr + piece.size();
      data = data.subspan(piece.size());
    }
  }

  RecordWriter file;
};

TraceWriter::TraceWriter(const std::string& path, const std::string& backend,
                         const driver::DeviceConfig& config, const std::string& case_text)
    : impl_(std::make_unique<Impl>(path, header_text(backend, config, case_text))) {}
TraceWriter::~TraceWriter() = default;
TraceWriter::TraceWriter(TraceWriter&&) noexcept = default;
TraceWriter& TraceWriter::operator=(TraceWriter&&) noexcept = default;

void TraceWriter::allocate(PhysAddr addr, std::uint64_t num_bytes, std::string_view label) {
  impl_->named(TraceRecord::Kind::kAllocate, addr, num_bytes, label);
}

void TraceWriter::free(PhysAddr addr) {
  impl_->file.add(code(TraceRecord::Kind::kFree), {bytes_of(addr.value)});
}

void TraceWriter::tensor(PhysAddr addr, std::uint64_t num_bytes, std::string_view name) {
  impl_->named(TraceRecord::Kind::kTensor, addr, num_bytes, name);
}

void TraceWriter::write(PhysAddr addr, std::span<const std::byte> data) {
  impl_->bytes(TraceRecord::Kind::kWrite, addr, data);
}

void TraceWriter::expected(PhysAddr addr, std::span<const std::byte> data) {
  impl_->bytes(TraceRecord::Kind::kExpected, addr, data);
}

void TraceWriter::op(std::string_view name) {
  impl_->file.add(code(TraceRecord::Kind::kOp), {bytes_of(name.substr(0, kMaxTraceText))});
}

void TraceWriter::packet(const abi::Packet& packet) {
  impl_->file.add(code(TraceRecord::Kind::kPacket), {bytes_of(packet)});
}

void TraceWriter::completion(const abi::Completion& completion) {
  impl_->file.add(code(TraceRecord::Kind::kCompletion), {bytes_of(completion)});
}

void TraceWriter::reset() { impl_->file.add(code(TraceRecord::Kind::kReset), {}); }

void TraceWriter::finish() { impl_->file.finish(); }

}  // namespace tandem::runtime
