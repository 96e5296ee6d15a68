// SPDX-License-Identifier: Apache-2.0
#include "fst_file.hpp"

#include <fmt/format.h>
#include <lz4.h>
#include <zlib.h>

#include <algorithm>
#include <utility>

#include "fst_bytes.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug::wave {
namespace {

/// Types of blocks.
enum : std::uint8_t {
  kGeometry = 3,
  kNamesGzip = 4,
  kNamesLz4 = 6,
  kNamesLz4Twice = 7,
  kValues = 8,  // with dynamic aliases, second form
  kCompressedFile = 254,
};

/// Tags in the list of names; smaller ones are types of variables.
enum : std::uint8_t { kAttribute = 252, kAttributeEnd = 253, kScope = 254, kScopeEnd = 255 };
constexpr std::uint8_t kMiscAttribute = 0;
constexpr std::uint8_t kEnumTable = 7;
constexpr std::uint8_t kLastVariable = 29;

constexpr std::uint64_t kMaxNames = 1U << 30;

std::vector<std::uint8_t> inflate_lz4(std::span<const std::uint8_t> in, std::uint64_t size) {
  std::vector<std::uint8_t> out(size);
  const int n = LZ4_decompress_safe(reinterpret_cast<const char*>(in.data()),
                                    reinterpret_cast<char*>(out.data()),
                                    static_cast<int>(in.size()), static_cast<int>(size));
  if (n < 0 || static_cast<std::uint64_t>(n) != size) out.clear();
  return out;
}

std::vector<std::uint8_t> inflate_gzip(std::span<const std::uint8_t> in, std::uint64_t size) {
  std::vector<std::uint8_t> out(size);
  z_stream stream{};
  stream.next_in = const_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(size);
  constexpr int kGzipWindow = 15 + 16;
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) return {};
  const int result = inflate(&stream, Z_FINISH);
  inflateEnd(&stream);
  if (result != Z_STREAM_END || stream.avail_out != 0) out.clear();
  return out;
}

/// "name count literal... value...".
WaveEnum parse_enum(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  WaveEnum table;
  if (words.size() < 2) return table;
  table.name = words[0];
  const std::size_t count = (words.size() - 2) / 2;
  for (std::size_t i = 0; i < count; ++i) {
    table.values.emplace_back(words[2 + count + i], words[2 + i]);
  }
  return table;
}

}  // namespace

FstFile::FstFile(const std::filesystem::path& path) : path_(path), file_(path, std::ios::binary) {
  if (!file_) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("waves {} cannot be opened; check the path", path.string()));
  }
  file_bytes_ = std::filesystem::file_size(path);
  read_blocks();
}

void FstFile::damaged(std::uint64_t at, const std::string& what) const {
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("waves {}, byte {}: {}; the file is damaged or was not closed",
                          path_.string(), at, what));
}

std::vector<std::uint8_t> FstFile::read(std::uint64_t at, std::uint64_t num_bytes) {
  if (at > file_bytes_ || num_bytes > file_bytes_ - at) damaged(at, "the file ends too early");
  std::vector<std::uint8_t> bytes(num_bytes);
  file_.clear();
  file_.seekg(static_cast<std::streamoff>(at));
  file_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(num_bytes));
  if (!file_) damaged(at, "the file cannot be read");
  return bytes;
}

void FstFile::read_blocks() {
  constexpr std::uint64_t kHead = 1 + 8;
  Block geometry;
  Block names;
  std::uint8_t names_type = 0;
  std::uint64_t at = 0;
  while (at + kHead <= file_bytes_) {
    const std::vector<std::uint8_t> head = read(at, kHead);
    const std::uint8_t type = head[0];
    const Block block{.at = at + 1, .size = big_endian(std::span(head).subspan(1))};
    if (at == 0 && type == kCompressedFile) {
      damaged(at, "the whole file is compressed, which is not supported");
    }
    if (block.size < 8 || block.size > file_bytes_ - block.at) damaged(at, "a block has no end");
    if (type == kGeometry) geometry = block;
    if (type == kNamesGzip || type == kNamesLz4 || type == kNamesLz4Twice) {
      names = block;
      names_type = type;
    }
    if (type == kValues) {
      const std::vector<std::uint8_t> times = read(block.at + 8, 16);
      blocks_.push_back(
          {block.at, block.size, big_endian(times), big_endian(std::span(times).subspan(8))});
    }
    at = block.at + block.size;
  }
  if (geometry.size == 0 || names.size == 0) damaged(at, "there are no names of signals");
  read_geometry(geometry);
  read_names(names, names_type);
}

