// SPDX-License-Identifier: Apache-2.0
// The compiler from expressions to micro-programs: results equal direct evaluation bit for bit,
// programs are valid.
#include "tandem/ops/ucode_builder.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "support/errors.hpp"
#include "support/micro_interpreter.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/numerics/reduce.hpp"
#include "tandem/numerics/trig.hpp"

namespace tandem::ops {
namespace {

using numerics::Bits32;
using tests::MicroRow;

constexpr std::uint32_t kSpecial[] = {0u,          0x80000000u, 0x3F800000u, 0xBF800000u,
                                      0x7F800000u, 0xFF800000u, 0x7FC00000u, 0x7F800001u,
                                      0xFFC12345u, 0x00000001u, 0x80000001u, 0x007FFFFFu,
                                      0x00800000u, 0x7F7FFFFFu, 0x00000020u, 0xFFFFFFFFu};

std::vector<std::uint32_t> random_words(std::mt19937& random, std::size_t count) {
  std::vector<std::uint32_t> words(count);
  for (std::uint32_t& word : words) {
    word = random() % 4 == 0 ? kSpecial[random() % std::size(kSpecial)]
                             : static_cast<std::uint32_t>(random());
    // Half of the rest near one, so that arithmetic does not only overflow.
    if (random() % 2 == 0) word = (word & 0x80FFFFFFu) | 0x3F000000u;
  }
  return words;
}

abi::VectorPacket packet_for(const Program& program) {
  abi::VectorPacket packet;
  packet.cols = packet.rows0 = packet.rows1 = 1;
  packet.ucode_words = static_cast<std::uint16_t>(program.words.size());
  packet.out_scalar = program.scalar_outputs;
  abi::Dtype* const inputs[] = {&packet.in0_type, &packet.in1_type, &packet.in2_type,
                                &packet.in3_type};
  for (int i = 0; i < 4; ++i) {
    if ((program.inputs >> i & 1) != 0) *inputs[i] = abi::Dtype::kF32;
  }
  packet.out0_type = abi::Dtype::kF32;
  if (program.outputs > 1) packet.out1_type = abi::Dtype::kF32;
  if (program.outputs > 2) packet.out2_type = abi::Dtype::kF32;
  return packet;
}

void expect_valid(const Program& program) {
  const abi::CheckResult result = abi::check_ucode(packet_for(program), program.words, 0);
  EXPECT_EQ(result.fault, abi::Fault::kNone) << "word " << result.fault_addr;
}

Program compile_one(Graph& graph, Expr value) {
  const ProgramOutput output{value};
  return compile(graph, {&output, 1}, "test");
}

/// A random expression applied alike to traced and to direct values.
template <class V>
V random_expression(std::mt19937& random, const std::vector<V>& leaves, int operations) {
  std::vector<V> values = leaves;
  const auto pick = [&]() -> V {
    if (random() % 6 == 0) return V::imm(kSpecial[random() % std::size(kSpecial)]);
    if (random() % 8 == 0) return V::imm(static_cast<std::uint32_t>(random()));
    return values[random() % values.size()];
  };
  for (int i = 0; i < operations; ++i) {
    const V a = pick(), b = pick(), c = pick();
    const std::function<V()> choices[] = {
        [&] { return fma(a, b, c); }, [&] { return fnma(a, b, c); }, [&] { return add(a, b); },
        [&] { return sub(a, b); },    [&] { return mul(a, b); },     [&] { return fmin(a, b); },
        [&] { return fmax(a, b); },   [&] { return fclt(a, b); },    [&] { return fcle(a, b); },
        [&] { return fceq(a, b); },   [&] { return sel(a, b, c); },  [&] { return and_(a, b); },
        [&] { return or_(a, b); },    [&] { return xor_(a, b); },    [&] { return shl(a, b); },
        [&] { return shr(a, b); },    [&] { return sar(a, b); },     [&] { return iadd(a, b); },
        [&] { return isub(a, b); },   [&] { return ilt(a, b); },     [&] { return ult(a, b); },
        [&] { return ieq(a, b); },    [&] { return mull(a, b); },    [&] { return mulh(a, b); },
        [&] { return clz(a); },       [&] { return i2f(a); },        [&] { return f2i(a); },
        [&] { return f2t(a); }};
    values.push_back(choices[random() % std::size(choices)]());
  }
  return values.back();
}

TEST(UcodeBuilder, RandomExpressionsEqualDirectEvaluation) {
  std::mt19937 data(1);
  constexpr std::uint32_t kCols = 97;
  for (unsigned seed = 0; seed < 400; ++seed) {
    SCOPED_TRACE(seed);
    const int operations = 1 + static_cast<int>(seed % 24);
    Graph graph;
    std::vector<Expr> leaves = {graph.input(0), graph.input(1), graph.input(2),
                                graph.input(3), graph.param(0), graph.param(3),
                                graph.row0(),   graph.row1(),   graph.col()};
    std::mt19937 traced(seed);
    const Program program = compile_one(graph, random_expression<Expr>(traced, leaves, operations));
    expect_valid(program);
    MicroRow row{.params = {0x40490FDBu, 1, 2, static_cast<std::uint32_t>(data())},
                 .row0 = 7,
                 .row1 = 123456,
                 .cols = kCols};
    for (auto& input : row.inputs) input = random_words(data, kCols);
    tests::run_micro_program(program.words, row);
    for (std::uint32_t i = 0; i < kCols; ++i) {
      std::vector<Bits32> values;
      for (const auto& input : row.inputs) values.push_back({input[i]});
      for (const std::uint32_t bits : {row.params[0], row.params[3], row.row0, row.row1, i}) {
        values.push_back({bits});
      }
      std::mt19937 direct(seed);
      ASSERT_EQ(row.outputs[0][i], random_expression<Bits32>(direct, values, operations).bits)
          << "column " << i;
    }
  }
}

/// Traces and evaluates one function of numerics/functions.hpp.
template <class F>
void expect_function(const char* name, unsigned args, F f) {
  SCOPED_TRACE(name);
  std::mt19937 random(args);
  constexpr std::uint32_t kCols = 200;
  Graph graph;
  std::vector<Expr> inputs;
  for (unsigned i = 0; i < args; ++i) inputs.push_back(graph.input(i));
  const Program program = compile_one(graph, f(inputs));
  expect_valid(program);
  MicroRow row{.cols = kCols};
  for (unsigned i = 0; i < args; ++i) row.inputs[i] = random_words(random, kCols);
  tests::run_micro_program(program.words, row);
  for (std::uint32_t i = 0; i < kCols; ++i) {
    std::vector<Bits32> values;
    for (unsigned j = 0; j < args; ++j) values.push_back({row.inputs[j][i]});
    ASSERT_EQ(row.outputs[0][i], f(values).bits)
        << std::hex << row.inputs[0][i] << " in column " << i;
  }
}

TEST(UcodeBuilder, FunctionsEqualDirectEvaluation) {
#define TANDEM_ONE(name) expect_function(#name, 1, [](auto& x) { return numerics::name(x[0]); })
  TANDEM_ONE(exp);
  TANDEM_ONE(exp_nonpositive);
  TANDEM_ONE(exp2);
  TANDEM_ONE(log);
  TANDEM_ONE(log2);
  TANDEM_ONE(recip);
  TANDEM_ONE(sqrt);
  TANDEM_ONE(rsqrt);
  TANDEM_ONE(sin);
  TANDEM_ONE(cos);
  TANDEM_ONE(erf);
  TANDEM_ONE(tanh);
  TANDEM_ONE(sigmoid);
  TANDEM_ONE(silu);
  TANDEM_ONE(gelu);
  TANDEM_ONE(gelu_tanh);
  TANDEM_ONE(relu);
#undef TANDEM_ONE
  expect_function("div", 2, [](auto& x) { return numerics::div(x[0], x[1]); });
  expect_function("elu", 2, [](auto& x) { return numerics::elu(x[0], x[1]); });
  expect_function("silu mul", 2, [](auto& x) { return mul(numerics::silu(x[0]), x[1]); });
  expect_function("nested", 4, [](auto& x) {
    return numerics::div(numerics::tanh(add(x[0], numerics::exp(x[1]))),
                         add(numerics::log(x[2]), numerics::sin(x[3])));
  });
}

TEST(UcodeBuilder, SoftmaxTakesThreePhases) {
  Graph graph;
  const Expr x = graph.input(0);
  const Expr e = numerics::exp_nonpositive(sub(x, row_max(x)));
  const Program program = compile_one(graph, mul(e, numerics::recip(row_sum(e))));
  expect_valid(program);
  EXPECT_EQ(program.phases, 3);
  EXPECT_EQ(program.early_inputs, 1);
  EXPECT_TRUE(program.reduces);
  MicroRow row{.cols = 200};
  std::mt19937 random(5);
  for (std::uint32_t i = 0; i < row.cols; ++i) {
    row.inputs[0].push_back(numerics::bits_of(static_cast<float>(random() % 1000) / 100.0f));
  }
  tests::run_micro_program(program.words, row);
  const std::uint32_t max =
      numerics::reduce<numerics::MaxF32>(row.inputs[0].data(), row.inputs[0].size());
  std::vector<std::uint32_t> exps;
  for (const std::uint32_t bits : row.inputs[0]) {
    exps.push_back(numerics::exp_nonpositive(sub(Bits32{bits}, Bits32{max})).bits);
  }
  const Bits32 sum{numerics::reduce<numerics::SumF32>(exps.data(), exps.size())};
  for (std::size_t i = 0; i < exps.size(); ++i) {
    EXPECT_EQ(row.outputs[0][i], mul(Bits32{exps[i]}, numerics::recip(sum)).bits);
  }
}

TEST(UcodeBuilder, ArgmaxStoresARowScalar) {
  Graph graph;
  const Expr x = graph.input(0);
  const Expr max = row_max(x);
  const Expr index = row_imin(sel(fceq(x, max), graph.col(), Expr::imm(0x7FFFFFFFu)));
  const ProgramOutput outputs[] = {{index, true}, {max, true}};
  const Program program = compile(graph, outputs, "argmax");
  expect_valid(program);
  EXPECT_EQ(program.phases, 3);
  EXPECT_EQ(program.scalar_outputs, 3);
  MicroRow row{.cols = 3};
  row.inputs[0] = {0x3F800000u, 0x40000000u, 0x40000000u};
  tests::run_micro_program(program.words, row);
  EXPECT_EQ(row.outputs[0], std::vector<std::uint32_t>{1});
  EXPECT_EQ(row.outputs[1], std::vector<std::uint32_t>{0x40000000u});
}

TEST(UcodeBuilder, CommonSubexpressionsAreComputedOnce) {
  Graph graph;
  const Expr x = graph.input(0), y = graph.input(1);
  const Expr value = fma(add(x, y), add(y, x), mul(add(x, y), y));
  const Program program = compile_one(graph, value);
  // phase, ld, ld, fadd, fmul, fma, st.
  EXPECT_EQ(program.words.size(), 7u);
}

TEST(UcodeBuilder, ConstantsAreFoldedWithDeviceArithmetic) {
  Graph graph;
  const Expr third = numerics::recip(Expr(3.0f));
  ASSERT_TRUE(third.is_constant());
  EXPECT_EQ(third.constant(), numerics::recip(Bits32::of(3.0f)).bits);
  EXPECT_EQ(compile_one(graph, mul(graph.input(0), third)).words.size(), 4u);
}

TEST(UcodeBuilder, RowValuesAreComputedOncePerRow) {
  Graph graph;
  const Expr scale = numerics::rsqrt(add(graph.param(0), 1.0f));
  const Program program = compile_one(graph, mul(graph.input(0), scale));
  expect_valid(program);
  unsigned vector_operations = 0;
  for (const std::uint64_t word : program.words) {
    if ((word >> 8 & 0x3F) < 16) ++vector_operations;
  }
  EXPECT_EQ(vector_operations, 4u);  // phase, ld, fmul, st
}

TEST(UcodeBuilder, ManyConstantsFallBackToVectorRegisters) {
  // 24 selections between two constants each: 48 constants, 24 of which fit into their words.
  const auto expression = [](auto x) {
    using V = decltype(x);
    V sum = x;
    for (std::uint32_t i = 0; i < 24; ++i) {
      sum = iadd(sum, sel(ult(x, V::imm(1000 + i)), V::imm(2 * i + 5), V::imm(3 * i + 77)));
    }
    return sum;
  };
  Graph graph;
  const Program program = compile_one(graph, expression(graph.input(0)));
  expect_valid(program);
  MicroRow row{.cols = 70};
  for (std::uint32_t i = 0; i < row.cols; ++i) row.inputs[0].push_back(980 + i);
  tests::run_micro_program(program.words, row);
  for (std::uint32_t i = 0; i < row.cols; ++i) {
    EXPECT_EQ(row.outputs[0][i], expression(Bits32{row.inputs[0][i]}).bits);
  }
}

TEST(UcodeBuilder, ManyRowValuesFallBackToVectorRegisters) {
  const auto expression = [](auto x, auto p) {
    using V = decltype(x);
    V sum = x;
    for (std::uint32_t i = 0; i < 12; ++i) sum = fma(sum, x, mul(p, V::imm(0x3F800000u + i)));
    // Every row value again, so that all are live at once.
    for (std::uint32_t i = 0; i < 12; ++i) sum = fma(sum, x, mul(p, V::imm(0x3F800000u + i)));
    return sum;
  };
  Graph graph;
  const Program program = compile_one(graph, expression(graph.input(0), graph.param(1)));
  expect_valid(program);
  MicroRow row{.params = {0, 0x3E800000u, 0, 0}, .cols = 5};
  for (std::uint32_t i = 0; i < row.cols; ++i) row.inputs[0].push_back(0x3F000000u + 999 * i);
  tests::run_micro_program(program.words, row);
  for (std::uint32_t i = 0; i < row.cols; ++i) {
    EXPECT_EQ(row.outputs[0][i], expression(Bits32{row.inputs[0][i]}, Bits32{0x3E800000u}).bits);
  }
}

/// Sum of products in an order that keeps `width` values alive if executed as written.
template <class V>
V wide_expression(V x, int width) {
  std::vector<V> values;
  for (int i = 0; i < width; ++i) values.push_back(mul(x, V::imm(0x3F800000u + i)));
  V sum = values[0];
  for (int i = 1; i < width; ++i) sum = add(sum, values[i]);
  return sum;
}

TEST(UcodeBuilder, ReordersToFitRegisters) {
  Graph graph;
  const Program program = compile_one(graph, wide_expression(graph.input(0), 40));
  expect_valid(program);
  MicroRow row{.cols = 3, .outputs = {}};
  row.inputs[0] = {0x3F800000u, 0x3F900000u, 0xC0000000u};
  tests::run_micro_program(program.words, row);
  for (std::uint32_t i = 0; i < row.cols; ++i) {
    EXPECT_EQ(row.outputs[0][i], wide_expression(Bits32{row.inputs[0][i]}, 40).bits);
  }
}

TEST(UcodeBuilder, TooManyLiveValuesBad) {
  // Every value is used by every later one twice over: none can be dropped.
  Graph graph;
  std::vector<Expr> values = {graph.input(0)};
  for (std::uint32_t i = 1; i < 20; ++i) {
    values.push_back(xor_(mull(values.back(), Expr::imm(2 * i + 1)), Expr::imm(i)));
  }
  Expr sum = values[0];
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = values.size(); i-- > 0;)
      sum = xor_(mull(sum, values[i]), values[(i * 7) % 20]);
    for (std::size_t i = 0; i < values.size(); ++i)
      sum = iadd(mull(sum, values[i]), values[(i * 3) % 20]);
  }
  tests::expect_error(ErrorCode::kInvalidArgument,
                      {"test: the expression needs", "vector registers", "16", "split it"},
                      [&] { compile_one(graph, sum); });
}

