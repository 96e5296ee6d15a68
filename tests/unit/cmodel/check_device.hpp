// SPDX-License-Identifier: Apache-2.0
// A device in check mode, driven without the runtime, and packets for it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/driver/driver.hpp"
#include "tandem/driver/registry.hpp"

namespace tandem::cmodel::test {

inline constexpr std::uint64_t kMem = 0x2'0000'0000;
inline constexpr std::uint64_t kMemBytes = 4 << 20;

inline driver::DeviceConfig check_config() {
  driver::DeviceConfig config;
  config.name = "check";
  config.ucode_words = 64;
  config.regions = {{"commands", PhysAddr(0x8000'0000), 2 << 20, true},
                    {"ucode", PhysAddr(0x9000'0000), 1 << 20, true},
                    {"memory", PhysAddr(kMem), kMemBytes, true}};
  return config;
}

class CheckDevice {
 public:
  explicit CheckDevice(std::string_view uri = "cmodel:?check=1&threads=1") {
    driver_ =
        std::make_unique<driver::Driver>(driver::open_backend(uri, check_config()), check_config());
    driver_->set_completion_hook([this](const abi::Packet&, const abi::Completion& completion) {
      checksums.push_back(completion.checksum);
    });
    driver_->start();
  }

  driver::Backend& backend() { return driver_->backend(); }
  driver::Driver& driver() { return *driver_; }

  void allocate(std::uint64_t addr, std::uint64_t num_bytes, std::string name) {
    backend().annotate({.kind = driver::Annotation::Kind::kAllocate,
                        .name = std::move(name),
                        .addr = PhysAddr(addr),
                        .num_bytes = num_bytes});
  }
  void free(std::uint64_t addr) {
    backend().annotate({.kind = driver::Annotation::Kind::kFree, .addr = PhysAddr(addr)});
  }
  void tensor(std::uint64_t addr, std::uint64_t num_bytes, std::string name) {
    backend().annotate({.kind = driver::Annotation::Kind::kTensor,
                        .name = std::move(name),
                        .addr = PhysAddr(addr),
                        .num_bytes = num_bytes});
  }
  void op(std::uint64_t first_seq, std::uint64_t last_seq, std::string name) {
    backend().annotate({.kind = driver::Annotation::Kind::kPacket,
                        .name = std::move(name),
                        .first_seq = first_seq,
                        .last_seq = last_seq});
  }
  /// Host write of `num_bytes` bytes of some pattern.
  void upload(std::uint64_t addr, std::uint64_t num_bytes) {
    std::vector<std::byte> bytes(num_bytes);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = std::byte(i * 7 % 61);
    backend().write(PhysAddr(addr), bytes);
  }
  template <class T>
  void upload_values(std::uint64_t addr, const std::vector<T>& values) {
    backend().write(PhysAddr(addr), std::as_bytes(std::span(values)));
  }
  std::vector<std::byte> download(std::uint64_t addr, std::uint64_t num_bytes) {
    std::vector<std::byte> bytes(num_bytes);
    backend().read(PhysAddr(addr), bytes);
    return bytes;
  }
  template <class P>
  std::uint64_t submit(const P& packet) {
    abi::Packet copy = abi::to_packet(packet);
    return driver_->submit(copy);
  }
  void finish() { driver_->wait_all(); }
  template <class P>
  void run(const P& packet) {
    submit(packet);
    finish();
  }
  /// Loads a program at word 0 and returns its number of words.
  std::uint16_t load(std::string_view program) {
    const auto words = abi::assemble_ucode(program);
    upload_values(0x9000'0000, words);
    abi::LoadUcodePacket packet;
    packet.words = static_cast<std::uint32_t>(words.size());
    packet.target = abi::UcodeTarget::kProgram;
    packet.src_addr = 0x9000'0000;
    run(packet);
    return static_cast<std::uint16_t>(words.size());
  }
  std::string take() {
    finish();
    return backend().take_findings();
  }

  std::vector<std::uint64_t> checksums;

 private:
  std::unique_ptr<driver::Driver> driver_;
};

inline abi::CopyPacket copy_of(std::uint64_t src, std::uint64_t dst, std::uint32_t num_bytes) {
  abi::CopyPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = num_bytes;
  packet.elem_bytes = 1;
  packet.src_addr = src;
  packet.src_stride3 = 1;
  packet.dst_addr = dst;
  packet.dst_stride3 = 1;
  return packet;
}

inline abi::FillPacket fill_of(std::uint64_t dst, std::uint32_t num_bytes) {
  abi::FillPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = num_bytes;
  packet.elem_bytes = 1;
  packet.value = 0x5a;
  packet.dst_addr = dst;
  packet.dst_stride3 = 1;
  return packet;
}

/// One row of F32 elements from `in0` to `out0` with the program at word 0.
inline abi::VectorPacket vector_of(std::uint16_t words, std::uint64_t in0, std::uint64_t out0,
                                   std::uint32_t cols) {
  abi::VectorPacket packet;
  packet.cols = cols;
  packet.rows0 = packet.rows1 = 1;
  packet.ucode_words = words;
  packet.in0_type = packet.out0_type = abi::Dtype::kF32;
  packet.in0_col_stride = packet.out0_col_stride = 4;
  packet.in0_addr = in0;
  packet.out0_addr = out0;
  return packet;
}

/// F32 matrices without padding, B as [K, N].
inline abi::MatmulPacket matmul_of(std::uint64_t a, std::uint64_t b, std::uint64_t c,
                                   std::uint32_t m, std::uint32_t n, std::uint32_t k) {
  abi::MatmulPacket packet;
  packet.m = m;
  packet.n = n;
  packet.k = k;
  packet.batch0 = packet.batch1 = 1;
  packet.a_type = packet.b_type = packet.c_type = abi::Dtype::kF32;
  packet.a_addr = a;
  packet.b_addr = b;
  packet.c_addr = c;
  packet.a_row_stride = std::uint64_t{k} * 4;
  packet.b_row_stride = packet.c_row_stride = std::uint64_t{n} * 4;
  return packet;
}

}  // namespace tandem::cmodel::test
