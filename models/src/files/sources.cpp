// SPDX-License-Identifier: Apache-2.0
// Weights of GGUF files and of Hugging Face directories.
#include "sources.hpp"

#include <fmt/format.h>

#include "tandem/base/error.hpp"

namespace tandem::models {
namespace {

[[noreturn]] void not_found(const WeightSource& source, WeightName name,
                            const std::string& name_in_file) {
  throw Error(ErrorCode::kNotFound,
              fmt::format("{}: weight {} is missing, expected a tensor named '{}'",
                          source.path().string(), canonical_name(name), name_in_file));
}

}  // namespace

GgufSource::GgufSource(const std::filesystem::path& path)
    : file_(GgufFile::open(path)), config_(config_from_gguf(file_)) {}

const GgufTensor& GgufSource::tensor(WeightName name) const {
  const std::string in_file = gguf_name(name);
  const GgufTensor* found = file_.find_tensor(in_file);
  if (!found) not_found(*this, name, in_file);
  return *found;
}

bool GgufSource::has(WeightName name) const {
  return file_.find_tensor(gguf_name(name)) != nullptr;
}

WeightShape GgufSource::shape(WeightName name) const {
  const GgufTensor& found = tensor(name);
  return {found.rows, found.cols};
}

StoredType GgufSource::stored_type(WeightName name) const { return tensor(name).type; }

std::span<const std::byte> GgufSource::raw_rows(WeightName name, std::uint64_t first_row,
                                                std::uint64_t num_rows) const {
  return file_.row_bytes(tensor(name), first_row, num_rows);
}

void GgufSource::done_with(WeightName name) const { file_.advise_done(tensor(name)); }

HfSource::HfSource(const std::filesystem::path& directory)
    : path_(directory), config_(config_from_hf(directory)), set_(SafetensorsSet::open(directory)) {
  if (has({WeightRole::kQuery, 0})) config_.weight_type = stored_type({WeightRole::kQuery, 0});
}

SafetensorsSet::Entry HfSource::entry(WeightName name) const {
  const std::string in_file = hf_name(name);
  const SafetensorsSet::Entry found = set_.find(in_file);
  if (!found.tensor) not_found(*this, name, in_file);
  return found;
}

bool HfSource::has(WeightName name) const { return set_.find(hf_name(name)).tensor != nullptr; }

WeightShape HfSource::shape(WeightName name) const {
  const auto& shape = entry(name).tensor->shape;
  if (shape.size() == 1) return {1, shape[0]};
  if (shape.size() == 2) return {shape[0], shape[1]};
  throw Error(ErrorCode::kMismatch,
              fmt::format("{}: weight {}: expected 1 or 2 dimensions, found {}", path_.string(),
                          canonical_name(name), shape.size()));
}

StoredType HfSource::stored_type(WeightName name) const { return entry(name).tensor->type; }

std::span<const std::byte> HfSource::raw_rows(WeightName name, std::uint64_t first_row,
                                              std::uint64_t num_rows) const {
  const auto [file, tensor] = entry(name);
  const WeightShape size = shape(name);
  if (first_row > size.rows || num_rows > size.rows - first_row) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: weight {}: rows {} + {} are outside its {}", path_.string(),
                            canonical_name(name), first_row, num_rows, size.rows));
  }
  const auto bytes = file->bytes(*tensor);
  const std::uint64_t row = size.rows == 0 ? 0 : bytes.size() / size.rows;
  return bytes.subspan(first_row * row, num_rows * row);
}

void HfSource::done_with(WeightName name) const {
  const auto [file, tensor] = entry(name);
  file->mapping().advise_done(tensor->offset, tensor->num_bytes);
}

}  // namespace tandem::models
