// SPDX-License-Identifier: Apache-2.0
// The generator of compiled micro-programs: its text, compiled for the host, against the cmodel.
#include "program_source.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>

#include "engine.hpp"
#include "host_gpu.hpp"
#include "native.hpp"
#include "native_functions.hpp"
#include "nvrtc.hpp"
#include "proof/host_proof.hpp"
#include "support/environment.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/numerics/functions.hpp"
#include "tandem/ops/expr.hpp"
#include "tandem/ops/ucode_builder.hpp"

namespace tandem::gpu {
namespace {

using ProgramFn = void (*)(const void*, unsigned, unsigned);

/// Programs in one shared library: the host's compiler is started once.
class Programs {
 public:
  std::size_t add(std::span<const std::uint64_t> words, const abi::VectorPacket& packet,
                  Maths maths = Maths::kExact) {
    const auto [found, added] = numbers_.emplace(program_key(words, packet), numbers_.size());
    if (added) {
      const std::string number = std::to_string(found->second);
      std::string text = program_source(words, packet, maths);
      text = std::regex_replace(text, std::regex("\\bProgram\\b"), "Program" + number);
      text =
          std::regex_replace(text, std::regex("\\btandem_program\\b"), "tandem_program" + number);
      source_ += text;
    }
    return found->second;
  }
  std::optional<std::size_t> find(std::span<const std::uint64_t> words,
                                  const abi::VectorPacket& packet) const {
    const auto found = numbers_.find(program_key(words, packet));
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  void build(const std::string& name) {
    const std::string base = testing::TempDir() + "tandem_programs_" + name;
    std::ofstream(base + ".cpp") << source_;
    const std::string command =
        TANDEM_CXX " -std=c++20 -O0 -ffp-contract=off -fPIC -shared " TANDEM_INCLUDES " " + base +
        ".cpp -o " + base + ".so";
    ASSERT_EQ(std::system(command.c_str()), 0) << command;
    void* library = ::dlopen((base + ".so").c_str(), RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(library, nullptr) << ::dlerror();
    for (std::size_t i = 0; i < numbers_.size(); ++i) {
      void* entry = ::dlsym(library, ("tandem_program" + std::to_string(i) + "_host").c_str());
      ASSERT_NE(entry, nullptr);
      functions_.push_back(reinterpret_cast<ProgramFn>(entry));
    }
  }
  std::size_t size() const { return numbers_.size(); }
  ProgramFn operator[](std::size_t number) const { return functions_[number]; }
  bool built() const { return !functions_.empty(); }

 private:
  std::map<std::vector<std::uint64_t>, std::size_t> numbers_;
  std::string source_;
  std::vector<ProgramFn> functions_;
};

/// The host's GPU with compiled programs; before they are built it only collects them.
class CompilingGpu final : public Gpu {
 public:
  CompilingGpu(std::shared_ptr<driver::SparseRam> ram, HostOrder order, Programs& programs)
      : host_(std::move(ram), order), programs_(programs) {}

  std::string name() const override { return host_.name(); }
  unsigned multiprocessors() const override { return host_.multiprocessors(); }
  std::uint64_t map(std::uint64_t addr, std::uint64_t size) override {
    return host_.map(addr, size);
  }
  void read(std::uint64_t addr, std::span<std::byte> dst) override { host_.read(addr, dst); }
  void write(std::uint64_t addr, std::span<const std::byte> src) override {
    host_.write(addr, src);
  }
  std::uint64_t allocate(std::size_t size) override { return host_.allocate(size); }
  void release(std::uint64_t at) override { host_.release(at); }
  void upload(std::uint64_t at, std::span<const std::byte> src) override { host_.upload(at, src); }
  std::uint64_t status() const override { return host_.status(); }
  void begin_packet(const std::atomic<bool>& cancelled) override { host_.begin_packet(cancelled); }
  void launch(Kernel kernel, const LaunchShape& shape, const void* args,
              std::size_t size) override {
    host_.launch(kernel, shape, args, size);
  }
  PacketOutcome end_packet() override { return host_.end_packet(); }
  std::optional<std::uint64_t> load_program(std::span<const std::uint64_t> words,
                                            const abi::VectorPacket& packet) override {
    if (programs_.built()) return programs_.find(words, packet);
    programs_.add(words, packet);
    return std::nullopt;
  }
  void launch_program(std::uint64_t program, const LaunchShape& shape,
                      const VectorArgs& args) override {
    for (unsigned block = 0; block < shape.grid; ++block) {
      programs_[program](&args, block, shape.grid);
    }
  }

 private:
  HostGpu host_;
  Programs& programs_;
};

TEST(ProgramSource, RandomProgramsEqualTheCmodel) {
  Programs programs;
  ProofOptions options;
  options.seed = 11;
  options.packets = 8;
  std::printf("seed %d\n", int(options.seed));
  options.device = [&](const driver::DeviceConfig& config, const ProofVariant& variant) {
    driver::DeviceConfig own = config;
    own.ram = driver::make_ram(config);
    auto gpu = std::make_unique<CompilingGpu>(own.ram, variant.order, programs);
    return std::make_unique<driver::InProcessBackend>(
        "compiled", own, std::make_unique<CudaEngine>(std::move(gpu), variant.options));
  };
  prove_on_host(options);
  ASSERT_GT(programs.size(), 20u);
  programs.build("random");
  for (const KindProof& kind : prove_on_host(options).kinds) {
    EXPECT_EQ(kind.difference, "") << kind.name;
  }
}

/// NVRTC needs no GPU.
TEST(ProgramSource, CompilesWithNvrtcWhereItIsFound) {
  const tests::ScopedEnvironment none("XDG_CACHE_HOME", testing::TempDir() + "tandem_real_nvrtc");
  std::filesystem::remove_all(testing::TempDir() + "tandem_real_nvrtc");
  ops::Graph graph;
  const ops::Expr x = graph.input(0);
  const ops::Expr e = numerics::exp(x - ops::row_max(x));
  const ops::ProgramOutput output{.value = e * numerics::recip(ops::row_sum(e))};
  const ops::Program program = ops::compile(graph, std::span(&output, 1), "softmax");
  abi::VectorPacket packet;
  packet.in0_type = abi::Dtype::kBF16;
  packet.out0_type = abi::Dtype::kE4M3;
  for (const bool native : {false, true}) {
    for (int round = 0; round < 2; ++round) {
      const auto compiler = ProgramCompiler::create({.native_maths = native, .arch = 90});
      if (!compiler->available()) GTEST_SKIP() << compiler->problem();
      const CompiledProgram* compiled = compiler->find(program.words, packet);
      ASSERT_NE(compiled, nullptr);
      EXPECT_GT(compiled->image.size(), 1000u);
      // The second one takes it from the disk.
      EXPECT_EQ(compiler->compiled(), round == 0 ? 1u : 0u);
      if (native && round == 0) {
        EXPECT_GT(compiler->compile(kNarrowSource, "narrow.cu").size(), 1000u);
      }
    }
  }
}

// ---- native mode ------------------------------------------------------------------------------

using Function = std::function<ops::Expr(ops::Expr)>;

std::string native_text(const Function& function) {
  ops::Graph graph;
  const ops::ProgramOutput output{.value = function(graph.input(0))};
  const ops::Program program = ops::compile(graph, std::span(&output, 1), "test");
  abi::VectorPacket packet;
  packet.in0_type = packet.out0_type = abi::Dtype::kF32;
  return program_source(program.words, packet, Maths::kNative);
}

TEST(NativeFunctions, AreFoundInCompiledPrograms) {
  using namespace numerics;
  const std::pair<const char*, Function> functions[] = {
      {"native_exp(", [](ops::Expr x) { return exp(x); }},
      {"native_exp(", [](ops::Expr x) { return exp_nonpositive(x); }},
      {"native_exp2(", [](ops::Expr x) { return exp2(x); }},
      {"native_log(", [](ops::Expr x) { return log(x); }},
      {"native_log2(", [](ops::Expr x) { return log2(x); }},
      {"native_sin(", [](ops::Expr x) { return sin(x); }},
      {"native_cos(", [](ops::Expr x) { return cos(x); }},
      {"native_tanh(", [](ops::Expr x) { return tanh(x); }},
      {"native_erf(", [](ops::Expr x) { return erf(x); }},
      {"native_gelu(", [](ops::Expr x) { return gelu(x); }},
      {"native_gelu_tanh(", [](ops::Expr x) { return gelu_tanh(x); }},
      {"native_silu(", [](ops::Expr x) { return silu(x); }},
      {"native_sigmoid(", [](ops::Expr x) { return sigmoid(x); }},
      {"native_recip(", [](ops::Expr x) { return recip(x); }},
      {"native_rsqrt(", [](ops::Expr x) { return rsqrt(x); }},
      {"native_sqrt(", [](ops::Expr x) { return sqrt(x); }},
      {"native_div(", [](ops::Expr x) { return div(ops::Expr(2.5f), x); }},
      {"native_exp(", [](ops::Expr x) { return exp(x - ops::row_max(x)); }},
      {"native_rsqrt(", [](ops::Expr x) { return x * rsqrt(ops::row_sum(x * x)); }},
  };
  for (const auto& [call, function] : functions) {
    EXPECT_THAT(native_text(function), testing::HasSubstr(call));
  }
}

TEST(NativeFunctions, NearMissesKeepTheirOperations) {
  const std::string text = native_text([](ops::Expr x) {
    const ops::Expr clamped = fmax(fmin(x, ops::Expr(90.0f)), ops::Expr(-105.0f));
    return clamped * 1.5f + x;
  });
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("native_")));
  EXPECT_THAT(text, testing::HasSubstr("as_float("));
}

}  // namespace
}  // namespace tandem::gpu
