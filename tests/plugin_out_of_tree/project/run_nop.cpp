// SPDX-License-Identifier: Apache-2.0
// Opens the backend that the first argument names and runs one packet.
#include <cstdio>
#include <exception>

#include "tandem/driver/driver.hpp"
#include "tandem/driver/registry.hpp"

int main(int argc, char** argv) {
  using namespace tandem;
  if (argc != 2) {
    std::fprintf(stderr, "usage: run_nop URI\n");
    return 2;
  }
  try {
    driver::DeviceConfig config;
    config.regions = {{"commands", PhysAddr(0x8000'0000), 0x10'0000, true}};
    driver::Driver driver(driver::open_backend(argv[1], config), config);
    driver.start();
    const std::uint64_t seq = driver.submit_packet(abi::NopPacket{});
    driver.wait(seq);
    std::printf("%s executed seq %llu NOP\n", driver.backend().name().c_str(),
                static_cast<unsigned long long>(seq));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
