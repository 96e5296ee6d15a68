// SPDX-License-Identifier: Apache-2.0
// The examples of the reference pages are what the assembler accepts.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/exec_file.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"

namespace tandem::abi {
namespace {

/// Text of the first block ```KIND of a page.
std::string block(const std::string& page, const std::string& kind) {
  std::ifstream file(std::string(TANDEM_SOURCE_DIR "/docs/reference/") + page);
  std::stringstream text;
  text << file.rdbuf();
  const std::string all = text.str();
  const std::size_t start = all.find("```" + kind + "\n");
  if (start == std::string::npos) return {};
  const std::size_t first = start + kind.size() + 4;
  return all.substr(first, all.find("```", first) - first);
}

TEST(ReferencePages, PacketsOfAssembly) {
  const auto packets = assemble_packets(block("assembly.md", "packets"));
  ASSERT_EQ(packets.size(), 3u);
  const CheckResult r = check_packet(packets[1], {});
  EXPECT_EQ(r.fault, Fault::kNone) << r.fault_addr;
}

TEST(ReferencePages, ProgramOfAssembly) {
  const auto words = assemble_ucode(block("assembly.md", "ucode"));
  ASSERT_EQ(words.size(), 8u);
  VectorPacket packet;
  packet.ucode_words = 8;
  packet.in0_type = packet.out0_type = Dtype::kF32;
  EXPECT_FALSE(check_ucode(packet, words, 0));
}

TEST(ReferencePages, ExecFile) {
  const std::vector<NamedAddress> regions = {{"activations", 0x2000000000}, {"ucode", 0x90000000}};
  const ExecFile file = parse_exec_file(block("exec.md", "exec"), {.name = "exec.md"}, regions);
  unsigned packets = 0;
  for (const ExecStep& step : file.steps) {
    const auto* packet = std::get_if<ExecPacket>(&step);
    if (packet == nullptr) continue;
    ++packets;
    const CheckResult r = check_packet(packet->packet, {.ucode_words = 4096});
    EXPECT_EQ(r.fault, Fault::kNone) << packet->line << " at byte " << r.fault_addr;
  }
  EXPECT_EQ(packets, 3u);
}

}  // namespace
}  // namespace tandem::abi
