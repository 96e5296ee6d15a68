// SPDX-License-Identifier: Apache-2.0
// Reading records.
#include "tandem/debug/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "archive.hpp"
#include "record_json.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/safetensors_file.hpp"
#include "temporary_folder.hpp"

namespace tandem::debug {
namespace {

namespace fs = std::filesystem;
using models::SafetensorsFile;
using models::SafetensorsTensor;
using models::StoredType;

/// One column of packets.safetensors.
template <class T>
class Column {
 public:
  Column(const SafetensorsFile& file, const char* name, StoredType type, std::uint64_t rows)
      : bytes_(checked(file, name, type, rows)) {}
  T operator[](std::uint64_t row) const {
    T value;
    std::memcpy(&value, bytes_.data() + row * sizeof value, sizeof value);
    return value;
  }

 private:
  static std::span<const std::byte> checked(const SafetensorsFile& file, const char* name,
                                            StoredType type, std::uint64_t rows) {
    const SafetensorsTensor* tensor = file.find(name);
    if (tensor == nullptr || tensor->type != type || tensor->num_elements != rows) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: column '{}': expected {} of {} rows, found {}",
                              file.path().string(), name, to_string(type), rows,
                              tensor == nullptr
                                  ? "none"
                                  : fmt::format("{} of {}", tensor->dtype, tensor->num_elements)));
    }
    return file.bytes(*tensor);
  }
  std::span<const std::byte> bytes_;
};

bool is_archive(const fs::path& path) { return path.string().ends_with(".tar.zst"); }

}  // namespace

std::string_view to_string(RecordContents contents) {
  switch (contents) {
    case RecordContents::kChecksums:
      return "checksums";
    case RecordContents::kBlocks:
      return "blocks";
    case RecordContents::kOps:
      return "ops";
  }
  return "?";
}

RecordContents record_contents(std::string_view text) {
  for (const RecordContents value :
       {RecordContents::kChecksums, RecordContents::kBlocks, RecordContents::kOps}) {
    if (text == to_string(value)) return value;
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("contents of a record: expected checksums, blocks or ops, found '{}'", text));
}

struct Record::Impl {
  fs::path path;
  std::unique_ptr<TemporaryFolder> unpacked;
  fs::path folder;
  RecordDocument document;
  mutable std::map<std::uint32_t, SafetensorsFile> files;  // Of steps, opened when first used.

  /// Messages about members of an archive name the archive, too.
  template <class Call>
  auto named(Call&& call) const {
    try {
      return call();
    } catch (const Error& error) {
      if (!unpacked) throw;
      throw error.with_context("in " + path.string());
    }
  }

  const SafetensorsFile* file_of(std::uint32_t step) const {
    if (step >= document.info.steps.size()) return nullptr;
    const std::string& name = document.info.steps[step].file;
    if (name.empty()) return nullptr;
    const auto known = files.find(step);
    if (known != files.end()) return &known->second;
    return &files.emplace(step, SafetensorsFile::open(folder / name)).first->second;
  }
};

Record::Record(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Record::~Record() = default;
Record::Record(Record&&) noexcept = default;
Record& Record::operator=(Record&&) noexcept = default;

Record Record::open(const fs::path& path) {
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->folder = path;
  if (is_archive(path)) {
    impl->unpacked = std::make_unique<TemporaryFolder>(fs::temp_directory_path());
    impl->folder = impl->unpacked->path();
    unpack(path, impl->folder);
  } else if (!fs::is_directory(path)) {
    throw Error(fs::exists(path) ? ErrorCode::kInvalidArgument : ErrorCode::kNotFound,
                fmt::format("{}: expected a record, a folder or an archive .tar.zst, found {}. "
                            "`tandem run --record PATH --record-contents ops` writes one",
                            path.string(), fs::exists(path) ? "another file" : "nothing"));
  }
  impl->named([&] {
    impl->document = read_record_json(impl->folder / "record.json");
    for (std::uint32_t step = 0; step < impl->document.info.steps.size(); ++step) {
      impl->file_of(step);
    }
  });
  return Record(std::move(impl));
}

const fs::path& Record::path() const { return impl_->path; }
const RecordInfo& Record::info() const { return impl_->document.info; }

std::optional<RecordTensor> Record::tensor(std::uint32_t step, std::string_view name) const {
  const SafetensorsFile* file = impl_->file_of(step);
  if (file == nullptr) return std::nullopt;
  std::string full = fmt::format("step.{}/{}", step, name);
  const auto alias = info().aliases.find(full);
  if (alias != info().aliases.end()) full = alias->second;
  const SafetensorsTensor* stored = file->find(full);
  if (stored == nullptr) return std::nullopt;
  RecordTensor tensor;
  tensor.shape = stored->shape;
  tensor.values.resize(stored->num_elements);
  file->read_f32(*stored, 0, tensor.values);
  return tensor;
}

std::optional<std::vector<RecordPacket>> Record::packets() const {
  if (impl_->document.packets.file.empty()) return std::nullopt;
  return impl_->named([this] { return read_packets(); });
}

std::vector<RecordPacket> Record::read_packets() const {
  const RecordPacketsInfo& stored = impl_->document.packets;
  const SafetensorsFile file = SafetensorsFile::open(impl_->folder / stored.file);
  const SafetensorsTensor* first = file.find("seq");
  const std::uint64_t rows = first == nullptr ? 0 : first->num_elements;
  const Column<std::uint64_t> seq(file, "seq", StoredType::kU64, rows);
  const Column<std::uint32_t> step(file, "step", StoredType::kU32, rows);
  const Column<std::uint32_t> op(file, "op", StoredType::kU32, rows);
  const Column<std::uint8_t> opcode(file, "opcode", StoredType::kU8, rows);
  const Column<std::uint32_t> error(file, "error", StoredType::kU32, rows);
  const Column<std::uint64_t> checksum(file, "checksum", StoredType::kU64, rows);
  std::vector<RecordPacket> packets(rows);
  for (std::uint64_t row = 0; row < rows; ++row) {
    if (op[row] >= stored.ops.size() || step[row] >= info().steps.size()) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: row {}: op {} of {}, step {} of {}", file.path().string(), row,
                              op[row], stored.ops.size(), step[row], info().steps.size()));
    }
    packets[row] = {seq[row],
                    step[row],
                    stored.ops[op[row]],
                    opcode[row],
                    static_cast<abi::Fault>(error[row]),
                    checksum[row]};
  }
  return packets;
}

}  // namespace tandem::debug
