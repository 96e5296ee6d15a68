// SPDX-License-Identifier: Apache-2.0
// Case files: headers, records, and what is asked of their packets before they run.
#include <cstdint>

#include "fuzz.hpp"
#include "memory_image.hpp"
#include "record_bytes.hpp"
#include "shape.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/debug/case_file.hpp"
#include "trace_writer.hpp"

namespace {

using namespace tandem;

constexpr std::uint64_t kAddr = 0x20'0000'0000;

std::string case_header(const nlohmann::json& member) {
  nlohmann::json header = nlohmann::json::parse(fuzz::good_header());
  header["case"] = member;
  return header.dump();
}

/// 'h': the rest is the header's member; 'r': records; else a whole file.
std::string file_of(std::span<const std::uint8_t> input) {
  if (input.empty()) return {};
  const std::string_view rest = fuzz::as_text(input.subspan(1));
  if (input[0] == 'h') {
    const nlohmann::json member = nlohmann::json::parse(rest, nullptr, false);
    if (member.is_discarded()) return std::string(rest);
    return fuzz::file_bytes(runtime::kTraceKind, case_header(member), fuzz::with_end({}));
  }
  if (input[0] == 'r') {
    return fuzz::file_bytes(runtime::kTraceKind, case_header({{"op", "x"}}), fuzz::with_end(rest));
  }
  return std::string(rest);
}

void look_at(const debug::Case& item) {
  const debug::MemoryImage image(item.memory);
  const abi::ReadMemory memory = [&](auto addr, auto dst) { image.read(addr, dst); };
  for (const debug::CasePacket& packet : item.packets) {
    try {
      debug::touched_pages(packet.packet, item.config, memory, false);
    } catch (const Error& error) {
      fuzz::require(error.code() != ErrorCode::kInternal, "internal error", error.what());
    }
    for (const debug::Extent& extent : debug::extents(packet.packet)) {
      debug::narrowed(packet.packet, extent, extent.value / 2, extent.value - extent.value / 2);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(file_of({data, size}));
  fuzz::expect_named_error(file.path(), [&] { look_at(debug::read_case(file.path())); });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string addr = fuzz::little(kAddr, 8);
  abi::FillPacket fill;
  fill.seq = 3;
  fill.extent0 = fill.extent1 = fill.extent2 = 1;
  fill.extent3 = 4;
  fill.elem_bytes = 4;
  fill.dst_addr = kAddr;
  fill.dst_stride3 = 4;
  const auto bytes = abi::to_bytes(fill);
  abi::Completion completion;
  completion.seq = 3;
  const std::string records =
      fuzz::record(3, addr + fuzz::little(4096, 8) + "tensor") + fuzz::record(4, addr + "bytes") +
      fuzz::record(5, "layer.0/fill") +
      fuzz::record(6, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())) +
      fuzz::record(7, std::string(reinterpret_cast<const char*>(&completion), sizeof completion)) +
      fuzz::record(9, addr + "expected");
  const std::string member =
      R"({"op":"a","seq":3,"element":{"operand":"c","index":"[0]","addr":5,"type":"f32"}})";
  return {"r" + records, "h" + member,
          "f" + fuzz::file_bytes(runtime::kTraceKind, case_header({{"op", "x"}}),
                                 fuzz::with_end(records))};
}
