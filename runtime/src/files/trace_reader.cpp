// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cstring>

#include "config_json.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/trace.hpp"
#include "trace_writer.hpp"

namespace tandem::runtime {
namespace {

/// Takes values off the front of a payload.
class PayloadCursor {
 public:
  PayloadCursor(const RecordReader& file, const RecordReader::Record& record)
      : file_(file), record_(record), rest_(record.payload) {}

  template <class T>
  T take(std::string_view what) {
    if (rest_.size() < sizeof(T)) {
      fail(fmt::format("ends before its {}", what));
    }
    T value;
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }

  PhysAddr take_range_start(std::uint64_t addr, std::uint64_t num_bytes) {
    constexpr std::uint64_t kEnd = std::uint64_t{1} << abi::kAddressBits;
    if (addr == 0 || addr >= kEnd || num_bytes > kEnd - addr) {
      fail(fmt::format("names {} bytes at {:#x}, beyond the address space", num_bytes, addr));
    }
    return PhysAddr(addr);
  }

  std::string take_text() {
    if (rest_.size() > kMaxTraceText) {
      fail(fmt::format("has a text of {} bytes, at most {} are allowed", rest_.size(),
                       kMaxTraceText));
    }
    std::string text(reinterpret_cast<const char*>(rest_.data()), rest_.size());
    rest_ = {};
    return text;
  }

  std::span<const std::byte> take_rest() { return std::exchange(rest_, {}); }

  void expect_end() {
    if (!rest_.empty()) {
      fail(fmt::format("has {} bytes too many", rest_.size()));
    }
  }

  [[noreturn]] void fail(const std::string& what) {
    file_.fail(record_.offset,
               fmt::format("record of type {} in this block {}", record_.type, what));
  }

 private:
  const RecordReader& file_;
  const RecordReader::Record& record_;
  std::span<const std::byte> rest_;
};

}  // namespace

struct TraceReader::Impl {
  explicit Impl(const std::string& path) : file(path, kTraceKind) {
    if (file.abi_hash() != abi::kAbiHash) {
      throw Error(ErrorCode::kMismatch,
                  fmt::format("{}: made with ABI hash {:016x}, this program has {:016x}; record it "
                              "again with this program",
                              path, file.abi_hash(), abi::kAbiHash));
    }
    const nlohmann::json header = parse_header(file.header_text(), path);
    info = {path, string_from_json(header, "backend", path), config_from_json(header, path),
            file.abi_hash()};
  }

  RecordReader file;
  TraceInfo info;
};

TraceReader::TraceReader(const std::string& path) : impl_(std::make_unique<Impl>(path)) {}
TraceReader::TraceReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TraceReader TraceReader::fork() const { return TraceReader(std::make_unique<Impl>(*impl_)); }
std::uint64_t TraceReader::num_records() const { return impl_->file.num_records(); }
TraceReader::~TraceReader() = default;
TraceReader::TraceReader(TraceReader&&) noexcept = default;
TraceReader& TraceReader::operator=(TraceReader&&) noexcept = default;

const TraceInfo& TraceReader::info() const { return impl_->info; }

bool TraceReader::next(TraceRecord& record) {
  RecordReader::Record raw;
  if (!impl_->file.next(raw)) {
    return false;
  }
  PayloadCursor cursor(impl_->file, raw);
  record.kind = static_cast<TraceRecord::Kind>(raw.type);
  switch (record.kind) {
    case TraceRecord::Kind::kAllocate:
    case TraceRecord::Kind::kTensor: {
      const auto addr = cursor.take<std::uint64_t>("address");
      record.num_bytes = cursor.take<std::uint64_t>("size");
      record.addr = cursor.take_range_start(addr, record.num_bytes);
      record.text = cursor.take_text();
      break;
    }
    case TraceRecord::Kind::kFree:
      record.addr = PhysAddr(cursor.take<std::uint64_t>("address"));
      break;
    case TraceRecord::Kind::kWrite: {
      const auto addr = cursor.take<std::uint64_t>("address");
      record.data = cursor.take_rest();
      record.num_bytes = record.data.size();
      record.addr = cursor.take_range_start(addr, record.num_bytes);
      break;
    }
    case TraceRecord::Kind::kOp:
      record.text = cursor.take_text();
      break;
    case TraceRecord::Kind::kPacket:
      record.packet = cursor.take<abi::Packet>("packet");
      break;
    case TraceRecord::Kind::kCompletion:
      record.completion = cursor.take<abi::Completion>("completion");
      break;
    case TraceRecord::Kind::kReset:
      break;
    default:
      cursor.fail("is not known to this program");
  }
  cursor.expect_end();
  return true;
}

}  // namespace tandem::runtime
