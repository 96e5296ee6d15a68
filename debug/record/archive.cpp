// SPDX-License-Identifier: Apache-2.0
#include "archive.hpp"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <memory>
#include <numeric>
#include <span>
#include <string>
#include <string_view>

#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

namespace fs = std::filesystem;

// IEEE Std 1003.1, "pax - ustar Interchange Format".
constexpr std::size_t kBlock = 512;
struct Header {
  char name[100];
  char mode[8];
  char uid[8];
  char gid[8];
  char size[12];
  char mtime[12];
  char checksum[8];
  char type;
  char link[100];
  char magic[6];
  char version[2];
  char owner[32];
  char group[32];
  char device_major[8];
  char device_minor[8];
  char prefix[155];
  char pad[12];
};
static_assert(sizeof(Header) == kBlock);

constexpr std::uint64_t kMaxMembers = 10000;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 40;
constexpr std::uint64_t kMaxMemberBytes = (std::uint64_t{1} << 33) - 1;  // 11 octal digits
constexpr int kLevel = 3;

unsigned sum_of(Header header) {
  std::memset(header.checksum, ' ', sizeof header.checksum);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&header);
  return std::accumulate(bytes, bytes + sizeof header, 0u);
}

Header header_of(const std::string& name, std::uint64_t bytes) {
  Header header{};
  std::memcpy(header.name, name.data(), std::min(name.size(), sizeof header.name - 1));
  const auto octal = [](auto& field, std::uint64_t value) {
    const std::string text = fmt::format("{:0{}o}", value, sizeof field - 1);
    std::memcpy(field, text.data(), sizeof field - 1);
  };
  octal(header.mode, 0644);
  octal(header.uid, 0);
  octal(header.gid, 0);
  octal(header.size, bytes);
  octal(header.mtime, 0);
  header.type = '0';
  std::memcpy(header.magic, "ustar", 6);
  std::memcpy(header.version, "00", 2);
  const std::string sum = fmt::format("{:06o}", sum_of(header));
  std::memcpy(header.checksum, sum.c_str(), 7);
  header.checksum[7] = ' ';
  return header;
}

