// SPDX-License-Identifier: Apache-2.0
// The C interface over tandem::runtime::Device.
#include "tandem/tandem.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "device.hpp"
#include "guard.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/device.hpp"

using tandem::Error;
using tandem::ErrorCode;
using tandem::PhysAddr;
using tandem::c::given;
using tandem::c::given_text;
using tandem::c::guarded;
using tandem::c::refuse;
namespace abi = tandem::abi;
namespace runtime = tandem::runtime;

namespace {

/// Copies as much of `value` as the caller's struct holds.
template <class T>
void fill(T* out, T value, const char* name) {
  const std::size_t size = given(out, name).struct_size;
  constexpr std::size_t kSmallest = sizeof(std::size_t) + sizeof(std::uint64_t);
  if (size < kSmallest || size > (std::size_t{1} << 16)) {
    refuse(
        fmt::format("argument '{}': struct_size is {}, expected {}; set it to the size of the "
                    "struct",
                    name, size, sizeof(T)));
  }
  value.struct_size = size;
  if (size > sizeof(T)) {
    std::memset(static_cast<void*>(out), 0, size);
  }
  std::memcpy(static_cast<void*>(out), &value, std::min(size, sizeof(T)));
}

template <std::size_t kSize>
void copy_text(char (&to)[kSize], const std::string& from) {
  const std::size_t size = std::min(from.size(), kSize - 1);
  std::memcpy(to, from.data(), size);
  to[size] = 0;
}

}  // namespace

tandem_status tandem_open(const char* uri, const tandem_open_options* options,
                          tandem_device** out_device) {
  return guarded([&] {
    given(out_device, "out_device") = nullptr;
    runtime::DeviceOptions device_options;
    if (options != nullptr) {
      if (options->struct_size < sizeof(tandem_open_options)) {
        refuse(
            fmt::format("argument 'options': struct_size is {}, expected {}; begin with "
                        "TANDEM_OPEN_OPTIONS_INIT",
                        options->struct_size, sizeof(tandem_open_options)));
      }
      device_options.config = options->config == nullptr ? "" : options->config;
      if (options->ring_entries != 0) {
        device_options.driver.ring_entries = options->ring_entries;
      }
      device_options.driver.timeout = std::chrono::nanoseconds(options->timeout_ns);
    }
    *out_device = new tandem_device(runtime::Device::open(given_text(uri, "uri"), device_options));
  });
}

void tandem_close(tandem_device* device) {
  guarded([&] { delete device; });
}

tandem_status tandem_get_info(tandem_device* device, tandem_info* out_info) {
  return guarded([&] {
    runtime::Device& opened = given(device, "device").device;
    const tandem::driver::Capabilities& caps = opened.driver().capabilities();
    const runtime::TransferCounters counters = opened.counters();
    tandem_info info{};
    copy_text(info.backend, opened.backend_name());
    copy_text(info.config, caps.config_name);
    info.abi_version = caps.abi_version;
    info.abi_hash = caps.abi_hash;
    info.array_rows = caps.array_rows;
    info.array_cols = caps.array_cols;
    info.vector_lanes = caps.vector_lanes;
    info.vector_length = caps.vector_length;
    info.ucode_words = caps.ucode_words;
    info.axi_data_bits = caps.axi_data_bits;
    info.timed = caps.timed ? 1 : 0;
    info.num_regions = static_cast<std::uint32_t>(opened.regions().size());
    info.packets = counters.packets;
    info.bytes_in = counters.bytes_in;
    info.bytes_out = counters.bytes_out;
    fill(out_info, info, "out_info");
  });
}

tandem_status tandem_get_region(tandem_device* device, uint32_t index, tandem_region* out_region) {
  return guarded([&] {
    const auto regions = given(device, "device").device.regions();
    if (index >= regions.size()) {
      refuse(fmt::format("region {}: the device has {} regions", index, regions.size()));
    }
    const runtime::RegionUse& use = regions[index];
    tandem_region region{};
    copy_text(region.name, use.name);
    region.base = use.base.value;
    region.size = use.size;
    region.used = use.used;
    region.largest_hole = use.largest_hole;
    fill(out_region, region, "out_region");
  });
}

tandem_status tandem_malloc(tandem_device* device, const char* region, uint64_t num_bytes,
                            uint64_t align, const char* label, uint64_t* out_addr) {
  return guarded([&] {
    given(out_addr, "out_addr") = 0;
    runtime::Buffer buffer =
        given(device, "device")
            .device.malloc(given_text(region, "region"), num_bytes,
                           label == nullptr ? "unnamed" : label, align == 0 ? 64 : align);
    const std::uint64_t addr = buffer.addr().value;
    device->buffers.emplace(addr, std::move(buffer));
    *out_addr = addr;
  });
}

tandem_status tandem_free(tandem_device* device, uint64_t addr) {
  return guarded([&] {
    if (given(device, "device").buffers.erase(addr) == 0 && addr != 0) {
      refuse(fmt::format("{:#x} is not the address of a live allocation: {}", addr,
                         device->device.describe(PhysAddr(addr))));
    }
  });
}

