// SPDX-License-Identifier: Apache-2.0
#include "packet_executor.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <thread>

#include "spin.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/log.hpp"
#include "tandem/numerics/checksum.hpp"

namespace tandem::driver {
namespace {

using abi::CheckResult;
using abi::Fault;
using abi::Opcode;

constexpr std::size_t kHeaderBytes = 16;

bool is_control(Opcode opcode) {
  return opcode == Opcode::kNop || opcode == Opcode::kFence || opcode == Opcode::kSignal ||
         opcode == Opcode::kWait;
}

bool is_user(Opcode opcode) { return static_cast<std::uint8_t>(opcode) >= abi::kFirstUserOpcode; }

/// A NOP or FENCE without a wrong bit, seen without the tables; these packets are all overhead.
bool is_plain_control(const abi::Packet& packet) {
  if (packet.opcode != Opcode::kNop && packet.opcode != Opcode::kFence) return false;
  std::array<std::uint64_t, abi::kPacketBytes / 8> words;
  std::memcpy(words.data(), &packet, sizeof words);
  std::uint64_t bits = words[0] & ~std::uint64_t{0x0701ff};
  for (std::size_t i = kHeaderBytes / 8; i < words.size(); ++i) bits |= words[i];
  return bits == 0;
}

/// User packets share the header; their body is opaque.
CheckResult check_header(const abi::Packet& packet) {
  abi::Packet header{};
  std::memcpy(static_cast<void*>(&header), &packet, kHeaderBytes);
  header.opcode = Opcode::kNop;
  return abi::check_packet(header, {});
}

std::uint32_t load_word(const std::byte* host) {
  return __atomic_load_n(reinterpret_cast<const std::uint32_t*>(host), __ATOMIC_ACQUIRE);
}

}  // namespace

PacketExecutor::PacketExecutor(SparseRam& ram, Engine& engine, std::uint32_t ucode_words)
    : ram_(ram), engine_(engine), observed_(engine.observes()) {
  for (unsigned opcode = 0; opcode < engine_of_.size(); ++opcode) {
    if (is_control(static_cast<Opcode>(opcode))) {
      engine_of_[opcode] = abi::Engine::kControl;
    } else if (static_cast<Opcode>(opcode) == Opcode::kLoadUcode) {
      if (engine.has_ucode()) engine_of_[opcode] = abi::Engine::kVector;
    } else if (abi::find_opcode(static_cast<std::uint8_t>(opcode)) != nullptr ||
               is_user(static_cast<Opcode>(opcode))) {
      engine_of_[opcode] = engine.engine_for(static_cast<std::uint8_t>(opcode));
    }
  }
  ucode_.words.resize(ucode_words);
}

void PacketExecutor::set_regions(std::vector<abi::Region> regions) {
  regions_ = std::move(regions);
  backed_ = std::all_of(regions_.begin(), regions_.end(), [this](const abi::Region& region) {
    return !region.valid || ram_.pointer(region.base, region.size) != nullptr;
  });
}

void PacketExecutor::reset() {
  ucode_.loaded_words = 0;
  ucode_.tables_loaded = 0;
  ++ucode_.generation;
  busy.store(0, std::memory_order_relaxed);
  engine_.reset();
}

abi::Engine PacketExecutor::execute(const abi::Packet& packet, ExecutionResult& result) {
  if (!observed_ && is_plain_control(packet)) return abi::Engine::kControl;
  abi::Engine engine = abi::Engine::kControl;
  abi::OperandList operands;
  if (const CheckResult bad = check(packet, engine, operands)) {
    result.error = bad.fault;
    result.fault_addr = bad.fault_addr;
    operands.count = 0;
  }
  if (observed_) before(packet, operands, result);
  if (result.error == Fault::kNone) dispatch(packet, engine, operands, result);
  if (observed_ && !cancelled.load(std::memory_order_relaxed)) {
    after(packet, operands, result);
  }
  return engine;
}

void PacketExecutor::fail(const abi::Packet& packet, const abi::OperandList& operands,
                          const std::exception& error, ExecutionResult& result) {
  log::error("packet seq {} ended by an exception of the engine: {}", packet.seq, error.what());
  if (result.error != Fault::kNone) return;
  result.error = Fault::kBusError;
  result.fault_addr = operands.count != 0 ? operands.items[0].base : 0;
}

void PacketExecutor::before(const abi::Packet& packet, const abi::OperandList& operands,
                            ExecutionResult& result) {
  try {
    engine_.before(packet, operands);
  } catch (const std::exception& error) {
    fail(packet, operands, error, result);
  }
}

void PacketExecutor::after(const abi::Packet& packet, const abi::OperandList& operands,
                           ExecutionResult& result) {
  try {
    engine_.after(packet, operands, result);
  } catch (const std::exception& error) {
    fail(packet, operands, error, result);
  }
}

void PacketExecutor::run(std::span<const abi::Packet> packets, bool halt_on_error,
                         const Engine::Ended& ended) {
  std::size_t count = 0;
  const auto counted = [&](const ExecutionResult& result) {
    ++count;
    ended(result);
  };
  try {
    const ExecutionContext context{ram_, ucode_, regions_, cancelled};
    engine_.run(packets, context, halt_on_error, counted);
    return;
  } catch (const std::exception& error) {
    log::error("packets from seq {} on ended by an exception of the engine: {}", packets[0].seq,
               error.what());
  }
  if (count == packets.size()) return;
  ExecutionResult failed;
  failed.error = Fault::kBusError;
  ended(failed);
}

CheckResult PacketExecutor::check(const abi::Packet& packet, abi::Engine& engine,
                                  abi::OperandList& operands) {
  const auto& taker = engine_of_[static_cast<std::uint8_t>(packet.opcode)];
  if (!taker) return {Fault::kUnknownOpcode, 0};
  engine = *taker;
  if (is_user(packet.opcode)) return check_header(packet);
  const abi::DeviceLimits limits{static_cast<std::uint32_t>(ucode_.words.size()),
                                 ucode_.loaded_words};
  if (const CheckResult bad = abi::check_packet(packet, limits)) return bad;
  if (packet.opcode == Opcode::kVector) {
    if (const CheckResult bad = check_program(packet)) return bad;
  }
  operands = abi::operands(packet);
  if (const CheckResult bad = abi::check_extents(operands.view(), regions_)) return bad;
  return backed_ ? CheckResult{} : check_backed(operands);
}

CheckResult PacketExecutor::check_program(const abi::Packet& packet) {
  // The check reads ucode_start to saturate and the types, 19 bytes in a row from 28 on, less
  // saturate.
  const auto vector = abi::packet_as<abi::VectorPacket>(packet);
  std::array<std::uint8_t, 18> key{};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&packet);
  static_assert(offsetof(abi::VectorPacket, ucode_start) == 28);
  static_assert(offsetof(abi::VectorPacket, out2_type) == 46);
  std::memcpy(key.data(), bytes + 28, 5);
  std::memcpy(key.data() + 8, bytes + 40, 7);
  CheckedProgram& slot =
      checked_[(vector.ucode_start ^ (vector.ucode_start >> 6)) % checked_.size()];
  if (slot.generation == ucode_.generation && slot.key == key) return {};
  const std::uint32_t first = std::min<std::uint32_t>(vector.ucode_start, ucode_.loaded_words);
  const std::span<const std::uint64_t> loaded(ucode_.words.data() + first,
                                              ucode_.loaded_words - first);
  const CheckResult result = abi::check_ucode(vector, loaded, ucode_.tables_loaded);
  if (!result) slot = {ucode_.generation, key};
  return result;
}