class Compressor {
 public:
  explicit Compressor(const fs::path& path)
      : path_(path), out_(path, std::ios::binary), stream_(ZSTD_createCStream(), ZSTD_freeCStream) {
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_compressionLevel, kLevel);
    ZSTD_CCtx_setParameter(stream_.get(), ZSTD_c_checksumFlag, 1);
  }

  void write(const void* data, std::size_t bytes) { run({data, bytes, 0}, ZSTD_e_continue); }
  void finish() {
    run({nullptr, 0, 0}, ZSTD_e_end);
    out_.close();
    if (!out_) fail();
  }

 private:
  void run(ZSTD_inBuffer in, ZSTD_EndDirective mode) {
    for (;;) {
      ZSTD_outBuffer out{buffer_.data(), buffer_.size(), 0};
      const std::size_t left = ZSTD_compressStream2(stream_.get(), &out, &in, mode);
      if (ZSTD_isError(left) || !out_.write(buffer_.data(), std::streamsize(out.pos))) fail();
      if (mode == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", path_.string()));
  }

  fs::path path_;
  std::ofstream out_;
  std::unique_ptr<ZSTD_CStream, decltype(&ZSTD_freeCStream)> stream_;
  std::array<char, 1 << 16> buffer_;
};

class Decompressor {
 public:
  explicit Decompressor(const fs::path& path)
      : path_(path), in_(path, std::ios::binary), stream_(ZSTD_createDStream(), ZSTD_freeDStream) {
    if (!in_) throw Error(ErrorCode::kNotFound, fmt::format("{}: cannot be opened", path.string()));
  }

  /// Fills `data`; false if the archive ends in front of it.
  bool read(std::span<char> data) {
    ZSTD_outBuffer out{data.data(), data.size(), 0};
    while (out.pos < out.size) {
      if (input_.pos == input_.size && !refill()) {
        if (out.pos != 0) fail("the archive ends inside a block");
        return false;
      }
      decompress(out);
    }
    at_ += data.size();
    return true;
  }

  /// Reads on to the end, where the checksum of all data is compared.
  void drain() {
    std::array<char, kBlock> block;
    while (left_ != 0) {
      ZSTD_outBuffer out{block.data(), block.size(), 0};
      if (input_.pos == input_.size && !refill()) fail("the archive ends in front of its checksum");
      decompress(out);
      at_ += out.pos;
    }
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: at byte {} of the tar file: {}", path_.string(), at_, what));
  }

 private:
  void decompress(ZSTD_outBuffer& out) {
    left_ = ZSTD_decompressStream(stream_.get(), &out, &input_);
    if (ZSTD_isError(left_)) fail(fmt::format("not zstd data: {}", ZSTD_getErrorName(left_)));
  }
  bool refill() {
    in_.read(buffer_.data(), std::streamsize(buffer_.size()));
    input_ = {buffer_.data(), static_cast<std::size_t>(in_.gcount()), 0};
    return input_.size != 0;
  }

  fs::path path_;
  std::ifstream in_;
  std::unique_ptr<ZSTD_DStream, decltype(&ZSTD_freeDStream)> stream_;
  std::array<char, 1 << 16> buffer_;
  ZSTD_inBuffer input_{nullptr, 0, 0};
  std::uint64_t at_ = 0;
  std::size_t left_ = 1;  // 0: the frame is complete.
};

template <std::size_t N>
std::uint64_t octal(const char (&field)[N], const Decompressor& archive) {
  const char* end = std::find_if(field, field + N, [](char c) { return c == '\0' || c == ' '; });
  std::uint64_t value = 0;
  const auto [stop, error] = std::from_chars(field, end, value, 8);
  if (error != std::errc() || stop != end || end == field) archive.fail("a number is expected");
  return value;
}

/// Name of a member, or empty for one to leave out.
std::string checked_name(const Header& header, const Decompressor& archive) {
  if (std::memcmp(header.magic, "ustar", 5) != 0) archive.fail("no ustar header");
  if (octal(header.checksum, archive) != sum_of(header)) archive.fail("checksum of a header");
  const auto* end = std::find(header.name, header.name + sizeof header.name, '\0');
  std::string name(header.name, end);
  if (name.starts_with("./")) name.erase(0, 2);
  if (header.type == '5') return {};
  if ((header.type != '0' && header.type != '\0') || name.empty() || name == "." || name == ".." ||
      name.find('/') != std::string::npos || header.prefix[0] != '\0') {
    archive.fail(fmt::format("member '{}' is no plain file at the top", name));
  }
  return name;
}

void copy_member(Decompressor& archive, const fs::path& path, std::uint64_t bytes) {
  std::ofstream out(path, std::ios::binary);
  std::array<char, kBlock> block;
  for (std::uint64_t done = 0; done < bytes; done += kBlock) {
    if (!archive.read(block)) archive.fail("the archive ends inside a member");
    out.write(block.data(), std::streamsize(std::min<std::uint64_t>(kBlock, bytes - done)));
  }
  out.close();
  if (!out) {
    throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be written", path.string()));
  }
}

}  // namespace

void pack(const std::vector<fs::path>& files, const fs::path& archive) {
  Compressor out(archive);
  std::vector<char> buffer(1 << 16);
  for (const fs::path& path : files) {
    const std::uint64_t bytes = fs::file_size(path);
    if (bytes > kMaxMemberBytes) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} has {} bytes; a tar file takes up to {}: record into a folder",
                              path.string(), bytes, kMaxMemberBytes));
    }
    const Header header = header_of(path.filename().string(), bytes);
    out.write(&header, sizeof header);
    std::ifstream in(path, std::ios::binary);
    for (std::uint64_t left = bytes; left != 0;) {
      const std::uint64_t piece = std::min<std::uint64_t>(left, buffer.size());
      if (!in.read(buffer.data(), std::streamsize(piece))) {
        throw Error(ErrorCode::kUnavailable, fmt::format("{}: cannot be read", path.string()));
      }
      out.write(buffer.data(), piece);
      left -= piece;
    }
    constexpr std::array<char, kBlock> kZeros{};
    out.write(kZeros.data(), (kBlock - bytes % kBlock) % kBlock);
  }
  constexpr std::array<char, 2 * kBlock> kEnd{};
  out.write(kEnd.data(), kEnd.size());
  out.finish();
}

void unpack(const fs::path& archive, const fs::path& folder) {
  Decompressor in(archive);
  std::uint64_t members = 0, total = 0;
  Header header;
  while (in.read({reinterpret_cast<char*>(&header), sizeof header})) {
    if (header.name[0] == '\0') return in.drain();  // The end is two blocks of zeros.
    const std::string name = checked_name(header, in);
    const std::uint64_t bytes = octal(header.size, in);
    total += bytes;
    if (++members > kMaxMembers || bytes > kMaxBytes || total > kMaxBytes) {
      in.fail("more than 10000 members or 1 TiB");
    }
    if (name.empty()) {
      if (bytes != 0) in.fail("a directory with contents");
      continue;
    }
    copy_member(in, folder / name, bytes);
  }
  in.fail("the archive has no end");
}

}  // namespace tandem::debug
