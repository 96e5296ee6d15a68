// SPDX-License-Identifier: Apache-2.0
#include "record_file.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "tandem/abi/isa.hpp"
#include "tandem/base/error.hpp"

namespace tandem::runtime {
namespace {

struct FileHeader {
  std::array<char, 8> magic;
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint64_t abi_hash;
};
static_assert(sizeof(FileHeader) == 24);

struct BlockHeader {
  std::uint32_t stored_bytes;
  std::uint32_t raw_bytes;
};

struct RecordHeader {
  std::uint32_t type;
  std::uint32_t payload_bytes;
};

// Level 1 keeps up with a solid-state disk, and weights hardly compress at any level.
constexpr int kCompressionLevel = 1;

constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87u;
constexpr std::uint64_t kPrime2 = 0xc2b2ae3d27d4eb4fu;
constexpr std::uint64_t kPrime3 = 0x165667b19e3779f9u;
constexpr std::uint64_t kPrime4 = 0x85ebca77c2b2ae63u;
constexpr std::uint64_t kPrime5 = 0x27d4eb2f165667c5u;

std::uint64_t hash_round(std::uint64_t lane, std::uint64_t word) {
  return std::rotl(lane + word * kPrime2, 31) * kPrime1;
}

template <class T>
T load(const std::byte* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

}  // namespace

void Xxh64::update(std::span<const std::byte> bytes) {
  total_ += bytes.size();
  const auto stripe = [this](const std::byte* data) {
    for (std::size_t i = 0; i < lanes_.size(); ++i) {
      lanes_[i] = hash_round(lanes_[i], load<std::uint64_t>(data + 8 * i));
    }
  };
  if (tail_bytes_ != 0) {
    const std::size_t taken = std::min(bytes.size(), tail_.size() - tail_bytes_);
    std::memcpy(tail_.data() + tail_bytes_, bytes.data(), taken);
    tail_bytes_ += taken;
    bytes = bytes.subspan(taken);
    if (tail_bytes_ < tail_.size()) {
      return;
    }
    stripe(tail_.data());
    tail_bytes_ = 0;
  }
  for (; bytes.size() >= tail_.size(); bytes = bytes.subspan(tail_.size())) {
    stripe(bytes.data());
  }
  if (!bytes.empty()) {
    std::memcpy(tail_.data(), bytes.data(), bytes.size());
    tail_bytes_ = bytes.size();
  }
}

std::uint64_t Xxh64::digest() const {
  std::uint64_t hash = kPrime5;
  if (total_ >= tail_.size()) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
           std::rotl(lanes_[3], 18);
    for (const std::uint64_t lane : lanes_) {
      hash = (hash ^ hash_round(0, lane)) * kPrime1 + kPrime4;
    }
  }
  hash += total_;
  std::size_t i = 0;
  for (; i + 8 <= tail_bytes_; i += 8) {
    hash ^= hash_round(0, load<std::uint64_t>(tail_.data() + i));
    hash = std::rotl(hash, 27) * kPrime1 + kPrime4;
  }
  if (i + 4 <= tail_bytes_) {
    hash ^= std::uint64_t{load<std::uint32_t>(tail_.data() + i)} * kPrime1;
    hash = std::rotl(hash, 23) * kPrime2 + kPrime3;
    i += 4;
  }
  for (; i < tail_bytes_; ++i) {
    hash ^= std::to_integer<std::uint64_t>(tail_[i]) * kPrime5;
    hash = std::rotl(hash, 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

std::uint64_t hash_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}: cannot be opened: {}", path, std::strerror(errno)));
  }
  Xxh64 hash;
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  while (in) {
    in.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(buffer.size()));
    hash.update(std::span(buffer).first(static_cast<std::size_t>(in.gcount())));
  }
  return hash.digest();
}

RecordWriter::RecordWriter(std::string path, const RecordFileKind& kind,
                           std::string_view header_text)
    : path_(std::move(path)), out_(path_, std::ios::binary | std::ios::trunc) {
  TANDEM_CHECK(header_text.size() <= kMaxHeaderBytes);
  if (!out_) {
    finished_ = true;  // Nothing of ours to remove.
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: cannot be written: {}", path_, std::strerror(errno)));
  }
  context_ = ZSTD_createCCtx();
  TANDEM_CHECK(context_ != nullptr);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kCompressionLevel);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  raw_.reserve(kBlockBytes);
  stored_.resize(ZSTD_compressBound(kBlockBytes));
  const FileHeader header = {kind.magic, kRecordFileVersion,
                             static_cast<std::uint32_t>(header_text.size()), abi::kAbiHash};
  write_bytes(&header, sizeof(header));
  write_bytes(header_text.data(), header_text.size());
}

