// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/exec_runner.hpp"

#include <algorithm>
#include <variant>

#include "tandem/base/error.hpp"
#include "tandem/driver/backend.hpp"

namespace tandem::debug {

std::vector<abi::NamedAddress> region_names(const driver::DeviceConfig& config) {
  std::vector<abi::NamedAddress> regions;
  for (const driver::RegionConfig& region : config.regions) {
    regions.push_back({region.name, region.base.value});
  }
  return regions;
}

ExecRunner::ExecRunner(const abi::ExecFile& file, driver::Driver& driver,
                       runtime::TraceWriter* trace)
    : file_(file), driver_(driver), trace_(trace) {
  driver_.set_completion_hook([this](const abi::Packet&, const abi::Completion& completion) {
    completions_[completion.seq] = completion;
    if (trace_ != nullptr) trace_->completion(completion);
  });
}

ExecRunner::~ExecRunner() { driver_.set_completion_hook({}); }

void ExecRunner::run() {
  for (const abi::ExecStep& step : file_.steps) {
    std::visit([this](const auto& s) { take(s); }, step);
  }
  settle();
}

void ExecRunner::take(const abi::ExecWrite& write) {
  settle();
  put(write.addr, write.bytes);
}

void ExecRunner::put(std::uint64_t addr, std::span<const std::uint8_t> bytes) {
  driver_.backend().write(PhysAddr(addr), std::as_bytes(bytes));
  if (trace_ != nullptr) trace_->write(PhysAddr(addr), std::as_bytes(bytes));
}

void ExecRunner::take(const abi::ExecFill& fill) {
  settle();
  // In pieces: the count may be large.
  constexpr std::uint64_t kPieceElements = 65536;
  const std::size_t width = fill.element.size();
  std::vector<std::uint8_t> piece;
  for (std::uint64_t i = 0; i < std::min(fill.count, kPieceElements); ++i) {
    piece.insert(piece.end(), fill.element.begin(), fill.element.end());
  }
  for (std::uint64_t done = 0; done < fill.count; done += kPieceElements) {
    const std::uint64_t count = std::min(kPieceElements, fill.count - done);
    put(fill.addr + done * width, std::span(piece).first(count * width));
  }
}

void ExecRunner::take(const abi::ExecPacket& packet) {
  abi::Packet copy = packet.packet;
  pending_.emplace_back(submit(copy), &packet);
  ++packets_;
}

void ExecRunner::take(const abi::ExecExpect& expect) {
  settle();
  std::vector<std::uint8_t> found(expect.bytes.size());
  driver_.backend().read(PhysAddr(expect.addr), std::as_writable_bytes(std::span(found)));
  record(abi::check_expected(file_, expect, found));
}

std::uint64_t ExecRunner::submit(abi::Packet& packet) {
  std::uint64_t seq = 0;
  past_faults([&] { seq = driver_.submit(packet); });
  if (trace_ != nullptr) trace_->packet(packet);
  return seq;
}

/// Waits for every packet and compares completions.
void ExecRunner::settle() {
  if (pending_.empty()) return;
  past_faults([&] { driver_.wait_all(); });
  for (const auto& [seq, packet] : pending_) {
    record(abi::check_completion(file_, *packet, completions_.at(seq)));
    completions_.erase(seq);
  }
  pending_.clear();
}

template <class Call>
void ExecRunner::past_faults(Call&& call) {
  for (;;) {
    try {
      call();
      return;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDeviceFault) throw;
      driver_.resume();
    }
  }
}

void ExecRunner::record(std::string failure) {
  ++checks_;
  if (!failure.empty()) failures_.push_back(std::move(failure));
}

}  // namespace tandem::debug
