// SPDX-License-Identifier: Apache-2.0
// Prints how far ops are from float64 on a backend: the table of ops/README.md. Usage:
// ops_error_table [URI]
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <random>

#include "ops/host_tensor.hpp"
#include "ops/ref/elementwise.hpp"
#include "ops/ref/rows.hpp"
#include "tandem/base/error.hpp"
#include "tandem/ops/all.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::tests {
namespace {

/// Largest error of a run in several measures.
struct Errors {
  double ulp = 0, abs = 0, scaled = 0;
  double sum_error = 0, sum_reference = 0;

  void add(double got, double expected, double scale = 0) {
    if (!std::isfinite(expected) || std::fabs(expected) > 3.4028234e38) return;
    const double error = std::fabs(got - expected);
    const double spacing =
        std::ldexp(1.0, std::max(expected == 0 ? -200 : std::ilogb(expected), -126) - 23);
    ulp = std::max(ulp, error / spacing);
    abs = std::max(abs, error);
    if (scale > 0) scaled = std::max(scaled, error / scale);
    sum_error += error * error;
    sum_reference += expected * expected;
  }
  double rel_rms() const { return std::sqrt(sum_error / sum_reference); }
};

class Table {
 public:
  explicit Table(const std::string& uri)
      : device_(runtime::Device::open(uri)), ctx_(std::make_unique<ops::Context>(device_)) {}

  void run() {
    fmt::print("| op | inputs | measured against float64 |\n|---|---|---|\n");
    unary();
    binary();
    reductions();
    norms();
    rotary();
    matmul();
    quantised();
    attention();
  }

 private:
  ops::Tensor put(const HostTensor& x) {
    const ops::Tensor y = make(x.dtype, x.shape);
    device_.copy_in(y.addr, x.bytes);
    return y;
  }
  ops::Tensor make(Dtype type, const Shape& shape) {
    const ops::Tensor y(PhysAddr(), type, shape);
    buffers_.push_back(device_.malloc("activations", y.numel() * y.elem_bytes() + 64, "table"));
    ops::Tensor placed = y;
    placed.addr = buffers_.back().addr();
    return placed;
  }
  HostTensor get(const ops::Tensor& x) {
    HostTensor y(x.dtype, Shape(x.shape.begin(), x.shape.begin() + x.rank));
    device_.copy_out(x.addr, y.bytes);
    return y;
  }
  HostTensor uniform(Dtype type, const Shape& shape, double low, double high) {
    return random_tensor(random_, type, shape, low, high);
  }
  static void row(std::string_view op, std::string_view inputs, const std::string& measured) {
    fmt::print("| {} | {} | {} |\n", op, inputs, measured);
  }

  void unary() {
    constexpr std::uint64_t kCount = 1 << 18;
    for (int number = 0; number <= static_cast<int>(ops::UnaryOp::kSigmoid); ++number) {
      const auto op = static_cast<ops::UnaryOp>(number);
      Errors wide, narrow;
      // All magnitudes, then the range of activations.
      HostTensor x(Dtype::kF32, {kCount});
      for (std::uint64_t i = 0; i < kCount; ++i) x.set_bits(i, random_());
      for (Errors* errors : {&wide, &narrow}) {
        const ops::Tensor y = make(Dtype::kF32, {kCount});
        ops::unary(*ctx_, op, put(x), y);
        const HostTensor got = get(y);
        for (std::uint64_t i = 0; i < kCount; ++i) {
          errors->add(got.value(i), ref::unary(op, x.value(i)));
        }
        buffers_.clear();
        x = uniform(Dtype::kF32, {kCount}, -8, 8);
      }
      const bool small_results =
          op == ops::UnaryOp::kGelu || op == ops::UnaryOp::kGeluTanh || op == ops::UnaryOp::kElu;
      row(ops::to_string(op), small_results ? "f32 in [-8, 8]" : "all of fp32; [-8, 8]",
          small_results ? fmt::format("abs {:.1e}", narrow.abs)
                        : fmt::format("{:.2f} ulp; {:.2f} ulp", wide.ulp, narrow.ulp));
    }
  }

