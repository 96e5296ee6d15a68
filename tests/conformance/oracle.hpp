// SPDX-License-Identifier: Apache-2.0
// Plain-loop references of the contract, written for reading, not for speed. Arithmetic is the
// numerics library's.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "tandem/abi/isa.hpp"

namespace tandem::tests::oracle {

/// Section 7 of the contract, byte by byte: each written byte counts (byte + 1) * 256^lane times
/// the word's weight.
inline std::uint64_t checksum(std::uint64_t addr, std::span<const std::uint8_t> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const std::uint64_t at = addr + i;
    const std::uint64_t lane = std::uint64_t{1} << (8 * (at % 4));
    sum += (std::uint64_t{bytes[i]} + 1) * lane * (2 * (at / 4) + 1);
  }
  return sum;
}

/// A copy of a piece of device memory that sums up what is written to it.
class Image {
 public:
  Image(std::uint64_t base, std::vector<std::uint8_t> bytes)
      : base_(base), bytes_(std::move(bytes)) {}

  template <class T>
  T load(std::uint64_t addr) const {
    T value;
    std::memcpy(&value, &bytes_.at(addr - base_ + sizeof(T) - 1) - (sizeof(T) - 1), sizeof value);
    return value;
  }
  template <class T>
  void store(std::uint64_t addr, T value) {
    std::uint8_t* at = &bytes_.at(addr - base_ + sizeof(T) - 1) - (sizeof(T) - 1);
    std::memcpy(at, &value, sizeof value);
    checksum_ += oracle::checksum(addr, {at, sizeof value});
  }
  void copy_element(std::uint64_t dst, std::uint64_t src, unsigned num_bytes);

  std::uint64_t base() const { return base_; }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }
  std::uint64_t checksum() const { return checksum_; }

 private:
  std::uint64_t base_;
  std::vector<std::uint8_t> bytes_;
  std::uint64_t checksum_ = 0;
};

/// How a packet ends.
struct Outcome {
  abi::Fault error = abi::Fault::kNone;
  std::uint64_t fault_addr = 0;
};

Outcome run(Image& image, const abi::CopyPacket& packet);
Outcome run(Image& image, const abi::FillPacket& packet);
Outcome run(Image& image, const abi::GatherPacket& packet);
Outcome run(Image& image, const abi::ScatterAddPacket& packet);
Outcome run(Image& image, const abi::MatmulPacket& packet);

using Table = std::array<std::uint32_t, abi::kTableWords>;
/// `program` holds the words that the packet names; every row is computed as a whole.
void run_vector(Image& image, const abi::VectorPacket& packet,
                std::span<const std::uint64_t> program, const std::array<Table, 2>& tables = {});

/// One arithmetic micro-operation on words.
std::uint32_t micro_op(abi::MicroOp op, std::uint32_t a, std::uint32_t b, std::uint32_t c);

/// A stored element as 32 bits (`ld`), and 32 bits stored (`st`).
std::uint32_t load_element(const Image& image, abi::Dtype type, std::uint64_t addr);
void store_element(Image& image, abi::Dtype type, std::uint64_t addr, std::uint32_t value,
                   bool saturate);

}  // namespace tandem::tests::oracle
