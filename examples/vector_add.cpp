// SPDX-License-Identifier: Apache-2.0
// The smallest program in C++: adds two vectors with a micro-program of four operations.
#include <cstdio>
#include <span>
#include <vector>

#include "tandem/abi/asm.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

using namespace tandem;

int main(int argc, char** argv) try {
  constexpr std::uint32_t kElements = 1000;
  std::vector<float> a(kElements), b(kElements), sum(kElements);
  for (std::uint32_t i = 0; i < kElements; ++i) {
    a[i] = static_cast<float>(i);
    b[i] = 0.5f;
  }

  auto device = runtime::Device::open(argc > 1 ? argv[1] : "cmodel:tiny");
  const std::uint64_t bytes = kElements * sizeof(float);
  const auto a_buffer = device.malloc("activations", bytes, "a");
  const auto b_buffer = device.malloc("activations", bytes, "b");
  const auto sum_buffer = device.malloc("activations", bytes, "sum");
  device.copy_in(a_buffer.addr(), std::as_bytes(std::span(a)));
  device.copy_in(b_buffer.addr(), std::as_bytes(std::span(b)));

  // Runs once for every chunk of the row, whatever the length of a vector register.
  const auto program = abi::assemble_ucode(R"(
    phase
      ld   v0, in0
      ld   v1, in1
      fadd v2, v0, v1
      st   out0, v2
  )");
  abi::VectorPacket packet;
  packet.cols = kElements;
  packet.rows0 = packet.rows1 = 1;
  packet.ucode_start = device.queue().program(program);
  packet.ucode_words = static_cast<std::uint16_t>(program.size());
  packet.in0_type = packet.in1_type = packet.out0_type = abi::Dtype::kF32;
  packet.in0_col_stride = packet.in1_col_stride = packet.out0_col_stride = sizeof(float);
  packet.in0_addr = a_buffer.addr().value;
  packet.in1_addr = b_buffer.addr().value;
  packet.out0_addr = sum_buffer.addr().value;
  device.queue().submit_packet(packet);

  // Waits for the packet.
  device.copy_out(sum_buffer.addr(), std::as_writable_bytes(std::span(sum)));
  for (std::uint32_t i = 0; i < kElements; ++i) {
    if (sum[i] != a[i] + b[i]) {
      std::fprintf(stderr, "element %u: expected %g, found %g\n", i, a[i] + b[i], sum[i]);
      return 1;
    }
  }
  std::printf("%s added %u elements, the last one is %g\n", device.backend_name().c_str(),
              kElements, sum.back());
  return 0;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
