// SPDX-License-Identifier: Apache-2.0
// Sharded safetensors: the index file and its shards.
#include <fmt/format.h>

#include "json_text.hpp"
#include "printable.hpp"
#include "tandem/base/error.hpp"
#include "tandem/models/files/safetensors_file.hpp"

namespace tandem::models {
namespace {

namespace fs = std::filesystem;

constexpr JsonLimits kIndexLimits{std::uint64_t{32} << 20, 1'000'000, 8};
constexpr std::size_t kMaxShards = 4096;

/// The single file or index that `path` stands for.
fs::path resolve(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return path;
  // In the order of transformers, should both be there.
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"}) {
    if (fs::exists(path / name, ignored)) return path / name;
  }
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: expected model.safetensors or model.safetensors.index.json in the "
                          "directory, found neither",
                          path.string()));
}

/// Shards lie beside their index: a name with a path could reach any file of the machine.
void check_shard_name(const JsonFields& fields, const std::string& tensor,
                      const std::string& shard) {
  if (shard.empty() || shard == "." || shard == ".." || shard.find('/') != shard.npos ||
      shard.find('\0') != shard.npos) {
    fields.fail(
        printable(tensor),
        fmt::format("expected the name of a file beside the index, found {}", printable(shard)));
  }
}

}  // namespace

SafetensorsSet SafetensorsSet::open(const fs::path& path) {
  SafetensorsSet set;
  const fs::path file = resolve(path);
  if (file.extension() != ".json") {
    set.files_.push_back(SafetensorsFile::open(file));
  } else {
    const Json index = read_json_file(file, kIndexLimits);
    const JsonFields map = JsonFields(index, file.string()).object("weight_map");
    std::map<std::string, std::size_t> shards;
    for (const auto& [tensor, value] : index["weight_map"].items()) {
      const auto shard = map.text(tensor);
      if (!shard) map.missing(printable(tensor), "the name of a shard");
      check_shard_name(map, tensor, *shard);
      shards.emplace(*shard, 0);
      if (shards.size() > kMaxShards) {
        map.fail(printable(tensor), fmt::format("more than {} shards", kMaxShards));
      }
    }
    for (auto& [name, position] : shards) {
      position = set.files_.size();
      set.files_.push_back(SafetensorsFile::open(file.parent_path() / name));
    }
    for (const auto& [tensor, value] : index["weight_map"].items()) {
      const SafetensorsFile& shard = set.files_[shards.at(value.get<std::string>())];
      if (!shard.find(tensor)) {
        throw Error(ErrorCode::kMismatch,
                    fmt::format("{}: tensor {} should be in {}, which does not have it",
                                file.string(), printable(tensor), shard.path().string()));
      }
    }
  }
  for (const SafetensorsFile& shard : set.files_) {
    for (const SafetensorsTensor& tensor : shard.tensors()) {
      const auto [at, fresh] = set.index_.emplace(tensor.name, Entry{&shard, &tensor});
      if (!fresh) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("tensor {} is both in {} and in {}", printable(tensor.name),
                                at->second.file->path().string(), shard.path().string()));
      }
    }
  }
  return set;
}

SafetensorsSet::Entry SafetensorsSet::find(std::string_view name) const {
  const auto it = index_.find(std::string(name));
  return it == index_.end() ? Entry{} : it->second;
}

}  // namespace tandem::models