CheckResult PacketExecutor::check_backed(const abi::OperandList& operands) const {
  for (const abi::Operand& operand : operands.view()) {
    const std::uint64_t hull = operand.hull_end() - operand.base;
    const std::uint64_t hole = ram_.first_hole(operand.base, hull);
    if (hole != operand.base + hull) return {Fault::kBusError, hole};
  }
  return {};
}

void PacketExecutor::dispatch(const abi::Packet& packet, abi::Engine engine,
                              const abi::OperandList& operands, ExecutionResult& result) {
  const bool counted = engine != abi::Engine::kControl;
  if (counted) {
    busy.store(1u << static_cast<unsigned>(engine), std::memory_order_relaxed);
  }
  switch (packet.opcode) {
    case Opcode::kNop:
    case Opcode::kFence:
      break;
    case Opcode::kSignal:
      signal(abi::packet_as<abi::SignalPacket>(packet), result);
      break;
    case Opcode::kWait:
      wait(abi::packet_as<abi::WaitPacket>(packet), result);
      break;
    case Opcode::kLoadUcode:
      load_ucode(abi::packet_as<abi::LoadUcodePacket>(packet), result);
      break;
    default:
      run_engine(packet, operands, result);
      break;
  }
  if (counted) busy.store(0, std::memory_order_relaxed);
}

