// SPDX-License-Identifier: Apache-2.0
// Cases from traces.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "memory_image.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/case_file.hpp"

namespace tandem::debug {
namespace {

/// Words from the start of the program memory that the packet needs to be loaded.
std::size_t words_needed(const abi::Packet& packet) {
  if (packet.opcode == abi::Opcode::kVector) {
    const auto vector = abi::packet_as<abi::VectorPacket>(packet);
    return std::size_t{vector.ucode_start} + vector.ucode_words;
  }
  if (packet.opcode == abi::Opcode::kLoadUcode) {
    return abi::packet_as<abi::LoadUcodePacket>(packet).dst_word;
  }
  return 0;
}

class CaseRecorder {
 public:
  explicit CaseRecorder(Player& player)
      : player_(player), loaded_(player.position()), memory_(memory_of(player.a())) {
    case_.config = player.info().config;
    case_.origin.a = player.info().backend;
    player.observe([this](const runtime::TraceRecord& record, std::uint64_t completed) {
      between(record, completed);
    });
  }
  ~CaseRecorder() { player_.observe({}); }
  CaseRecorder(const CaseRecorder&) = delete;
  CaseRecorder& operator=(const CaseRecorder&) = delete;

  Case record(std::uint64_t packets) {
    for (std::uint64_t i = 0; i < packets; ++i) {
      const TracePacket* packet = i == 0 ? player_.current() : player_.next();
      if (packet == nullptr) {
        throw Error(ErrorCode::kInvalidArgument,
                    fmt::format("{}: the trace ends before {} packets of a case",
                                player_.info().path, packets));
      }
      const bool last = i + 1 == packets;
      if (last || !packet->abandoned) add(*packet);
    }
    finish();
    return std::move(case_);
  }

 private:
  void add(const TracePacket& packet) {
    for (const std::uint64_t page : touched_pages(packet.packet, case_.config, memory_, false)) {
      capture(page);
    }
    needed_words_ = std::max(needed_words_, words_needed(packet.packet));
    needs_tables_ = needs_tables_ || packet.packet.opcode == abi::Opcode::kVector;
    // Index data decides which pages are written; the packet itself may write over it.
    last_written_ = touched_pages(packet.packet, case_.config, memory_, true);
    CasePacket recorded{
        packet.packet, packet.op, {}, std::exchange(reset_, false), std::exchange(writes_, {})};
    const Step& step = player_.run();
    if (!step.a.completion) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("packet {} cannot be a case: on {} it {}", packet.number,
                              player_.a().backend_name(),
                              step.left_out ? "was abandoned" : step.a.failure));
    }
    recorded.completion = *step.a.completion;
    recorded.completion.seq = packet.number;
    case_.packets.push_back(std::move(recorded));
  }

  /// What the host does between two packets of the case.
  void between(const runtime::TraceRecord& record, std::uint64_t completed) {
    if (record.kind == runtime::TraceRecord::Kind::kReset) {
      reset_ = true;
      return;
    }
    // Pages that no packet has touched so far are taken with what is written here.
    for (std::uint64_t at = 0; at < record.data.size();) {
      const std::uint64_t addr = record.addr.value + at;
      const std::uint64_t offset = addr % kPageBytes;
      const std::uint64_t count = std::min(kPageBytes - offset, record.data.size() - at);
      if (captured_.contains(addr - offset)) {
        add_write(addr, record.data.subspan(at, count), completed);
      }
      at += count;
    }
  }

  void add_write(std::uint64_t addr, std::span<const std::byte> bytes, std::uint64_t completed) {
    const bool joins = !writes_.empty() && writes_.back().completed == completed &&
                       writes_.back().piece.addr.value + writes_.back().piece.bytes.size() == addr;
    if (!joins) writes_.push_back({{PhysAddr(addr), {}}, completed});
    auto& piece = writes_.back().piece.bytes;
    piece.insert(piece.end(), bytes.begin(), bytes.end());
  }

  /// A page as it is before any packet of the case has touched it.
  void capture(std::uint64_t base) {
    if (!captured_.insert(base).second) return;
    Page page;
    memory_(base, page);
    image_.write(base, page);
  }

