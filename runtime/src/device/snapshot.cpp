// SPDX-License-Identifier: Apache-2.0
#include "snapshot.hpp"

#include <fmt/format.h>

#include <cstring>
#include <filesystem>

#include "config_json.hpp"
#include "device_impl.hpp"
#include "memory_walk.hpp"
#include "tandem/abi/regs.hpp"

namespace tandem::runtime {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kRunBytes = kMaxRecordBytes / 2;

std::uint32_t code(SnapshotRecord record) { return static_cast<std::uint32_t>(record); }

template <class T>
T take(const RecordReader& file, const RecordReader::Record& record,
       std::span<const std::byte>& rest) {
  if (rest.size() < sizeof(T)) {
    file.fail(record.offset, fmt::format("record of type {} ends too early", record.type));
  }
  T value;
  std::memcpy(&value, rest.data(), sizeof(T));
  rest = rest.subspan(sizeof(T));
  return value;
}

/// Payload of a kPages record, checked.
std::span<const std::byte> take_pages(const RecordReader& file, const RecordReader::Record& record,
                                      std::uint64_t& addr) {
  auto rest = record.payload;
  addr = take<std::uint64_t>(file, record, rest);
  constexpr std::uint64_t kEnd = std::uint64_t{1} << abi::kAddressBits;
  if (rest.size() % kPageBytes != 0 || addr % kPageBytes != 0 || addr == 0 ||
      addr > kEnd - rest.size()) {
    file.fail(record.offset,
              fmt::format("{} bytes at {:#x} are not whole pages of the address space", rest.size(),
                          addr));
  }
  return rest;
}

/// Writes pages, leaving out those that the base holds with the same contents.
class SnapshotWriter {
 public:
  SnapshotWriter(RecordWriter& file, PageReader* base)
      : file_(file),
        base_(base),
        base_valid_(base != nullptr && base->next()),
        runs_(kRunBytes, [this](std::uint64_t addr, std::span<const std::byte> bytes) {
          file_.add(code(SnapshotRecord::kPages), {bytes_of(addr), bytes});
        }) {}

  void add(std::uint64_t addr, std::span<const std::byte> page) {
    while (base_valid_ && base_->addr() < addr) {
      add_zero();
    }
    if (base_valid_ && base_->addr() == addr) {
      const bool same = std::memcmp(base_->page().data(), page.data(), page.size()) == 0;
      base_valid_ = base_->next();
      if (same) {
        return;
      }
    }
    runs_.add(addr, page);
  }

  void finish() {
    while (base_valid_) {
      add_zero();
    }
    runs_.flush();
  }

 private:
  void add_zero() {
    file_.add(code(SnapshotRecord::kZero), {bytes_of(base_->addr()), bytes_of(kPageBytes)});
    base_valid_ = base_->next();
  }

  RecordWriter& file_;
  PageReader* base_;
  bool base_valid_;
  PageRuns runs_;
};

fs::path base_path(const std::string& snapshot, const std::string& base) {
  return fs::path(snapshot).parent_path() / base;
}

void write_programs(RecordWriter& file, const DeviceQueue& queue) {
  for (const ProgramCache::Program& program : queue.programs().programs()) {
    file.add(
        code(SnapshotRecord::kProgram),
        {bytes_of(program.first_word), bytes_of(program.num_words),
         std::as_bytes(queue.programs().image().subspan(program.first_word, program.num_words))});
  }
  for (std::uint32_t table = 0; table < 2; ++table) {
    if (const auto words = queue.table_words(table); !words.empty()) {
      file.add(code(SnapshotRecord::kTable), {bytes_of(table), std::as_bytes(words)});
    }
  }
}

/// Checks every record of a snapshot and hands those that are asked for on.
class SnapshotLoader {
 public:
  SnapshotLoader(DeviceCore& core, std::size_t ucode_words) : core_(core), programs_(ucode_words) {}

  /// `apply` false: checks only.
  void load(const std::string& path, bool apply) {
    programs_.clear();
    for (auto& table : tables_) {
      table.clear();
    }
    RecordReader file(path, kSnapshotKind);
    RecordReader::Record record;
    while (file.next(record)) {
      load_record(file, record, apply);
    }
  }

