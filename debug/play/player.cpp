// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/player.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "defined_bytes.hpp"
#include "program_image.hpp"
#include "side.hpp"
#include "tandem/abi/describe.hpp"
#include "tandem/abi/elements.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug {
namespace {

using abi::Fault;
using Kind = runtime::TraceRecord::Kind;

}  // namespace

bool same_result(const abi::Completion& a, const abi::Completion& b) {
  // Any faulting beat's address is right.
  const bool any_address = a.error == Fault::kBusError;
  return a.opcode == b.opcode && a.engine == b.engine && a.error == b.error &&
         (any_address || a.fault_addr == b.fault_addr) && a.checksum == b.checksum;
}

bool same_result(const Outcome& a, const Outcome& b) {
  if (!a.completion || !b.completion) return !a.completion && !b.completion;
  return same_result(*a.completion, *b.completion);
}

std::string describe(const abi::Packet& packet, const Outcome& outcome) {
  if (!outcome.completion) {
    return outcome.failure.empty() ? "never completed" : outcome.failure;
  }
  const abi::Completion& record = *outcome.completion;
  if (record.error == Fault::kNone) return fmt::format("checksum {:#018x}", record.checksum);
  return fmt::format("{} at {:#x} ({})", abi::to_string(record.error), record.fault_addr,
                     abi::describe_fault(packet, record.error, record.fault_addr));
}

class Player::Impl {
 public:
  Impl(runtime::TraceReader trace, runtime::Device& a, runtime::Device* b,
       const PlayerOptions& options)
      : options_(options), trace_(std::move(trace)), a_(a, options.deadline) {
    check_same_device(trace_.info(), a);
    if (b == nullptr) return;
    check_same_device(trace_.info(), *b);
    b_.emplace(*b, options.deadline);
  }

  const runtime::TraceInfo& info() const { return trace_.info(); }
  runtime::Device& a() { return a_.device(); }
  runtime::Device* b() { return b_ ? &b_->device() : nullptr; }

  const TracePacket* next() {
    if (std::exchange(heal_, false)) heal();
    fresh_ = std::exchange(held_, false) || (failure_.empty() && read_packet(true));
    return current();
  }
  const TracePacket* current() const { return fresh_ ? &packet_ : nullptr; }

  const Step& run();
  PlayedRange play_to(std::uint64_t number, bool stop_at_difference);

  void observe(OnRecord on_record) { on_record_ = std::move(on_record); }
  TracePosition position() const { return at_; }
  void seek(const TracePosition& position);
  std::vector<TraceTensor> tensors_in(std::uint64_t addr, std::uint64_t num_bytes) const;

 private:
  struct InFlight {
    std::uint64_t number;
    std::uint64_t seq_a;
    std::uint64_t seq_b;
    abi::Completion recorded;
  };

  bool read_packet(bool apply_writes);
  void apply(const runtime::TraceRecord& record);
  void pass_reset();
  void note_played();
  void heal();
  void submit_ahead(PlayedRange& range);
  void drain(PlayedRange& range);

  template <class Call>
  void for_each_side(Call&& call) {
    call(a_);
    if (b_) call(*b_);
  }

  PlayerOptions options_;
  TracePackets trace_;
  OnRecord on_record_;
  Side a_;
  std::optional<Side> b_;
  TracePacket packet_;
  Step step_;
  TracePosition at_;  // Behind the last packet; `program` and `tables` are what is loaded.
  std::uint64_t packets_ = 0;
  std::map<std::uint64_t, TraceTensor> tensors_;  // By address.
  bool heal_ = false;                             // B needs A's bytes before anything else happens.
  bool fresh_ = false;                            // packet_ has been given and not run.
  bool held_ = false;                             // `next` gives packet_ once more.
  std::vector<InFlight> in_flight_;
  PlayedRange* range_ = nullptr;  // While `play_to` runs.
  std::string failure_;
};

