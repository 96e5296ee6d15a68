// SPDX-License-Identifier: Apache-2.0
// A tool outside Tandem's tree: records a packet on the cmodel, makes a case of it and runs that.
#include <cstdio>
#include <exception>

#include "tandem/abi/isa.hpp"
#include "tandem/debug/case_file.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/runtime/device.hpp"

using tandem::runtime::Device;

static void record(const char* path) {
  Device device = Device::open("cmodel:tiny");
  const auto buffer = device.malloc("activations", 64, "word");
  device.start_recording(path);
  tandem::abi::FillPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = packet.extent3 = 1;
  packet.elem_bytes = 4;
  packet.value = 7;
  packet.dst_addr = buffer.addr().value;
  device.queue().submit_packet(packet);
  device.stop_recording();
}

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    record(argv[1]);
    Device a = Device::open("cmodel:tiny");
    tandem::debug::Player player(tandem::runtime::TraceReader(argv[1]), a);
    player.next();
    const tandem::debug::Case item = tandem::debug::record_case(player);
    Device b = Device::open("cmodel:tiny");
    const auto result = tandem::debug::run_case(item, b);
    std::printf("packet %d FILL: %s\n", static_cast<int>(item.failing().packet.seq),
                result.passed() ? "passed" : result.text.c_str());
    return result.passed() ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
