// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/ring_player.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>
#include <vector>

#include "defined_bytes.hpp"
#include "ring_device.hpp"
#include "tandem/abi/elements.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/backend.hpp"

namespace tandem::debug {
namespace {

using abi::Fault;
using Kind = runtime::TraceRecord::Kind;

}  // namespace

class RingPlayer::Impl {
 public:
  Impl(runtime::TraceReader trace, runtime::Device& a, runtime::Device& b,
       const RingOptions& options)
      : options_(options),
        path_(trace.info().path),
        trace_(std::move(trace)),
        a_(a, options.deadline),
        b_(b, options.deadline) {
    check_same_device(trace_.info(), a);
    check_same_device(trace_.info(), b);
  }

  std::optional<RingDifference> run();
  std::uint64_t packets() const { return packets_; }

 private:
  bool take(const TracePacket& packet);
  bool step();
  bool compare_results();
  bool compare_registers();
  bool counted() const;
  void heal();
  void submit(RingDevice& device) const;
  void report(std::size_t index);

  RingOptions options_;
  std::string path_;
  TracePackets trace_;
  RingDevice a_, b_;
  std::vector<TracePacket> batch_;
  TracePacket last_;  // That ran; before the first, the first.
  std::uint64_t packets_ = 0;
  std::array<std::uint64_t, 3> extra_{};  // Bytes that B's engines wrote more, modulo 2^64.
  std::optional<RingDifference> found_;
  bool ended_ = false;
};

std::optional<RingDifference> RingPlayer::Impl::run() {
  a_.start();
  b_.start();
  TracePacket packet;
  bool at_start = true;
  const auto on_record = [&](const runtime::TraceRecord& record) {
    if (found_ || ended_) return;
    if (record.kind == Kind::kWrite && !step()) return;
    a_.memory().apply(record, at_start);
    b_.memory().apply(record, at_start);
  };
  while (!ended_ && trace_.next(packet, on_record)) {
    if (std::exchange(at_start, false)) {
      last_ = packet;
      if (!compare_registers()) found_->at_reset = true;
    }
    if (found_ || ended_ || !take(packet)) break;
  }
  if (!found_ && !ended_) step();
  if (!found_) return std::nullopt;
  // A packet that stands behind those that were in flight bounds the time in waves.
  TracePackets rest{runtime::TraceReader(path_)};
  while (rest.next(packet)) {
    if (packet.number <= found_->packet.number || packet.abandoned) continue;
    found_->next = packet.number;
    break;
  }
  return std::move(found_);
}

/// False: there is no use in going on.
bool RingPlayer::Impl::take(const TracePacket& packet) {
  if (packet.abandoned) return true;
  batch_.push_back(packet);
  // A packet that may leave anything in memory is the last one until both hold the same again.
  const bool ends = !packet.recorded || packet.recorded->error >= Fault::kBadIndex;
  if (options_.together && !ends && batch_.size() < RingDevice::kEntries) return true;
  return step();
}

void RingPlayer::Impl::submit(RingDevice& device) const {
  for (const TracePacket& item : batch_) {
    abi::Packet packet = item.packet;
    packet.seq = item.number;
    packet.flags = static_cast<std::uint8_t>(packet.flags & ~abi::kFlagIrq);
    if (item.index % 2 != 0) packet.flags |= abi::kFlagIrq;
    device.device().driver().backend().annotate({.kind = driver::Annotation::Kind::kPacket,
                                                 .name = item.op,
                                                 .addr = {},
                                                 .first_seq = item.number,
                                                 .last_seq = item.number});
    device.push(packet);
  }
  device.run();
}

/// Runs what was taken on both; false if they differ or A fails.
bool RingPlayer::Impl::step() {
  if (batch_.empty()) return true;
  submit(a_);
  if (!a_.failure().empty()) {
    ended_ = true;
    return false;
  }
  submit(b_);
  if (!compare_results()) return false;
  packets_ += batch_.size();
  if (!compare_registers()) return false;
  heal();
  if (options_.on_progress) options_.on_progress(packets_, last_.op);
  batch_.clear();
  return true;
}

void RingPlayer::Impl::report(std::size_t index) {
  found_.emplace();
  found_->packet = batch_.empty() ? last_ : batch_[index];
  found_->first = batch_.empty() ? last_.number : batch_.front().number;
  const auto at = static_cast<std::uint32_t>(index);
  found_->a.completion = a_.completion(at);
  found_->b.completion = b_.completion(at);
  found_->hung = !b_.failure().empty();
  if (found_->b.completion || batch_.empty()) return;
  found_->b.failure =
      b_.failure().empty() ? "its completion record is not where it should be" : b_.failure();
}

bool RingPlayer::Impl::compare_results() {
  for (std::uint32_t i = 0; i < batch_.size(); ++i) {
    last_ = batch_[i];
    const auto of_a = a_.completion(i);
    const auto of_b = b_.completion(i);
    if (of_a && of_b && same_result(*of_a, *of_b)) continue;
    packets_ += i + 1;
    report(i);
    return false;
  }
  // It failed behind its last packet.
  if (!b_.failure().empty()) {
    packets_ += batch_.size();
    report(batch_.size() - 1);
    found_->b = {std::nullopt, b_.failure()};
    return false;
  }
  return true;
}

/// Whether the contract decides how many bytes the packets wrote.
bool RingPlayer::Impl::counted() const {
  for (const TracePacket& item : batch_) {
    if (item.packet.opcode == abi::Opcode::kScatterAdd || !item.recorded ||
        item.recorded->error >= Fault::kBadIndex) {
      return false;
    }
  }
  return true;
}

bool RingPlayer::Impl::compare_registers() {
  const std::vector<RegisterValue> a = a_.look();
  std::vector<RegisterValue> b = b_.look();
  if (!a_.failure().empty()) {
    ended_ = true;
    return false;
  }
  const bool any_address = last_.recorded && last_.recorded->error == Fault::kBusError;
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const std::string_view name = a[i].name;
    std::uint64_t right = a[i].value;
    if (name == "ERROR_ADDR" && any_address) continue;
    if (name.starts_with("WRITE")) {
      std::uint64_t& extra = extra_[static_cast<std::size_t>(name.back() - '0')];
      if (!counted()) extra = b[i].value - right;
      right += extra;
    }
    if (right == b[i].value) continue;
    report(batch_.empty() ? 0 : batch_.size() - 1);
    found_->reg = {std::string(name), right, b[i].value, {}};
    if (name == "irq") found_->reg->where = fmt::format("IRQ_MASK {}", a[i].mask);
    return false;
  }
  if (b_.failure().empty()) return true;
  report(batch_.empty() ? 0 : batch_.size() - 1);
  found_->b = {std::nullopt, b_.failure()};
  return false;
}

