// SPDX-License-Identifier: Apache-2.0
// Snapshots: contents, bases, refusals, damage.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "record_file.hpp"
#include "support/errors.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "toy_device.hpp"

namespace tandem::runtime {
namespace {

using namespace tandem::runtime::testing;
using ::testing::HasSubstr;
using tests::expect_error;

constexpr std::size_t kBytes = 20'000;

/// Two allocations with contents, and two loaded programs.
struct State {
  Buffer a;
  Buffer b;

  explicit State(Device& device)
      : a(device.malloc("weights", kBytes, "a")), b(device.malloc("kv", kBytes, "b")) {}

  void fill(Device& device) const {
    device.copy_in(a.addr(), pattern(kBytes, 1));
    device.queue().submit_packet(copy_bytes(a.addr(), b.addr(), kBytes));
    run(device, 5);
    run(device, 6);
  }
  /// Runs the program that stores `value`, which may be loaded already.
  std::byte run(Device& device, std::uint32_t value) const {
    const auto words = store_program(value, 3);
    const std::uint16_t start = device.queue().program(words);
    device.queue().submit_packet(run_program(start, words.size(), b.addr() + 64, 1));
    return read_bytes(device, b.addr() + 64, 1)[0];
  }
  std::vector<std::byte> contents(Device& device) const {
    auto bytes = read_bytes(device, a.addr(), kBytes);
    const auto more = read_bytes(device, b.addr(), kBytes);
    bytes.insert(bytes.end(), more.begin(), more.end());
    return bytes;
  }
};

constexpr RecordFileKind kKind = {{'T', 'N', 'D', 'M', 'S', 'N', 'P', '\n'}, "snapshot"};

/// Bytes in records of one type, and how many records.
std::size_t payload_bytes(const std::string& path, std::uint32_t type) {
  RecordReader reader(path, kKind);
  RecordReader::Record record;
  std::size_t bytes = 0;
  while (reader.next(record)) {
    bytes += record.type == type ? record.payload.size() : 0;
  }
  return bytes;
}

class SnapshotBetween : public ::testing::TestWithParam<std::pair<bool, bool>> {};

TEST_P(SnapshotBetween, CarriesMemoryAndPrograms) {
  const ScratchFile file("carry.snap");
  Toy first({.has_ram = GetParam().first});
  const State state(first.device);
  state.fill(first.device);
  first.device.snapshot(file.path());
  const auto expected = state.contents(first.device);
  first.device.queue().submit_packet(fill_bytes(state.b.addr(), 8000, 0xee));
  first.device.restore(file.path());
  EXPECT_EQ(state.contents(first.device), expected);

  Toy second({.has_ram = GetParam().second});
  const State other(second.device);
  const Buffer junk = second.device.malloc("activations", 100, "junk");
  second.device.copy_in(junk.addr(), pattern(100, 8));
  second.device.restore(file.path());
  EXPECT_EQ(other.contents(second.device), expected);
  EXPECT_TRUE(std::ranges::all_of(read_bytes(second.device, junk.addr(), 100),
                                  [](std::byte byte) { return byte == std::byte{0}; }));
  // One load for the whole restored program memory, none for its programs.
  EXPECT_EQ(other.run(second.device, 6), std::byte{6});
  EXPECT_EQ(other.run(second.device, 5), std::byte{5});
  EXPECT_EQ(second.log->loads, 1u);
}

INSTANTIATE_TEST_SUITE_P(Backends, SnapshotBetween,
                         ::testing::Values(std::pair{true, true}, std::pair{true, false},
                                           std::pair{false, true}, std::pair{false, false}));

TEST(Snapshot, HoldsOnlyPagesThatAreNotZero) {
  const ScratchFile file("size.snap");
  Toy toy;
  const Buffer a = toy.device.malloc("activations", 3 << 20, "a");
  toy.device.copy_in(a.addr(), std::vector<std::byte>(3 << 20));
  toy.device.copy_in(a.addr() + (1 << 20), pattern(10, 1));
  toy.device.snapshot(file.path());
  EXPECT_EQ(payload_bytes(file.path(), 1), 4096u + 8);
}

TEST(Snapshot, RestoresTables) {
  const ScratchFile file("table.snap");
  Toy toy;
  const std::vector<std::uint32_t> words(256, 9);
  toy.device.queue().table(1, words);
  toy.device.snapshot(file.path());
  Toy other;
  other.device.restore(file.path());
  other.device.queue().table(1, words);
  other.device.queue().finish();
  EXPECT_EQ(other.log->loads, 1u);
}

TEST(Snapshot, WithABaseHoldsOnlyWhatChanged) {
  const ScratchFile base("base.snap");
  const ScratchFile change("change.snap");
  Toy toy;
  const State state(toy.device);
  state.fill(toy.device);
  toy.device.snapshot(base.path());
  // One page changes, one becomes zero, one appears.
  toy.device.copy_in(state.a.addr() + 4096, pattern(3, 77));
  toy.device.copy_in(state.b.addr() + 8192, std::vector<std::byte>(4096));
  const Buffer fresh = toy.device.malloc("activations", 100, "fresh");
  toy.device.copy_in(fresh.addr(), pattern(100, 4));
  state.run(toy.device, 7);
  toy.device.snapshot(change.path(), {.base = base.path()});
  const auto expected = state.contents(toy.device);
  // Changed: a page of a, the page of b that the program wrote, staged words, the new allocation.
  // Zero: a page of b.
  EXPECT_EQ(payload_bytes(change.path(), 1) / 4096, 4u);
  EXPECT_EQ(payload_bytes(change.path(), 2), 16u);

  Toy other;
  const State loaded(other.device);
  other.device.restore(change.path());
  EXPECT_EQ(loaded.contents(other.device), expected);
  EXPECT_EQ(read_bytes(other.device, fresh.addr(), 100), pattern(100, 4));
  EXPECT_EQ(loaded.run(other.device, 7), std::byte{7});
  EXPECT_EQ(other.log->loads, 1u);
}

TEST(SnapshotBad, BaseIsMissingOrChanged) {
  const ScratchFile change("orphan.snap");
  Toy toy;
  const State state(toy.device);
  state.fill(toy.device);
  {
    const ScratchFile base("gone.snap");
    toy.device.snapshot(base.path());
    toy.device.snapshot(change.path(), {.base = base.path()});
    expect_error(ErrorCode::kInvalidArgument, {"has a base itself", "cannot be one"},
                 [&] { toy.device.snapshot(change.path() + "2", {.base = change.path()}); });
    toy.device.copy_in(state.a.addr(), pattern(10, 3));
    toy.device.snapshot(base.path());
    const auto before = state.contents(toy.device);
    expect_error(ErrorCode::kMismatch,
                 {change.path(), "has hash", "expected", "replaced or changed"},
                 [&] { toy.device.restore(change.path()); });
    EXPECT_EQ(state.contents(toy.device), before);
  }
  expect_error(ErrorCode::kNotFound, {"its base", "does not exist; put the file with hash"},
               [&] { toy.device.restore(change.path()); });
}

TEST(SnapshotBad, OtherDevices) {
  const ScratchFile file("other.snap");
  Toy toy;
  toy.device.snapshot(file.path());
  driver::DeviceConfig config = toy_config();
  config.name = "mini";
  Toy mini({}, config);
  expect_error(ErrorCode::kMismatch,
               {file.path(),
                "made with configuration 'toy', the device has 'mini'; open the device "
                "with the former"},
               [&] { mini.device.restore(file.path()); });
  config = toy_config();
  config.regions[4].base = PhysAddr(0x4'0000'0000);
  Toy moved({}, config);
  expect_error(ErrorCode::kMismatch,
               {"region 4 was 'kv' at 0x300000000", "the device has 'kv' at 0x400000000"},
               [&] { moved.device.restore(file.path()); });
  std::fstream patch(file.path(), std::ios::binary | std::ios::in | std::ios::out);
  patch.seekp(16);
  patch.put('\0');
  patch.close();
  expect_error(ErrorCode::kMismatch, {"made with ABI hash", "make it again with this program"},
               [&] { toy.device.restore(file.path()); });
}

TEST(SnapshotBad, RecordingAndTracesAreRefused) {
  const ScratchFile trace("not.snap");
  const ScratchFile file("while.snap");
  Toy toy;
  toy.device.snapshot(file.path());
  toy.device.start_recording(trace.path());
  expect_error(ErrorCode::kInvalidArgument, {"while recording; stop the recording first"},
               [&] { toy.device.restore(file.path()); });
  toy.device.stop_recording();
  expect_error(ErrorCode::kInvalidArgument, {trace.path(), "not a snapshot"},
               [&] { toy.device.restore(trace.path()); });
}

TEST(SnapshotBad, DamageLeavesTheDeviceAsItWas) {
  const ScratchFile file("damage.snap");
  Toy toy;
  const State state(toy.device);
  state.fill(toy.device);
  toy.device.snapshot(file.path());
  toy.device.copy_in(state.a.addr(), pattern(kBytes, 5));
  const auto before = state.contents(toy.device);
  std::ifstream in(file.path(), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(in), {}};
  for (const std::size_t size : {whole.size() - 1, whole.size() - 20, whole.size() / 2}) {
    std::ofstream(file.path(), std::ios::binary) << whole.substr(0, size);
    expect_error(ErrorCode::kInvalidArgument, {file.path(), "snapshot damaged at byte"},
                 [&] { toy.device.restore(file.path()); });
    EXPECT_EQ(state.contents(toy.device), before);
  }
}

TEST(SnapshotBad, ForgedRecords) {
  const ScratchFile file("forged.snap");
  Toy toy;
  toy.device.snapshot(file.path());
  const std::string header = RecordReader(file.path(), kKind).header_text();
  const auto message = [&](auto&& write) -> std::string {
    {
      RecordWriter writer(file.path(), kKind, header);
      write(writer);
      writer.finish();
    }
    try {
      toy.device.restore(file.path());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
      return error.message();
    }
    return "no error";
  };
  const std::vector<std::byte> page(4096, std::byte{1});
  const std::uint64_t unaligned = 0x3'0000'0001;
  const std::uint64_t outside = 0x5'0000'0000;
  const std::uint64_t inside = 0x3'0000'0000;
  const std::uint32_t one = 1;
  const std::uint32_t table = 2;
  EXPECT_THAT(message([&](RecordWriter& w) {
                w.add(1, {bytes_of(unaligned), page});
              }),
              HasSubstr("4096 bytes at 0x300000001 are not whole pages"));
  EXPECT_THAT(message([&](RecordWriter& w) {
                w.add(1, {bytes_of(outside), page});
              }),
              HasSubstr("4096 bytes at 0x500000000 lie in no region"));
  EXPECT_THAT(message([&](RecordWriter& w) { w.add(1, {bytes_of(one)}); }),
              HasSubstr("record of type 1 ends too early"));
  EXPECT_THAT(message([&](RecordWriter& w) {
                w.add(2, {bytes_of(inside), bytes_of(inside)});
              }),
              HasSubstr("12884901888 zero bytes, expected a page"));
  EXPECT_THAT(
      message([&](RecordWriter& w) {
        w.add(3, {bytes_of(one), bytes_of(one)});
      }),
      HasSubstr("micro-program of 1 words at word 1 in 0 bytes does not follow the 0 words"));
  EXPECT_THAT(message([&](RecordWriter& w) {
                w.add(4, {bytes_of(table), page});
              }),
              HasSubstr("lookup table 2 of 4096 bytes"));
  EXPECT_THAT(message([&](RecordWriter& w) { w.add(9, {}); }),
              HasSubstr("record of type 9 is not known to this program"));
  EXPECT_EQ(message([&](RecordWriter& w) { w.add(1, {bytes_of(inside), page}); }), "no error");
}

}  // namespace
}  // namespace tandem::runtime