  void binary() {
    const HostTensor x = uniform(Dtype::kF32, {1 << 18}, -100, 100);
    const HostTensor y = uniform(Dtype::kF32, {1 << 18}, -100, 100);
    for (int number = 0; number <= static_cast<int>(ops::BinaryOp::kMax); ++number) {
      const auto op = static_cast<ops::BinaryOp>(number);
      const ops::Tensor z = make(Dtype::kF32, x.shape);
      ops::binary(*ctx_, op, put(x), put(y), z);
      const HostTensor got = get(z);
      Errors errors;
      for (std::uint64_t i = 0; i < x.numel(); ++i) {
        errors.add(got.value(i), ref::binary(op, x.value(i), y.value(i)));
      }
      row(ops::to_string(op), "f32 in [-100, 100]", fmt::format("{:.2f} ulp", errors.ulp));
      buffers_.clear();
    }
  }

  void reductions() {
    const HostTensor x = uniform(Dtype::kF32, {64, 10000}, -1, 1);
    const int axes[] = {1};
    for (const ops::ReduceOp op : {ops::ReduceOp::kSum, ops::ReduceOp::kMean}) {
      const ops::Tensor y = make(Dtype::kF32, {64});
      ops::reduce(*ctx_, op, put(x), axes, y);
      const HostTensor got = get(y);
      Errors errors;
      const auto groups = ref::groups(x, {1});
      for (std::uint64_t i = 0; i < 64; ++i) {
        double scale = 0;
        for (const double value : groups[i]) scale += std::fabs(value);
        if (op == ops::ReduceOp::kMean) scale /= 10000;
        errors.add(got.value(i), ref::reduce(op, groups[i]), scale);
      }
      row(ops::to_string(op), "f32, 10000 elements",
          fmt::format("{:.1e} of the sum of magnitudes", errors.scaled));
      buffers_.clear();
    }
  }

  /// A norm over 64 rows of 1000, with per-column weight and bias.
  void norm(
      std::string_view name, double low, double high,
      const std::function<void(const ops::Tensor&, const ops::Tensor&, const ops::Tensor&)>& call,
      const std::function<std::vector<double>(const std::vector<double>&, const HostTensor&)>&
          reference) {
    const HostTensor x = uniform(Dtype::kF32, {64, 1000}, low, high);
    const HostTensor weight = uniform(Dtype::kF32, {1000}, 0.5, 2);
    const ops::Tensor y = make(Dtype::kF32, x.shape);
    call(put(x), put(weight), y);
    const HostTensor got = get(y);
    Errors errors;
    const auto rows = ref::groups(x, {1});
    for (std::uint64_t i = 0; i < 64; ++i) {
      const auto expected = reference(rows[i], weight);
      for (std::uint64_t j = 0; j < 1000; ++j) errors.add(got.value(i * 1000 + j), expected[j]);
    }
    row(name, fmt::format("f32 in [{}, {}], rows of 1000", low, high),
        // Results near zero come from cancellation: an ulp of theirs means nothing.
        name == "layernorm" || name == "log_softmax" ? fmt::format("abs {:.1e}", errors.abs)
                                                     : fmt::format("{:.2f} ulp", errors.ulp));
    buffers_.clear();
  }