RecordWriter::~RecordWriter() {
  ZSTD_freeCCtx(context_);
  if (!finished_) {
    out_.close();
    std::error_code ignored;
    if (std::filesystem::is_regular_file(path_, ignored)) {
      std::filesystem::remove(path_, ignored);
    }
  }
}

void RecordWriter::add(std::uint32_t type,
                       std::initializer_list<std::span<const std::byte>> parts) {
  std::size_t payload_bytes = 0;
  for (const auto& part : parts) {
    payload_bytes += part.size();
  }
  TANDEM_CHECK(payload_bytes <= kMaxRecordBytes);
  if (raw_.size() + sizeof(RecordHeader) + payload_bytes > kBlockBytes) {
    write_block();
  }
  const RecordHeader header = {type, static_cast<std::uint32_t>(payload_bytes)};
  const auto header_bytes = bytes_of(header);
  raw_.insert(raw_.end(), header_bytes.begin(), header_bytes.end());
  for (const auto& part : parts) {
    raw_.insert(raw_.end(), part.begin(), part.end());
  }
  ++num_records_;
}

void RecordWriter::finish() {
  const std::uint64_t count = num_records_;
  add(kEndRecord, {bytes_of(count)});
  write_block();
  const BlockHeader end = {0, 0};
  write_bytes(&end, sizeof(end));
  out_.close();
  if (!out_) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: write failed: {}", path_, std::strerror(errno)));
  }
  finished_ = true;
}

void RecordWriter::write_block() {
  if (raw_.empty()) {
    return;
  }
  const std::size_t stored =
      ZSTD_compress2(context_, stored_.data(), stored_.size(), raw_.data(), raw_.size());
  TANDEM_CHECK(!ZSTD_isError(stored));
  const BlockHeader header = {static_cast<std::uint32_t>(stored),
                              static_cast<std::uint32_t>(raw_.size())};
  write_bytes(&header, sizeof(header));
  write_bytes(stored_.data(), stored);
  raw_.clear();
}

void RecordWriter::write_bytes(const void* data, std::size_t num_bytes) {
  out_.write(static_cast<const char*>(data), static_cast<std::streamsize>(num_bytes));
  if (!out_) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: write failed: {}", path_, std::strerror(errno)));
  }
}

void RecordReader::open_file() {
  in_.open(path_, std::ios::binary);
  if (!in_) {
    throw Error(ErrorCode::kNotFound, fmt::format("{} {}: cannot be opened: {}", kind_name_, path_,
                                                  std::strerror(errno)));
  }
}

RecordReader::RecordReader(const RecordReader& other)
    : path_(other.path_),
      kind_name_(other.kind_name_),
      file_bytes_(other.file_bytes_),
      offset_(other.offset_),
      block_offset_(other.block_offset_),
      header_text_(other.header_text_),
      abi_hash_(other.abi_hash_),
      raw_(other.raw_),
      position_(other.position_),
      num_records_(other.num_records_),
      ended_(other.ended_) {
  open_file();
  in_.seekg(static_cast<std::streamoff>(offset_));
  context_ = ZSTD_createDCtx();
  TANDEM_CHECK(context_ != nullptr);
}

RecordReader::RecordReader(std::string path, const RecordFileKind& kind)
    : path_(std::move(path)), kind_name_(kind.name) {
  std::error_code code;
  if (!std::filesystem::is_regular_file(path_, code)) {
    throw Error(ErrorCode::kNotFound, fmt::format("{} {}: no such file", kind.name, path_));
  }
  file_bytes_ = std::filesystem::file_size(path_, code);
  open_file();
  context_ = ZSTD_createDCtx();
  TANDEM_CHECK(context_ != nullptr);
  try {
    read_header(kind);
  } catch (...) {
    ZSTD_freeDCtx(context_);
    throw;
  }
}

RecordReader::~RecordReader() { ZSTD_freeDCtx(context_); }

void RecordReader::fail(std::uint64_t offset, const std::string& what) const {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{}: {} damaged at byte {}: {}", path_, kind_name_, offset, what));
}

void RecordReader::read_bytes(void* data, std::size_t num_bytes, std::string_view what) {
  in_.read(static_cast<char*>(data), static_cast<std::streamsize>(num_bytes));
  const auto got = static_cast<std::size_t>(in_.gcount());
  if (got != num_bytes) {
    fail(offset_,
         fmt::format("the file ends inside {}: expected {} bytes, found {}", what, num_bytes, got));
  }
  offset_ += num_bytes;
}

