// SPDX-License-Identifier: Apache-2.0
#include "test_device.hpp"

#include <fmt/format.h>

#include <ostream>

#include "tandem/base/error.hpp"
#include "tandem/numerics/convert.hpp"

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

std::uint32_t Random::float_pattern(bool specials) {
  if (specials && one_in(64)) {
    return pick<std::uint32_t>({0x7F800000, 0xFF800000, 0x7FC00000, 0x7FFFFFFF, 0xFF812345,
                                0x7F800001, 0x00000000, 0x80000000, 0x00000001, 0x807FFFFF,
                                0x7F7FFFFF, 0xFF7FFFFF, 0x7F7FF000, 0x00800000, 0x3F801000});
  }
  if (one_in(8)) return word() & 0xBF7FFFFFu;  // any exponent below 2
  // 2^-8 to 2^8
  return (word() & 0x807FFFFFu) | std::uint32_t((119 + below(17)) << 23);
}

void fill_random(Random& random, abi::Dtype type, bool specials, std::byte* dst,
                 std::uint64_t count) {
  using abi::Dtype;
  const auto put = [&](std::uint64_t i, auto value) {
    std::memcpy(dst + i * sizeof value, &value, sizeof value);
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint32_t pattern = random.float_pattern(specials);
    switch (type) {
      case Dtype::kF32:
        put(i, pattern);
        break;
      case Dtype::kBF16:
        put(i, std::uint16_t(pattern >> 16));
        break;
      case Dtype::kF16:
        put(i, specials && random.one_in(32) ? std::uint16_t(random.word())
                                             : numerics::f32_to_f16(pattern));
        break;
      case Dtype::kE4M3:
      case Dtype::kE5M2: {
        std::uint8_t byte = std::uint8_t(random.word());
        if (!specials && (byte & 0x7C) == 0x7C) byte &= 0xBF;
        put(i, byte);
        break;
      }
      case Dtype::kI32:
        put(i, random.word());
        break;
      case Dtype::kI64:
        put(i, (std::uint64_t{random.word()} << 32) | random.word());
        break;
      case Dtype::kU16:
        put(i, std::uint16_t(random.word()));
        break;
      default:
        put(i, std::uint8_t(random.word()));
        break;
    }
  }
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