  void norms() {
    norm(
        "softmax", -8, 8, [&](auto& x, auto&, auto& y) { ops::softmax(*ctx_, x, 1, y); },
        [](auto& row, auto&) { return ref::softmax(row); });
    norm(
        "log_softmax", -8, 8, [&](auto& x, auto&, auto& y) { ops::log_softmax(*ctx_, x, 1, y); },
        [](auto& row, auto&) { return ref::log_softmax(row); });
    norm(
        "rmsnorm", -4, 4,
        [&](auto& x, auto& w, auto& y) { ops::rmsnorm(*ctx_, x, w, 1e-5f, 0, y); },
        [](auto& row, auto& w) {
          double sum = 0;
          for (const double v : row) sum += v * v / 1000;
          std::vector<double> y;
          for (std::size_t i = 0; i < 1000; ++i)
            y.push_back(row[i] / std::sqrt(sum + static_cast<double>(1e-5f)) * w.value(i));
          return y;
        });
    norm(
        "layernorm", -4, 4,
        [&](auto& x, auto& w, auto& y) { ops::layernorm(*ctx_, x, w, std::nullopt, 1e-5f, y); },
        [](auto& row, auto& w) {
          double mean = 0, var = 0;
          for (const double v : row) mean += v / 1000;
          for (const double v : row) var += (v - mean) * (v - mean) / 1000;
          std::vector<double> y;
          for (std::size_t i = 0; i < 1000; ++i)
            y.push_back((row[i] - mean) / std::sqrt(var + static_cast<double>(1e-5f)) * w.value(i));
          return y;
        });
  }

  void rotary() {
    const HostTensor x = uniform(Dtype::kF32, {8, 100, 64}, -2, 2);
    const HostTensor cos = uniform(Dtype::kF32, {100, 32}, -1, 1),
                     sin = uniform(Dtype::kF32, {100, 32}, -1, 1);
    const ops::Tensor y = make(Dtype::kF32, x.shape);
    ops::rotary(*ctx_, put(x), put(cos), put(sin), ops::RotaryStyle::kHalfSplit, y);
    const HostTensor got = get(y);
    Errors errors;
    for (std::uint64_t i = 0; i < x.numel(); ++i) {
      const std::uint64_t d = i % 64, at = i / 64 % 100 * 32 + d % 32, pair = i - d + d % 32;
      const double a = x.value(pair), b = x.value(pair + 32);
      errors.add(got.value(i), d < 32 ? a * cos.value(at) - b * sin.value(at)
                                      : b * cos.value(at) + a * sin.value(at));
    }
    row("rotary", "f32 in [-2, 2]", fmt::format("abs {:.1e}", errors.abs));
    buffers_.clear();
  }

