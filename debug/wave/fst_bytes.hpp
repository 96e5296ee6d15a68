// SPDX-License-Identifier: Apache-2.0
// Numbers and compressed pieces of FST files.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tandem::debug::wave {

inline std::uint64_t big_endian(std::span<const std::uint8_t> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < 8 && i < bytes.size(); ++i) value = value << 8 | bytes[i];
  return value;
}

/// Reads front to back; past the end it gives zeros and is `bad`.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool at_end() const { return at_ >= bytes_.size(); }
  bool bad() const { return bad_; }
  std::size_t position() const { return at_; }
  std::uint8_t byte() {
    if (at_ >= bytes_.size()) {
      bad_ = true;
      return 0;
    }
    return bytes_[at_++];
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t part = byte();
      value |= std::uint64_t{part & 0x7fU} << shift;
      if ((part & 0x80) == 0) break;
    }
    return value;
  }
  std::int64_t signed_varint() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    std::uint8_t part = 0;
    do {
      part = byte();
      value |= std::uint64_t{part & 0x7fU} << shift;
      shift += 7;
    } while ((part & 0x80) != 0 && shift < 64);
    if (shift < 64 && (part & 0x40) != 0) value |= ~std::uint64_t{0} << shift;
    return static_cast<std::int64_t>(value);
  }
  /// Up to the next zero byte.
  std::string_view text() {
    const std::size_t from = at_;
    while (at_ < bytes_.size() && bytes_[at_] != 0) ++at_;
    const std::string_view found(reinterpret_cast<const char*>(bytes_.data()) + from, at_ - from);
    byte();
    return found;
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool bad_ = false;
};

/// `size` bytes, which `in` holds as they are or through zlib; empty if it does not.
inline std::vector<std::uint8_t> inflate_zlib(std::span<const std::uint8_t> in,
                                              std::uint64_t size) {
  if (in.size() == size) return {in.begin(), in.end()};
  std::vector<std::uint8_t> out(size);
  uLongf found = size;
  if (uncompress(out.data(), &found, in.data(), in.size()) != Z_OK || found != size) out.clear();
  return out;
}

}  // namespace tandem::debug::wave
