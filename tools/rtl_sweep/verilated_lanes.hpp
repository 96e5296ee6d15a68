// SPDX-License-Identifier: Apache-2.0
// Lanes over a Verilated class with the ports of npu_num_lanes.
#pragma once

#include <verilated.h>

#include <cstring>
#include <memory>

#include "lanes.hpp"

namespace tandem::rtl_sweep {

template <class Model>
class VerilatedLanes : public Lanes {
 public:
  VerilatedLanes() : model_(std::make_unique<Model>(&context_)) {
    model_->clk_i = 0;
    model_->eval();
  }
  ~VerilatedLanes() override { model_->final(); }

  void run(const Setting& setting, std::span<const std::uint32_t> a,
           std::span<const std::uint32_t> b, std::span<const std::uint32_t> c,
           std::span<std::uint32_t> y) override {
    model_->unit_i = static_cast<std::uint8_t>(setting.unit);
    model_->op_i = setting.op;
    model_->option_i = setting.option;
    const bool staged = setting.unit == Unit::kFma10Staged || setting.unit == Unit::kFma32Staged;
    const std::size_t latency = staged ? 2 : 0;
    const std::size_t rows = a.size() / kLanes;
    for (std::size_t row = 0; row < rows + latency; ++row) {
      if (row < rows) {
        std::memcpy(&model_->a_i, &a[row * kLanes], kRowBytes);
        std::memcpy(&model_->b_i, &b[row * kLanes], kRowBytes);
        std::memcpy(&model_->c_i, &c[row * kLanes], kRowBytes);
      }
      model_->clk_i = 1;
      model_->eval();
      model_->clk_i = 0;
      model_->eval();
      if (row >= latency) std::memcpy(&y[(row - latency) * kLanes], &model_->y_o, kRowBytes);
    }
  }

 protected:
  Model& model() { return *model_; }

 private:
  static constexpr std::size_t kRowBytes = kLanes * sizeof(std::uint32_t);

  VerilatedContext context_;
  std::unique_ptr<Model> model_;
};

}  // namespace tandem::rtl_sweep
