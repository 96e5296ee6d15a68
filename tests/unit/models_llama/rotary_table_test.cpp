// SPDX-License-Identifier: Apache-2.0
#include "tandem/models/llama/rotary_table.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "test_model.hpp"

namespace tandem::tests {
namespace {

std::vector<float> download(runtime::Device& device, const ops::Tensor& tensor) {
  std::vector<float> values(tensor.numel());
  device.copy_out(tensor.addr, std::as_writable_bytes(std::span(values)));
  return values;
}

TEST(RotaryTable, HoldsCosinesAndSinesOfEveryPosition) {
  runtime::Device device = runtime::Device::open("cmodel:");
  ops::Context context(device);
  const models::LlamaConfig config = tiny_config();
  models::RotaryTable table(context, config);
  table.reserve(300);  // past the first size
  const std::vector<float> cos = download(device, table.cos(299, 1));
  const std::vector<float> sin = download(device, table.sin(299, 1));
  for (std::size_t i = 0; i < 4; ++i) {
    const double angle = 299.0 * std::pow(10000.0, -2.0 * static_cast<double>(i) / 8.0);
    EXPECT_EQ(cos[i], static_cast<float>(std::cos(angle)));
    EXPECT_EQ(sin[i], static_cast<float>(std::sin(angle)));
  }
  const ops::Tensor rows = table.cos(10, 20);
  EXPECT_EQ(rows.describe(), "f32[20, 1, 4]");
}

}  // namespace
}  // namespace tandem::tests