void PacketExecutor::run_engine(const abi::Packet& packet, const abi::OperandList& operands,
                                ExecutionResult& result) {
  const ExecutionContext context{ram_, ucode_, regions_, cancelled};
  try {
    engine_.execute(packet, operands, context, result);
    return;
  } catch (const std::exception& error) {
    log::error("packet seq {} ended by an exception of the engine: {}", packet.seq, error.what());
  } catch (...) {
    log::error("packet seq {} ended by an unknown exception of the engine", packet.seq);
  }
  result.error = Fault::kBusError;
  result.fault_addr = operands.count != 0 ? operands.items[0].base : 0;
}

void PacketExecutor::signal(const abi::SignalPacket& packet, ExecutionResult& result) {
  std::byte* host = ram_.pointer(packet.addr, packet.elem_bytes);
  if (packet.elem_bytes == 4) {
    __atomic_store_n(reinterpret_cast<std::uint32_t*>(host),
                     static_cast<std::uint32_t>(packet.value), __ATOMIC_RELEASE);
  } else {
    __atomic_store_n(reinterpret_cast<std::uint64_t*>(host), packet.value, __ATOMIC_RELEASE);
  }
  result.checksum = numerics::checksum_bytes(
      packet.addr, reinterpret_cast<const std::uint8_t*>(&packet.value), packet.elem_bytes);
}

void PacketExecutor::wait(const abi::WaitPacket& packet, ExecutionResult& result) {
  using Clock = std::chrono::steady_clock;
  const std::byte* host = ram_.pointer(packet.addr, 4);
  const Clock::time_point start = Clock::now();
  Backoff backoff;
  for (;;) {
    const auto elapsed =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start).count();
    // The word is read after the clock, so a value that arrived within the limit is never missed.
    if ((load_word(host) & packet.mask) == packet.value) return;
    if (cancelled.load(std::memory_order_relaxed)) return;
    if (static_cast<std::uint64_t>(elapsed) >= packet.cycle_limit) break;
    backoff.pause();
  }
  result.error = Fault::kWaitTimeout;
  result.fault_addr = packet.addr;
}

void PacketExecutor::load_ucode(const abi::LoadUcodePacket& packet, ExecutionResult& result) {
  ++ucode_.generation;
  if (packet.target == abi::UcodeTarget::kProgram) {
    result.bytes_read = packet.words * std::uint64_t{8};
    std::memcpy(ucode_.words.data() + packet.dst_word,
                ram_.pointer(packet.src_addr, result.bytes_read), result.bytes_read);
    ucode_.loaded_words = std::max(ucode_.loaded_words, packet.dst_word + packet.words);
    return;
  }
  const unsigned table = packet.target == abi::UcodeTarget::kTable0 ? 0 : 1;
  result.bytes_read = sizeof ucode_.tables[table];
  std::memcpy(ucode_.tables[table].data(), ram_.pointer(packet.src_addr, result.bytes_read),
              result.bytes_read);
  ucode_.tables_loaded |= 1u << table;
}

}  // namespace tandem::driver
