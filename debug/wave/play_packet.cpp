// SPDX-License-Identifier: Apache-2.0
#include "play_packet.hpp"

#include <fmt/format.h>

#include <utility>

#include "play/program_image.hpp"
#include "play/side.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/ring_player.hpp"
#include "tandem/debug/trace_packets.hpp"
#include "tandem/driver/backend_uri.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::debug::wave {
namespace {

/// Programs that are loaded before the packet take numbers too: low ones may be taken.
constexpr std::uint64_t kLoadNumbers = 8;

runtime::Device open(const std::string& uri, const driver::DeviceConfig& config) {
  return runtime::Device::open(driver::open_backend(uri, config), config);
}

/// All memory but the rings, which are the driver's.
void copy_memory(const driver::SparseRam& from, runtime::Device& to) {
  const std::uint64_t rings = to.driver().ring_bytes();
  std::uint64_t ring_base = 0;
  for (const driver::RegionConfig& region : to.config().regions) {
    if (region.name == to.driver().options().ring_region) ring_base = region.base.value;
  }
  from.for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
    if (addr - ring_base >= rings) to.copy_in(PhysAddr(addr), page);
  });
}

/// Before the first packet, so that packets keep their numbers.
void load_programs(const TracePosition& loaded, runtime::Device& device) {
  if (loaded.program.empty() && loaded.tables[0].empty() && loaded.tables[1].empty()) return;
  load_again(loaded, device);
}

}  // namespace

std::string traced_uri(const std::string& backend, const Reference& reference,
                       const std::filesystem::path& waves, const WaveOptions& options) {
  driver::BackendUri uri = driver::parse_uri(backend);
  if (uri.name != "rtl") {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("waves come from rtl: backends, found {}; give --backend rtl:{}",
                            backend, reference.config.name));
  }
  for (const char* option : {"trace", "trace_packets"}) {
    if (!uri.options.contains(option)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: option {} is set here; leave it out", backend, option));
  }
  const std::uint64_t number = reference.packet.number;
  uri.options["trace"] = waves.string();
  if (!options.ring) {
    uri.options["trace_packets"] =
        fmt::format("{}-{}", number, number < kLoadNumbers ? number + kLoadNumbers : number);
  } else if (!options.ring->at_reset) {
    uri.options["trace_packets"] = fmt::format("{}-{}", options.ring->first, options.ring->last);
  }
  uri.options.try_emplace("watchdog", std::to_string(options.watchdog));
  return uri.to_string();
}

Played play_alone(const std::string& uri, const Reference& reference) {
  runtime::Device device = open(uri, reference.config);
  Played played{.backend = device.backend_name(), .ram = device.driver().backend().ram()};
  Side side(device, {});
  copy_memory(*reference.before, device);
  TracePosition loaded;
  loaded.program = reference.program;
  loaded.tables = reference.tables;
  load_programs(loaded, device);
  played.seq = side.submit(reference.packet, loaded);
  played.outcome = side.finish();
  return played;
}

Played play_behind(const std::string& uri, const std::string& trace, const Reference& reference,
                   std::uint64_t context, bool together) {
  const std::uint64_t number = reference.packet.number;
  const std::uint64_t first = number > context ? number - context : 0;
  runtime::Device before = open("cmodel:", reference.config);
  Player player(runtime::TraceReader(trace), before);
  player.play_to(first);
  const TracePosition loaded = player.position();

  runtime::Device device = open(uri, reference.config);
  Played played{.backend = device.backend_name(), .ram = device.driver().backend().ram()};
  Side side(device, {});
  copy_memory(*before.driver().backend().ram(), device);
  load_programs(loaded, device);
  bool in_flight = false;
  const auto drain = [&] {
    if (std::exchange(in_flight, false)) side.finish();
  };
  TracePackets packets{runtime::TraceReader(trace)};
  TracePacket packet;
  bool begun = false;  // What lies before is in memory already.
  const auto on_record = [&](const runtime::TraceRecord& record) {
    if (!begun) return;
    using Kind = runtime::TraceRecord::Kind;
    if (record.kind == Kind::kReset || record.kind == Kind::kWrite) drain();
    if (record.kind == Kind::kReset) side.restart();
    if (record.kind == Kind::kWrite) side.memory().apply(record, false);
  };
  while (packets.next(packet, on_record)) {
    if (packet.number < first || packet.abandoned) continue;
    begun = true;
    if (packet.number == number && !together) drain();
    played.seq = side.submit(packet, loaded);
    in_flight = true;
    if (packet.number == number) break;
    // The driver resets the device behind a packet that fails.
    if (!packet.recorded || packet.recorded->error != abi::Fault::kNone) drain();
  }
  played.outcome = side.finish();
  return played;
}

Played play_ring(const std::string& uri, const std::string& trace, const Reference& reference,
                 const RingReplay& replay) {
  runtime::Device a = open("cmodel:", reference.config);
  runtime::Device b = open(uri, reference.config);
  Played played{.outcome = {reference.completion, {}},
                .backend = b.backend_name(),
                .seq = reference.packet.number,
                .ram = b.driver().backend().ram()};
  RingPlayer player(runtime::TraceReader(trace), a, b, {.together = replay.together});
  const std::optional<RingDifference> difference = player.run();
  if (difference && !difference->reg) played.outcome = difference->b;
  played.reg = difference && difference->reg;
  played.lost_record = !played.outcome.completion && !difference->hung;
  return played;
}

Played play_case(const std::string& uri, const Case& item) {
  runtime::Device device = open(uri, item.config);
  Played played{.backend = device.backend_name(), .ram = device.driver().backend().ram()};
  played.outcome = run_case(item, device).outcome;
  played.seq =
      played.outcome.completion ? played.outcome.completion->seq : device.driver().submitted();
  return played;
}

}  // namespace tandem::debug::wave
