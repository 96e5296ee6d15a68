// SPDX-License-Identifier: Apache-2.0
// Drives the bare array: operands of a tile from a table, over and over.
#include "yardstick.hpp"

#include <fmt/format.h>
#include <verilated.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "Vbare_array.h"
#include "tandem/base/error.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/fma.hpp"

namespace tandem::bench {

namespace {

constexpr std::size_t kSize = 16;
constexpr std::size_t kDepth = 256;  // steps of a tile
constexpr std::uint16_t kAllRows = 0xFFFF;

using Line = std::array<std::uint32_t, kSize>;

class Harness {
 public:
  Harness() : model_(std::make_unique<Vbare_array>(&context_)) {
    std::mt19937 random(1);
    const auto line = [&] {
      Line words;
      for (std::uint32_t& word : words) {
        // Both signs, magnitudes from 1/16 to 16.
        const auto bits = static_cast<std::uint32_t>(random());
        word = (bits & 0x807FE000u) | ((123 + (bits & 7u)) << 23);
      }
      return words;
    };
    std::ranges::generate(a_, line);
    std::ranges::generate(b_, line);
    model_->row_mask_i = kAllRows;
    model_->read_i = 0;
    model_->step_i = 0;
    clock();
  }
  ~Harness() { model_->final(); }

  /// Whole tiles, `cycles` steps or a few more.
  void run(std::uint64_t cycles) {
    for (std::uint64_t done = 0; done < cycles; done += kDepth) {
      for (std::size_t k = 0; k < kDepth; ++k) {
        model_->step_i = 1;
        model_->first_i = k == 0;
        model_->last_i = k == kDepth - 1;
        std::memcpy(&model_->a_i, a_[k].data(), sizeof(Line));
        std::memcpy(&model_->b_i, b_[k].data(), sizeof(Line));
        clock();
      }
    }
    model_->step_i = 0;
    clock();
  }

  void check() {
    for (std::size_t row = 0; row < kSize; ++row) {
      model_->read_i = 1;
      model_->row_i = static_cast<std::uint8_t>(row);
      clock();
      for (std::size_t column = 0; column < kSize; ++column) {
        float acc = 0;
        for (std::size_t k = 0; k < kDepth; ++k) {
          acc = numerics::chain_step(numerics::float_of(a_[k][row]),
                                     numerics::float_of(b_[k][column]), acc);
        }
        const std::uint32_t expected = numerics::bits_of(acc);
        const std::uint32_t found = model_->row_o[column];
        if (found != expected) {
          throw Error(ErrorCode::kMismatch,
                      fmt::format("bare array, row {} column {}: expected {:08x}, found {:08x}; "
                                  "run tandem-rtl-sweep to see whether Verilator or the lane is "
                                  "at fault",
                                  row, column, expected, found));
        }
      }
    }
    model_->read_i = 0;
  }

 private:
  void clock() {
    model_->clk_i = 1;
    model_->eval();
    model_->clk_i = 0;
    model_->eval();
  }

  VerilatedContext context_;
  std::unique_ptr<Vbare_array> model_;
  std::array<Line, kDepth> a_;
  std::array<Line, kDepth> b_;
};

}  // namespace

BareArray measure_bare_array(int repeats, std::uint64_t cycles) {
  Harness harness;
  harness.run(kDepth);
  harness.check();
  harness.run(cycles / 4);  // warm-up
  std::vector<double> ns;
  for (int i = 0; i < std::max(repeats, 1); ++i) {
    const auto start = std::chrono::steady_clock::now();
    harness.run(cycles);
    const std::chrono::duration<double, std::nano> time = std::chrono::steady_clock::now() - start;
    const std::uint64_t tiles = (cycles + kDepth - 1) / kDepth;
    ns.push_back(time.count() / static_cast<double>(tiles * kDepth));
  }
  std::ranges::sort(ns);
  const double median = ns[ns.size() / 2];
  return {median, median / (kSize * kSize)};
}

}  // namespace tandem::bench
