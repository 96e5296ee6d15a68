// SPDX-License-Identifier: Apache-2.0
// The two weight sources: a GGUF file, a Hugging Face directory.
#pragma once

#include "tandem/models/files/weight_source.hpp"

namespace tandem::models {

class GgufSource final : public WeightSource {
 public:
  explicit GgufSource(const std::filesystem::path& path);

  const LlamaConfig& config() const override { return config_; }
  const std::filesystem::path& path() const override { return file_.path(); }
  bool has(WeightName name) const override;
  WeightShape shape(WeightName name) const override;
  StoredType stored_type(WeightName name) const override;
  std::span<const std::byte> raw_rows(WeightName name, std::uint64_t first_row,
                                      std::uint64_t num_rows) const override;
  void done_with(WeightName name) const override;

 private:
  const GgufTensor& tensor(WeightName name) const;

  GgufFile file_;
  LlamaConfig config_;
};

class HfSource final : public WeightSource {
 public:
  explicit HfSource(const std::filesystem::path& directory);

  const LlamaConfig& config() const override { return config_; }
  const std::filesystem::path& path() const override { return path_; }
  bool has(WeightName name) const override;
  WeightShape shape(WeightName name) const override;
  StoredType stored_type(WeightName name) const override;
  std::span<const std::byte> raw_rows(WeightName name, std::uint64_t first_row,
                                      std::uint64_t num_rows) const override;
  void done_with(WeightName name) const override;

 private:
  SafetensorsSet::Entry entry(WeightName name) const;

  std::filesystem::path path_;
  LlamaConfig config_;
  SafetensorsSet set_;
};

}  // namespace tandem::models
