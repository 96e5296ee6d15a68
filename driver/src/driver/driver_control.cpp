// SPDX-License-Identifier: Apache-2.0
// Identity, start, reset, bring-up controls.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <thread>

#include "driver_impl.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/base/log.hpp"
#include "tandem/driver/timeouts.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;
using abi::DeviceState;

constexpr std::uint64_t kPage = 4096;

std::uint64_t read64(Backend& backend, std::uint32_t lo_offset) {
  const std::uint64_t low = backend.read32(lo_offset);
  return low | std::uint64_t{backend.read32(lo_offset + 4)} << 32;
}

void check_regions(const DeviceConfig& config) {
  const auto refuse = [&](const RegionConfig& region, std::string_view problem) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("configuration {}: region {} at {:#x} of {:#x} bytes {}", config.name,
                            region.name, region.base.value, region.size, problem));
  };
  if (config.regions.size() > abi::kMaxRegions) {
    refuse(config.regions[abi::kMaxRegions],
           fmt::format("is one too many: a device has {}", abi::kMaxRegions));
  }
  for (const RegionConfig& region : config.regions) {
    const std::uint64_t base = region.base.value;
    if (base == 0 || region.size == 0 || base % kPage != 0 || region.size % kPage != 0) {
      refuse(region, "must have a base and a size that are multiples of 4096 and not 0");
    }
    constexpr std::uint64_t kEnd = std::uint64_t{1} << abi::kAddressBits;
    if (base >= kEnd || region.size > kEnd - base) refuse(region, "ends beyond 2^48");
    for (const RegionConfig& other : config.regions) {
      if (&other != &region && other.base.value < base + region.size &&
          base < other.base.value + other.size) {
        refuse(region, "overlaps region " + other.name);
      }
    }
  }
}

const RegionConfig& ring_region(const DeviceConfig& config, const DriverOptions& options) {
  check_regions(config);
  if (!std::has_single_bit(options.ring_entries) || options.ring_entries < 2 ||
      options.ring_entries > 65536) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("driver option ring_entries is {}, expected a power of two from 2 to "
                            "65536",
                            options.ring_entries));
  }
  const std::uint64_t needed =
      std::uint64_t{options.ring_entries} * (abi::kPacketBytes + abi::kCompletionBytes);
  std::string names;
  for (const RegionConfig& region : config.regions) {
    names += ' ' + region.name;
    if (region.name != options.ring_region) continue;
    if (!region.writable || region.size < needed) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("region {} ({} bytes, {}) cannot hold the rings: {} entries need {} "
                              "bytes that the device may write",
                              region.name, region.size, region.writable ? "writable" : "read-only",
                              options.ring_entries, needed));
    }
    return region;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("configuration {} has no region \"{}\" for the rings; its regions "
                          "are{}; choose one by the driver option ring_region",
                          config.name, options.ring_region, names.empty() ? " none" : names));
}

std::string read_name(Backend& backend) {
  std::string name;
  for (std::uint32_t at = reg::kConfigName0; at <= reg::kConfigName3; at += 4) {
    const std::uint32_t word = backend.read32(at);
    for (unsigned shift = 0; shift < 32; shift += 8) {
      const char c = static_cast<char>((word >> shift) & 0xff);
      if (c == 0) return name;
      name += c >= 0x20 && c < 0x7f ? c : '?';
    }
  }
  return name;
}

}  // namespace

std::string state_name(DeviceState state) {
  const std::string_view name = abi::enum_name("device_state", static_cast<std::uint64_t>(state));
  return name.empty() ? fmt::format("state {}", static_cast<unsigned>(state)) : std::string(name);
}

Capabilities read_capabilities(Backend& backend) {
  const auto refuse = [&](std::string_view what, std::string found, std::string expected) {
    throw Error(
        ErrorCode::kMismatch,
        fmt::format("device {}: {} is {}, this driver needs {}; {}", backend.name(), what, found,
                    expected,
                    what == "MAGIC" ? "this is no Tandem device, or its registers are out of reach"
                                    : "build device and software from the same specification"));
  };
  const std::uint32_t magic = backend.read32(reg::kMagic);
  if (magic != abi::kMagic) {
    refuse("MAGIC", fmt::format("{:#010x}", magic), fmt::format("{:#010x}", abi::kMagic));
  }
  Capabilities found;
  found.abi_version = backend.read32(reg::kAbiVersion);
  if (found.abi_version != abi::kAbiVersion) {
    refuse("ABI_VERSION", std::to_string(found.abi_version), std::to_string(abi::kAbiVersion));
  }
  found.abi_hash = read64(backend, reg::kAbiHashLo);
  if (found.abi_hash != abi::kAbiHash) {
    refuse("ABI_HASH", fmt::format("{:016x}", found.abi_hash),
           fmt::format("{:016x}", abi::kAbiHash));
  }
  found.array_rows = backend.read32(reg::kArrayRows);
  found.array_cols = backend.read32(reg::kArrayCols);
  found.vector_lanes = backend.read32(reg::kVectorLanes);
  found.vector_length = backend.read32(reg::kVectorLength);
  found.ucode_words = backend.read32(reg::kUcodeWords);
  found.axi_data_bits = backend.read32(reg::kAxiDataBits);
  found.timed = (backend.read32(reg::kFeatures) & reg::kFeaturesTimed) != 0;
  found.config_name = read_name(backend);
  return found;
}

