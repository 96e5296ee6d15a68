// SPDX-License-Identifier: Apache-2.0
// Exec files from arbitrary text.
#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "fuzz.hpp"
#include "tandem/abi/exec_file.hpp"

namespace {

const std::array<tandem::abi::NamedAddress, 3> kRegions = {
    {{"activations", 0x20'0000'0000}, {"ucode", 0x9000'0000}, {"top", ~std::uint64_t{0} - 63}}};

/// What `tandem exec` does with the steps, short of a device.
void check(const tandem::abi::ExecFile& file) {
  for (const auto& step : file.steps) {
    if (const auto* expected = std::get_if<tandem::abi::ExecExpect>(&step)) {
      tandem::fuzz::require(check_expected(file, *expected, expected->bytes).empty(),
                            "bytes differ from themselves", file.name);
      std::vector<std::uint8_t> found(expected->bytes);
      found.resize(found.size() / 2);
      tandem::fuzz::require(!check_expected(file, *expected, found).empty(), "missing bytes");
    } else if (const auto* packet = std::get_if<tandem::abi::ExecPacket>(&step)) {
      tandem::abi::Completion completion{};
      check_completion(file, *packet, completion);
    } else if (const auto* fill = std::get_if<tandem::abi::ExecFill>(&step)) {
      tandem::fuzz::require(!fill->element.empty() && fill->count != 0, "empty fill");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  tandem::fuzz::expect_named_error("fuzz.exec:", [&] {
    check(tandem::abi::parse_exec_file(tandem::fuzz::as_text({data, size}), {.name = "fuzz.exec"},
                                       kRegions));
  });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  return {R"(# y = 2 x + 1
mem activations f32 1.0 2.0 3.0 -4.0 nan inf 0x3f800001
fill activations+0x100 u8 16 0xcc
ucode axpy word=4
  phase
  ld v0, in0
  fma v1, v0, p0, 1.0
  st out0, v1
end
VECTOR cols=4 rows1=1 rows0=1 ucode=@axpy param0=2.0 \\
    in0_type=f32 in0_col_stride=4 in0_addr=activations \\
    out0_type=f32 out0_col_stride=4 out0_addr=activations+0x100
expect activations+0x100 f32 3.0 5.0 7.0 -7.0
COPY extent0=1 extent1=1 extent2=1 extent3=4 elem_bytes=4 src_addr=activations dst_addr=0x0
expect error=UNMAPPED fault=0x0 checksum=0 seq=3
)",
          "table 0 addr=ucode u32 256*0x3f800000\nmem 0x1000 hex 0011 ff 3*aa\n",
          "mem 1 bf16 1\nmem 2 f16 1\nmem 3 e4m3 448 nan\nmem 4 e5m2 inf\nmem 5 i8 -1 0x80\n"
          "mem 6 u16 65535\nmem 7 i64 -2\nmem top+63 u8 3*7 1\n.raw 00ff\nNOP seq=9\n"};
}
