// SPDX-License-Identifier: Apache-2.0
// Loading golden models and measuring distances.
#include "golden_model.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>

#include "tandem/models/files/weight_source.hpp"

namespace tandem::tests {

GoldenModel::GoldenModel(const std::string& name, models::WeightStorage storage)
    : directory_(std::string(TANDEM_SOURCE_DIR) + "/tests/data/" + name) {
  std::ifstream file(directory_ + "/golden.json");
  golden_ = nlohmann::json::parse(file);
  arrays_ = std::make_unique<models::SafetensorsFile>(
      models::SafetensorsFile::open(directory_ + "/golden.safetensors"));
  device_ = std::make_unique<runtime::Device>(runtime::Device::open("cmodel:"));
  context_ = std::make_unique<ops::Context>(*device_);
  model_ =
      std::make_unique<models::LlamaModel>(*context_, *models::open_weights(directory_), storage);
}

std::vector<TokenId> GoldenModel::prompt(std::size_t index) const {
  return golden_["prompts"][index]["ids"];
}

std::vector<TokenId> GoldenModel::greedy(std::size_t index) const {
  return golden_["prompts"][index]["greedy"];
}

std::vector<TokenId> GoldenModel::fed(std::size_t index) const {
  std::vector<TokenId> ids = prompt(index);
  const std::vector<TokenId> more = greedy(index);
  ids.insert(ids.end(), more.begin(), more.end() - 1);
  return ids;
}

Rows GoldenModel::reference(const std::string& name) const {
  const models::SafetensorsTensor* tensor = arrays_->find(name);
  if (tensor == nullptr) throw std::runtime_error("no reference array " + name);
  Rows rows;
  rows.width = tensor->shape.back();
  rows.values.resize(tensor->num_elements);
  arrays_->read_f32(*tensor, 0, rows.values);
  return rows;
}

models::KvCache GoldenModel::make_cache(std::uint32_t sequences, abi::Dtype dtype) {
  return models::KvCache(*context_, model_->config(), sequences, dtype);
}

GoldenModel::Pass GoldenModel::forward(models::KvCache& cache,
                                       const std::vector<models::TokenRun>& runs,
                                       bool want_hidden) {
  Pass pass;
  models::HiddenHook hook;
  if (want_hidden) {
    hook = [&](std::uint32_t index, const ops::Tensor& hidden) {
      pass.hidden[index] = read_back(hidden);
    };
  }
  pass.logits = read_back(model_->forward(cache, runs, models::LogitRows::kAll, hook));
  return pass;
}

Rows GoldenModel::read_back(const ops::Tensor& tensor) {
  Rows rows;
  rows.width = tensor.dim(-1);
  rows.values.resize(tensor.numel());
  device_->copy_out(tensor.addr, std::as_writable_bytes(std::span(rows.values)));
  return rows;
}

void expect_within(const Rows& got, const Rows& want, const nlohmann::json& bounds,
                   const std::string& what) {
  ASSERT_EQ(got.width, want.width) << what;
  ASSERT_EQ(got.count(), want.count()) << what;
  double max_abs = 0, error = 0, power = 0, dot = 0, got_power = 0, worst_row = 0;
  for (std::size_t r = 0; r < want.count(); ++r) {
    double row_error = 0, row_power = 0;
    for (std::size_t c = 0; c < want.width; ++c) {
      const double g = got.values[r * want.width + c];
      const double w = want.values[r * want.width + c];
      max_abs = std::max(max_abs, std::isnan(g) ? INFINITY : std::abs(g - w));
      row_error += (g - w) * (g - w);
      row_power += w * w;
      got_power += g * g;
      dot += g * w;
    }
    error += row_error;
    power += row_power;
    worst_row = std::max(worst_row, std::sqrt(row_error / row_power));
  }
  EXPECT_LE(max_abs, bounds["max_abs"].get<double>()) << what;
  EXPECT_LE(std::sqrt(error / power), bounds["rel_rms"].get<double>()) << what;
  EXPECT_LE(worst_row, bounds["row_rel_rms"].get<double>()) << what;
  EXPECT_GE(dot / std::sqrt(power * got_power), bounds["cosine"].get<double>()) << what;
}

void expect_same_bits(std::span<const float> got, std::span<const float> want,
                      const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    ASSERT_EQ(std::memcmp(&got[i], &want[i], sizeof(float)), 0)
        << what << ": element " << i << " is " << got[i] << ", expected " << want[i];
  }
}

}  // namespace tandem::tests
