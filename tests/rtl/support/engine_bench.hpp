// SPDX-License-Identifier: Apache-2.0
// Runs packets on a Verilated engine with its memory unit, and compares each with the cmodel.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "rtl/support/reference_device.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/rtlmodel/axi_memory.hpp"
#include "tandem/rtlmodel/clock.hpp"
#include "tandem/rtlmodel/coverage.hpp"
#include "verilated.h"

namespace tandem::rtltest {

struct BenchOptions {
  std::uint64_t seed = 1;  ///< Of memory contents, initial state of registers, gaps before packets.
  std::uint32_t ucode_words = 4096;
  std::vector<driver::SparseRam::Bank> banks = default_banks();
  /// The bench gives up when no handshake took place for so many cycles.
  std::uint64_t stuck_cycles = 50'000;
};

/// Memories of different temper: 0 zero-wait, 1 realistic, others with stalls, few outstanding
/// bursts, low bandwidth, responses out of order.
inline constexpr unsigned kMemorySettings = 5;
inline rtlmodel::AxiSettings memory_settings(unsigned which, std::uint64_t seed) {
  rtlmodel::AxiSettings settings = rtlmodel::AxiSettings::zero_wait();
  switch (which) {
    case 0:
      break;
    case 1:
      settings = rtlmodel::AxiSettings::realistic();
      break;
    case 2:
      settings.stall_percent = 40;
      settings.reorder = true;
      break;
    case 3:
      settings.latency = 17;
      settings.outstanding_per_id = 2;
      settings.stall_percent = 20;
      break;
    default:
      settings.latency = 200;
      settings.beats_per_cycle = 0.3;
      settings.reorder = true;
      break;
  }
  settings.seed = seed;
  return settings;
}

/// `Top` has the pins clk_i, rst_ni, start_valid_i, start_ready_o, packet_i, done_valid_o,
/// done_error_o, done_fault_o, checksum_o (read in the cycle of done_valid_o) and m_axi_*;
/// check_error_i and check_fault_i are driven where they exist.
template <class Top>
class EngineBench {
 public:
  struct Outcome {
    abi::Fault error = abi::Fault::kNone;
    std::uint64_t fault_addr = 0;
    std::uint64_t checksum = 0;
    std::uint64_t cycles = 0;  ///< From the start handshake to done_valid_o.
  };

  explicit EngineBench(rtlmodel::AxiSettings settings, BenchOptions options = {})
      : options_(std::move(options)),
        context_(make_context(options_.seed)),
        top_(context_.get()),
        ram_(options_.banks),
        reference_(options_.banks, options_.ucode_words),
        memory_(top_, ram_, std::move(settings)),
        random_(options_.seed) {
    scramble(ram_, options_.seed);
    copy_memory(ram_, reference_.ram());
    top_.start_valid_i = 0;
    reset();
  }
  ~EngineBench() {
    top_.final();
    rtlmodel::write_coverage(*context_);
  }

  Top& top() { return top_; }
  rtlmodel::AxiMemory<Top>& memory() { return memory_; }
  /// A number below `bound`, the same sequence for a seed.
  std::uint32_t random(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() % bound);
  }

  /// Writes both memories.
  template <class T>
  void write(std::uint64_t addr, std::span<const T> values) {
    ram_.write(addr, std::as_bytes(values));
    reference_.ram().write(addr, std::as_bytes(values));
  }
  template <class T>
  void write(std::uint64_t addr, const std::vector<T>& values) {
    write(addr, std::span<const T>(values));
  }

  void cycle() { rtlmodel::clock_cycle(top_, memory_); }
  void reset() {
    top_.start_valid_i = 0;
    rtlmodel::reset_cycles(top_, memory_);
    reference_.reset();
  }

  /// Runs the packet on both and compares bytes, error, fault address and checksum. Memory is equal
  /// again afterwards, whatever happened.
  template <class P>
  testing::AssertionResult same(const P& typed) {
    const abi::Packet packet = abi::to_packet(typed);
    const driver::ExecutionResult expected = reference_.execute(packet);
    const testing::AssertionResult result = compare(packet, expected);
    if (!result || expected.error != abi::Fault::kNone) copy_memory(reference_.ram(), ram_);
    return result;
  }

