// SPDX-License-Identifier: Apache-2.0
#include "packet_watch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "tandem/abi/asm.hpp"
#include "tandem/abi/isa.hpp"
#include "tandem/abi/regs.hpp"

namespace tandem::rtlmodel {
namespace {

namespace reg = abi::reg;

constexpr unsigned kCommandId = 0;  // AXI id of the command processor, npu_pkg::RdCmd and WrCmd.
constexpr std::size_t kMaxPending = 64;  // More than the device ever has.
constexpr std::size_t kShown = 8;

void set_low(std::uint64_t& word, std::uint32_t value) {
  word = (word & ~std::uint64_t{0xffff'ffff}) | value;
}
void set_high(std::uint64_t& word, std::uint32_t value) {
  word = (word & 0xffff'ffff) | std::uint64_t{value} << 32;
}

}  // namespace

void PacketWatch::register_written(std::uint32_t offset, std::uint32_t value) {
  switch (offset) {
    case reg::kRingBaseLo:
      return set_low(commands_.base, value);
    case reg::kRingBaseHi:
      return set_high(commands_.base, value);
    case reg::kRingEntries:
      commands_.entries = value;
      return;
    case reg::kCplBaseLo:
      return set_low(completions_.base, value);
    case reg::kCplBaseHi:
      return set_high(completions_.base, value);
    case reg::kCplEntries:
      completions_.entries = value;
      return;
    case reg::kCommand:
      if ((value & reg::kCommandReset) != 0) reset();
      return;
    default:
      return;
  }
}

void PacketWatch::reset() {
  commands_ = {.record_bytes = abi::kPacketBytes};
  completions_ = {.record_bytes = abi::kCompletionBytes};
  pending_.clear();
}

void PacketWatch::read_begins(const AxiBurst& burst) {
  if (burst.id != kCommandId || burst.host == nullptr || !commands_.holds(burst.addr)) return;
  const std::uint64_t slot = commands_.slot(burst.addr);
  const std::uint64_t seq = sequence_at(slot + offsetof(abi::Packet, seq));
  const auto same = [&](const Pending& p) { return p.seq == seq && p.slot == slot; };
  // A packet takes several bursts, and is fetched again if the device dropped it.
  if (std::any_of(pending_.begin(), pending_.end(), same)) return;
  pending_.push_back({seq, slot});
  if (pending_.size() > kMaxPending) pending_.pop_front();
  if (on_fetch) on_fetch(seq);
}

void PacketWatch::write_ends(const AxiBurst& burst) {
  if (burst.id != kCommandId || burst.host == nullptr || !completions_.holds(burst.addr)) return;
  const std::uint64_t record = completions_.slot(burst.addr);
  const std::uint64_t seq = sequence_at(record + offsetof(abi::Completion, seq));
  while (!pending_.empty() && pending_.front().seq <= seq) pending_.pop_front();
  if (on_completion) on_completion(seq);
}

std::uint64_t PacketWatch::sequence_at(std::uint64_t addr) const {
  std::uint64_t seq = 0;
  if (const std::byte* host = ram_.pointer(addr, sizeof seq)) std::memcpy(&seq, host, sizeof seq);
  return seq;
}

std::string PacketWatch::describe() const {
  std::string text;
  for (std::size_t i = 0; i < std::min(pending_.size(), kShown); ++i) {
    abi::Packet packet;
    const std::byte* host = ram_.pointer(pending_[i].slot, sizeof packet);
    if (host == nullptr) continue;
    std::memcpy(static_cast<void*>(&packet), host, sizeof packet);
    text += "  " + abi::disassemble(packet) + '\n';
  }
  if (pending_.size() > kShown) text += fmt::format("  and {} more\n", pending_.size() - kShown);
  return text;
}

}  // namespace tandem::rtlmodel