  const ProgramCache& programs() const { return programs_; }
  const std::array<std::vector<std::uint32_t>, 2>& tables() const { return tables_; }

 private:
  void load_record(const RecordReader& file, const RecordReader::Record& record, bool apply) {
    auto rest = record.payload;
    switch (static_cast<SnapshotRecord>(record.type)) {
      case SnapshotRecord::kPages: {
        std::uint64_t addr = 0;
        rest = take_pages(file, record, addr);
        check_mapped(file, record, addr, rest.size());
        write_pages(addr, rest, apply);
        break;
      }
      case SnapshotRecord::kZero: {
        const auto addr = take<std::uint64_t>(file, record, rest);
        const auto num_bytes = take<std::uint64_t>(file, record, rest);
        if (num_bytes != kPageBytes) {
          file.fail(record.offset, fmt::format("{} zero bytes, expected a page", num_bytes));
        }
        check_mapped(file, record, addr, num_bytes);
        static const std::vector<std::byte> zeros(kPageBytes);
        write_pages(addr, zeros, apply);
        break;
      }
      case SnapshotRecord::kProgram:
        load_program(file, record, rest);
        break;
      case SnapshotRecord::kTable:
        load_table(file, record, rest);
        break;
      default:
        file.fail(record.offset,
                  fmt::format("record of type {} is not known to this program", record.type));
    }
  }

  void check_mapped(const RecordReader& file, const RecordReader::Record& record,
                    std::uint64_t addr, std::uint64_t num_bytes) const {
    for (const auto& region : core_.driver().config().regions) {
      if (addr >= region.base.value && num_bytes <= region.size &&
          addr - region.base.value <= region.size - num_bytes) {
        return;
      }
    }
    file.fail(record.offset, fmt::format("{} bytes at {:#x} lie in no region", num_bytes, addr));
  }

  void write_pages(std::uint64_t addr, std::span<const std::byte> bytes, bool apply) {
    for (std::size_t i = 0; apply && i < bytes.size(); i += kPageBytes) {
      if (!is_ring_page(core_, addr + i)) {
        core_.backend().write(PhysAddr(addr + i), bytes.subspan(i, kPageBytes));
      }
    }
  }

  void load_program(const RecordReader& file, const RecordReader::Record& record,
                    std::span<const std::byte> rest) {
    const auto first_word = take<std::uint32_t>(file, record, rest);
    const auto num_words = take<std::uint32_t>(file, record, rest);
    if (first_word != programs_.image().size() || num_words == 0 || !programs_.fits(num_words) ||
        rest.size() != std::size_t{num_words} * sizeof(std::uint64_t)) {
      file.fail(record.offset,
                fmt::format("micro-program of {} words at word {} in {} bytes does "
                            "not follow the {} words before it",
                            num_words, first_word, rest.size(), programs_.image().size()));
    }
    std::vector<std::uint64_t> words(num_words);
    std::memcpy(words.data(), rest.data(), rest.size());
    programs_.add(words);
  }

  void load_table(const RecordReader& file, const RecordReader::Record& record,
                  std::span<const std::byte> rest) {
    const auto table = take<std::uint32_t>(file, record, rest);
    if (table >= tables_.size() || rest.size() != abi::kTableWords * sizeof(std::uint32_t)) {
      file.fail(record.offset, fmt::format("lookup table {} of {} bytes", table, rest.size()));
    }
    tables_[table].resize(abi::kTableWords);
    std::memcpy(tables_[table].data(), rest.data(), rest.size());
  }

  DeviceCore& core_;
  ProgramCache programs_;
  std::array<std::vector<std::uint32_t>, 2> tables_;
};

/// Finds the base of a snapshot and makes sure that it is the right one.
std::string check_base(const std::string& path, const SnapshotInfo& info) {
  const std::string base = base_path(path, info.base).string();
  if (!fs::exists(base)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: its base {} does not exist; put the file with hash {:016x} there",
                            path, base, info.base_hash));
  }
  if (const std::uint64_t hash = hash_file(base); hash != info.base_hash) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: its base {} has hash {:016x}, expected {:016x}; the file was "
                            "replaced or changed",
                            path, base, hash, info.base_hash));
  }
  return base;
}

}  // namespace

