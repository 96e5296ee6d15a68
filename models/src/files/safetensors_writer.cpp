// SPDX-License-Identifier: Apache-2.0
// Streamed writer of safetensors files.
#include "tandem/models/files/safetensors_writer.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <unordered_set>

#include "json_text.hpp"
#include "printable.hpp"
#include "safetensors_dtypes.hpp"
#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

struct Written {
  std::string name;
  StoredType type;
  std::vector<std::uint64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

}  // namespace

struct SafetensorsWriter::Impl {
  std::filesystem::path path;
  std::filesystem::path part;
  File data;
  std::vector<Written> tensors;
  std::unordered_set<std::string> names;
  std::map<std::string, std::string> metadata;
  std::uint64_t at = 0;

  [[noreturn]] void fail(ErrorCode code, const std::string& what) const {
    throw Error(code, fmt::format("{}: {}", path.string(), what));
  }

  [[noreturn]] void fail_system(const std::filesystem::path& file, int number) const {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("{}: cannot write: {}", file.string(), std::strerror(number)));
  }

  File open_for_writing(const std::filesystem::path& file, const char* mode) const {
    File out(std::fopen(file.c_str(), mode));
    if (!out) fail_system(file, errno);
    return out;
  }

  void write(std::FILE* file, const void* bytes, std::size_t count) const {
    if (count > 0 && std::fwrite(bytes, 1, count, file) != count) fail_system(path, errno);
  }

  void check_last_complete() const {
    if (tensors.empty() || at == tensors.back().end) return;
    fail(ErrorCode::kInvalidArgument,
         fmt::format("tensor {} has {} of its {} bytes", printable(tensors.back().name),
                     at - tensors.back().begin, tensors.back().end - tensors.back().begin));
  }

  std::string header() const {
    Json json = Json::object();
    if (!metadata.empty()) json["__metadata__"] = metadata;
    for (const Written& tensor : tensors) {
      json[tensor.name] = {{"dtype", to_string(tensor.type)},
                           {"shape", tensor.shape},
                           {"data_offsets", {tensor.begin, tensor.end}}};
    }
    std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
    // Data starts at a multiple of 8 so that readers may map it.
    text.append((8 - text.size() % 8) % 8, ' ');
    return text;
  }
};

SafetensorsWriter::SafetensorsWriter(std::filesystem::path path) : impl_(std::make_unique<Impl>()) {
  impl_->path = std::move(path);
  impl_->part = impl_->path;
  impl_->part += ".part";
  impl_->data = impl_->open_for_writing(impl_->part, "w+be");
}

SafetensorsWriter::~SafetensorsWriter() {
  if (impl_->data) {
    impl_->data.reset();
    std::error_code ignored;
    std::filesystem::remove(impl_->part, ignored);
  }
}

void SafetensorsWriter::begin(std::string_view name, StoredType type,
                              std::vector<std::uint64_t> shape) {
  Impl& w = *impl_;
  TANDEM_CHECK(w.data != nullptr);
  w.check_last_complete();
  if (!is_safetensors_type(type)) {
    w.fail(ErrorCode::kInvalidArgument,
           fmt::format("tensor {}: safetensors has no type {}", printable(name), to_string(type)));
  }
  std::uint64_t elements = 1;
  for (const std::uint64_t extent : shape) {
    if (__builtin_mul_overflow(elements, extent, &elements)) {
      w.fail(ErrorCode::kInvalidArgument,
             fmt::format("tensor {}: the product of its shape overflows", printable(name)));
    }
  }
  const auto num_bytes = stored_bytes(type, elements);
  if (!num_bytes || name == "__metadata__" || !w.names.emplace(name).second) {
    w.fail(ErrorCode::kInvalidArgument,
           fmt::format("tensor {}: its name is taken or its size overflows", printable(name)));
  }
  w.tensors.push_back({std::string(name), type, std::move(shape), w.at, w.at + *num_bytes});
}

void SafetensorsWriter::append(std::span<const std::byte> bytes) {
  Impl& w = *impl_;
  TANDEM_CHECK(w.data != nullptr && !w.tensors.empty());
  const Written& tensor = w.tensors.back();
  if (bytes.size() > tensor.end - w.at) {
    w.fail(ErrorCode::kInvalidArgument,
           fmt::format("tensor {}: {} bytes more, expected at most {}", printable(tensor.name),
                       bytes.size(), tensor.end - w.at));
  }
  w.write(w.data.get(), bytes.data(), bytes.size());
  w.at += bytes.size();
}

void SafetensorsWriter::add(std::string_view name, StoredType type,
                            std::vector<std::uint64_t> shape, std::span<const std::byte> bytes) {
  begin(name, type, std::move(shape));
  append(bytes);
  impl_->check_last_complete();
}

void SafetensorsWriter::set_metadata(std::string_view key, std::string_view value) {
  impl_->metadata[std::string(key)] = value;
}

void SafetensorsWriter::finish() {
  Impl& w = *impl_;
  TANDEM_CHECK(w.data != nullptr);
  w.check_last_complete();
  const std::string header = w.header();
  const std::uint64_t length = header.size();
  std::filesystem::path whole = w.path;
  whole += ".new";
  {
    const File out = w.open_for_writing(whole, "wbe");
    w.write(out.get(), &length, sizeof length);
    w.write(out.get(), header.data(), header.size());
    std::rewind(w.data.get());
    std::vector<std::byte> buffer(1 << 20);
    while (const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), w.data.get())) {
      w.write(out.get(), buffer.data(), count);
    }
    if (std::ferror(w.data.get()) != 0 || std::fflush(out.get()) != 0) w.fail_system(whole, errno);
  }
  std::error_code error;
  std::filesystem::rename(whole, w.path, error);
  if (error) w.fail_system(w.path, error.value());
  w.data.reset();
  std::filesystem::remove(w.part, error);
}

}  // namespace tandem::models