void RecordReader::read_header(const RecordFileKind& kind) {
  FileHeader header{};
  read_bytes(&header, sizeof(header), "the file header");
  if (header.magic != kind.magic) {
    const std::string_view magic(kind.magic.data(), kind.magic.size());
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: not a {}: expected the first bytes '{}'", path_, kind.name,
                            magic.substr(0, magic.find('\n'))));
  }
  if (header.version != kRecordFileVersion) {
    throw Error(ErrorCode::kMismatch,
                fmt::format("{}: {} of format version {}, this program reads version {}; make it "
                            "again with this program",
                            path_, kind.name, header.version, kRecordFileVersion));
  }
  if (header.header_bytes > kMaxHeaderBytes) {
    fail(12, fmt::format("header text of {} bytes, at most {} are allowed", header.header_bytes,
                         kMaxHeaderBytes));
  }
  abi_hash_ = header.abi_hash;
  header_text_.resize(header.header_bytes);
  read_bytes(header_text_.data(), header_text_.size(), "the header text");
}

bool RecordReader::read_block() {
  block_offset_ = offset_;
  BlockHeader header{};
  read_bytes(&header, sizeof(header), "a block header");
  if (header.stored_bytes == 0 && header.raw_bytes == 0) {
    return false;
  }
  if (header.raw_bytes == 0 || header.raw_bytes > kBlockBytes ||
      header.stored_bytes > ZSTD_compressBound(kBlockBytes)) {
    fail(block_offset_, fmt::format("block of {} bytes, {} compressed; at most {} are allowed",
                                    header.raw_bytes, header.stored_bytes, kBlockBytes));
  }
  if (header.stored_bytes > file_bytes_ - std::min(file_bytes_, offset_)) {
    fail(block_offset_, fmt::format("block of {} compressed bytes reaches past the end of the file",
                                    header.stored_bytes));
  }
  stored_.resize(header.stored_bytes);
  raw_.resize(header.raw_bytes);
  read_bytes(stored_.data(), stored_.size(), "a block");
  const std::size_t got =
      ZSTD_decompressDCtx(context_, raw_.data(), raw_.size(), stored_.data(), stored_.size());
  if (ZSTD_isError(got)) {
    fail(block_offset_, fmt::format("zstd: {}", ZSTD_getErrorName(got)));
  }
  if (got != raw_.size()) {
    fail(block_offset_, fmt::format("block holds {} bytes, its header says {}", got, raw_.size()));
  }
  position_ = 0;
  return true;
}

bool RecordReader::next(Record& record) {
  if (ended_) {
    return false;
  }
  if (position_ == raw_.size() && !read_block()) {
    fail(block_offset_, "the end mark comes before the end record");
  }
  const auto refuse = [&](const std::string& what) {
    fail(block_offset_,
         fmt::format("record {} at byte {} of the block {}", num_records_, position_, what));
  };
  RecordHeader header{};
  if (raw_.size() - position_ < sizeof(header)) {
    refuse("has no room for its header");
  }
  header = load<RecordHeader>(raw_.data() + position_);
  if (header.payload_bytes > kMaxRecordBytes ||
      header.payload_bytes > raw_.size() - position_ - sizeof(header)) {
    refuse(fmt::format("claims {} bytes, the block has {} more", header.payload_bytes,
                       raw_.size() - position_ - sizeof(header)));
  }
  record.type = header.type;
  record.payload = std::span(raw_).subspan(position_ + sizeof(header), header.payload_bytes);
  record.offset = block_offset_;
  position_ += sizeof(header) + header.payload_bytes;
  if (header.type == kEndRecord) {
    check_end(record);
    return false;
  }
  ++num_records_;
  return true;
}

void RecordReader::check_end(const Record& record) {
  ended_ = true;
  if (record.payload.size() != sizeof(std::uint64_t) ||
      load<std::uint64_t>(record.payload.data()) != num_records_) {
    fail(block_offset_,
         fmt::format("the end record does not fit the {} records before it", num_records_));
  }
  if (position_ != raw_.size() || read_block()) {
    fail(block_offset_, "bytes behind the end record");
  }
  if (offset_ != file_bytes_) {
    fail(offset_, fmt::format("{} bytes behind the end mark", file_bytes_ - offset_));
  }
}

}  // namespace tandem::runtime
