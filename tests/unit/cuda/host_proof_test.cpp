// SPDX-License-Identifier: Apache-2.0
// The kernels on the host are equal to the cmodel, and the proof sees it when they are not.
#include "proof/host_proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "engine.hpp"
#include "host_gpu.hpp"
#include "tandem/driver/in_process_backend.hpp"

namespace tandem::gpu {
namespace {

const KindProof& kind_of(const HostProof& proof, std::string_view name) {
  return *std::find_if(proof.kinds.begin(), proof.kinds.end(),
                       [&](const KindProof& kind) { return kind.name == name; });
}

TEST(HostProof, EveryKindIsEqualToTheCmodel) {
  const HostProof proof = prove_on_host({.seed = 3, .packets = 60});
  ASSERT_EQ(proof.kinds.size(), 11u);
  for (const KindProof& kind : proof.kinds) {
    EXPECT_TRUE(kind.proven()) << kind.name << ": " << kind.difference;
  }
  for (const char* name : {"MATMUL", "VECTOR", "COPY", "FILL", "GATHER", "SCATTER_ADD"}) {
    EXPECT_GE(kind_of(proof, name).packets, 4u * 60u) << name;
  }
  EXPECT_EQ(proof.share(), 1.0);
  EXPECT_GT(proof.packets(), 1000u);
}

/// A GPU one of whose kernels is wrong: it adds 1 to the checksum, or leaves the blocks but the
/// first out.
class WrongGpu final : public Gpu {
 public:
  WrongGpu(std::unique_ptr<Gpu> gpu, Kernel wrong, bool blocks)
      : gpu_(std::move(gpu)), wrong_(wrong), blocks_(blocks) {}
  std::string name() const override { return "wrong"; }
  unsigned multiprocessors() const override { return gpu_->multiprocessors(); }
  std::uint64_t map(std::uint64_t addr, std::uint64_t size) override {
    return gpu_->map(addr, size);
  }
  void read(std::uint64_t addr, std::span<std::byte> dst) override { gpu_->read(addr, dst); }
  void write(std::uint64_t addr, std::span<const std::byte> src) override {
    gpu_->write(addr, src);
  }
  std::uint64_t allocate(std::size_t size) override { return gpu_->allocate(size); }
  void release(std::uint64_t at) override { gpu_->release(at); }
  void upload(std::uint64_t at, std::span<const std::byte> src) override { gpu_->upload(at, src); }
  std::uint64_t status() const override { return gpu_->status(); }
  void begin_packet(const std::atomic<bool>& cancelled) override {
    hit_ = false;
    gpu_->begin_packet(cancelled);
  }
  void launch(Kernel kernel, const LaunchShape& shape, const void* args,
              std::size_t size) override {
    hit_ |= kernel == wrong_;
    LaunchShape cut = shape;
    if (blocks_ && kernel == wrong_) cut.block = 0;
    if (cut.block != 0) gpu_->launch(kernel, cut, args, size);
  }
  PacketOutcome end_packet() override {
    PacketOutcome outcome = gpu_->end_packet();
    if (hit_ && !blocks_) ++outcome.status.checksum;
    return outcome;
  }

 private:
  std::unique_ptr<Gpu> gpu_;
  Kernel wrong_;
  bool blocks_;
  bool hit_ = false;
};

HostProof prove_wrong(Kernel kernel, bool blocks) {
  ProofOptions options{.seed = 4, .packets = 4};
  options.device = [&](const driver::DeviceConfig& given, const ProofVariant& variant) {
    driver::DeviceConfig config = given;
    config.ram = driver::make_ram(config);
    auto gpu = std::make_unique<WrongGpu>(std::make_unique<HostGpu>(config.ram), kernel, blocks);
    return std::make_unique<driver::InProcessBackend>(
        "wrong", config, std::make_unique<CudaEngine>(std::move(gpu), variant.options));
  };
  return prove_on_host(options);
}

TEST(HostProof, NamesTheKindWhoseChecksumIsWrong) {
  const HostProof proof = prove_wrong(Kernel::kFill, false);
  EXPECT_DOUBLE_EQ(proof.share(), 10.0 / 11);
  const KindProof& fill = kind_of(proof, "FILL");
  EXPECT_FALSE(fill.proven());
  EXPECT_NE(fill.difference.find("packet 1: checksum"), std::string::npos) << fill.difference;
}

TEST(HostProof, NamesTheKindThatIsNotExecuted) {
  const HostProof proof = prove_wrong(Kernel::kMatmulMid, true);
  EXPECT_DOUBLE_EQ(proof.share(), 10.0 / 11);
  EXPECT_FALSE(kind_of(proof, "MATMUL").proven());
}

TEST(HostProof, AKindThatNeverRanIsNotProven) {
  const HostProof proof = prove_on_host({.packets = 0});
  EXPECT_FALSE(kind_of(proof, "COPY").proven());
  EXPECT_TRUE(kind_of(proof, "NOP").proven());
}

}  // namespace
}  // namespace tandem::gpu
