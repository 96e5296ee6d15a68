// SPDX-License-Identifier: Apache-2.0
// Cycles of the op library's programs at the sizes of a small language model, on the edge device. A
// slower engine is noticed here by its cycles; `cycles` of a case is what it took when it was set.
#include <fmt/format.h>

#include "tandem/numerics/functions.hpp"
#include "tandem/numerics/micro_ops.hpp"
#include "tandem/ops/ucode_builder.hpp"
#include "vector_bench.hpp"

namespace tandem::rtltest {
namespace {

using abi::Dtype;
using ops::Expr;
using ops::Graph;
using ops::ProgramOutput;

/// A case may take so much longer than its entry.
constexpr double kTolerance = 1.03;

struct CycleCase {
  const char* name;
  std::vector<ops::ProgramOutput> (*outputs)(Graph& graph);
  std::uint32_t rows, cols;
  std::vector<Dtype> inputs;
  Dtype output;
  std::uint64_t zero_wait, realistic;  ///< Cycles.
  unsigned shared_inputs = 0;          ///< Bit i: all rows of input i are one.
};

std::vector<ProgramOutput> softmax(Graph& g) {
  const Expr s = ops::mul(g.input(0), g.param(0));
  const Expr e = numerics::exp_nonpositive(ops::sub(s, ops::row_max(s)));
  return {{ops::mul(e, numerics::recip(ops::row_sum(e)))}};
}
std::vector<ProgramOutput> rmsnorm(Graph& g) {
  const Expr x = g.input(0);
  const Expr scale =
      numerics::rsqrt(ops::fma(ops::row_sum(ops::mul(x, x)), g.param(0), g.param(1)));
  return {{ops::mul(ops::mul(x, scale), g.input(1))}};
}
std::vector<ProgramOutput> rope(Graph& g) {
  const Expr a = g.input(0), b = g.input(1), c = g.input(2), s = g.input(3);
  return {{ops::fnma(b, s, ops::mul(a, c))}, {ops::fma(a, s, ops::mul(b, c))}};
}
std::vector<ProgramOutput> silu_mul(Graph& g) {
  return {{ops::mul(numerics::silu(g.input(0)), g.input(1))}};
}
std::vector<ProgramOutput> exponential(Graph& g) { return {{numerics::exp(g.input(0))}}; }
std::vector<ProgramOutput> add(Graph& g) { return {{ops::add(g.input(0), g.input(1))}}; }
std::vector<ProgramOutput> copy(Graph& g) { return {{g.input(0)}}; }
std::vector<ProgramOutput> row_sum(Graph& g) { return {{ops::row_sum(g.input(0)), true}}; }

const std::vector<Dtype> kOne = {Dtype::kF32}, kTwo = {Dtype::kF32, Dtype::kF32};

const CycleCase kCases[] = {
    {"softmax 144 x 16", softmax, 144, 16, kOne, Dtype::kF16, 39925, 40083},
    {"softmax 9 x 64", softmax, 9, 64, kOne, Dtype::kF16, 2559, 2717},
    {"softmax 9 x 200", softmax, 9, 200, kOne, Dtype::kF16, 5859, 6017},
    {"softmax 9 x 1000", softmax, 9, 1000, kOne, Dtype::kF16, 23825, 23983},
    {"rmsnorm 1 x 576", rmsnorm, 1, 576, kTwo, Dtype::kF16, 448, 606},
    {"rmsnorm 16 x 576", rmsnorm, 16, 576, kTwo, Dtype::kF16, 6539, 6697, 2},
    {"rope 9 x 32",
     rope,
     9,
     32,
     {Dtype::kF32, Dtype::kF32, Dtype::kF32, Dtype::kF32},
     Dtype::kF16,
     368,
     535,
     12},
    {"rope 144 x 32",
     rope,
     144,
     32,
     {Dtype::kF32, Dtype::kF32, Dtype::kF32, Dtype::kF32},
     Dtype::kF16,
     5229,
     5450,
     12},
    {"silu * mul 1 x 1536", silu_mul, 1, 1536, kTwo, Dtype::kF16, 2736, 2894},
    {"silu * mul 8 x 1536", silu_mul, 8, 1536, kTwo, Dtype::kF16, 21609, 21767},
    {"exp 4 x 4096", exponential, 4, 4096, kOne, Dtype::kF32, 18514, 18672},
    {"add 4 x 4096", add, 4, 4096, kTwo, Dtype::kF32, 4152, 4310},
    {"add f16 4 x 4096", add, 4, 4096, {Dtype::kF16, Dtype::kF16}, Dtype::kF16, 4145, 4303},
    {"add 256 x 64", add, 256, 64, kTwo, Dtype::kF32, 4142, 4963},
    {"cast f32 e4m3 4 x 4096", copy, 4, 4096, kOne, Dtype::kE4M3, 2094, 2252},
    {"row sum 4 x 4096", row_sum, 4, 4096, kOne, Dtype::kF32, 2216, 2374},
};

VectorCase make(const CycleCase& test) {
  Graph graph;
  const std::vector<ProgramOutput> outputs = test.outputs(graph);
  const ops::Program program = ops::compile(graph, outputs, test.name);
  VectorCase c;
  c.program = program.words;
  c.packet.wait_mask = 7;
  c.packet.cols = test.cols;
  c.packet.rows1 = test.rows;
  c.packet.rows0 = 1;
  c.packet.out_scalar = program.scalar_outputs;
  c.packet.param0 = c.packet.param1 = numerics::bits_of(0.125f);
  std::uint64_t next = kOperandBase;
  const auto place = [&](unsigned stream, Dtype type, bool scalar, bool shared) {
    const std::uint64_t bytes = abi::dtype_bits(type) / 8;
    const std::uint64_t row = bytes * (scalar ? 1 : test.cols);
    abi::set_vector_stream(c.packet, stream, {type, next, scalar ? 0 : bytes, shared ? 0 : row, 0});
    next += (shared ? row : row * test.rows) + 63;
    next &= ~std::uint64_t{63};
  };
  for (unsigned i = 0; i < test.inputs.size(); ++i) {
    place(i, test.inputs[i], false, (test.shared_inputs >> i & 1) != 0);
  }
  for (unsigned i = 0; i < outputs.size(); ++i) {
    place(abi::kVectorInputs + i, test.output, (program.scalar_outputs >> i & 1) != 0, false);
  }
  return c;
}

/// Cycles of every case behind a memory of these settings.
std::vector<std::uint64_t> measure(const rtlmodel::AxiSettings& settings) {
  VectorBench<VVectorEngineEdge> bench(1, settings);
  std::vector<std::uint64_t> cycles;
  for (const CycleCase& test : kCases) {
    VectorCase c = make(test);
    EXPECT_TRUE(bench.load_and_run(c)) << test.name;
    EXPECT_TRUE(bench.run(c)) << test.name;  // The check of the program is remembered.
    cycles.push_back(bench.engine.last().cycles);
  }
  return cycles;
}

TEST(VectorCycles, StayWhatTheyWere) {
  const auto fast = measure(rtlmodel::AxiSettings::zero_wait());
  const auto slow = measure(rtlmodel::AxiSettings::realistic());
  fmt::print(
      "| case | words | zero-wait | realistic | elements a cycle |\n|---|---|---|---|---|\n");
  for (std::size_t i = 0; i < std::size(kCases); ++i) {
    const CycleCase& test = kCases[i];
    fmt::print("| {} | {} | {} | {} | {:.2f} |\n", test.name, make(test).program.size(), fast[i],
               slow[i], double(test.rows) * test.cols / double(fast[i]));
    EXPECT_LE(double(fast[i]), kTolerance * double(test.zero_wait)) << test.name;
    EXPECT_LE(double(slow[i]), kTolerance * double(test.realistic)) << test.name;
  }
}

}  // namespace
}  // namespace tandem::rtltest
