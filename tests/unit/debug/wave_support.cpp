// SPDX-License-Identifier: Apache-2.0
#include "wave_support.hpp"

#include <unistd.h>

#include <random>
#include <span>
#include <variant>

#include "tandem/abi/exec_file.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::tests {

using abi::Dtype;

ScratchDir::ScratchDir(const std::string& name)
    : path_(std::filesystem::temp_directory_path() /
            ("tandem_" + std::to_string(getpid()) + "_" + name)) {
  std::filesystem::create_directories(path_);
}
ScratchDir::~ScratchDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

namespace {

void fill(runtime::Device& device, const abi::ExecFill& fill) {
  std::vector<std::uint8_t> bytes;
  for (std::uint64_t i = 0; i < fill.count; ++i) {
    bytes.insert(bytes.end(), fill.element.begin(), fill.element.end());
  }
  device.copy_in(PhysAddr(fill.addr), std::as_bytes(std::span(bytes)));
}

/// Packets that end with an error throw; they are recorded as they ended.
std::uint64_t run(runtime::Device& device, const abi::Packet& packet) {
  std::uint64_t seq = 0;
  try {
    seq = device.queue().submit(packet).seq;
    device.queue().finish();
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kDeviceFault) throw;
  }
  return seq;
}

struct Shape {
  std::uint32_t m, n, k;
  Dtype a, b, c;
  abi::BLayout layout = abi::BLayout::kKn;
  abi::InitMode init = abi::InitMode::kZero;
  std::uint32_t batch = 1;
};

constexpr std::uint32_t kPanel = abi::kPanelColumns;

abi::MatmulPacket product(const Shape& s, std::uint64_t a, std::uint64_t b, std::uint64_t c,
                          std::uint64_t bias) {
  const auto bytes = [](Dtype type) { return abi::dtype_bits(type) / 8; };
  abi::MatmulPacket p;
  p.m = s.m;
  p.n = s.n;
  p.k = s.k;
  p.batch0 = s.batch;
  p.batch1 = 1;
  p.a_type = s.a;
  p.b_type = s.b;
  p.c_type = s.c;
  p.b_layout = s.layout;
  p.init_mode = s.init;
  p.a_addr = a;
  p.a_row_stride = s.k * bytes(s.a);
  p.a_batch0_stride = s.m * p.a_row_stride;
  p.b_addr = b;
  p.b_row_stride = (s.layout == abi::BLayout::kKn   ? s.n
                    : s.layout == abi::BLayout::kNk ? s.k
                                                    : s.k * kPanel) *
                   bytes(s.b);
  p.c_addr = c;
  p.c_row_stride = s.n * bytes(s.c);
  p.c_batch0_stride = s.m * p.c_row_stride;
  if (s.init == abi::InitMode::kBias) p.bias_addr = bias;
  return p;
}

}  // namespace

std::vector<std::uint64_t> record_program(const std::string& name, const std::string& trace,
                                          const std::string& config) {
  runtime::Device device = runtime::Device::open("cmodel:" + config);
  std::vector<abi::NamedAddress> regions;
  for (const driver::RegionConfig& region : device.config().regions) {
    regions.push_back({region.name, region.base.value});
  }
  const abi::ExecFile file =
      abi::load_exec_file(TANDEM_SOURCE_DIR "/rtl/fault/programs/" + name + ".exec", regions);
  device.start_recording(trace);
  std::vector<std::uint64_t> numbers;
  for (const abi::ExecStep& step : file.steps) {
    if (const auto* write = std::get_if<abi::ExecWrite>(&step)) {
      device.copy_in(PhysAddr(write->addr), std::as_bytes(std::span(write->bytes)));
    } else if (const auto* filled = std::get_if<abi::ExecFill>(&step)) {
      fill(device, *filled);
    } else if (const auto* packet = std::get_if<abi::ExecPacket>(&step)) {
      numbers.push_back(run(device, packet->packet));
    }
  }
  device.stop_recording();
  return numbers;
}

std::vector<std::uint64_t> record_products(const std::string& trace, const std::string& config) {
  using abi::BLayout;
  using abi::InitMode;
  const Shape shapes[] = {
      {1, 200, 5, Dtype::kF32, Dtype::kBF16, Dtype::kF32},
      {2, 96, 7, Dtype::kBF16, Dtype::kBF16, Dtype::kF32, BLayout::kNk, InitMode::kBias},
      {3, 33, 9, Dtype::kF16, Dtype::kF16, Dtype::kF16, BLayout::kPanels},
      {7, 40, 6, Dtype::kBF16, Dtype::kF16, Dtype::kBF16, BLayout::kKn, InitMode::kAccumulate},
      {11, 70, 150, Dtype::kE4M3, Dtype::kE4M3, Dtype::kF32, BLayout::kPanels},
      {20, 300, 6, Dtype::kBF16, Dtype::kBF16, Dtype::kF32},
      {37, 70, 10, Dtype::kF16, Dtype::kF16, Dtype::kF32, BLayout::kPanels},
      {5, 35, 8, Dtype::kI8, Dtype::kI8, Dtype::kI32, BLayout::kNk, InitMode::kBias, 2},
  };
  constexpr std::uint64_t kSpace = 1 << 16;
  runtime::Device device = runtime::Device::open("cmodel:" + config);
  const auto memory = device.malloc("activations", 4 * kSpace, "operands");
  device.start_recording(trace);
  std::mt19937 random(1);
  std::vector<std::uint8_t> bytes(4 * kSpace);
  std::vector<std::uint64_t> numbers;
  for (const Shape& shape : shapes) {
    // Small floats of any type, and no NaN.
    for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random() & 0xbd);
    device.copy_in(memory.addr(), std::as_bytes(std::span(bytes)));
    const std::uint64_t a = memory.addr().value;
    numbers.push_back(
        run(device, abi::to_packet(product(shape, a, a + kSpace, a + 2 * kSpace, a + 3 * kSpace))));
  }
  device.stop_recording();
  return numbers;
}

}  // namespace tandem::tests