tandem_status tandem_copy_in(tandem_device* device, uint64_t dst, const void* src,
                             uint64_t num_bytes) {
  return guarded([&] {
    const auto* bytes = static_cast<const std::byte*>(src);
    given(device, "device")
        .device.copy_in(PhysAddr(dst), {num_bytes == 0 ? bytes : &given(bytes, "src"), num_bytes});
  });
}

tandem_status tandem_copy_out(tandem_device* device, uint64_t src, void* dst, uint64_t num_bytes) {
  return guarded([&] {
    auto* bytes = static_cast<std::byte*>(dst);
    given(device, "device")
        .device.copy_out(PhysAddr(src), {num_bytes == 0 ? bytes : &given(bytes, "dst"), num_bytes});
  });
}

tandem_status tandem_get_window(tandem_device* device, uint64_t addr, uint64_t num_bytes,
                                void** out_bytes) {
  return guarded([&] {
    given(out_bytes, "out_bytes") = nullptr;
    runtime::Device& opened = given(device, "device").device;
    opened.queue().finish();
    *out_bytes = opened.window(PhysAddr(addr), num_bytes).data();
  });
}

tandem_status tandem_name_tensor(tandem_device* device, uint64_t addr, uint64_t num_bytes,
                                 const char* name) {
  return guarded([&] {
    given(device, "device").device.name_tensor(PhysAddr(addr), num_bytes, given_text(name, "name"));
  });
}

tandem_status tandem_submit(tandem_device* device, const tandem_packet* packet, uint64_t* out_seq) {
  return guarded([&] {
    abi::Packet copy;
    std::memcpy(static_cast<void*>(&copy), &given(packet, "packet"), sizeof(copy));
    const runtime::Event event = given(device, "device").device.queue().submit(copy);
    if (out_seq != nullptr) {
      *out_seq = event.seq;
    }
  });
}

tandem_status tandem_load_program(tandem_device* device, const uint64_t* words, uint32_t num_words,
                                  uint16_t* out_first_word) {
  return guarded([&] {
    given(out_first_word, "out_first_word") =
        given(device, "device").device.queue().program({&given(words, "words"), num_words});
  });
}

tandem_status tandem_load_table(tandem_device* device, uint32_t table, const uint32_t* words) {
  return guarded([&] {
    given(device, "device").device.queue().table(table, {&given(words, "words"), abi::kTableWords});
  });
}

tandem_status tandem_flush(tandem_device* device) {
  return guarded([&] { given(device, "device").device.queue().flush(); });
}

tandem_status tandem_wait(tandem_device* device, uint64_t seq) {
  return guarded([&] { given(device, "device").device.queue().wait({seq}); });
}

tandem_status tandem_finish(tandem_device* device) {
  return guarded([&] { given(device, "device").device.queue().finish(); });
}

tandem_status tandem_poll(tandem_device* device, uint64_t seq, int* out_complete) {
  return guarded([&] {
    given(out_complete, "out_complete") =
        given(device, "device").device.queue().is_complete({seq}) ? 1 : 0;
  });
}

tandem_status tandem_get_completion(tandem_device* device, uint64_t seq,
                                    tandem_completion* out_completion) {
  return guarded([&] {
    const auto record = given(device, "device").device.driver().completion(seq);
    if (!record) {
      throw Error(ErrorCode::kNotFound,
                  fmt::format("no completion of packet seq {}: it is not among the last 4096 that "
                              "completed",
                              seq));
    }
    tandem_completion completion{};
    completion.seq = record->seq;
    completion.error = static_cast<std::uint32_t>(record->error);
    completion.opcode = record->opcode;
    completion.fault_addr = record->fault_addr;
    completion.checksum = record->checksum;
    completion.cycles = record->cycles;
    completion.start_cycle = record->start_cycle;
    fill(out_completion, completion, "out_completion");
  });
}

tandem_status tandem_begin_op(tandem_device* device, const char* name) {
  return guarded(
      [&] { given(device, "device").device.queue().begin_op(given_text(name, "name")); });
}

tandem_status tandem_end_op(tandem_device* device) {
  return guarded([&] { given(device, "device").device.queue().end_op(); });
}

tandem_status tandem_take_findings(tandem_device* device, char* buffer, size_t size,
                                   size_t* out_size) {
  return guarded([&] {
    std::string& findings = given(device, "device").findings;
    findings += device->device.take_findings();
    given(out_size, "out_size") = findings.size() + 1;
    if (buffer != nullptr && size > findings.size()) {
      std::memcpy(buffer, findings.c_str(), findings.size() + 1);
      findings.clear();
    }
  });
}

tandem_status tandem_snapshot(tandem_device* device, const char* path, const char* base) {
  return guarded([&] {
    given(device, "device")
        .device.snapshot(given_text(path, "path"), {.base = base == nullptr ? "" : base});
  });
}

tandem_status tandem_restore(tandem_device* device, const char* path) {
  return guarded([&] { given(device, "device").device.restore(given_text(path, "path")); });
}

tandem_status tandem_start_recording(tandem_device* device, const char* path) {
  return guarded([&] { given(device, "device").device.start_recording(given_text(path, "path")); });
}

tandem_status tandem_stop_recording(tandem_device* device) {
  return guarded([&] { given(device, "device").device.stop_recording(); });
}
