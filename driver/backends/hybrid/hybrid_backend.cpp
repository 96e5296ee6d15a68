// SPDX-License-Identifier: Apache-2.0
#include "hybrid_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <utility>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/regs.hpp"
#include "tandem/base/log.hpp"

namespace tandem::hybrid {
namespace {

namespace reg = abi::reg;

std::uint64_t read64(driver::Backend& device, std::uint32_t lo_offset) {
  // The low word may overflow between two reads of the high one.
  for (;;) {
    const std::uint32_t high = device.read32(lo_offset + 4);
    const std::uint32_t low = device.read32(lo_offset);
    if (device.read32(lo_offset + 4) == high) return std::uint64_t{high} << 32 | low;
  }
}

bool is_timed(driver::Backend& device) {
  return (device.read32(reg::kFeatures) & reg::kFeaturesTimed) != 0;
}

/// CYCLES, the counters of the engines and the PERF counters.
bool is_counter(std::uint32_t offset) {
  return offset >= reg::kCyclesLo && offset < reg::kRegionBase;
}

/// Bytes moved, which both devices count.
bool is_byte_counter(std::uint32_t offset) {
  const std::uint32_t at = offset - reg::kEngineBase;
  return at < reg::kEngineCount * reg::kEngineStride &&
         at % reg::kEngineStride >= reg::kEngineReadLo;
}

bool meets(const abi::Operand& operand, const Window& window) {
  return operand.base < window.base + window.num_bytes && operand.hull_end() > window.base;
}

/// Operands of a packet that passes the checks which need no memory; else none.
abi::OperandList operands_of(const abi::Packet& packet) {
  constexpr abi::DeviceLimits kNoLimits{.ucode_words = ~0u, .loaded_ucode_words = ~0u};
  return abi::check_packet(packet, kNoLimits) ? abi::OperandList{} : abi::operands(packet);
}

bool meets(const abi::Packet& packet, const Window& window) {
  const abi::OperandList list = operands_of(packet);
  return std::ranges::any_of(list.view(),
                             [&](const abi::Operand& operand) { return meets(operand, window); });
}

/// The packet with operands in the window moved to where no device has memory, so that the checks
/// before the extents are the device's.
abi::Packet without_window(const abi::Packet& packet, const Window& window) {
  constexpr std::uint64_t kUnmapped = std::uint64_t{1} << 48;
  abi::Packet moved = packet;
  const abi::OperandList list = operands_of(packet);
  for (const abi::Operand& operand : list.view()) {
    if (!meets(operand, window)) continue;
    std::memcpy(reinterpret_cast<std::byte*>(&moved) + operand.addr_field, &kUnmapped,
                sizeof kUnmapped);
  }
  return moved;
}

/// Errors of the check of extents, and of a place that was moved behind it.
bool is_extent_error(abi::Fault error) {
  return error == abi::Fault::kUnmapped || error == abi::Fault::kReadOnly ||
         error == abi::Fault::kShapeOverflow;
}

}  // namespace

void OpNames::note(const driver::Annotation& note) {
  if (note.kind != driver::Annotation::Kind::kPacket) return;
  const std::lock_guard lock(mutex_);
  ops_[note.first_seq] = note.name;
  if (note.last_seq != ~std::uint64_t{0}) ops_.try_emplace(note.last_seq + 1);
}

std::string OpNames::op(std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  const auto next = ops_.upper_bound(seq);
  return next == ops_.begin() ? std::string() : std::prev(next)->second;
}

void OpNames::forget_before(std::uint64_t seq) {
  const std::lock_guard lock(mutex_);
  const auto next = ops_.upper_bound(seq);
  if (next != ops_.begin()) ops_.erase(ops_.begin(), std::prev(next));
}

HybridEngine::HybridEngine(std::unique_ptr<DeviceLink> a, std::unique_ptr<DeviceLink> b,
                           Selection selection)
    : a_(std::move(a)), b_(std::move(b)), selection_(std::move(selection)) {}

HybridEngine::~HybridEngine() {
  const std::uint64_t packets = a_->packets() + b_->packets();
  if (chosen_ == 0 && packets != 0 && selection_.names_any()) {
    log::warning("hybrid: none of the packets was chosen for {}; check the selection", b_->label());
  } else {
    log::info("hybrid: {} packets ran on {}", chosen_, b_->label());
  }
}

std::optional<abi::Engine> HybridEngine::engine_for(std::uint8_t opcode) const {
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  return info != nullptr ? std::optional(info->engine) : std::nullopt;
}

bool HybridEngine::is_chosen(const abi::Packet& packet) {
  return selection_.has(packet.seq, selection_.needs_ops() ? ops_.op(packet.seq) : std::string());
}

std::size_t HybridEngine::take(std::span<const abi::Packet> packets) {
  ops_.forget_before(packets[0].seq);
  on_b_ = is_chosen(packets[0]);
  std::size_t count = 1;
  const std::size_t limit = std::min(packets.size(), kLinkPackets);
  if (meets(packets[0], a_->window())) return count;
  while (count < limit && is_chosen(packets[count]) == on_b_ &&
         !meets(packets[count], a_->window())) {
    ++count;
  }
  return count;
}

abi::CheckResult HybridEngine::check_window(const abi::Packet& packet,
                                            std::span<const abi::Region> regions) const {
  const Window& window = a_->window();
  if (!meets(packet, window)) return {};
  const abi::CheckResult result = abi::check_extents(operands_of(packet).view(), regions);
  if (result) {
    log::warning(
        "hybrid: packet seq {} points to {:#x}: the {} bytes from {:#x} on hold the rings of the "
        "two devices, no region of the memory map has them",
        packet.seq, result.fault_addr, window.num_bytes, window.base);
  }
  return result;
}

void HybridEngine::run(std::span<const abi::Packet> packets,
                       const driver::ExecutionContext& context, bool halt_on_error,
                       const Ended& ended) {
  DeviceLink& link = on_b_ ? *b_ : *a_;
  std::size_t done = 0;
  // Such a packet was taken alone.
  const abi::CheckResult refused = check_window(packets[0], context.regions);
  abi::Packet moved;
  std::span<const abi::Packet> submitted = packets;
  if (refused) {
    moved = without_window(packets[0], link.window());
    submitted = {&moved, 1};
  }
  try {
    check();
    link.run(submitted, context.regions, halt_on_error, context.cancelled,
             [&](const abi::Completion& record) {
               const abi::Packet& packet = packets[done++];
               if (on_b_) ++chosen_;
               const bool loads = packet.opcode == abi::Opcode::kLoadUcode;
               if (loads && record.error == abi::Fault::kNone) mirror(packet, context);
               driver::ExecutionResult result;
               result.error = record.error;
               result.fault_addr = record.fault_addr;
               if (refused && is_extent_error(record.error)) {
                 result.error = refused.fault;
                 result.fault_addr = refused.fault_addr;
               }
               result.checksum = record.checksum;
               result.engine = record.engine;
               result.cycles = record.cycles;
               result.start_cycle = record.start_cycle;
               ended(result);
             });
    return;
  } catch (const Error& error) {
    fail(error.with_context(fmt::format("hybrid: packet seq {} on {}",
                                        packets[std::min(done, packets.size() - 1)].seq,
                                        link.label())));
  }
  if (done == packets.size()) return;
  driver::ExecutionResult failed;
  failed.error = abi::Fault::kBusError;
  ended(failed);
}

/// The other device gets what was loaded before software may change the source.
void HybridEngine::mirror(const abi::Packet& packet, const driver::ExecutionContext& context) {
  DeviceLink& link = on_b_ ? *b_ : *a_;
  DeviceLink& other = on_b_ ? *a_ : *b_;
  other.run({&packet, 1}, context.regions, false, context.cancelled,
            [&](const abi::Completion& record) {
              if (record.error == abi::Fault::kNone) return;
              fail(Error(ErrorCode::kMismatch,
                         fmt::format("hybrid: LOAD_UCODE seq {} succeeds on {} and ends with {} at "
                                     "{:#x} on {}",
                                     packet.seq, link.label(), abi::to_string(record.error),
                                     record.fault_addr, other.label())));
            });
}

void HybridEngine::fail(const Error& error) {
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = error;
}

void HybridEngine::check() {
  const std::lock_guard lock(mutex_);
  if (failure_) throw *failure_;
}

void HybridEngine::reset() {
  {
    const std::lock_guard lock(mutex_);
    failure_.reset();
  }
  for (DeviceLink* link : {a_.get(), b_.get()}) {
    try {
      link->reset();
    } catch (const Error& error) {
      fail(error.with_context("hybrid: reset of " + link->label()));
    }
  }
}

HybridBackend::HybridBackend(const driver::DeviceConfig& config,
                             std::unique_ptr<HybridEngine> engine)
    : HybridBackend(config, engine.release()) {}

HybridBackend::HybridBackend(const driver::DeviceConfig& config, HybridEngine* engine)
    : InProcessBackend(fmt::format("hybrid:{},{}", engine->a().label(), engine->b().label()),
                       config, std::unique_ptr<HybridEngine>(engine)),
      engine_(*engine),
      timed_(is_timed(engine->b().device()) || !is_timed(engine->a().device())
                 ? engine->b().device()
                 : engine->a().device()) {}

std::uint32_t HybridBackend::read32(std::uint32_t offset) {
  engine_.check();
  if (offset % 4 != 0) return 0;
  if (is_byte_counter(offset)) {
    const std::uint32_t lo_offset = offset & ~std::uint32_t{4};
    const std::uint64_t sum =
        read64(engine_.a().device(), lo_offset) + read64(engine_.b().device(), lo_offset);
    return static_cast<std::uint32_t>(sum >> (offset == lo_offset ? 0 : 32));
  }
  if (offset == reg::kFeatures || is_counter(offset)) return timed_.read32(offset);
  return InProcessBackend::read32(offset);
}

void HybridBackend::write32(std::uint32_t offset, std::uint32_t value) {
  const bool resets = offset == reg::kCommand && (value & reg::kCommandReset) != 0;
  if (!resets) engine_.check();
  InProcessBackend::write32(offset, value);
}

void HybridBackend::read(PhysAddr src, std::span<std::byte> dst) {
  engine_.check();
  InProcessBackend::read(src, dst);
}

void HybridBackend::write(PhysAddr dst, std::span<const std::byte> src) {
  engine_.check();
  InProcessBackend::write(dst, src);
}

bool HybridBackend::wait_irq(std::chrono::nanoseconds timeout) {
  engine_.check();
  const bool level = InProcessBackend::wait_irq(timeout);
  engine_.check();
  return level;
}

void HybridBackend::annotate(const driver::Annotation& note) {
  engine_.ops().note(note);
  engine_.a().device().annotate(note);
  engine_.b().device().annotate(note);
}

std::string HybridBackend::take_findings() {
  return engine_.a().device().take_findings() + engine_.b().device().take_findings();
}

}  // namespace tandem::hybrid
