// SPDX-License-Identifier: Apache-2.0
#include "program_cache.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <system_error>

#include "tandem/base/log.hpp"
#include "tandem/numerics/checksum.hpp"

namespace tandem::gpu {
namespace {

namespace fs = std::filesystem;

constexpr char kMagic[8] = {'T', 'D', 'M', 'N', 'V', 'R', 'T', '1'};

struct Header {
  char magic[8];
  std::uint64_t key_bytes;
  std::uint64_t image_bytes;
  std::uint64_t checksum;  ///< Of key and image.
};

std::uint64_t checksum_of(std::string_view key, std::string_view image) {
  const auto sum = [](std::uint64_t addr, std::string_view text) {
    return numerics::checksum_span(addr, reinterpret_cast<const std::uint8_t*>(text.data()),
                                   text.size());
  };
  return sum(0, key) + sum(key.size(), image);
}

}  // namespace

std::uint64_t text_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

fs::path ImageCache::default_folder() {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  // The XDG base directory specification has relative paths ignored.
  if (cache != nullptr && *cache == '/') return fs::path(cache) / "tandem" / "nvrtc";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return fs::path(home) / ".cache" / "tandem" / "nvrtc";
}

fs::path ImageCache::path_of(std::string_view key) const {
  return folder_ / fmt::format("{:016x}.image", text_hash(key));
}

std::optional<std::string> ImageCache::find(std::string_view key) const {
  if (folder_.empty()) return std::nullopt;
  std::ifstream file(path_of(key), std::ios::binary);
  if (!file) return std::nullopt;
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  Header header{};
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::string_view rest = std::string_view(bytes).substr(sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.key_bytes != key.size() ||
      header.key_bytes > rest.size() || header.image_bytes != rest.size() - header.key_bytes) {
    return std::nullopt;
  }
  const std::string_view image = rest.substr(key.size());
  if (rest.substr(0, key.size()) != key || checksum_of(key, image) != header.checksum) {
    log::debug("cuda: {} is damaged or another program's; it is compiled anew",
               path_of(key).string());
    return std::nullopt;
  }
  return std::string(image);
}

void ImageCache::store(std::string_view key, std::string_view image) const {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  const fs::path path = path_of(key);
  fs::path draft = path;
  draft += fmt::format(".{}.{}", ::getpid(), reinterpret_cast<std::uintptr_t>(&error));
  Header header{{}, key.size(), image.size(), checksum_of(key, image)};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  {
    std::ofstream file(draft, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&header), sizeof header);
    file.write(key.data(), std::streamsize(key.size()));
    file.write(image.data(), std::streamsize(image.size()));
    file.close();
    if (!file) error = std::make_error_code(std::errc::io_error);
  }
  if (!error) fs::rename(draft, path, error);
  if (!error) return;
  log::debug("cuda: compiled programs are not kept in {}: {}", folder_.string(), error.message());
  fs::remove(draft, error);
}

}  // namespace tandem::gpu