/// Reads on to the next packet; without `apply_writes` memory stays as it is.
bool Player::Impl::read_packet(bool apply_writes) {
  const bool found = trace_.next(packet_, [&](const runtime::TraceRecord& record) {
    const bool told = record.kind == Kind::kReset || record.kind == Kind::kWrite;
    if (on_record_ && told) on_record_(record, trace_.completed());
    if (record.kind == Kind::kReset) {
      pass_reset();
    } else if (apply_writes || record.kind != Kind::kWrite) {
      apply(record);
    }
  });
  if (!found) return false;
  ++packets_;
  // Left out unless `run` follows.
  at_.records = trace_.num_records();
  return true;
}

void Player::Impl::apply(const runtime::TraceRecord& record) {
  constexpr std::size_t kMaxTensors = 1 << 16;
  if (record.kind == Kind::kTensor && tensors_.size() < kMaxTensors) {
    tensors_[record.addr.value] = {record.addr.value, record.num_bytes, record.text};
  }
  if (range_ != nullptr && record.kind == Kind::kWrite) drain(*range_);
  for_each_side([&](Side& side) { side.memory().apply(record, packets_ == 0); });
}

void Player::Impl::pass_reset() {
  if (range_ != nullptr) drain(*range_);
  for_each_side([](Side& side) { side.restart(); });
  at_.program.clear();
  at_.tables = {};
}

const Step& Player::Impl::run() {
  TANDEM_CHECK(fresh_);
  fresh_ = false;
  step_ = {};
  step_.left_out = packet_.abandoned;
  if (step_.left_out) return step_;
  for_each_side([&](Side& side) { side.submit(packet_, at_); });
  for_each_side([](Side& side) { side.start(); });
  step_.a = a_.finish();
  if (b_) step_.b = b_->finish();
  note_played();
  if (b_ && (!has_result(step_.a) || !has_result(step_.b) ||
             (options_.isolated && !same_result(step_.a, step_.b)))) {
    heal_ = true;
  }
  return step_;
}

void Player::Impl::note_played() {
  if (packet_.packet.opcode != abi::Opcode::kLoadUcode) return;
  const bool loaded = step_.a.completion && step_.a.completion->error == Fault::kNone;
  if (loaded) note_load(at_, packet_.packet, a_.device());
  const bool loaded_on_b = !b_ || (step_.b.completion && step_.b.completion->error == Fault::kNone);
  if (loaded && !loaded_on_b) b_->lose_programs();
}

/// B gets A's bytes in the destinations of the packet.
void Player::Impl::heal() {
  std::vector<std::byte> bytes;
  for (const abi::Operand& operand : abi::written_operands(packet_.packet)) {
    abi::for_each_run(operand, [&](std::uint64_t addr, std::uint64_t num_bytes) {
      constexpr std::uint64_t kPiece = 1 << 20;
      for (std::uint64_t at = 0; at < num_bytes; at += kPiece) {
        bytes.resize(std::min(kPiece, num_bytes - at));
        a_.device().copy_out(PhysAddr(addr + at), bytes);
        b_->device().copy_in(PhysAddr(addr + at), bytes);
      }
    });
  }
}

PlayedRange Player::Impl::play_to(std::uint64_t number, bool stop_at_difference) {
  PlayedRange range;
  range_ = &range;
  while (const TracePacket* packet = next()) {
    const bool stop = stop_at_difference && range.first_difference;
    if (packet->number >= number || stop) {
      held_ = true;
      break;
    }
    const bool expected = packet->recorded && packet->recorded->error == Fault::kNone;
    bool lost = false;
    for_each_side([&](Side& side) { lost = lost || side.programs_lost(); });
    if (!expected || lost || packet->packet.opcode == abi::Opcode::kLoadUcode) {
      drain(range);
      if (!failure_.empty()) break;
      const Step& step = run();
      ++range.packets;
      const auto differs = [&](const Outcome& outcome) {
        return packet_.recorded &&
               (!outcome.completion || !same_result(*outcome.completion, *packet_.recorded));
      };
      if (!range.first_difference && !step.left_out &&
          (differs(step.a) || (b_ && differs(step.b)))) {
        range.first_difference = packet_.number;
      }
      continue;
    }
    submit_ahead(range);
  }
  drain(range);
  range_ = nullptr;
  range.failure = failure_;
  return range;
}

