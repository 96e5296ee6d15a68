// SPDX-License-Identifier: Apache-2.0
// Findings of check mode decide the exit code of every command that runs packets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "program.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::tests {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kChecked = "cmodel:?check=1";

// Copies 16 bytes that nothing has written.
constexpr const char* kUnwritten = R"(
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations src_stride3=4 \
    dst_addr=activations+0x100 dst_stride3=4
expect activations+0x100 i32 0 0 0 0
)";

void expect_one_finding(const ProgramResult& result) {
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(result.err, HasSubstr("read-before-write: COPY seq "));
  EXPECT_THAT(result.err, HasSubstr("check mode: 1 findings"));
}

TEST(CliFindings, ExecFailsThoughEveryExpectationHolds) {
  const ScratchDirectory scratch;
  const std::string file = scratch.write("unwritten.exec", kUnwritten);
  EXPECT_EQ(run_tandem({"exec", file}).exit_code, 0);
  const ProgramResult result = run_tandem({"exec", file, "--backend", kChecked});
  expect_one_finding(result);
  EXPECT_THAT(result.out, HasSubstr("2 checks, 0 failed"));

  const std::string clean =
      scratch.write("clean.exec", std::string("mem activations i32 0 0 0 0\n") + kUnwritten);
  EXPECT_EQ(run_tandem({"exec", clean, "--backend", kChecked}).exit_code, 0);
}

TEST(CliFindings, AreShownWhateverTheLogShows) {
  const ScratchDirectory scratch;
  const std::string file = scratch.write("unwritten.exec", kUnwritten);
  for (const char* level : {"TANDEM_LOG=warning", "TANDEM_LOG=off"}) {
    const ProgramResult result = run_tandem({"exec", file, "--backend", kChecked}, "", {level});
    expect_one_finding(result);
    const std::size_t first = result.err.find("read-before-write");
    EXPECT_EQ(result.err.find("read-before-write", first + 1), std::string::npos) << level;
  }
}

TEST(CliFindings, ReplayFailsThoughEveryCompletionIsEqual) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("unwritten.trace");
  {
    runtime::Device device = runtime::Device::open("cmodel:");
    device.start_recording(trace);
    // Memory that lives when the first packet is recorded counts as written.
    device.queue().submit_packet(abi::NopPacket{});
    const runtime::Buffer buffer = device.malloc("activations", 128, "scratch");
    abi::CopyPacket copy;
    copy.extent0 = copy.extent1 = copy.extent2 = 1;
    copy.extent3 = 16;
    copy.elem_bytes = 4;
    copy.src_stride3 = copy.dst_stride3 = 4;
    copy.src_addr = buffer.addr().value;
    copy.dst_addr = buffer.addr().value + 64;
    device.queue().submit_packet(copy);
    device.stop_recording();
  }
  EXPECT_EQ(run_tandem({"replay", trace}).exit_code, 0);
  const ProgramResult result = run_tandem({"replay", trace, "--backend", kChecked});
  expect_one_finding(result);
  EXPECT_THAT(result.err, HasSubstr("allocation 'scratch'"));
  EXPECT_THAT(result.out, HasSubstr("0 differ"));
}

TEST(CliFindings, ReplayOfAFaultThatWasRecordedIsEqual) {
  const ScratchDirectory scratch;
  const std::string trace = scratch.path("fault.trace");
  {
    runtime::Device device = runtime::Device::open("cmodel:");
    device.start_recording(trace);
    abi::FillPacket fill;
    fill.extent0 = fill.extent1 = fill.extent2 = fill.extent3 = 1;
    fill.elem_bytes = 4;
    fill.dst_addr = 64;
    device.queue().submit_packet(fill);
    EXPECT_THROW(device.queue().finish(), Error);
    device.stop_recording();
  }
  const ProgramResult result = run_tandem({"replay", trace, "--backend", kChecked});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
}

}  // namespace
}  // namespace tandem::tests
