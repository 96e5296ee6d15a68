// SPDX-License-Identifier: Apache-2.0
// Empty packets a second through the driver, and what check mode costs.
#include <fmt/format.h>

#include <array>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "bench.hpp"
#include "device.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend_uri.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::bench {
namespace {

constexpr int kEmptyPackets = 1'000'000;
constexpr int kMixRounds = 200;
constexpr double kAim = 1e6;  // Packets a second.
constexpr char kAimName[] = "aim of 1 M packets/s";

double per_second(int count, double seconds) { return count / seconds; }

Case empty_through_queue(const Options& options) {
  BenchDevice device(options);
  runtime::Queue& queue = device->queue();
  const double seconds = median_seconds(options.repeats, [&] {
    for (int i = 0; i < kEmptyPackets; ++i) queue.submit_packet(abi::NopPacket{});
    queue.finish();
  });
  return rate_case("nop_queue", per_second(kEmptyPackets, seconds), "packets/s", kAimName, kAim);
}

Case empty_through_driver(const Options& options) {
  BenchDevice device(options);
  driver::Driver& driver = device->driver();
  const double seconds = median_seconds(options.repeats, [&] {
    for (int i = 0; i < kEmptyPackets; ++i) driver.submit_packet(abi::NopPacket{});
    driver.wait_all();
  });
  return rate_case("nop_driver", per_second(kEmptyPackets, seconds), "packets/s", kAimName, kAim);
}

/// One packet at a time, waited for: the latency of submission, execution and completion.
Case round_trip(const Options& options) {
  BenchDevice device(options);
  runtime::Queue& queue = device->queue();
  constexpr int kTrips = 20'000;
  const double seconds = median_seconds(options.repeats, [&] {
    for (int i = 0; i < kTrips; ++i) queue.wait(queue.submit_packet(abi::NopPacket{}));
  });
  return {.name = "nop_round_trip", .value = seconds / kTrips * 1e6, .unit = "us", .rival = ""};
}

/// Packets of the kinds and the sizes of one small decoder layer.
class Mix {
 public:
  explicit Mix(runtime::Device& device) : device_(device) {
    constexpr std::uint64_t kBytes = kSize * kSize * 2;
    for (auto* buffer : {&a_, &b_, &c_, &d_}) {
      *buffer = device.malloc("activations", kBytes, "mix");
      device.copy_in(buffer->addr(), std::vector<std::byte>(kBytes));
    }
    program_ = abi::assemble_ucode(
        "phase\n ld v0, in0\n rmax s0, v0\n"
        "phase\n ld v0, in0\n fsub v1, v0, s0\n fmul v1, v1, 0.5\n st out0, v1\n");
  }

  static constexpr int kPackets = 4;

  void submit() {
    device_.queue().submit_packet(matmul());
    device_.queue().submit_packet(vector());
    device_.queue().submit_packet(copy());
    device_.queue().submit_packet(fill());
  }

 private:
  static constexpr std::uint32_t kSize = 256;
  static constexpr std::uint32_t kRows = 8;

  abi::MatmulPacket matmul() const {
    abi::MatmulPacket packet;
    packet.m = kRows;
    packet.n = packet.k = kSize;
    packet.batch0 = packet.batch1 = 1;
    packet.a_type = packet.b_type = packet.c_type = abi::Dtype::kF16;
    packet.b_layout = abi::BLayout::kPanels;
    packet.a_addr = a_.addr().value;
    packet.b_addr = b_.addr().value;
    packet.c_addr = c_.addr().value;
    packet.a_row_stride = packet.c_row_stride = kSize * 2;
    packet.b_row_stride = kSize * abi::kPanelColumns * 2;
    return packet;
  }

  abi::VectorPacket vector() {
    abi::VectorPacket packet;
    packet.cols = kSize;
    packet.rows0 = 1;
    packet.rows1 = kRows;
    packet.ucode_start = device_.queue().program(program_);
    packet.ucode_words = static_cast<std::uint16_t>(program_.size());
    packet.in0_type = packet.out0_type = abi::Dtype::kF16;
    packet.in0_col_stride = packet.out0_col_stride = 2;
    packet.in0_row1_stride = packet.out0_row1_stride = kSize * 2;
    packet.in0_addr = c_.addr().value;
    packet.out0_addr = d_.addr().value;
    return packet;
  }

  abi::CopyPacket copy() const {
    abi::CopyPacket packet;
    packet.extent0 = packet.extent1 = 1;
    packet.extent2 = kRows;
    packet.extent3 = kSize;
    packet.elem_bytes = 2;
    packet.src_addr = d_.addr().value;
    packet.dst_addr = a_.addr().value;
    packet.src_stride2 = packet.dst_stride2 = kSize * 2;
    packet.src_stride3 = packet.dst_stride3 = 2;
    return packet;
  }

  abi::FillPacket fill() const {
    abi::FillPacket packet;
    packet.extent0 = packet.extent1 = packet.extent2 = 1;
    packet.extent3 = kSize;
    packet.elem_bytes = 2;
    packet.dst_addr = d_.addr().value;
    packet.dst_stride3 = 2;
    return packet;
  }

  runtime::Device& device_;
  runtime::Buffer a_, b_, c_, d_;
  std::vector<std::uint64_t> program_;
};

double mix_rate(const Options& options, bool check) {
  std::map<std::string, std::string> settings = {{"threads", "1"}};
  // Backends without check mode do not know the option.
  const bool known = check || driver::BackendUri::parse(options.backend).options.contains("check");
  if (known) settings.emplace("check", std::to_string(int{check}));
  BenchDevice device(options, settings);
  Mix mix(*device);
  const double seconds = median_seconds(options.repeats, [&] {
    for (int i = 0; i < kMixRounds; ++i) mix.submit();
    device->queue().finish();
  });
  return per_second(kMixRounds * Mix::kPackets, seconds);
}

/// Packets of the mix a second in check mode beside the same without; `factor` is the cost.
Case check_mode(const Options& options) {
  const double plain = mix_rate(options, false);
  try {
    const double checked = mix_rate(options, true);
    return rate_case("check_mode", checked, "packets/s", "the same packets without check mode",
                     plain, {{"factor", plain / checked}});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kInvalidArgument) throw;
    return {.name = "check_mode",
            .value = 0,
            .unit = "packets/s",
            .rival = "",
            .more = {{"problem", "backend " + options.backend + " has no check mode"}}};
  }
}

}  // namespace

std::vector<Case> run_driver(const Options& options) {
  return {empty_through_queue(options), empty_through_driver(options), round_trip(options),
          check_mode(options)};
}

}  // namespace tandem::bench
