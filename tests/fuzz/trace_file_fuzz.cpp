// SPDX-License-Identifier: Apache-2.0
// Traces: whole files, headers, and records behind a good header.
#include <cstdint>

#include "fuzz.hpp"
#include "record_bytes.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/runtime/trace.hpp"
#include "trace_writer.hpp"

namespace {

using namespace tandem::runtime;
namespace fuzz = tandem::fuzz;

void read_all(const std::string& path) {
  TraceReader reader(path);
  TraceRecord record;
  while (reader.next(record)) {
    fuzz::require(record.text.size() <= kMaxTraceText, "text too long", record.text);
    fuzz::require(record.data.size() <= kMaxRecordBytes, "record too long");
    if (record.kind == TraceRecord::Kind::kPacket) tandem::abi::disassemble(record.packet);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(fuzz::record_file_of({data, size}, kTraceKind));
  fuzz::expect_named_error(file.path(), [&] { read_all(file.path()); });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string addr = fuzz::little(0x20'0000'0000u, 8);
  const std::string range = addr + fuzz::little(4096, 8);
  return fuzz::record_file_seeds(
      kTraceKind, fuzz::record(1, range + "label") + fuzz::record(3, range + "tensor") +
                      fuzz::record(4, addr + "bytes") + fuzz::record(5, "matmul") +
                      fuzz::record(6, std::string(sizeof(tandem::abi::Packet), '\1')) +
                      fuzz::record(7, std::string(sizeof(tandem::abi::Completion), '\2')) +
                      fuzz::record(9, addr + "bytes") + fuzz::record(8, "") +
                      fuzz::record(2, addr));
}
