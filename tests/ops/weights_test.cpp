// SPDX-License-Identifier: Apache-2.0
#include "tandem/ops/weights.hpp"

#include "ops/op_test.hpp"
#include "ops/ref/matmul.hpp"
#include "tandem/numerics/convert.hpp"
#include "tandem/numerics/quant.hpp"

namespace tandem::tests {
namespace {

TANDEM_OP_TEST(Weights);

TEST_P(Weights, PanelsHoldEveryElement) {
  for (const Dtype from : {Dtype::kF32, Dtype::kF16, Dtype::kBF16}) {
    for (const Dtype to : {Dtype::kF32, Dtype::kF16, Dtype::kBF16}) {
      for (const auto& [n, k] :
           {std::pair{1, 1}, std::pair{32, 64}, std::pair{70, 131}, std::pair{33, 200}}) {
        const auto rows = static_cast<std::uint64_t>(n), cols = static_cast<std::uint64_t>(k);
        const HostTensor w = random_tensor(random_, from, {rows, cols}, -3, 3, true);
        const std::uint64_t stride = ops::panel_bytes(to, cols), size = stride / (32 * cols);
        std::vector<std::byte> panels((rows + 31) / 32 * stride, std::byte{0xEE});
        ops::pack_panels(from, w.bytes, to, rows, cols, 0, panels);
        HostTensor packed(to, {panels.size() / size});
        packed.bytes = panels;
        for (std::uint64_t row = 0; row < (rows + 31) / 32 * 32; ++row) {
          for (std::uint64_t col = 0; col < cols; ++col) {
            const std::uint64_t at = row / 32 * 32 * cols + col * 32 + row % 32;
            std::uint64_t expected = 0;
            if (row < rows) {
              expected = from == to ? w.bits(row * cols + col)
                                    : narrow(to, static_cast<float>(w.value(row * cols + col)));
            }
            ASSERT_EQ(packed.bits(at), expected) << name_of(from, w.shape) << row << " " << col;
          }
        }
      }
    }
  }
}

TEST_P(Weights, RowBlocksMayComeInAnyOrder) {
  const HostTensor w = random_tensor(random_, Dtype::kF32, {100, 40});
  std::vector<std::byte> whole(4 * ops::panel_bytes(Dtype::kF16, 40)), parts(whole.size());
  ops::pack_panels(Dtype::kF32, w.bytes, Dtype::kF16, 100, 40, 0, whole);
  const auto rows = [&](std::uint64_t first, std::uint64_t stop) {
    return std::span(w.bytes).subspan(first * 160, (stop - first) * 160);
  };
  ops::pack_panels(Dtype::kF32, rows(64, 100), Dtype::kF16, 100, 40, 64, parts);
  ops::pack_panels(Dtype::kF32, rows(0, 64), Dtype::kF16, 100, 40, 0, parts);
  EXPECT_EQ(parts, whole);
}

TEST_P(Weights, F16RoundsAsEverywhere) {
  // Every exponent with rounding points of every kind, both signs.
  HostTensor w(Dtype::kF32, {512, 64});
  for (std::uint64_t i = 0; i < w.numel(); ++i) {
    const std::uint64_t low[] = {
        0, 1, 0x0FFF, 0x1000, 0x1001, 0x2FFF, 0x3000, 0x7FFFFF, random_() & 0x7FFFFF};
    w.set_bits(i, (i / 64) << 23 | low[i % std::size(low)]);
  }
  std::vector<std::byte> panels(16 * ops::panel_bytes(Dtype::kF16, 64));
  ops::pack_panels(Dtype::kF32, w.bytes, Dtype::kF16, 512, 64, 0, panels);
  HostTensor packed(Dtype::kF16, {512 * 64});
  packed.bytes = panels;
  for (std::uint64_t i = 0; i < w.numel(); ++i) {
    const std::uint64_t row = i / 64, at = row / 32 * 2048 + i % 64 * 32 + row % 32;
    ASSERT_EQ(packed.bits(at), numerics::f32_to_f16(static_cast<std::uint32_t>(w.bits(i))))
        << std::hex << w.bits(i);
  }
}

TEST_P(Weights, ReportCountsWhatF16CannotHold) {
  const std::vector<float> w = {0,        1,   65519, 65520,  -1e30f,
                                INFINITY, NAN, 1e-5f, -1e-7f, 6.1035156e-5f};
  std::vector<std::byte> panels(ops::panel_bytes(Dtype::kF16, 10));
  const auto f16 =
      ops::pack_panels(Dtype::kF32, std::as_bytes(std::span(w)), Dtype::kF16, 1, 10, 0, panels);
  EXPECT_EQ(f16.values, 10u);
  EXPECT_EQ(f16.overflowed, 2u);
  EXPECT_EQ(f16.subnormal, 2u);
  EXPECT_NE(f16.describe().find("of 10 values 2 overflow to infinity and 2 lie below"),
            std::string::npos)
      << f16.describe();
  const auto bf16 =
      ops::pack_panels(Dtype::kF32, std::as_bytes(std::span(w)), Dtype::kBF16, 1, 10, 0, panels);
  EXPECT_EQ(bf16.describe(), "");
  ops::PackReport sum = f16;
  sum.merge(f16);
  EXPECT_EQ(sum.overflowed, 4u);
}

TEST_P(Weights, LinearGivesTheBitsOfMatmul) {
  for (const Dtype type : {Dtype::kF16, Dtype::kBF16, Dtype::kF32}) {
    const HostTensor w = random_tensor(random_, type, {70, 33});
    ops::WeightWriter writer(device(), {.dtype = type}, 70, 33, "w");
    writer.write_rows(type, std::span(w.bytes).first(64 * 33 * (type == Dtype::kF32 ? 4 : 2)), 0);
    writer.write_rows(type, std::span(w.bytes).subspan(64 * 33 * (type == Dtype::kF32 ? 4 : 2)),
                      64);
    const ops::WeightBuffer weight = writer.finish();
    for (const Shape& lead : {Shape{}, Shape{1}, Shape{5}, Shape{2, 3}}) {
      Shape in = lead, out = lead;
      in.push_back(33);
      out.push_back(70);
      const HostTensor x = random_tensor(random_, Dtype::kF32, in);
      const ops::Tensor y = make(Dtype::kF32, out), expected = make(Dtype::kF32, out);
      EXPECT_EQ(packets_of([&] { ops::linear(ctx(), put(x), weight.weight, y); }), 1u);
      const auto matrix = [](const ops::Tensor& t) { return t.rank == 1 ? t.unsqueeze(0) : t; };
      ops::matmul(ctx(), matrix(put(x)), put(w), matrix(expected), {.transpose_b = true});
      expect_same(get(y), get(expected), name_of(type, in));
      const HostTensor bias = random_tensor(random_, Dtype::kF32, {70});
      ops::linear(ctx(), put(x), weight.weight, y, {.bias = put(bias)});
      ops::matmul(ctx(), matrix(put(x)), put(w), matrix(expected),
                  {.transpose_b = true, .bias = put(bias)});
      expect_same(get(y), get(expected), "bias");
      ops::linear(ctx(), put(x), weight.weight, y, {.accumulate = true});
      ops::matmul(ctx(), matrix(put(x)), put(w), matrix(expected),
                  {.transpose_b = true, .accumulate = true});
      expect_same(get(y), get(expected), "accumulate");
    }
  }
}

TEST_P(Weights, GroupQuantisedPanelsGiveTheChain) {
  for (const Dtype type : {Dtype::kU4, Dtype::kI8}) {
    for (const Dtype scale_type : {Dtype::kF16, Dtype::kF32}) {
      for (const bool with_min : {true, false}) {
        const std::uint64_t n = 45, k = 96, groups = 3;
        std::vector<std::int8_t> q(n * k);
        for (auto& code : q)
          code = static_cast<std::int8_t>(type == Dtype::kU4 ? random_() % 16 : random_());
        const HostTensor scales = random_tensor(random_, scale_type, {n, groups}),
                         mins = random_tensor(random_, scale_type, {n, groups});
        std::vector<float> scale_values, min_values;
        for (std::uint64_t i = 0; i < n * groups; ++i) {
          scale_values.push_back(static_cast<float>(scales.value(i)));
          min_values.push_back(with_min ? static_cast<float>(mins.value(i)) : 0.0f);
        }
        ops::WeightWriter writer(
            device(), {.dtype = type, .group_size = 32, .scale_dtype = scale_type}, n, k, "q");
        const std::span<const float> no_mins;
        for (const std::uint64_t first : {32u, 0u}) {
          const std::uint64_t count = first == 0 ? 32 : n - 32;
          writer.write_groups(
              std::span(q).subspan(first * k, count * k),
              std::span(scale_values).subspan(first * groups, count * groups),
              with_min ? std::span<const float>(min_values).subspan(first * groups, count * groups)
                       : no_mins,
              first);
        }
        const ops::WeightBuffer weight = writer.finish();
        const HostTensor x = random_tensor(random_, Dtype::kF32, {4, k});
        const ops::Tensor y = make(Dtype::kF32, {4, n});
        EXPECT_EQ(packets_of([&] { ops::linear(ctx(), put(x), weight.weight, y); }), 1u);
        const ref::Element a = [&](const Shape&, std::uint64_t i, std::uint64_t l) {
          return x.value(i * k + l);
        };
        const ref::Element w = [&](const Shape&, std::uint64_t l, std::uint64_t j) {
          const std::uint64_t group = j * groups + l / 32;
          return static_cast<double>(
              numerics::dequantize_f32(scale_values[group], q[j * k + l], min_values[group]));
        };
        const ref::Element zero = [](const Shape&, std::uint64_t, std::uint64_t) { return 0.0; };
        expect_near(get(y), ref::matmul_chain({}, 4, n, k, a, w, zero), {}, "groups");
      }
    }
  }
}

TEST_P(Weights, WrongArgumentsBad) {
  std::vector<std::byte> rows(40 * 8 * 4), panels(2 * ops::panel_bytes(Dtype::kF16, 8));
  const std::span<const std::byte> all = rows;
  expect_bad({"pack_panels: rows: expected blocks of 32 rows from a multiple of 32, up to 64, "
              "found 40 rows from 0"},
             [&] { ops::pack_panels(Dtype::kF32, all, Dtype::kF16, 64, 8, 0, panels); });
  expect_bad({"pack_panels: panels: expected 1024 bytes, found 512 bytes"}, [&] {
    ops::pack_panels(Dtype::kF32, all, Dtype::kF16, 40, 8, 0, std::span(panels).first(512));
  });
  expect_bad({"pack_panels: dst_type: expected f32, f16, bf16 from those", "i8 from f32"},
             [&] { ops::pack_panels(Dtype::kF32, all, Dtype::kI8, 40, 8, 0, panels); });
  expect_bad({"weight: format: expected f16", "u4 with groups of 0"},
             [&] { ops::WeightWriter(device(), {.dtype = Dtype::kU4}, 32, 8, "w"); });
  expect_bad({"weight: shape: expected 1 to 2^32 - 1 rows and columns, found [0, 8]"},
             [&] { ops::WeightWriter(device(), {}, 0, 8, "w"); });
  ops::WeightWriter writer(device(), {}, 40, 8, "w");
  writer.write_rows(Dtype::kF32, all, 0);
  const ops::WeightBuffer weight = writer.finish();
  expect_bad({"linear: x: expected shape [3, 8], found f32[3, 7]"}, [&] {
    ops::linear(ctx(), make(Dtype::kF32, {3, 7}), weight.weight, make(Dtype::kF32, {3, 40}));
  });
  expect_bad({"linear: y: expected shape [3, 40], found f32[3, 41]"}, [&] {
    ops::linear(ctx(), make(Dtype::kF32, {3, 8}), weight.weight, make(Dtype::kF32, {3, 41}));
  });
  expect_bad({"linear: options: expected no transposes"}, [&] {
    ops::linear(ctx(), make(Dtype::kF32, {3, 8}), weight.weight, make(Dtype::kF32, {3, 40}),
                {.transpose_a = true});
  });
}

}  // namespace
}  // namespace tandem::tests
