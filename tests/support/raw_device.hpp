// SPDX-License-Identifier: Apache-2.0
// A device driven by register and memory accesses alone, for tests below the driver.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "tandem/abi/isa.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/driver/backend.hpp"
#include "tandem/driver/device_config.hpp"

namespace tandem::tests {

/// Memory map of the tests: every kind of border that a packet can touch.
namespace map {
inline constexpr std::uint64_t kCommands = 0x8000'0000;  ///< Rings.
inline constexpr std::uint64_t kCommandsSize = 0x20'0000;
inline constexpr std::uint64_t kData = 0x1'0000'0000;  ///< Writable, nothing next to it.
inline constexpr std::uint64_t kDataSize = 0x100'0000;
inline constexpr std::uint64_t kLow = 0x3'0000'0000;  ///< Writable, `kHigh` adjoins.
inline constexpr std::uint64_t kLowSize = 0x1'0000;
inline constexpr std::uint64_t kHigh = kLow + kLowSize;  ///< Writable, `kRom` adjoins.
inline constexpr std::uint64_t kHighSize = 0x1'0000;
inline constexpr std::uint64_t kRom =
    kHigh + kHighSize;  ///< Packets may not write it; then nothing.
inline constexpr std::uint64_t kRomSize = 0x1'0000;
inline constexpr std::uint64_t kHole = 0x7'0000'0000;  ///< Nothing is here.
}  // namespace map

driver::DeviceConfig test_config();

/// One ring pair on a device. Every wait has a deadline; a missed one throws tandem::Error with the
/// state.
class RawDevice {
 public:
  static constexpr std::uint64_t kRing = map::kCommands;
  static constexpr std::uint64_t kCompletions = map::kCommands + 0x10'0000;

  explicit RawDevice(driver::Backend& backend) : backend_(backend) {}

  driver::Backend& backend() { return backend_; }

  std::uint32_t r(std::uint32_t offset) { return backend_.read32(offset); }
  std::uint64_t r64(std::uint32_t lo) { return r(lo) | std::uint64_t{r(lo + 4)} << 32; }
  void w(std::uint32_t offset, std::uint32_t value) { backend_.write32(offset, value); }
  void w64(std::uint32_t lo, std::uint64_t value);

  /// Resets the device by COMMAND.RESET and forgets all counts.
  void reset();
  /// Writes the region table and the rings; the device must be disabled.
  void configure(std::uint32_t entries = 64, std::uint32_t completion_entries = 64);
  void write_regions();
  /// Sets CTRL.ENABLE with further bits, and waits until the state is not DISABLED.
  void enable(std::uint32_t ctrl_bits = 0);
  /// reset, configure, enable.
  void start(std::uint32_t ctrl_bits = 0, std::uint32_t entries = 64,
             std::uint32_t completion_entries = 64);

  /// Writes the next slot with the next sequence number; returns that number. No doorbell.
  template <class P>
  std::uint64_t post(const P& packet) {
    return post_packet(abi::to_packet(packet));
  }
  void ring() { w(abi::reg::kRingTail, tail_); }
  template <class P>
  std::uint64_t send(const P& packet) {
    const std::uint64_t seq = post(packet);
    ring();
    return seq;
  }

  /// The next completion in order, taken from the ring; waits for it.
  abi::Completion next();
  /// Waits for `count` records, leaves them unread.
  void wait_records(std::uint32_t count);
  /// send and next.
  template <class P>
  abi::Completion run(const P& packet) {
    send(packet);
    return next();
  }
  /// Loads micro-program words at word `first`; source bytes go to `addr`.
  abi::Completion load_program(std::span<const std::uint64_t> words, std::uint32_t first = 0,
                               std::uint64_t addr = map::kData + 0x80'0000);

  abi::DeviceState state() { return static_cast<abi::DeviceState>(r(abi::reg::kStatus) & 0xf); }
  void wait_state(abi::DeviceState wanted);
  void wait_until(const std::function<bool()>& condition, const char* what);

  std::uint32_t tail() const { return tail_; }
  std::uint32_t entries() const { return entries_; }
  std::uint64_t seq() const { return seq_; }
  void set_seq(std::uint64_t seq) { seq_ = seq; }
  std::uint32_t taken() const { return head_; }

  template <class T>
  void write(std::uint64_t addr, std::span<const T> values) {
    backend_.write(PhysAddr(addr), std::as_bytes(values));
  }
  template <class T>
  void write(std::uint64_t addr, const std::vector<T>& values) {
    write(addr, std::span<const T>(values));
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void write_one(std::uint64_t addr, const T& value) { write(addr, std::span<const T>(&value, 1)); }
  template <class T>
  std::vector<T> read(std::uint64_t addr, std::size_t count) {
    std::vector<T> values(count);
    backend_.read(PhysAddr(addr), std::as_writable_bytes(std::span<T>(values)));
    return values;
  }
  template <class T>
  T read_one(std::uint64_t addr) {
    return read<T>(addr, 1)[0];
  }
  void fill(std::uint64_t addr, std::size_t num_bytes, std::uint8_t value) {
    write(addr, std::vector<std::uint8_t>(num_bytes, value));
  }

 private:
  std::uint64_t post_packet(abi::Packet packet);

  driver::Backend& backend_;
  std::uint32_t entries_ = 0;
  std::uint32_t completion_entries_ = 0;
  std::uint32_t tail_ = 0;
  std::uint32_t head_ = 0;
  std::uint64_t seq_ = 0;
};

}  // namespace tandem::tests