Driver::Impl::Impl(std::unique_ptr<Backend> backend_in, DeviceConfig config_in,
                   DriverOptions options_in)
    : backend(std::move(backend_in)),
      config(std::move(config_in)),
      options(std::move(options_in)),
      commands_(ring_region(config, options).base.value, options.ring_entries, abi::kPacketBytes),
      completions_(commands_.base() + commands_.num_bytes(), options.ring_entries,
                   abi::kCompletionBytes),
      timeout_(options.timeout.count() > 0 ? options.timeout : progress_timeout()),
      history_(4096) {
  if (!backend) throw Error(ErrorCode::kInvalidArgument, "the driver was given no backend");
  options.doorbell_batch =
      std::clamp<std::uint32_t>(options.doorbell_batch, 1, options.ring_entries);
  commands_.attach(*backend);
  completions_.attach(*backend);
}

Driver::Impl::~Impl() {
  if (!started) return;
  try {
    backend->reset();
  } catch (const std::exception& error) {
    log::warning("closing device: {}", error.what());
  }
}

void Driver::Impl::write64(std::uint32_t lo_offset, std::uint64_t value) {
  write(lo_offset, static_cast<std::uint32_t>(value));
  write(lo_offset + 4, static_cast<std::uint32_t>(value >> 32));
}

void Driver::Impl::require_started() const {
  if (started) return;
  throw Error(ErrorCode::kUnavailable,
              "the device is not started; call Driver::start or, after a failed reset, restart");
}

void Driver::Impl::start() {
  if (started) return;
  capabilities = read_capabilities(*backend);
  bring_up();
}

void Driver::Impl::bring_up() {
  started = false;
  backend->reset();
  wait_for_state(DeviceState::kDisabled, "after a reset");
  write_memory_map();
  write_rings();
  ctrl_ = reg::kCtrlEnable | reg::kCtrlHaltOnError;
  write(reg::kCtrl, ctrl_);
  wait_for_state(DeviceState::kIdle, "after being enabled");
  started = true;
}

void Driver::Impl::write_memory_map() {
  for (std::uint32_t i = 0; i < config.regions.size(); ++i) {
    const RegionConfig& region = config.regions[i];
    const std::uint32_t at = reg::kRegionBase + i * reg::kRegionStride;
    write64(at + reg::kRegionBaseLo, region.base.value);
    write64(at + reg::kRegionSizeLo, region.size);
    write(at + reg::kRegionAttr,
          reg::kRegionAttrValid | (region.writable ? reg::kRegionAttrWritable : 0));
  }
}

void Driver::Impl::write_rings() {
  write64(reg::kRingBaseLo, commands_.base());
  write(reg::kRingEntries, options.ring_entries);
  write64(reg::kCplBaseLo, completions_.base());
  write(reg::kCplEntries, options.ring_entries);
  const bool interrupts = options.waiting == DriverOptions::Waiting::kInterrupt;
  write(reg::kIrqMask,
        interrupts ? reg::kIrqStatusCompletion | reg::kIrqStatusError | reg::kIrqStatusHalt : 0);
}

/// ERROR ends the wait too: the device has stopped and will not get there.
void Driver::Impl::wait_for_state(DeviceState wanted, const char* purpose) {
  const auto limit = kControlTimeout * (static_cast<double>(timeout_.count()) /
                                        static_cast<double>(kProgressTimeout.count()));
  const auto deadline = Clock::now() + std::max<std::chrono::duration<double, std::nano>>(
                                           limit, std::chrono::seconds(1));
  for (;;) {
    const DeviceState found = state();
    if (found == wanted) return;
    if (found == DeviceState::kError || Clock::now() > deadline) {
      throw Error(
          found == DeviceState::kError ? ErrorCode::kDeviceFault : ErrorCode::kDeadlineExceeded,
          fmt::format("device {} is in state {} {}, expected {}: {}", backend->name(),
                      state_name(found), purpose, state_name(wanted), state_text()));
    }
    std::this_thread::sleep_for(kPollPause);
  }
}

void Driver::Impl::abandon(const std::string& reason) {
  if (completed != submitted) abandoned_.push_back({completed + 1, submitted, reason});
  completed = flushed_ = base_seq_ = submitted;
  failed_.reset();
  held_.clear();
}

void Driver::Impl::restart() {
  abandon("a restart");
  ++epoch;
  if (capabilities.abi_hash == 0) capabilities = read_capabilities(*backend);
  bring_up();
}

void Driver::Impl::set_single_step(bool on) {
  require_started();
  ctrl_ = on ? ctrl_ | reg::kCtrlSingleStep : ctrl_ & ~reg::kCtrlSingleStep;
  write(reg::kCtrl, ctrl_);
}

void Driver::Impl::set_break(std::optional<std::uint64_t> seq) {
  require_started();
  // Disarmed while the two halves of the number change.
  ctrl_ &= ~reg::kCtrlBreakEnable;
  write(reg::kCtrl, ctrl_);
  if (!seq) return;
  write64(reg::kBreakSeqLo, *seq);
  ctrl_ |= reg::kCtrlBreakEnable;
  write(reg::kCtrl, ctrl_);
}

void Driver::Impl::resume() {
  require_started();
  held_.clear();
  write(reg::kIrqStatus, reg::kIrqStatusHalt | reg::kIrqStatusError);
  write(reg::kCommand, reg::kCommandResume);
}

DeviceState Driver::Impl::state() {
  return static_cast<DeviceState>(read(reg::kStatus) & reg::kStatusState);
}

std::string Driver::dump_registers() {
  std::string text;
  for (const abi::RegisterInfo& info : abi::registers()) {
    if (info.access == abi::Access::kWriteOnly) continue;
    const std::uint32_t value = impl_->backend->read32(info.at);
    if (value != 0) text += fmt::format("{:<20} {:#010x}\n", info.name, value);
  }
  return text;
}

}  // namespace tandem::driver
