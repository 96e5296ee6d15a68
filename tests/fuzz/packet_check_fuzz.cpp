// SPDX-License-Identifier: Apache-2.0
// Checks and operands of arbitrary packets: 256 bytes of packet, then words of a micro-program.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "fuzz.hpp"
#include "tandem/abi/describe.hpp"
#include "tandem/abi/footprint.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "unit/abi/samples.hpp"

namespace {

namespace abi = tandem::abi;
using tandem::fuzz::require;

// Operands of more positions are not walked.
constexpr std::uint64_t kMaxPositions = 4096;

bool is_small(const abi::Operand& operand) {
  std::uint64_t positions = 1;
  for (int d = 0; d < operand.num_dims; ++d) {
    const std::uint64_t extent = operand.dims[static_cast<std::size_t>(d)].extent;
    if (extent > kMaxPositions || positions * extent > kMaxPositions) return false;
    positions *= extent;
  }
  return true;
}

/// Every run lies in the hull, and together they have no more bytes than the operand.
void check_runs(const abi::Operand& operand) {
  const std::uint64_t last = operand.hull_end() - 1;
  std::uint64_t total = 0;
  abi::for_each_run(operand, [&](std::uint64_t addr, std::uint64_t num_bytes) {
    require(addr >= operand.base && addr + (num_bytes - 1) <= last && addr <= last,
            "a run leaves the hull", operand.name);
    total += num_bytes;
  });
  require(total <= operand.total_bytes(), "runs have more bytes than the operand", operand.name);
}

void check_extents(const abi::Packet& packet, const abi::OperandList& list) {
  const std::array<abi::Region, 3> regions = {{{0x10000, 0x80000, true, true},
                                               {0x9000'0000, 1 << 20, true, false},
                                               {~std::uint64_t{0} - 0xffff, 0x10000, true, true}}};
  if (const auto result = abi::check_extents(list.view(), regions)) {
    abi::describe_fault(packet, result.fault, result.fault_addr);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  abi::Packet packet{};
  if (size != 0) {
    std::memcpy(static_cast<void*>(&packet), data, std::min(size, sizeof(packet)));
  }
  const abi::DeviceLimits limits = {.ucode_words = 4096, .loaded_ucode_words = 100};
  const abi::CheckResult result = abi::check_packet(packet, limits);
  for (unsigned fault = 0; fault < 16; ++fault) {
    abi::describe_fault(packet, static_cast<abi::Fault>(fault), result.fault_addr);
  }
  if (result) return 0;

  const abi::OperandList list = abi::operands(packet);
  for (const abi::Operand& operand : list.view()) {
    require(operand.run_bytes != 0 || operand.total_bytes() == 0, "empty run", operand.name);
    if (operand.run_bytes != 0 && is_small(operand)) check_runs(operand);
  }
  check_extents(packet, list);
  if (packet.opcode == abi::Opcode::kVector && size > sizeof(packet)) {
    std::vector<std::uint64_t> program((size - sizeof(packet)) / 8);
    if (!program.empty()) std::memcpy(program.data(), data + sizeof(packet), program.size() * 8);
    const auto vector = abi::packet_as<abi::VectorPacket>(packet);
    const bool bad = static_cast<bool>(abi::check_ucode(vector, program, data[0] & 3u));
    require(abi::describe_ucode(vector, program, data[0] & 3u).empty() != bad,
            "check_ucode and describe_ucode differ");
  }
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const auto text = [](const auto& packet) {
    return std::string(reinterpret_cast<const char*>(&packet), sizeof(packet));
  };
  std::vector<std::string> seeds;
  for (const abi::MatmulPacket& packet :
       {abi::sample_matmul(), abi::sample_group(), abi::sample_row_col()}) {
    seeds.push_back(text(packet));
  }
  const std::uint64_t words[] = {0, 1, ~std::uint64_t{0}, 0x4141};
  seeds.push_back(text(abi::sample_vector()) + text(words));
  abi::CopyPacket copy;
  copy.extent0 = copy.extent1 = 2, copy.extent2 = copy.extent3 = 3;
  copy.elem_bytes = 4;
  copy.src_addr = 0x10000, copy.dst_addr = 0x20000;
  copy.src_stride3 = copy.dst_stride3 = 4;
  seeds.push_back(text(copy));
  return seeds;
}