void FstFile::read_geometry(const Block& block) {
  const std::vector<std::uint8_t> bytes = read(block.at, block.size);
  if (bytes.size() < 24) damaged(block.at, "the block of widths is too short");
  const std::uint64_t size = big_endian(std::span(bytes).subspan(8));
  const std::uint64_t count = big_endian(std::span(bytes).subspan(16));
  if (size > kMaxNames || count > size) damaged(block.at, "the block of widths has no sense");
  const std::vector<std::uint8_t> raw = inflate_zlib(std::span(bytes).subspan(24), size);
  Bytes in(raw);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t width = in.varint();
    constexpr std::uint64_t kVariable = 0xffff'ffff;
    constexpr std::uint32_t kRealBytes = 8;
    frame_bytes_.push_back(width == 0           ? kRealBytes
                           : width == kVariable ? 0
                                                : static_cast<std::uint32_t>(width));
  }
  if (in.bad()) damaged(block.at, "the block of widths cannot be read");
}

void FstFile::read_names(const Block& block, std::uint8_t type) {
  const std::vector<std::uint8_t> bytes = read(block.at, block.size);
  const auto in = std::span(bytes);
  if (in.size() < 24) damaged(block.at, "the block of names is too short");
  const std::uint64_t size = big_endian(in.subspan(8));
  if (size > kMaxNames) damaged(block.at, "the block of names has no sense");
  std::vector<std::uint8_t> text;
  if (type == kNamesGzip) {
    text = inflate_gzip(in.subspan(16), size);
  } else if (type == kNamesLz4) {
    text = inflate_lz4(in.subspan(16), size);
  } else {
    Bytes head(in.subspan(16));
    const std::uint64_t middle = head.varint();
    if (middle > kMaxNames) damaged(block.at, "the block of names has no sense");
    text = inflate_lz4(inflate_lz4(in.subspan(16 + head.position()), middle), size);
  }
  if (text.size() != size) damaged(block.at, "the names cannot be decompressed");
  parse_names(text);
}

void FstFile::parse_names(std::span<const std::uint8_t> text) {
  Bytes in(text);
  std::vector<std::string> scopes;
  std::map<std::uint64_t, std::int32_t> enum_ids;
  std::int32_t next_enum = -1;
  std::uint32_t handles = 0;
  std::string prefix;
  const auto set_prefix = [&] {
    prefix.clear();
    for (const std::string& scope : scopes) {
      if (!scope.empty()) prefix += scope + '.';
    }
  };
  while (!in.at_end() && !in.bad()) {
    const std::uint8_t tag = in.byte();
    if (tag == kScope) {
      in.byte();  // kind
      scopes.emplace_back(in.text());
      in.text();  // component
      set_prefix();
    } else if (tag == kScopeEnd) {
      if (!scopes.empty()) scopes.pop_back();
      set_prefix();
    } else if (tag == kAttribute) {
      const std::uint8_t kind = in.byte();
      const std::uint8_t subkind = in.byte();
      const std::string_view name = in.text();
      const std::uint64_t id = in.varint();
      if (kind != kMiscAttribute || subkind != kEnumTable) continue;
      if (name.empty()) {
        const auto it = enum_ids.find(id);
        next_enum = it == enum_ids.end() ? -1 : it->second;
      } else {
        enum_ids[id] = static_cast<std::int32_t>(enums_.size());
        enums_.push_back(parse_enum(name));
      }
    } else if (tag <= kLastVariable) {
      in.byte();  // direction
      std::string name(in.text());
      const auto width = static_cast<std::uint32_t>(in.varint());
      const auto alias = static_cast<std::uint32_t>(in.varint());
      std::string range;
      if (const std::size_t space = name.find(' '); space != std::string::npos) {
        range = name.substr(space + 1);
        name.resize(space);
      }
      WaveSignal signal{prefix + name, std::move(range), width, alias == 0 ? ++handles : alias,
                        std::exchange(next_enum, -1)};
      by_path_.emplace(signal.path, signals_.size());
      signals_.push_back(std::move(signal));
    } else if (tag != kAttributeEnd) {
      break;
    }
  }
  for (const WaveSignal& signal : signals_) {
    if (signal.handle > frame_bytes_.size()) damaged(file_bytes_, "a signal has no width");
  }
}

const WaveSignal* FstFile::find(std::string_view path) const {
  const auto it = by_path_.find(path);
  return it == by_path_.end() ? nullptr : &signals_[it->second];
}

const WaveSignal& FstFile::at(std::string_view path) const {
  if (const WaveSignal* signal = find(path)) return *signal;
  throw Error(
      ErrorCode::kNotFound,
      fmt::format("waves {}: there is no signal {}; the model was built from other RTL than "
                  "this program, or with a smaller trace_depth",
                  path_.string(), path));
}

std::uint64_t FstFile::first_time() const { return blocks_.empty() ? 0 : blocks_.front().begin; }
std::uint64_t FstFile::last_time() const { return blocks_.empty() ? 0 : blocks_.back().end; }

}  // namespace tandem::debug::wave