/// B gets A's bytes where the contract leaves them open.
void RingPlayer::Impl::heal() {
  std::vector<std::byte> bytes;
  for (std::uint32_t i = 0; i < batch_.size(); ++i) {
    const auto completion = a_.completion(i);
    if (!completion || defines_bytes(*completion)) continue;
    for (const abi::Operand& operand : abi::written_operands(batch_[i].packet)) {
      abi::for_each_run(operand, [&](std::uint64_t addr, std::uint64_t num_bytes) {
        constexpr std::uint64_t kPiece = 1 << 20;
        for (std::uint64_t at = 0; at < num_bytes; at += kPiece) {
          bytes.resize(std::min(kPiece, num_bytes - at));
          a_.device().copy_out(PhysAddr(addr + at), bytes);
          b_.device().copy_in(PhysAddr(addr + at), bytes);
        }
      });
    }
  }
}

RingPlayer::RingPlayer(runtime::TraceReader trace, runtime::Device& a, runtime::Device& b,
                       const RingOptions& options)
    : impl_(std::make_unique<Impl>(std::move(trace), a, b, options)) {}
RingPlayer::~RingPlayer() = default;
std::optional<RingDifference> RingPlayer::run() { return impl_->run(); }
std::uint64_t RingPlayer::packets() const { return impl_->packets(); }

}  // namespace tandem::debug
