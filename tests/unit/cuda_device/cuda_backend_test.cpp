// SPDX-License-Identifier: Apache-2.0
// The cuda plug-in on a fake driver: what the conformance suite does not see.
#include <dlfcn.h>
#include <gmock/gmock.h>

#include <bit>
#include <random>

#include "cuda_device/fake_driver/fake_cuda.hpp"
#include "packetgen/dma_cases.hpp"
#include "packetgen/matrix_cases.hpp"
#include "packetgen/vector_cases.hpp"
#include "support/environment.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::gpu {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using tests::FakeCuda;

constexpr std::uint64_t kData = packetgen::kOperandBase;
constexpr std::uint64_t kUcode = packetgen::kUcodeBase;
constexpr std::uint64_t kBytes = 8 << 20;
constexpr std::uint64_t kTables = kUcode + 0x1'0000;

driver::DeviceConfig config() {
  driver::DeviceConfig config;
  config.name = "fake";
  config.regions = {{"commands", PhysAddr(0x8000'0000), 1 << 20},
                    {"data", PhysAddr(kData), kBytes},
                    {"ucode", PhysAddr(kUcode), kBytes}};
  return config;
}

std::string uri(const std::string& options) {
  return "cuda:0?driver=" TANDEM_FAKE_CUDA "&nvrtc=" TANDEM_FAKE_NVRTC "&" + options;
}

std::string failure_of(const std::string& uri) {
  try {
    driver::open_backend(uri, config());
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

class CudaBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    void* handle = ::dlopen(TANDEM_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    ASSERT_NE(handle, nullptr) << ::dlerror();
    set_ = reinterpret_cast<FakeCudaSet>(::dlsym(handle, "tandem_fake_cuda_set"));
    ASSERT_NE(set_, nullptr);
    fake(FakeCuda::kReset, 0);
  }
  void TearDown() override { fake(FakeCuda::kReset, 0); }
  std::int64_t fake(FakeCuda knob, std::int64_t value) { return set_(int(knob), value); }

  tests::ScopedEnvironment cache_{"XDG_CACHE_HOME", testing::TempDir() + "tandem_cuda_backend"};
  FakeCudaSet set_ = nullptr;
};

/// A device with its driver.
struct Device {
  explicit Device(const std::string& uri) : driver(driver::open_backend(uri, config()), config()) {
    driver.start();
  }
  void write(std::uint64_t addr, std::span<const std::byte> bytes) {
    driver.backend().write(PhysAddr(addr), bytes);
  }
  std::vector<std::byte> read(std::uint64_t addr, std::size_t size) {
    std::vector<std::byte> out(size);
    driver.backend().read(PhysAddr(addr), out);
    return out;
  }
  template <class P>
  abi::Completion run(const P& packet) {
    const std::uint64_t seq = driver.submit_packet(abi::to_packet(packet));
    driver.wait(seq);
    return driver.completion(seq).value();
  }
  std::string error_of(const auto& packet) {
    try {
      run(packet);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }
  driver::Driver driver;
};

abi::FillPacket fill(std::uint64_t addr, std::uint32_t words, std::uint32_t value) {
  abi::FillPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = words;
  packet.elem_bytes = 4;
  packet.value = value;
  packet.dst_addr = addr;
  packet.dst_stride3 = 4;
  return packet;
}

TEST_F(CudaBackendTest, MissingDriverSaysWhatWasLookedFor) {
  EXPECT_THAT(
      failure_of("cuda:0?driver=/nowhere/libcuda.so"),
      AllOf(HasSubstr("unavailable"), HasSubstr("no CUDA device"), HasSubstr("/nowhere/libcuda.so"),
            HasSubstr("nvidia-smi"), HasSubstr("cuda:host")));
  const tests::ScopedEnvironment variable("TANDEM_CUDA_DRIVER", "/else/libcuda.so");
  EXPECT_THAT(failure_of("cuda:0"), HasSubstr("/else/libcuda.so"));
}

TEST_F(CudaBackendTest, MissingDeviceSaysWhatThereIs) {
  EXPECT_THAT(failure_of("cuda:3?driver=" TANDEM_FAKE_CUDA),
              AllOf(HasSubstr("no CUDA device 3"), HasSubstr("has one device")));
  fake(FakeCuda::kDevices, 0);
  EXPECT_THAT(failure_of("cuda:0?driver=" TANDEM_FAKE_CUDA),
              AllOf(HasSubstr("finds no GPU"), HasSubstr("CUDA_VISIBLE_DEVICES")));
}

TEST_F(CudaBackendTest, WrongOptionsAreRefused) {
  EXPECT_THAT(failure_of("cuda:first"), HasSubstr("expected the number of a GPU or 'host'"));
  EXPECT_THAT(failure_of("cuda:0?mode=fast"), HasSubstr("mode is exact or native, found 'fast'"));
  EXPECT_THAT(failure_of("cuda:host?mode=native"), HasSubstr("cuda:host has no native mode"));
  EXPECT_THAT(failure_of(uri("mode=native&cublaslt=/nowhere/lt.so")),
              AllOf(HasSubstr("needs cuBLASLt"), HasSubstr("/nowhere/lt.so")));
}

TEST_F(CudaBackendTest, EqualsTheCmodelPacketByPacket) {
  std::printf("seed 7\n");
  Device a("cmodel:?threads=1");
  Device b(uri("programs=interpreted"));
  EXPECT_TRUE(b.driver.capabilities().timed);
  std::mt19937_64 random(7);
  packetgen::Random cases(7);
  packetgen::PacketMaker dma(7);
  const auto both = [&](const auto& packet) {
    const abi::Completion x = a.run(packet);
    const abi::Completion y = b.run(packet);
    ASSERT_EQ(x.checksum, y.checksum);
  };
  const auto write = [&](const auto& data) {
    for (const auto& piece : data) {
      a.write(piece.addr, std::as_bytes(std::span(piece.bytes)));
      b.write(piece.addr, std::as_bytes(std::span(piece.bytes)));
    }
  };
  for (int n = 0; n < 12; ++n) {
    const auto matrix = packetgen::random_matrix_case(random, {.m = 20, .n = 70, .k = 60});
    write(matrix.data);
    both(matrix.packet);
    const auto vector = packetgen::random_vector_case(cases, 200);
    write(vector.data);
    for (const unsigned t : {0u, 1u}) both(packetgen::load_table(t, kTables + t * 1024));
    std::vector<std::uint64_t> words(vector.packet.ucode_start);
    words.insert(words.end(), vector.program.begin(), vector.program.end());
    a.write(kUcode, std::as_bytes(std::span(words)));
    b.write(kUcode, std::as_bytes(std::span(words)));
    both(packetgen::load_program(0, std::uint32_t(words.size())));
    both(vector.packet);
    for (const auto& made : {dma.copy(), dma.fill()}) {
      write(made.data);
      both(made.packet);
    }
    ASSERT_EQ(a.read(kData, kBytes), b.read(kData, kBytes)) << n;
    ASSERT_EQ(a.read(kUcode, kBytes), b.read(kUcode, kBytes)) << n;
  }
  EXPECT_GT(b.run(fill(kData, 1000, 1)).cycles, 0u);
}

TEST_F(CudaBackendTest, CompiledProgramsEqualTheCmodel) {
  std::printf("seed 8\n");
  Device a("cmodel:?threads=1");
  Device b(uri("programs=compiled"));
  packetgen::Random cases(8);
  for (int n = 0; n < 2; ++n) {
    const auto vector = packetgen::random_vector_case(cases, 200);
    std::vector<std::uint64_t> words(vector.packet.ucode_start);
    words.insert(words.end(), vector.program.begin(), vector.program.end());
    for (Device* device : {&a, &b}) {
      for (const auto& piece : vector.data) device->write(piece.addr, piece.bytes);
      device->write(kUcode, std::as_bytes(std::span(words)));
      for (const unsigned t : {0u, 1u}) device->run(packetgen::load_table(t, kTables));
      device->run(packetgen::load_program(0, std::uint32_t(words.size())));
    }
    ASSERT_EQ(a.run(vector.packet).checksum, b.run(vector.packet).checksum) << n;
    ASSERT_EQ(a.read(kData, kBytes), b.read(kData, kBytes)) << n;
  }
  EXPECT_EQ(fake(FakeCuda::kFunctions, 0), 2);
}

TEST_F(CudaBackendTest, WaitSeesWhatTheHostWrites) {
  Device d(uri("programs=interpreted"));
  d.run(fill(kData, 4096, 0));  // The page lives on the GPU.
  abi::WaitPacket wait;
  wait.addr = kData + 64;
  wait.mask = ~0u;
  wait.value = 5;
  wait.cycle_limit = 20'000'000'000;
  const std::uint64_t seq = d.driver.submit_packet(abi::to_packet(wait));
  const std::vector<std::uint32_t> fives(32 * 1024, 5);  // Large enough to go to the GPU.
  d.write(kData, std::as_bytes(std::span(fives)));
  d.driver.wait(seq);
  EXPECT_EQ(d.driver.completion(seq)->error, abi::Fault::kNone);
}

TEST_F(CudaBackendTest, RefusedLaunchLosesTheDeviceWithAnError) {
  Device d(uri("programs=interpreted"));
  fake(FakeCuda::kFailLaunch, 1);
  EXPECT_THAT(d.error_of(fill(kData, 8, 1)), HasSubstr("was lost"));
  EXPECT_THAT(d.error_of(fill(kData, 8, 1)), HasSubstr("was lost"));
  try {
    d.read(kData, 4);
    FAIL() << "reading a lost device";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
    EXPECT_THAT(error.what(), AllOf(HasSubstr("was lost"), HasSubstr("cuLaunchKernel"),
                                    HasSubstr("LAUNCH_OUT_OF_RESOURCES"), HasSubstr("open it")));
  }
}

TEST_F(CudaBackendTest, DyingKernelEndsInAnErrorNotInZeros) {
  Device d(uri("programs=interpreted"));
  d.run(fill(kData, 8, 7));
  fake(FakeCuda::kFailKernel, 1);
  EXPECT_THAT(d.error_of(fill(kData, 8, 1)), HasSubstr("LAUNCH_FAILED"));
  EXPECT_THROW(d.read(kData, 32), Error);
  EXPECT_THROW(d.write(kData, std::vector<std::byte>(1 << 20)), Error);
  abi::SignalPacket signal;
  signal.elem_bytes = 4;
  signal.addr = kData;
  EXPECT_THAT(d.error_of(signal), HasSubstr("was lost"));
}

TEST_F(CudaBackendTest, HangingKernelEndsAtTheLimit) {
  Device d(uri("programs=interpreted&timeout=1"));
  fake(FakeCuda::kHang, 1);
  EXPECT_THAT(d.error_of(fill(kData, 8, 1)), HasSubstr("longer than 1 s"));
  try {
    d.read(kData, 4);
    FAIL() << "reading a lost device";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("longer than 1 s"));
  }
}

TEST_F(CudaBackendTest, FullMemoryFailsThePacketAndNothingElse) {
  Device d(uri("programs=interpreted"));
  fake(FakeCuda::kMemoryBytes, 4 << 20);
  d.run(fill(kData, 8, 1));
  EXPECT_THAT(d.error_of(fill(kData, kBytes / 4, 2)), HasSubstr("BUS_ERROR"));
  d.run(fill(kData, 8, 3));
  EXPECT_EQ(d.read(kData, 1)[0], std::byte{3});
  const std::vector<std::byte> much(kBytes, std::byte{9});  // More than the GPU has.
  d.write(kUcode, much);
  EXPECT_EQ(d.read(kUcode, kBytes), much);
}

TEST_F(CudaBackendTest, ClosingGivesAllMemoryBack) {
  {
    Device d(uri("programs=interpreted"));
    d.run(fill(kData, 8, 1));
    EXPECT_GT(fake(FakeCuda::kBackedBytes, 0), 0);
  }
  EXPECT_EQ(fake(FakeCuda::kBackedBytes, 0), 0);
}

}  // namespace
}  // namespace tandem::gpu
