// SPDX-License-Identifier: Apache-2.0
#include "hybrid_backend.hpp"

#include <fmt/format.h>

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
  if (next == ops_.begin()) return {};
  const auto found = std::prev(next);
  ops_.erase(ops_.begin(), found);  // Packets come in order: earlier ones are not asked for.
  return found->second;
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

void HybridEngine::execute(const abi::Packet& packet, const abi::OperandList& /*operands*/,
                           const driver::ExecutionContext& context,
                           driver::ExecutionResult& result) {
  const bool on_b =
      selection_.has(packet.seq, selection_.needs_ops() ? ops_.op(packet.seq) : std::string());
  DeviceLink& link = on_b ? *b_ : *a_;
  DeviceLink& other = on_b ? *a_ : *b_;
  if (on_b) ++chosen_;
  try {
    const abi::Completion record = link.run(packet, context.regions, context.cancelled);
    result.error = record.error;
    result.fault_addr = record.fault_addr;
    result.checksum = record.checksum;
    result.engine = record.engine;
    result.cycles = record.cycles;
    result.start_cycle = record.start_cycle;
    if (packet.opcode != abi::Opcode::kLoadUcode || record.error != abi::Fault::kNone) return;
    const abi::Completion mirrored = other.run(packet, context.regions, context.cancelled);
    if (mirrored.error != abi::Fault::kNone && !context.cancelled) {
      fail(
          Error(ErrorCode::kMismatch,
                fmt::format("hybrid: LOAD_UCODE seq {} succeeds on {} and ends with {} at {:#x} on "
                            "{}",
                            packet.seq, link.label(), abi::to_string(mirrored.error),
                            mirrored.fault_addr, other.label())));
    }
  } catch (const Error& error) {
    fail(error.with_context(fmt::format("hybrid: packet seq {} on {}", packet.seq, link.label())));
    result.error = abi::Fault::kBusError;
  }
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
