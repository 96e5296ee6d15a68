// SPDX-License-Identifier: Apache-2.0
// Writing records.
#include <fmt/format.h>

#include <fstream>
#include <set>
#include <unordered_map>
#include <utility>

#include "archive.hpp"
#include "record_json.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/safetensors_writer.hpp"
#include "temporary_folder.hpp"

namespace tandem::debug {
namespace {

namespace fs = std::filesystem;
using models::SafetensorsWriter;
using models::StoredType;

fs::path parent_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

/// Whether the path may be written: nothing, or a record.
void check_target(const fs::path& path) {
  const bool archive = path.string().ends_with(".tar.zst");
  if (!fs::is_directory(parent_of(path))) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: there is no folder {}", path.string(), parent_of(path).string()));
  }
  if (!fs::exists(path)) return;
  const bool record = archive ? fs::is_regular_file(path) : fs::exists(path / "record.json");
  if (record) return;
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{} is there and no record: remove it, or give another name", path.string()));
}

struct Columns {
  std::vector<std::uint64_t> seq, checksum;
  std::vector<std::uint32_t> step, op, error;
  std::vector<std::uint8_t> opcode;
  std::vector<std::string> ops;
  std::unordered_map<std::string, std::uint32_t> numbers;
};

template <class T>
void add_column(SafetensorsWriter& writer, const char* name, StoredType type,
                const std::vector<T>& column) {
  writer.add(name, type, {column.size()}, std::as_bytes(std::span(column)));
}

}  // namespace

struct RecordWriter::Impl {
  Impl(fs::path target, RecordInfo run)
      : path((check_target(target), std::move(target))), folder(parent_of(path)) {
    document.info = std::move(run);
  }

  fs::path path;
  TemporaryFolder folder;
  RecordDocument document;
  std::unique_ptr<SafetensorsWriter> step_file;
  std::set<std::string> known_ops;
  Columns packets;
  std::vector<fs::path> files;

  void end_step() {
    if (!step_file) return;
    step_file->finish();
    step_file.reset();
  }
  SafetensorsWriter& file_of_step() {
    if (!step_file) {
      RecordStep& step = document.info.steps.back();
      step.file = fmt::format("step.{}.safetensors", document.info.steps.size() - 1);
      files.push_back(folder.path() / step.file);
      step_file = std::make_unique<SafetensorsWriter>(files.back());
    }
    return *step_file;
  }
  void write_packets(std::uint64_t digest) {
    if (packets.seq.empty()) return;
    document.packets = {"packets.safetensors", packets.ops, fmt::format("{:#018x}", digest)};
    files.push_back(folder.path() / document.packets.file);
    SafetensorsWriter writer(files.back());
    add_column(writer, "seq", StoredType::kU64, packets.seq);
    add_column(writer, "step", StoredType::kU32, packets.step);
    add_column(writer, "op", StoredType::kU32, packets.op);
    add_column(writer, "opcode", StoredType::kU8, packets.opcode);
    add_column(writer, "error", StoredType::kU32, packets.error);
    add_column(writer, "checksum", StoredType::kU64, packets.checksum);
    writer.finish();
  }
};

RecordWriter::RecordWriter(fs::path path, RecordInfo info)
    : impl_(std::make_unique<Impl>(std::move(path), std::move(info))) {}
RecordWriter::~RecordWriter() = default;

void RecordWriter::begin_step(std::vector<std::int32_t> ids, std::uint32_t first_position) {
  impl_->end_step();
  impl_->document.info.steps.push_back({"", std::move(ids), first_position});
}

void RecordWriter::add(const std::string& op, std::string_view port,
                       std::vector<std::uint64_t> shape, std::span<const float> values) {
  const std::size_t step = impl_->document.info.steps.size() - 1;
  impl_->file_of_step().add(fmt::format("step.{}/{}/{}", step, op, port), StoredType::kF32,
                            std::move(shape), std::as_bytes(values));
  if (impl_->known_ops.insert(op).second) impl_->document.info.ops.push_back({op, "", false});
}

void RecordWriter::add(const RecordPacket& packet) {
  Columns& columns = impl_->packets;
  const auto [place, added] =
      columns.numbers.try_emplace(packet.op, static_cast<std::uint32_t>(columns.ops.size()));
  if (added) columns.ops.push_back(packet.op);
  columns.seq.push_back(packet.seq);
  columns.step.push_back(packet.step);
  columns.op.push_back(place->second);
  columns.opcode.push_back(packet.opcode);
  columns.error.push_back(static_cast<std::uint32_t>(packet.error));
  columns.checksum.push_back(packet.checksum);
}

void RecordWriter::add_new_id(std::int32_t id) { impl_->document.info.new_ids.push_back(id); }

void RecordWriter::finish(std::uint64_t digest) {
  impl_->end_step();
  impl_->write_packets(digest);
  impl_->files.push_back(impl_->folder.path() / "record.json");
  std::ofstream out(impl_->files.back());
  out << to_json(impl_->document).dump(1) << "\n";
  out.close();
  if (!out) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: cannot be written", impl_->path.string()));
  }
  if (impl_->path.string().ends_with(".tar.zst")) {
    const fs::path part = impl_->folder.path() / "archive.part";
    pack(impl_->files, part);
    fs::rename(part, impl_->path);
  } else {
    fs::remove_all(impl_->path);
    fs::permissions(impl_->folder.path(), fs::perms::owner_all | fs::perms::group_read |
                                              fs::perms::group_exec | fs::perms::others_read |
                                              fs::perms::others_exec);
    impl_->folder.keep_as(impl_->path);
  }
}

}  // namespace tandem::debug