  /// Runs the packet on the RTL alone. Throws tandem::Error if it hangs or breaks a rule of the
  /// port.
  Outcome run_rtl(const abi::Packet& packet) {
    start(packet);
    const std::uint64_t begin = memory_.cycle();
    std::uint64_t progress = memory_.counts().handshakes();
    std::uint64_t progress_cycle = begin;
    while (!top_.done_valid_o) {
      cycle();
      if (memory_.counts().handshakes() != progress) {
        progress = memory_.counts().handshakes();
        progress_cycle = memory_.cycle();
      } else if (memory_.cycle() - progress_cycle > options_.stuck_cycles) {
        throw Error(ErrorCode::kDeadlineExceeded,
                    fmt::format("no handshake for {} cycles, the packet does not end\n{}",
                                options_.stuck_cycles, memory_.describe()));
      }
    }
    const Outcome outcome{static_cast<abi::Fault>(top_.done_error_o), top_.done_fault_o,
                          top_.checksum_o, memory_.cycle() - begin};
    cycle();
    return outcome;
  }

  /// Starts the packet and resets the module after `cycles`; memory is as before.
  template <class P>
  void reset_in_flight(const P& typed, unsigned cycles) {
    start(abi::to_packet(typed));
    for (unsigned i = 0; i < cycles; ++i) cycle();
    reset();
    copy_memory(reference_.ram(), ram_);
  }

  /// Of the last `same`.
  const Outcome& last() const { return last_; }

 private:
  static std::unique_ptr<VerilatedContext> make_context(std::uint64_t seed) {
    auto context = std::make_unique<VerilatedContext>();
    context->threads(1);
    context->randReset(2);
    context->randSeed(static_cast<int>(seed % 0x7fff'ffff + 1));
    return context;
  }

  /// Offers the packet after a random gap until the engine takes it.
  void start(const abi::Packet& packet) {
    for (std::uint32_t gap = random(4); gap > 0; --gap) cycle();
    static_assert(sizeof top_.packet_i == sizeof packet);
    std::memcpy(&top_.packet_i, &packet, sizeof packet);
    if constexpr (requires { top_.check_error_i; }) {
      const abi::CheckResult check = reference_.extent_check(packet);
      top_.check_error_i = static_cast<std::uint16_t>(check.fault);
      top_.check_fault_i = check.fault_addr;
    }
    top_.start_valid_i = 1;
    top_.eval();
    std::uint64_t waited = 0;
    bool taken = false;
    while (!taken) {
      taken = top_.start_ready_o;
      cycle();
      if (++waited > options_.stuck_cycles) {
        throw Error(ErrorCode::kDeadlineExceeded, "the engine does not take the packet");
      }
    }
    top_.start_valid_i = 0;
    top_.eval();
  }

  testing::AssertionResult compare(const abi::Packet& packet,
                                   const driver::ExecutionResult& expected) {
    const auto fail = [&](const std::string& what) {
      return testing::AssertionFailure()
             << what << "\nseed " << options_.seed << ", stalls "
             << memory_.settings().stall_percent << " % seed " << memory_.settings().seed << '\n'
             << abi::disassemble(packet);
    };
    try {
      last_ = run_rtl(packet);
    } catch (const std::exception& error) {
      reset();
      return fail(error.what());
    }
    if (last_.error != expected.error ||
        (expected.error != abi::Fault::kNone && last_.fault_addr != expected.fault_addr)) {
      return fail(fmt::format("error: expected {} at {:#x}, found {} at {:#x}",
                              abi::to_string(expected.error), expected.fault_addr,
                              abi::to_string(last_.error), last_.fault_addr));
    }
    if (expected.error != abi::Fault::kNone) return testing::AssertionSuccess();
    if (const auto result = same_memory(reference_.ram(), ram_); !result) {
      return fail(result.message());
    }
    if (last_.checksum != expected.checksum) {
      return fail(fmt::format("checksum: expected {:#018x}, found {:#018x}", expected.checksum,
                              last_.checksum));
    }
    return testing::AssertionSuccess();
  }

  BenchOptions options_;
  std::unique_ptr<VerilatedContext> context_;
  Top top_;
  driver::SparseRam ram_;
  ReferenceDevice reference_;
  rtlmodel::AxiMemory<Top> memory_;
  std::mt19937_64 random_;
  Outcome last_;
};

}  // namespace tandem::rtltest
