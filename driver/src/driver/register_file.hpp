// SPDX-License-Identifier: Apache-2.0
// Values and access rules of the registers, as the specification lists them.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::driver {

/// Thread-safety: values are atomic words; what belongs together is the caller's to lock.
class RegisterFile {
 public:
  /// Throws kInvalidArgument if the name of the configuration does not fit its registers.
  explicit RegisterFile(const DeviceConfig& config);

  struct Rule {
    bool exists = false;
    abi::Access access = abi::Access::kReadOnly;
    std::uint32_t mask = 0;  ///< Bits that exist.
  };

  /// Rule of the register at a byte offset; `exists` is false for holes and unaligned offsets.
  const Rule& rule(std::uint32_t offset) const {
    static constexpr Rule kNone{};
    return offset % 4 == 0 && offset < abi::kRegisterBytes ? rules_[offset / 4] : kNone;
  }

  std::uint32_t get(std::uint32_t offset) const {
    return values_[offset / 4].load(std::memory_order_relaxed);
  }
  std::uint64_t get64(std::uint32_t lo_offset) const {
    return get(lo_offset) | std::uint64_t{get(lo_offset + 4)} << 32;
  }
  void set(std::uint32_t offset, std::uint32_t value) {
    values_[offset / 4].store(value, std::memory_order_relaxed);
  }
  void set64(std::uint32_t lo_offset, std::uint64_t value) {
    set(lo_offset, static_cast<std::uint32_t>(value));
    set(lo_offset + 4, static_cast<std::uint32_t>(value >> 32));
  }

  /// Reset values: 0 except the identity block.
  void reset();

 private:
  static constexpr std::size_t kWords = abi::kRegisterBytes / 4;
  std::array<Rule, kWords> rules_{};
  std::array<std::uint32_t, kWords> identity_{};
  std::array<std::atomic<std::uint32_t>, kWords> values_{};
};

}  // namespace tandem::driver
