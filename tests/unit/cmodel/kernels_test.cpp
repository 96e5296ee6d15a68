// SPDX-License-Identifier: Apache-2.0
// Checksums, conversions and selection of the kernels.
#include "kernels/kernels.hpp"

#include "reference.hpp"
#include "tandem/base/error.hpp"
#include "tandem/numerics/checksum.hpp"
#include "tandem/numerics/convert.hpp"

namespace tandem::cmodel::test {
namespace {

using abi::Dtype;

std::vector<const Kernels*> all_kernels() {
  std::vector<const Kernels*> out;
  for (const SimdPath path : {SimdPath::kPortable, SimdPath::kAvx2, SimdPath::kAvx512}) {
    if (const Kernels* kernels = find_kernels(path)) out.push_back(kernels);
  }
  return out;
}

TEST(Kernels, SumBytesAsTheContractDefinesIt) {
  Random random(1);
  std::vector<std::uint8_t> bytes(70000);
  for (std::uint8_t& byte : bytes) byte = random.one_in(4) ? 255 : std::uint8_t(random.word());
  for (const Kernels* kernels : all_kernels()) {
    for (std::size_t offset = 0; offset < 5; ++offset) {
      for (const std::size_t size : {0, 1, 2, 3, 4, 5, 63, 64, 65, 127, 128, 4099, 69990}) {
        const std::uint64_t addr = 0x2'0000'0FFCu + offset;
        const auto* data = reinterpret_cast<const std::byte*>(bytes.data() + offset);
        EXPECT_EQ(kernels->checksum(addr, data, size),
                  numerics::checksum_bytes(addr, bytes.data() + offset, size))
            << kernels->name << " offset " << offset << " size " << size;
      }
    }
  }
}

TEST(Kernels, WidenEveryPattern) {
  Memory memory(0x20000);
  ReferenceMemory reference(memory);
  for (std::uint32_t i = 0; i < 0x10000; ++i) {
    const auto pattern = std::uint16_t(i);
    std::memcpy(&memory[2 * i], &pattern, 2);
  }
  std::vector<std::uint32_t> out(0x10000);
  for (const Kernels* kernels : all_kernels()) {
    for (const Dtype type : {Dtype::kBF16, Dtype::kF16, Dtype::kU16, Dtype::kE4M3, Dtype::kE5M2,
                             Dtype::kI8, Dtype::kU8}) {
      kernels->widen(type, memory.data(), 0x10000, out.data());
      const unsigned bytes = abi::dtype_bits(type) / 8;
      for (std::uint32_t i = 0; i < 0x10000; ++i) {
        ASSERT_EQ(out[i], reference.load(type, kBase + i * bytes))
            << kernels->name << " " << abi::to_string(type) << " element " << i;
      }
    }
  }
}

TEST(Kernels, NarrowNearEveryRoundingBoundary) {
  // Every upper half with the lower halves at and next to ties.
  std::vector<std::uint32_t> words;
  for (std::uint32_t high = 0; high < 0x10000; ++high) {
    for (const std::uint32_t low : {0x0000u, 0x0001u, 0x0FFFu, 0x1000u, 0x1001u, 0x7FFFu, 0x8000u,
                                    0x8001u, 0xF000u, 0xFFFFu}) {
      words.push_back((high << 16) | low);
    }
  }
  std::vector<std::uint16_t> out(words.size());
  for (const Kernels* kernels : all_kernels()) {
    for (const Dtype type : {Dtype::kBF16, Dtype::kF16}) {
      kernels->narrow(type, words.data(), int(words.size()),
                      reinterpret_cast<std::byte*>(out.data()));
      for (std::size_t i = 0; i < words.size(); ++i) {
        const std::uint16_t expected =
            type == Dtype::kBF16 ? numerics::f32_to_bf16(words[i]) : numerics::f32_to_f16(words[i]);
        ASSERT_EQ(out[i], expected) << kernels->name << " " << std::hex << words[i];
      }
    }
  }
}

TEST(Kernels, AutoIsAlwaysThere) { EXPECT_NE(find_kernels(SimdPath::kAuto), nullptr); }

TEST(Engine, RefusesThreadCountsOutOfRange) {
  try {
    const NpuEngine engine({.threads = 257});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_NE(error.message().find("1 to 256"), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("257"), std::string::npos) << error.message();
  }
}

}  // namespace
}  // namespace tandem::cmodel::test