  void matmul() {
    for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kF16, Dtype::kE4M3, Dtype::kE5M2}) {
      std::string measured;
      for (const std::uint64_t k : {16u, 256u, 2048u}) {
        const HostTensor a = uniform(type, {64, k}, -2, 2), b = uniform(type, {k, 64}, -2, 2);
        const ops::Tensor y = make(Dtype::kF32, {64, 64});
        ops::matmul(*ctx_, put(a), put(b), y);
        const HostTensor got = get(y);
        Errors errors;
        for (std::uint64_t i = 0; i < 64 * 64; ++i) {
          double sum = 0, scale = 0;
          for (std::uint64_t l = 0; l < k; ++l) {
            const double product = a.value(i / 64 * k + l) * b.value(l * 64 + i % 64);
            sum += product;
            scale += std::fabs(product);
          }
          errors.add(got.value(i), sum, scale);
        }
        measured += fmt::format("{}{:.1e} (k {})", measured.empty() ? "" : ", ", errors.scaled, k);
        buffers_.clear();
      }
      row("matmul, linear", std::string(name(type)) + " x " + std::string(name(type)),
          measured + " of sum \\|a\\|\\|b\\|");
    }
  }

  static std::string name(Dtype type) {
    const std::string text = ops::Tensor(PhysAddr(64), type, {}).describe();
    return text.substr(0, text.find('['));
  }

  void quantised() {
    const std::uint64_t k = 512, n = 64;
    HostTensor a(Dtype::kI8, {64, k}), w(Dtype::kI8, {n, k});
    for (HostTensor* x : {&a, &w}) {
      for (std::uint64_t i = 0; i < x->numel(); ++i) x->set_bits(i, random_());
    }
    const HostTensor a_scale = uniform(Dtype::kF32, {64}, 0.01, 0.1),
                     w_scale = uniform(Dtype::kF32, {n}, 0.01, 0.1);
    const ops::Tensor y = make(Dtype::kF32, {64, n});
    ops::matmul_w8a8(*ctx_, put(a), put(a_scale), put(w), put(w_scale), y);
    HostTensor got = get(y);
    Errors scaled;
    for (std::uint64_t i = 0; i < 64 * n; ++i) {
      double sum = 0;
      for (std::uint64_t l = 0; l < k; ++l) sum += a.value(i / n * k + l) * w.value(i % n * k + l);
      scaled.add(got.value(i), sum * a_scale.value(i / n) * w_scale.value(i % n));
    }
    row("matmul_w8a8", "i8, k 512", fmt::format("{:.2f} ulp", scaled.ulp));
    const HostTensor x = uniform(Dtype::kBF16, {64, k}, -2, 2);
    const HostTensor scale = uniform(Dtype::kF16, {n, k / 32}, -0.1, 0.1),
                     min = uniform(Dtype::kF16, {n, k / 32}, -1, 1);
    ops::matmul_group_quantised(*ctx_, put(x), put(w), put(scale), put(min), 32, y);
    got = get(y);
    Errors groups;
    for (std::uint64_t i = 0; i < 64 * n; ++i) {
      double sum = 0, magnitude = 0;
      for (std::uint64_t l = 0; l < k; ++l) {
        const std::uint64_t group = i % n * (k / 32) + l / 32;
        const double product = x.value(i / n * k + l) *
                               (scale.value(group) * w.value(i % n * k + l) + min.value(group));
        sum += product;
        magnitude += std::fabs(product);
      }
      groups.add(got.value(i), sum, magnitude);
    }
    row("matmul_group_quantised", "bf16 x i8, groups of 32, k 512",
        fmt::format("{:.1e} of sum \\|a\\|\\|w\\|", groups.scaled));
    buffers_.clear();
  }

  void attention() {
    for (const Dtype type : {Dtype::kF32, Dtype::kBF16, Dtype::kF16}) {
      const std::uint64_t heads = 4, seq = 200, dim = 64;
      const HostTensor q = uniform(type, {1, heads, seq, dim}, -2, 2),
                       k = uniform(type, {1, heads, seq, dim}, -2, 2),
                       v = uniform(type, {1, heads, seq, dim}, -2, 2);
      const ops::Tensor y = make(Dtype::kF32, q.shape);
      ops::sdpa(*ctx_, put(q), put(k), put(v), {.scale = 0.125f, .causal = true}, y);
      const HostTensor got = get(y);
      const auto rows = [](const HostTensor& x) { return ref::groups(x, {3}); };
      const auto q_rows = rows(q), k_rows = rows(k), v_rows = rows(v);
      Errors errors;
      for (std::uint64_t h = 0; h < heads; ++h) {
        const auto part = [&](const auto& all) {
          return std::vector<std::vector<double>>(
              all.begin() + static_cast<std::ptrdiff_t>(h * seq),
              all.begin() + static_cast<std::ptrdiff_t>((h + 1) * seq));
        };
        for (std::uint64_t i = 0; i < seq; ++i) {
          const auto expected = ref::attend(q_rows[h * seq + i], part(k_rows), part(v_rows), 0.125,
                                            0, {}, {.causal = true}, static_cast<std::int64_t>(i));
          for (std::uint64_t d = 0; d < dim; ++d)
            errors.add(got.value((h * seq + i) * dim + d), expected[d]);
        }
      }
      row("sdpa", name(type) + " in [-2, 2], causal, 200 keys of 64",
          fmt::format("abs {:.1e}, RMS {:.1e} of the reference's", errors.abs, errors.rel_rms()));
      buffers_.clear();
    }
  }

  runtime::Device device_;
  std::unique_ptr<ops::Context> ctx_;
  std::vector<runtime::Buffer> buffers_;
  std::mt19937 random_{7};
};

}  // namespace
}  // namespace tandem::tests

int main(int argc, char** argv) {
  try {
    tandem::tests::Table(argc > 1 ? argv[1] : "cmodel:").run();
    return 0;
  } catch (const tandem::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
