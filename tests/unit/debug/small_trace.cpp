// SPDX-License-Identifier: Apache-2.0
#include "small_trace.hpp"

#include <unistd.h>

#include <span>
#include <vector>

#include "support/small_packets.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/base/error.hpp"
#include "tandem/ops/reduce.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::tests {

using abi::Dtype;

ScratchFile::ScratchFile(const std::string& name)
    : path_((std::filesystem::temp_directory_path() /
             ("tandem_" + std::to_string(getpid()) + "_" + name))
                .string()) {}
ScratchFile::~ScratchFile() {
  std::error_code ignored;
  std::filesystem::remove(path_, ignored);
}

namespace {

constexpr std::uint32_t kRows = 5;
constexpr std::uint32_t kCols = 7;
constexpr std::uint32_t kDepth = 9;

}  // namespace

SmallTrace record_small_trace(const std::string& path, bool fault) {
  runtime::Device device = runtime::Device::open("cmodel:tiny");
  runtime::Queue& queue = device.queue();
  ops::Context context(device);
  const auto memory = device.malloc("activations", 5 * 4096, "values");
  const std::uint64_t a = memory.addr().value;
  const std::uint64_t b = a + 4096;
  const std::uint64_t c = b + 4096;
  const std::uint64_t sums = c + 4096;
  device.name_tensor(PhysAddr(c), kRows * kCols * 4, "product");
  std::vector<std::uint16_t> values(kDepth * kCols);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::uint16_t>(0x3f80 + 3 * i);
  }
  device.copy_in(PhysAddr(a), std::as_bytes(std::span(values).first(kRows * kDepth)));
  device.start_recording(path);
  device.copy_in(PhysAddr(b), std::as_bytes(std::span(values)));

  SmallTrace trace;
  trace.product_addr = c;
  {
    const runtime::OpScope scope(queue, "layer.0/linear");
    trace.product =
        queue.submit_packet(small_product(kRows, kCols, kDepth, Dtype::kBF16, a, b, c)).seq;
  }
  {
    const runtime::OpScope scope(queue, "layer.1");
    const ops::Tensor x(PhysAddr(c), Dtype::kF32, {kRows, kCols});
    const ops::Tensor y(PhysAddr(sums), Dtype::kF32, {kRows});
    const int axis = 1;
    ops::reduce(context, ops::ReduceOp::kSum, x, {&axis, 1}, y);
    trace.sums = queue.last().seq;
    const runtime::OpScope copy(queue, "copy");
    trace.moved = queue.submit_packet(copy_words(sums, sums + 1024, kRows)).seq;
    queue.finish();
  }
  if (fault) {
    trace.refused = queue.submit_packet(fill_words(0x7'0000'0000, 1, 0)).seq;
    queue.submit_packet(copy_words(a, sums, 1));  // abandoned
    try {
      queue.finish();
    } catch (const Error&) {
    }
  }
  const runtime::OpScope scope(queue, "layer.2");
  device.copy_in(PhysAddr(sums + 2048), std::as_bytes(std::span(values)));
  trace.last = queue.submit_packet(copy_words(sums + 2048, sums + 3072, 8)).seq;
  // Needs the program again after the reset.
  const ops::Tensor x(PhysAddr(c), Dtype::kF32, {kRows, kCols});
  const ops::Tensor y(PhysAddr(sums), Dtype::kF32, {kRows});
  const int axis = 1;
  ops::reduce(context, ops::ReduceOp::kSum, x, {&axis, 1}, y);
  device.stop_recording();
  trace.packets = queue.last().seq;
  return trace;
}

}  // namespace tandem::tests
