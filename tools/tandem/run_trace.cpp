// SPDX-License-Identifier: Apache-2.0
// Printing traces.
#include "run_trace.hpp"

#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "tandem/abi/asm.hpp"

namespace tandem::cli {

namespace {

// "f32[3, 576] at 0x2000000040 strides 2304, 4"
std::string view_text(const ops::Tensor& tensor) {
  return fmt::format("{} at {:#x} strides {}", tensor.describe(), tensor.addr.value,
                     fmt::join(tensor.stride.begin(), tensor.stride.begin() + tensor.rank, ", "));
}

}  // namespace

RunTrace::RunTrace(ops::Context& context, unsigned level) : context_(context), level_(level) {
  if (level_ == 0) return;
  seen_ = context_.device().counters();
  context_.set_trace([this](const ops::OpTrace& op) { print_op(op); });
  if (level_ < 3) return;
  context_.queue().set_completion_hook(
      [](const abi::Packet& packet, const abi::Completion& completion, std::string_view op) {
        fmt::print(stderr, "packet {}  # {} checksum={:016x}\n", abi::disassemble(packet), op,
                   completion.checksum);
      });
}

RunTrace::~RunTrace() {
  if (level_ == 0) return;
  print_transfers();
  context_.set_trace(nullptr);
  if (level_ >= 3) context_.queue().set_completion_hook(nullptr);
}

void RunTrace::print_op(const ops::OpTrace& op) {
  print_transfers();
  std::string tensors;
  for (const ops::Tensor& tensor : op.tensors) tensors += fmt::format(" {}", tensor.describe());
  fmt::print(stderr, "op {:{}}{}{} packets={}\n", "", 2 * op.depth, op.name, tensors, op.packets);
  if (level_ < 2) return;
  for (const ops::Tensor& tensor : op.tensors) fmt::print(stderr, "view {}\n", view_text(tensor));
}

void RunTrace::print_transfers() {
  if (level_ < 2) return;
  const runtime::TransferCounters now = context_.device().counters();
  if (now.bytes_in != seen_.bytes_in) {
    fmt::print(stderr, "transfer host to device: {} bytes\n", now.bytes_in - seen_.bytes_in);
  }
  if (now.bytes_out != seen_.bytes_out) {
    fmt::print(stderr, "transfer device to host: {} bytes\n", now.bytes_out - seen_.bytes_out);
  }
  seen_ = now;
}

}  // namespace tandem::cli
