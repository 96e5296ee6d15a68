// SPDX-License-Identifier: Apache-2.0
#include "test_device.hpp"

#include <fmt/format.h>

#include <ostream>

#include "tandem/base/error.hpp"

namespace tandem::cmodel::test {

std::ostream& operator<<(std::ostream& out, const EngineSetup& setup) {
  static constexpr const char* kNames[] = {"auto", "avx512", "avx2", "portable"};
  return out << kNames[int(setup.simd)] << " threads=" << setup.threads;
}

std::string setup_name(const ::testing::TestParamInfo<EngineSetup>& info) {
  std::string name = ::testing::PrintToString(info.param);
  for (char& c : name) c = c == ' ' || c == '=' ? '_' : c;
  return name;
}

std::vector<EngineSetup> engine_setups() {
  std::vector<EngineSetup> out;
  for (const SimdPath path : {SimdPath::kPortable, SimdPath::kAvx2, SimdPath::kAvx512}) {
    try {
      const NpuEngine probe({.threads = 1, .simd = path});
      out.push_back({path, 1});
      out.push_back({path, 2});
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnimplemented);
    }
  }
  return out;
}

TestDevice::TestDevice(const EngineSetup& setup, std::uint64_t memory_bytes)
    : ram_({{.base = kBase, .size = (memory_bytes + 4095) / 4096 * 4096}}),
      engine_({.threads = setup.threads, .simd = setup.simd}) {
  ucode_.words.resize(4096);
}

driver::ExecutionResult TestDevice::run_packet(const abi::Packet& packet, Memory& memory) {
  const abi::DeviceLimits limits{.ucode_words = 4096, .loaded_ucode_words = ucode_.loaded_words};
  const abi::CheckResult fields = abi::check_packet(packet, limits);
  EXPECT_FALSE(fields) << "bad packet: " << abi::to_string(fields.fault) << " at "
                       << fields.fault_addr;
  const abi::OperandList operands = abi::operands(packet);
  const abi::Region region{.base = kBase, .size = memory.size(), .valid = true, .writable = true};
  const abi::CheckResult extents = abi::check_extents(operands.view(), {&region, 1});
  EXPECT_FALSE(extents) << "bad extents: " << abi::to_string(extents.fault);
  driver::ExecutionResult result;
  if (fields || extents) return result;
  ram_.write(kBase, memory);
  const driver::ExecutionContext context{ram_, ucode_, {&region, 1}, cancelled_};
  engine_.execute(packet, operands, context, result);
  ram_.read(kBase, memory);
  return result;
}

std::uint64_t AddressSpace::take(std::uint64_t bytes, std::uint64_t alignment) {
  const std::uint64_t at = (next_ + 64 + alignment - 1) / alignment * alignment;
  next_ = at + bytes;
  return at;
}

void move_to_end(abi::Packet& packet, int index, Memory& memory) {
  const abi::Operand operand = abi::operands(packet).items[std::size_t(index)];
  const std::uint64_t size = operand.hull_end() - operand.base;
  const std::vector<std::byte> bytes(&memory[operand.base - kBase],
                                     &memory[operand.base - kBase] + size);
  memory.resize((memory.size() + size + 64 + 4095) / 4096 * 4096);
  for (std::uint64_t alignment = 1;; alignment *= 2) {
    ASSERT_LE(alignment, 64u);
    const std::uint64_t addr = (kBase + memory.size() - size) / alignment * alignment;
    std::memcpy(reinterpret_cast<std::byte*>(&packet) + operand.addr_field, &addr, sizeof addr);
    if (abi::check_packet(packet, {.ucode_words = 4096, .loaded_ucode_words = 4096})) continue;
    std::copy(bytes.begin(), bytes.end(), &memory[addr - kBase]);
    return;
  }
}

std::string first_difference(const Memory& expected, const Memory& found) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (expected[i] == found[i]) continue;
    const std::size_t word = i / 4 * 4;
    std::uint32_t words[2] = {};
    std::memcpy(&words[0], &expected[word], 4);
    std::memcpy(&words[1], &found[word], 4);
    return fmt::format("first difference at address {:#x}: word {:08x} expected, {:08x} found",
                       kBase + i, words[0], words[1]);
  }
  return "equal";
}

}  // namespace tandem::cmodel::test
