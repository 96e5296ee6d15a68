// SPDX-License-Identifier: Apache-2.0
// Replay of traces: headers, and records behind a good header, on a device that computes nothing.
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>

#include "fuzz.hpp"
#include "idle_engine.hpp"
#include "record_bytes.hpp"
#include "tandem/base/log.hpp"
#include "tandem/runtime/trace.hpp"
#include "trace_writer.hpp"
#include "unit/runtime/toy_device.hpp"

namespace {

using namespace tandem;
using namespace tandem::runtime;

constexpr std::uint64_t kChecksum = fuzz::IdleEngine::kChecksum;

Device open_device() {
  const driver::DeviceConfig config = runtime::testing::toy_config();
  DeviceOptions options;
  options.driver.ring_entries = 16;
  options.driver.timeout = std::chrono::milliseconds(20);  // WAIT for a word that nobody writes
  options.check_mode = true;                               // live memory counts as written
  return Device::open(std::make_unique<driver::InProcessBackend>(
                          "fuzz:toy", config, std::make_unique<fuzz::IdleEngine>()),
                      config, options);
}

void replay_file(const std::string& path, bool stop_at_difference) {
  TraceReader trace(path);
  Device device = open_device();
  const ReplayResult result = replay(trace, device, {.stop_at_difference = stop_at_difference});
  fuzz::require(result.differences <= result.compared, "more differences than comparisons");
  fuzz::require((result.differences != 0) == result.first.has_value(),
                "a difference without its first, or the reverse");
  device.queue().finish();
}

template <class T>
std::string bytes_of(const T& value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <class P>
std::string packet_record(P packet, std::uint64_t seq) {
  abi::Packet raw = abi::to_packet(packet);
  raw.seq = seq;
  return fuzz::record(6, bytes_of(raw));
}

std::string completion_record(std::uint64_t seq, std::uint64_t checksum,
                              abi::Fault error = abi::Fault::kNone, std::uint64_t addr = 0) {
  abi::Completion completion{};
  completion.seq = seq;
  completion.error = error;
  completion.fault_addr = addr;
  completion.checksum = checksum;
  return fuzz::record(7, bytes_of(completion));
}

abi::FillPacket fill_at(std::uint64_t addr) {
  return runtime::testing::fill_bytes(PhysAddr(addr), 16, 7);
}

constexpr std::uint64_t kData = 0x2'0000'1000;

// Two packets with what they give, a fault, a reset, and a packet that is left without completion.
std::string whole_run() {
  const std::string range = fuzz::little(kData, 8) + fuzz::little(4096, 8);
  abi::SignalPacket signal;
  signal.elem_bytes = 4;
  signal.addr = kData + 64;
  return fuzz::record(1, range + "buffer") + fuzz::record(3, range + "tensor") +
         fuzz::record(4, fuzz::little(kData, 8) + "contents") + fuzz::record(5, "fill") +
         packet_record(fill_at(kData), 5) + completion_record(5, kChecksum) +
         packet_record(runtime::testing::copy_bytes(PhysAddr(kData), PhysAddr(kData + 256), 16),
                       6) +
         completion_record(6, kChecksum) + packet_record(fill_at(64), 7) +
         completion_record(7, 0, abi::Fault::kUnmapped, 64) + fuzz::record(8, "") +
         packet_record(signal, 8) + fuzz::record(2, fuzz::little(kData, 8));
}

// Packets of the command processor and of micro-programs.
std::string control_run() {
  abi::LoadUcodePacket load;
  load.words = 4;
  load.target = abi::UcodeTarget::kProgram;
  load.src_addr = 0x9000'0000;
  abi::WaitPacket wait;
  wait.addr = kData;
  wait.mask = 1;
  wait.value = 1;
  wait.cycle_limit = 100;
  return packet_record(load, 5) + packet_record(abi::FencePacket{}, 6) + packet_record(wait, 7) +
         packet_record(abi::NopPacket{}, 8);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  log::set_level(log::Level::kOff);  // faults are what most inputs are about
  const fuzz::MemoryFile file(fuzz::record_file_of({data, size}, kTraceKind));
  fuzz::expect_named_error(file.path(), [&] { replay_file(file.path(), size % 2 == 0); });
  return 0;
}

std::vector<std::string> fuzz_seeds() {
  std::vector<std::string> seeds = fuzz::record_file_seeds(kTraceKind, whole_run());
  for (const std::string& records : {control_run(), whole_run() + control_run()}) {
    seeds.push_back("r" + records);
  }
  return seeds;
}