void Player::Impl::submit_ahead(PlayedRange& range) {
  // Completions are kept for the last 4096 packets.
  constexpr std::size_t kMaxInFlight = 1024;
  InFlight packet{.number = packet_.number, .seq_a = 0, .seq_b = 0, .recorded = *packet_.recorded};
  packet.seq_a = a_.submit(packet_, at_);
  if (b_) packet.seq_b = b_->submit(packet_, at_);
  in_flight_.push_back(packet);
  ++range.packets;
  if (in_flight_.size() >= kMaxInFlight) drain(range);
}

void Player::Impl::drain(PlayedRange& range) {
  if (in_flight_.empty()) return;
  const auto check = [&](Side& side, std::uint64_t InFlight::*seq) {
    const Outcome last = side.finish();
    for (const InFlight& packet : in_flight_) {
      const auto found = side.completion(packet.*seq);
      if (found && same_result(*found, packet.recorded)) continue;
      range.first_difference =
          std::min(range.first_difference.value_or(packet.number), packet.number);
      // Packets behind it were abandoned, so the device is where the trace never was.
      if (!found || found->error != Fault::kNone) {
        failure_ = fmt::format("packet {}: {}", packet.number,
                               found ? abi::to_string(found->error) : last.failure);
        return;
      }
    }
  };
  check(a_, &InFlight::seq_a);
  if (b_) check(*b_, &InFlight::seq_b);
  in_flight_.clear();
}

void Player::Impl::seek(const TracePosition& position) {
  while (trace_.num_records() < position.records) {
    if (!read_packet(false)) break;
  }
  if (trace_.num_records() != position.records) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: no packet ends at record {}; the position belongs to another trace",
                    info().path, position.records));
  }
  at_ = position;
  for_each_side([](Side& side) { side.lose_programs(); });
}

std::vector<TraceTensor> Player::Impl::tensors_in(std::uint64_t addr,
                                                  std::uint64_t num_bytes) const {
  std::vector<TraceTensor> found;
  for (const auto& [base, tensor] : tensors_) {
    if (base >= addr + num_bytes) break;
    if (base + tensor.num_bytes > addr) found.push_back(tensor);
  }
  return found;
}

Player::Player(runtime::TraceReader trace, runtime::Device& a, const PlayerOptions& options)
    : impl_(std::make_unique<Impl>(std::move(trace), a, nullptr, options)) {}
Player::Player(runtime::TraceReader trace, runtime::Device& a, runtime::Device& b,
               const PlayerOptions& options)
    : impl_(std::make_unique<Impl>(std::move(trace), a, &b, options)) {}
Player::~Player() = default;
Player::Player(Player&&) noexcept = default;
Player& Player::operator=(Player&&) noexcept = default;

const runtime::TraceInfo& Player::info() const { return impl_->info(); }
runtime::Device& Player::a() { return impl_->a(); }
runtime::Device* Player::b() { return impl_->b(); }
const TracePacket* Player::next() { return impl_->next(); }
const TracePacket* Player::current() const { return impl_->current(); }
std::vector<TraceTensor> Player::tensors_in(std::uint64_t addr, std::uint64_t num_bytes) const {
  return impl_->tensors_in(addr, num_bytes);
}
const Step& Player::run() { return impl_->run(); }
PlayedRange Player::play_to(std::uint64_t number, bool stop_at_difference) {
  return impl_->play_to(number, stop_at_difference);
}
void Player::observe(OnRecord on_record) { impl_->observe(std::move(on_record)); }
TracePosition Player::position() const { return impl_->position(); }
void Player::seek(const TracePosition& position) { impl_->seek(position); }

}  // namespace tandem::debug
