// SPDX-License-Identifier: Apache-2.0
#include "tandem/debug/history.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "places.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/runtime/trace.hpp"

namespace tandem::debug {
namespace {

using runtime::TraceRecord;

/// Errors of packets that had begun; all others wrote and read nothing.
bool had_started(abi::Fault error) {
  return error == abi::Fault::kBadIndex || error == abi::Fault::kBusError ||
         error == abi::Fault::kWaitTimeout;
}

class Collector {
 public:
  Collector(History& history, std::uint64_t before) : history_(history), before_(before) {}

  void take(const TraceRecord& record) {
    switch (record.kind) {
      case TraceRecord::Kind::kOp:
        op_ = record.text;
        break;
      case TraceRecord::Kind::kWrite:
        if (!over_) host_write(record);
        break;
      case TraceRecord::Kind::kPacket:
        packet(record.packet);
        break;
      case TraceRecord::Kind::kCompletion:
        complete(record.completion);
        break;
      case TraceRecord::Kind::kReset:
        pending_.clear();
        break;
      default:
        places_.take(record);
        break;
    }
  }

  void finish() {
    std::erase_if(history_.accesses, [](const Access& access) {
      return access.outcome == Access::Outcome::kFailed && !had_started(access.error);
    });
    for (Access& access : history_.accesses) {
      if (access.by != Access::By::kPacket) access.seq += 1;
    }
  }

 private:
  void host_write(const TraceRecord& record) {
    const abi::ByteRange bytes{record.addr.value, record.addr.value + record.data.size()};
    const std::uint64_t first = std::max(bytes.begin, history_.range.begin);
    if (first >= std::min(bytes.end, history_.range.end)) return;
    Access access;
    access.by = any_packet_ ? Access::By::kHost : Access::By::kStart;
    access.writes = true;
    access.seq = last_seq_;
    access.bytes = bytes;
    access.addr = first;
    access.place = places_.at(first);
    history_.accesses.push_back(std::move(access));
  }

  void packet(const abi::Packet& packet) {
    over_ = over_ || packet.seq >= before_;
    any_packet_ = true;
    last_seq_ = packet.seq;
    if (over_) return;
    const abi::OperandList operands = abi::checked_operands(packet);
    for (const abi::Operand& operand : operands.view()) {
      const auto touch = abi::first_touch(operand, history_.range);
      if (!touch) continue;
      pending_[packet.seq].push_back(history_.accesses.size());
      Access access;
      access.reads = operand.role != abi::Role::kWrite;
      access.writes = operand.role != abi::Role::kRead;
      access.indexed = operand.indexed;
      access.seq = packet.seq;
      access.packet = packet;
      access.operand = operand;
      access.op = op_;
      access.element = abi::touch_text(operand, *touch, abi::element_bytes(packet, operand));
      access.addr = touch->addr;
      access.place = places_.at(touch->addr);
      access.outcome = Access::Outcome::kUnfinished;
      history_.accesses.push_back(std::move(access));
    }
  }

  void complete(const abi::Completion& completion) {
    const auto found = pending_.find(completion.seq);
    if (found == pending_.end()) return;
    for (const std::size_t at : found->second) {
      Access& access = history_.accesses[at];
      access.error = completion.error;
      access.outcome =
          completion.error == abi::Fault::kNone ? Access::Outcome::kDone : Access::Outcome::kFailed;
    }
    pending_.erase(found);
  }

  History& history_;
  const std::uint64_t before_;
  Places places_;
  std::string op_;
  std::map<std::uint64_t, std::vector<std::size_t>> pending_;
  std::uint64_t last_seq_ = 0;
  bool any_packet_ = false;
  bool over_ = false;  // Packet `before_` has been submitted.
};

std::string region_of(const driver::DeviceConfig& config, std::uint64_t addr) {
  for (const driver::RegionConfig& region : config.regions) {
    if (addr >= region.base.value && addr - region.base.value < region.size) return region.name;
  }
  return {};
}

bool writes_byte(const Access& access, std::uint64_t addr) {
  if (!access.writes) return false;
  if (access.by != Access::By::kPacket) {
    return addr >= access.bytes.begin && addr < access.bytes.end;
  }
  return abi::first_touch(access.operand, {addr, addr + 1}).has_value();
}

}  // namespace

History history_of(const std::string& path, abi::ByteRange range, std::uint64_t before) {
  if (range.begin >= range.end || range.end - range.begin > kMaxHistoryBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} bytes at {:#x}: expected 1 to {} bytes", range.end - range.begin,
                            range.begin, kMaxHistoryBytes));
  }
  runtime::TraceReader reader(path);
  History history{.path = path,
                  .backend = reader.info().backend,
                  .region = region_of(reader.info().config, range.begin),
                  .range = range,
                  .accesses = {}};
  if (history.region.empty()) {
    std::string regions;
    for (const driver::RegionConfig& region : reader.info().config.regions) {
      regions += fmt::format("{}{} [{:#x}, {:#x})", regions.empty() ? "" : ", ", region.name,
                             region.base.value, region.base.value + region.size);
    }
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{:#x} lies in no region of the device that {} was recorded on; it has "
                            "{}",
                            range.begin, path, regions));
  }
  Collector collector(history, before);
  TraceRecord record;
  while (reader.next(record)) collector.take(record);
  collector.finish();
  return history;
}

std::vector<LastWriter> last_writers(const History& history) {
  std::vector<LastWriter> pieces;
  for (std::uint64_t addr = history.range.begin; addr < history.range.end; ++addr) {
    LastWriter writer{.bytes = {addr, addr + 1}};
    for (auto it = history.accesses.rbegin(); it != history.accesses.rend(); ++it) {
      if (!writes_byte(*it, addr)) continue;
      if (!it->indexed) {
        writer.access = &*it;
        break;
      }
      writer.maybe.push_back(&*it);
    }
    const bool same = !pieces.empty() && pieces.back().access == writer.access &&
                      pieces.back().maybe == writer.maybe;
    if (same) {
      ++pieces.back().bytes.end;
    } else {
      pieces.push_back(std::move(writer));
    }
  }
  return pieces;
}

std::string describe(const Access& access) {
  if (access.by != Access::By::kPacket) {
    return fmt::format("{} {} bytes at {:#x}",
                       access.by == Access::By::kStart ? "start of the recording:" : "host writes",
                       access.bytes.end - access.bytes.begin, access.bytes.begin);
  }
  const auto opcode = static_cast<std::uint8_t>(access.packet.opcode);
  const abi::OpcodeInfo* info = abi::find_opcode(opcode);
  const char* verb = !access.writes  ? (access.indexed ? "may read" : "reads")
                     : !access.reads ? (access.indexed ? "may write" : "writes")
                                     : (access.indexed ? "may read and write" : "reads and writes");
  std::string text =
      fmt::format("packet {} {} {} {}", access.seq,
                  info != nullptr ? std::string(info->name) : fmt::format("{:#04x}", opcode), verb,
                  access.element);
  if (access.outcome == Access::Outcome::kFailed) {
    text += fmt::format(" (failed: {})", abi::to_string(access.error));
  } else if (access.outcome == Access::Outcome::kUnfinished) {
    text += " (did not complete)";
  }
  return text;
}

}  // namespace tandem::debug
