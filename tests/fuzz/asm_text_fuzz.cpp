// SPDX-License-Identifier: Apache-2.0
// Assembly text and micro-programs, both directions. The first byte selects.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "tandem/abi/asm.hpp"

namespace {

namespace abi = tandem::abi;
using tandem::fuzz::require;

/// disassemble gives text that assembles to the same bits.
void check_packet_text(const abi::Packet& packet) {
  const std::string text = abi::disassemble(packet);
  const abi::Packet again = abi::assemble_packet(text);
  require(std::memcmp(&packet, &again, sizeof(packet)) == 0, "packet changed", text);
}

void check_ucode_text(const std::vector<std::uint64_t>& words) {
  const std::string text = abi::disassemble_ucode(words);
  require(abi::assemble_ucode(text) == words, "micro-program changed", text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> rest(data + 1, size - 1);
  const abi::TextOrigin origin = {.name = "fuzz.asm"};
  switch (data[0]) {
    case 'p':
      tandem::fuzz::expect_named_error("fuzz.asm:", [&] {
        for (const auto& packet : abi::assemble_packets(tandem::fuzz::as_text(rest), origin)) {
          check_packet_text(packet);
        }
      });
      break;
    case 'u':
      tandem::fuzz::expect_named_error("fuzz.asm:", [&] {
        check_ucode_text(abi::assemble_ucode(tandem::fuzz::as_text(rest), origin));
      });
      break;
    case 'P': {  // bytes of one packet
      abi::Packet packet{};
      if (!rest.empty()) {
        std::memcpy(static_cast<void*>(&packet), rest.data(),
                    std::min(rest.size(), sizeof(packet)));
      }
      check_packet_text(packet);
      break;
    }
    default: {  // words
      std::vector<std::uint64_t> words(rest.size() / 8);
      if (!words.empty()) std::memcpy(words.data(), rest.data(), words.size() * 8);
      check_ucode_text(words);
    }
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::string packet(1 + sizeof(abi::Packet), '\0');
  packet[0] = 'P';
  std::vector<std::string> seeds = {packet};
  for (char opcode = 0; opcode < 12; ++opcode) {
    packet[1] = opcode;
    packet[40] = opcode;
    seeds.push_back(packet);
  }
  seeds.push_back(
      "pMATMUL seq=17 m=3 n=5 k=7 batch0=2 batch1=2 a_type=f32 b_type=u4 c_type=bf16\n"
      "COPY seq=4 extent0=1 elem_bytes=4 dst_addr=0x80001000 # comment\nNOP\n.raw 00ff\n");
  seeds.push_back(
      "uphase\nld v0, in0\nfma v3, v1, v2, 1.0\ntab v1, v2, 0\nst out0, v1\n.word 0x123\n");
  seeds.push_back("w\x01\x02\x03\x04\x05\x06\x07\x08zzzzzzzz");
  return seeds;
}