TEST(UcodeBuilder, TooManyPhasesBad) {
  Graph graph;
  Expr x = graph.input(0);
  for (int i = 0; i < 8; ++i) x = sub(graph.input(0), row_max(x));
  tests::expect_error(ErrorCode::kInvalidArgument,
                      {"test: expected at most 7 reductions that depend on each other, found 8"},
                      [&] { compile_one(graph, x); });
}

TEST(UcodeBuilder, TooManyReductionsAtOnceBad) {
  Graph graph;
  Expr sum = graph.input(0);
  for (std::uint32_t i = 0; i < 9; ++i) {
    sum = add(sum, row_sum(mul(graph.input(0), Expr::imm(0x3F800000u + i))));
  }
  tests::expect_error(ErrorCode::kInvalidArgument, {"at most 8 row reductions"},
                      [&] { compile_one(graph, sum); });
}

TEST(UcodeBuilder, PerRowOutputThatVariesBad) {
  Graph graph;
  const ProgramOutput output{graph.input(0), true};
  tests::expect_error(ErrorCode::kInvalidArgument, {"test: output 0", "one value a row"}, [&] {
    compile(graph, {&output, 1}, "test");
  });
}

TEST(UcodeBuilder, ValuesOfTwoGraphsBad) {
  Graph first, second;
  tests::expect_error(ErrorCode::kInvalidArgument, {"one traced function"},
                      [&] { add(first.input(0), second.input(0)); });
}

TEST(UcodeBuilder, ReductionOfConstantBad) {
  tests::expect_error(ErrorCode::kInvalidArgument, {"row reduction", "found a constant"},
                      [] { row_sum(Expr(1.0f)); });
}

TEST(UcodeBuilder, ConstantOutputIsStored) {
  Graph graph;
  const ProgramOutput outputs[] = {{Expr(1.5f)}, {graph.col()}, {graph.param(2)}};
  const Program program = compile(graph, outputs, "test");
  expect_valid(program);
  MicroRow row{.params = {0, 0, 99, 0}, .cols = 2};
  tests::run_micro_program(program.words, row);
  EXPECT_EQ(row.outputs[0], (std::vector<std::uint32_t>{0x3FC00000u, 0x3FC00000u}));
  EXPECT_EQ(row.outputs[1], (std::vector<std::uint32_t>{0, 1}));
  EXPECT_EQ(row.outputs[2], (std::vector<std::uint32_t>{99, 99}));
}

}  // namespace
}  // namespace tandem::ops