SnapshotInfo read_snapshot_info(const RecordReader& file) {
  const std::string& path = file.path();
  const nlohmann::json header = parse_header(file.header_text(), path);
  SnapshotInfo info;
  info.backend = string_from_json(header, "backend", path);
  info.seq = uint_from_json(header, "seq", path);
  info.config = config_from_json(header, path);
  if (header.contains("base")) {
    info.base = string_from_json(header["base"], "file", path);
    info.base_hash = uint_from_json(header["base"], "xxh64", path);
  }
  return info;
}

PageReader::PageReader(const std::string& path)
    : file_(path, kSnapshotKind), info_(read_snapshot_info(file_)) {
  if (!info_.base.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: has a base itself ({}) and cannot be one; use that file", path,
                            info_.base));
  }
}

bool PageReader::next() {
  RecordReader::Record record;
  while (rest_.empty()) {
    if (!file_.next(record)) {
      return false;
    }
    if (static_cast<SnapshotRecord>(record.type) != SnapshotRecord::kPages) {
      continue;
    }
    std::uint64_t addr = 0;
    rest_ = take_pages(file_, record, addr);
    if (addr < next_addr_) {
      file_.fail(record.offset, fmt::format("pages at {:#x} are not in ascending order", addr));
    }
    next_addr_ = addr;
  }
  addr_ = next_addr_;
  page_ = rest_.first(kPageBytes);
  rest_ = rest_.subspan(kPageBytes);
  next_addr_ += kPageBytes;
  return true;
}

void Device::snapshot(const std::string& path, const SnapshotOptions& options) {
  DeviceCore& core = impl_->core;
  impl_->queue.finish();
  nlohmann::json header = {{"backend", core.backend().name()},
                           {"seq", core.driver().submitted()},
                           {"config", config_to_json(core.driver().config())}};
  std::unique_ptr<PageReader> base;
  if (!options.base.empty()) {
    base = std::make_unique<PageReader>(options.base);
    check_same_device(options.base, base->abi_hash(), base->info().config, core.driver().config());
    const fs::path directory = fs::absolute(path).parent_path();
    header["base"] = {{"file", fs::proximate(fs::absolute(options.base), directory).string()},
                      {"xxh64", hash_file(options.base)}};
  }
  RecordWriter file(path, kSnapshotKind,
                    header.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  write_programs(file, impl_->queue);
  SnapshotWriter writer(file, base.get());
  for_each_page(
      core, [&](std::uint64_t addr, std::span<const std::byte> page) { writer.add(addr, page); });
  writer.finish();
  file.finish();
}

void Device::restore(const std::string& path) {
  DeviceCore& core = impl_->core;
  if (core.recording()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("restoring {} while recording; stop the recording first", path));
  }
  const driver::DeviceConfig& config = core.driver().config();
  std::string base;
  {
    const RecordReader file(path, kSnapshotKind);
    const SnapshotInfo info = read_snapshot_info(file);
    check_same_device(path, file.abi_hash(), info.config, config);
    if (!info.base.empty()) {
      base = check_base(path, info);
      const PageReader base_file(base);
      check_same_device(base, base_file.abi_hash(), base_file.info().config, config);
    }
  }
  // Everything is read once before memory changes, so that a damaged file leaves the device as it
  // was.
  SnapshotLoader loader(core, config.ucode_words);
  for (const std::string& file : {base, path}) {
    if (!file.empty()) {
      loader.load(file, false);
    }
  }
  impl_->queue.finish();
  clear_memory(core);
  for (const std::string& file : {base, path}) {
    if (!file.empty()) {
      loader.load(file, true);
    }
  }
  impl_->queue.load_programs(loader.programs(), loader.tables());
}

}  // namespace tandem::runtime
