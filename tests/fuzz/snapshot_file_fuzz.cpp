// SPDX-License-Identifier: Apache-2.0
// Snapshots: whole files, headers, and records behind a good header, restored on a small device.
#include <cstdint>

#include "fuzz.hpp"
#include "memory_walk.hpp"
#include "record_bytes.hpp"
#include "snapshot.hpp"
#include "tandem/abi/regs.hpp"

namespace {

using namespace tandem::runtime;
using tandem::PhysAddr;
namespace fuzz = tandem::fuzz;

/// One device for all inputs: a snapshot that was refused must leave it usable.
Device& device() {
  static testing::Toy toy;
  return toy.device;
}

void check_usable() {
  std::byte value{};
  const std::byte written{0x5a};
  device().copy_in(PhysAddr(0x2'0000'0000), std::span(&written, 1));
  device().copy_out(PhysAddr(0x2'0000'0000), std::span(&value, 1));
  fuzz::require(value == written, "the device lost a byte");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::MemoryFile file(fuzz::record_file_of({data, size}, kSnapshotKind));
  fuzz::expect_named_error(file.path(), [&] {
    PageReader pages(file.path());
    while (pages.next()) fuzz::require(pages.page().size() == kPageBytes, "page size");
  });
  fuzz::expect_named_error(file.path(), [&] { device().restore(file.path()); });
  check_usable();
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  const std::string page = fuzz::little(0x2'0000'0000u, 8) + std::string(kPageBytes, '\7');
  std::string words = fuzz::little(0, 4) + fuzz::little(2, 4);
  for (const std::uint64_t word : testing::store_program(7)) words += fuzz::little(word, 8);
  const std::string table = fuzz::little(1, 4) + std::string(4 * tandem::abi::kTableWords, '\3');
  const std::string zero = fuzz::little(0x2'0000'1000u, 8) + fuzz::little(kPageBytes, 8);
  auto seeds =
      fuzz::record_file_seeds(kSnapshotKind, fuzz::record(3, words) + fuzz::record(4, table) +
                                                 fuzz::record(1, page) + fuzz::record(2, zero));
  // Headers with a base: a missing file, and one that refers to itself.
  for (const char* base : {"no_such_file", "0", "../fd/3"}) {
    nlohmann::json header = nlohmann::json::parse(fuzz::good_header());
    header["base"] = {{"file", base}, {"xxh64", 1}};
    seeds.push_back(fuzz::join({"h", header.dump()}));
  }
  return seeds;
}