  void finish() {
    const CasePacket& last = case_.packets.back();
    case_.origin.op = last.op;
    case_.origin.number = last.packet.seq;
    const abi::Fault error = last.completion.error;
    if (error != abi::Fault::kBadIndex && error != abi::Fault::kBusError) {
      case_.expected = take_pages(memory_, last_written_, true);
    }
    add_tensors();
    add_loads();
    case_.memory = image_.pieces();
  }

  void add_tensors() {
    std::uint64_t behind = 0;  // Names are wanted once; a tensor covers many pages.
    for (const std::uint64_t page : captured_) {
      for (TraceTensor& tensor : player_.tensors_in(page, kPageBytes)) {
        if (tensor.addr < behind) continue;
        behind = tensor.addr + 1;
        case_.tensors.push_back(std::move(tensor));
      }
    }
  }

  /// What was loaded before the first packet, loaded again from a place that no packet touches.
  void add_loads() {
    std::vector<CasePacket> loads;
    const std::size_t words = std::min(needed_words_, loaded_.program.size());
    if (words != 0) {
      const auto bytes = std::as_bytes(std::span(loaded_.program).first(words));
      loads.push_back(load(abi::UcodeTarget::kProgram, words, bytes));
    }
    for (std::size_t table = 0; needs_tables_ && table < loaded_.tables.size(); ++table) {
      const auto& entries = loaded_.tables[table];
      if (entries.empty()) continue;
      loads.push_back(load(table == 0 ? abi::UcodeTarget::kTable0 : abi::UcodeTarget::kTable1,
                           entries.size(), std::as_bytes(std::span(entries))));
    }
    const std::uint64_t first = case_.packets.front().packet.seq;
    if (loads.size() >= first) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("packet {} has no numbers below it for {} loads", first, loads.size()));
    }
    for (std::size_t i = 0; i < loads.size(); ++i) {
      loads[i].packet.seq = loads[i].completion.seq = first - loads.size() + i;
    }
    case_.packets.insert(case_.packets.begin(), loads.begin(), loads.end());
  }

  CasePacket load(abi::UcodeTarget target, std::size_t words, std::span<const std::byte> bytes) {
    abi::LoadUcodePacket packet;
    packet.words = static_cast<std::uint32_t>(words);
    packet.target = target;
    packet.src_addr = free_place(bytes.size());
    image_.write(packet.src_addr, bytes);
    CasePacket load{abi::to_packet(packet), {}, {}, false, {}};
    load.completion.opcode = static_cast<std::uint8_t>(abi::Opcode::kLoadUcode);
    load.completion.engine = abi::Engine::kVector;
    return load;
  }

  /// Pages that nothing in the case touches, from the end of the last region on.
  std::uint64_t free_place(std::uint64_t num_bytes) {
    const std::uint64_t size = (num_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
    for (auto region = case_.config.regions.rbegin(); region != case_.config.regions.rend();
         ++region) {
      std::uint64_t base = region->base.value + region->size;
      while (base - region->base.value >= size) {
        base -= size;
        const auto used = captured_.lower_bound(base);
        if (used != captured_.end() && *used < base + size) {
          base = *used;
          continue;
        }
        for (std::uint64_t page = base; page < base + size; page += kPageBytes) {
          captured_.insert(page);
        }
        return base;
      }
    }
    throw Error(ErrorCode::kOutOfMemory, "no room in the memory map for a case's micro-programs");
  }

  Player& player_;
  TracePosition loaded_;  // Before the first packet.
  abi::ReadMemory memory_;
  Case case_;
  MemoryImage image_;
  PageSet captured_;
  PageSet last_written_;
  bool reset_ = false;  // Since the last packet.
  std::vector<HostWrite> writes_;
  std::size_t needed_words_ = 0;
  bool needs_tables_ = false;
};

}  // namespace

Case record_case(Player& player, std::uint64_t packets) {
  if (player.current() == nullptr || packets == 0) {
    throw Error(ErrorCode::kInvalidArgument,
                "a case begins with a packet that the player has given and not run");
  }
  return CaseRecorder(player).record(packets);
}

}  // namespace tandem::debug
