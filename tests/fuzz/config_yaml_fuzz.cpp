// SPDX-License-Identifier: Apache-2.0
// Device configurations from arbitrary text.
#include <cstdint>

#include "fuzz.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/runtime/config.hpp"

namespace {

// What every reader of a configuration relies on.
void check(const tandem::driver::DeviceConfig& config) {
  using tandem::fuzz::require;
  require(config.name.size() <= 16, "name too long", config.name);
  require(config.regions.size() <= tandem::abi::kMaxRegions, "too many regions");
  for (const auto& region : config.regions) {
    require(region.base.value != 0 && region.size != 0, "empty region", region.name);
    require(region.base.value % 4096 == 0 && region.size % 4096 == 0, "alignment", region.name);
    require(region.base.value + region.size > region.base.value, "region wraps", region.name);
  }
  require(config.vector_length % 64 == 0 && config.vector_length != 0, "vector length");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tandem::fuzz::expect_named_error("fuzz.yaml", [&] {
    check(tandem::runtime::parse_config(tandem::fuzz::as_text({data, size}), "fuzz.yaml"));
  });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {R"(name: edge
array: {rows: 16, cols: 16}
vector: {lanes: 16, length: 256}
ucode_words: 4096
axi_data_bits: 512
memory:
  - {name: commands,    base: 0x0_8000_0000,  size: 16 MiB, writable: true}
  - {name: ucode,       base: 0x0_9000_0000,  size: 4 MiB,  writable: true}
  - {name: weights,     base: 0x10_0000_0000, size: 16 GiB, writable: true}
  - {name: activations, base: 0x20_0000_0000, size: 8 GiB,  writable: true}
  - {name: kv,          base: 0x30_0000_0000, size: 16 GiB, writable: true}
)",
          "name: a\nmemory:\n- name: &x kv\n  base: *x\n  size: \"4 KiB\"\n",
          "%YAML 1.2\n--- !t {a: [[[[[[[[{b: |\n x\n}]]]]]]]]}\n...\n--- 2\n"};
}
