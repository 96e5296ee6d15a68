// SPDX-License-Identifier: Apache-2.0
#include "reference.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tandem/abi/elements.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/numerics/fma.hpp"
#include "words.hpp"

namespace tandem::debug::wave {

void ExpectedWrites::add(std::uint64_t addr, std::vector<std::uint8_t> bytes) {
  Range range{addr, std::move(bytes), {}};
  range.written.resize(range.bytes.size());
  ranges_.push_back(std::move(range));
}

void ExpectedWrites::finish() { std::ranges::sort(ranges_, {}, &Range::addr); }

std::size_t ExpectedWrites::find(std::uint64_t addr) const {
  const auto in = [&](std::size_t i) {
    return i < ranges_.size() && addr >= ranges_[i].addr && addr < ranges_[i].end();
  };
  if (in(last_)) return last_;
  const auto it = std::ranges::upper_bound(ranges_, addr, {}, &Range::addr);
  if (it == ranges_.begin()) return kNone;
  const auto i = static_cast<std::size_t>(it - ranges_.begin()) - 1;
  if (!in(i)) return kNone;
  return last_ = i;
}

ExpectedWrites::Verdict ExpectedWrites::write(std::uint64_t addr, std::uint8_t byte,
                                              std::uint8_t& expected) {
  const unsigned lane = addr % 4;
  if (const auto it = sequences_.find(addr - lane); it != sequences_.end()) {
    std::uint32_t& turn = progress_[addr - lane][lane];
    if (turn >= it->second.size()) return Verdict::kAgain;
    expected = static_cast<std::uint8_t>(it->second[turn++] >> (8 * lane));
    return byte == expected ? Verdict::kRight : Verdict::kWrong;
  }
  const std::size_t index = find(addr);
  if (index == kNone || !sequences_.empty()) return Verdict::kStray;
  Range& range = ranges_[index];
  const std::uint64_t at = addr - range.addr;
  expected = range.bytes[at];
  char& written = range.written[at];
  if (written != 0) return Verdict::kAgain;
  written = 1;
  return byte == expected ? Verdict::kRight : Verdict::kWrong;
}

std::vector<std::uint64_t> ExpectedWrites::missing(std::size_t limit) const {
  std::vector<std::uint64_t> found;
  for (const auto& [addr, values] : sequences_) {
    const auto it = progress_.find(addr);
    for (unsigned lane = 0; lane < 4 && found.size() < limit; ++lane) {
      if (it == progress_.end() || it->second[lane] < values.size()) found.push_back(addr + lane);
    }
  }
  if (sequences_.empty()) {
    for (const Range& range : ranges_) {
      for (std::size_t i = 0; i < range.bytes.size() && found.size() < limit; ++i) {
        if (range.written[i] == 0) found.push_back(range.addr + i);
      }
    }
  }
  std::ranges::sort(found);
  return found;
}

bool ExpectedWrites::expected_at(std::uint64_t addr, std::uint8_t& byte) const {
  const std::size_t index = find(addr);
  if (index == kNone) return false;
  byte = ranges_[index].bytes[addr - ranges_[index].addr];
  return true;
}

namespace {

constexpr const char* kCmodel = "cmodel:";

/// A device without a directory of its own: the configuration of the trace.
runtime::Device open_cmodel(const driver::DeviceConfig& config) {
  return runtime::Device::open(driver::open_backend(kCmodel, config), config);
}

std::uint64_t last_number(const std::string& trace) {
  runtime::TraceReader reader(trace);
  runtime::TraceRecord record;
  std::optional<std::uint64_t> last;
  while (reader.next(record)) {
    if (record.kind == runtime::TraceRecord::Kind::kPacket) last = record.packet.seq;
  }
  if (last) return *last;
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("{} holds no packet; record one with `tandem run --record`", trace));
}

/// Every value that the additions leave, in their order.
void add_sequences(const abi::ScatterAddPacket& p, const driver::SparseRam& ram,
                   ExpectedWrites& writes) {
  std::unordered_map<std::uint64_t, std::uint32_t> now;
  const unsigned index_bytes = p.index_type == abi::Dtype::kI64 ? 8 : 4;
  for (std::uint64_t i = 0; i < p.extent0; ++i) {
    for (std::uint64_t j = 0; j < p.extent1; ++j) {
      for (std::uint64_t l = 0; l < p.extent2; ++l) {
        const std::uint64_t at =
            p.index_addr + i * p.index_stride0 + j * p.index_stride1 + l * p.index_stride2;
        const std::uint64_t index =
            index_bytes == 8 ? load<std::uint64_t>(ram, at) : load<std::uint32_t>(ram, at);
        const std::uint64_t dst =
            p.dst_addr + i * p.dst_stride0 + index * p.dst_index_stride + l * p.dst_stride2;
        const auto addend = load<std::uint32_t>(
            ram, p.src_addr + i * p.src_stride0 + j * p.src_stride1 + l * p.src_stride2);
        const auto it = now.try_emplace(dst, load<std::uint32_t>(ram, dst)).first;
        it->second = p.elem_type == abi::Dtype::kF32
                         ? numerics::bits_of(numerics::add32(numerics::float_of(it->second),
                                                             numerics::float_of(addend)))
                         : it->second + addend;
        writes.add_sequence(dst, it->second);
      }
    }
  }
}

/// What a case expects; bytes that it does not name stay as they were.
void read_expected(const Case& item, const driver::SparseRam& before, std::uint64_t addr,
                   std::span<std::byte> dst) {
  before.read(addr, dst);
  for (const MemoryPiece& piece : item.expected) {
    const std::uint64_t first = std::max(addr, piece.addr.value);
    const std::uint64_t last = std::min(addr + dst.size(), piece.addr.value + piece.bytes.size());
    for (std::uint64_t at = first; at < last; ++at) {
      dst[at - addr] = piece.bytes[at - piece.addr.value];
    }
  }
}

void add_writes(Reference& reference, const abi::ReadMemory& expected) {
  const abi::Packet& packet = reference.packet.packet;
  if (reference.completion.error != abi::Fault::kNone) {
    if (reference.completion.error >= abi::Fault::kBadIndex) {
      reference.unspecified = abi::written_operands(packet);
    }
    return;
  }
  for (const abi::Operand& operand : abi::written_operands(packet)) {
    abi::for_each_run(operand, [&](std::uint64_t addr, std::uint64_t num_bytes) {
      std::vector<std::uint8_t> bytes(num_bytes);
      expected(addr, std::as_writable_bytes(std::span(bytes)));
      reference.writes.add(addr, std::move(bytes));
    });
  }
  if (packet.opcode == abi::Opcode::kScatterAdd) {
    add_sequences(abi::packet_as<abi::ScatterAddPacket>(packet), *reference.before,
                  reference.writes);
  }
  reference.writes.finish();
}

}  // namespace

bool Reference::is_unspecified(std::uint64_t addr) const {
  return std::ranges::any_of(unspecified, [&](const abi::Operand& operand) {
    return addr >= operand.base && addr < operand.hull_end();
  });
}

Reference make_reference(const std::string& trace, std::optional<std::uint64_t> number) {
  Reference reference;
  const runtime::TraceInfo info = runtime::TraceReader(trace).info();
  if (is_case(info) && !number) reference.item = read_case(trace);
  const std::uint64_t wanted = number           ? *number
                               : reference.item ? reference.item->failing().packet.seq
                                                : last_number(trace);
  const auto play_to = [&](runtime::Device& device) {
    Player player(runtime::TraceReader(trace), device);
    const PlayedRange played = player.play_to(wanted);
    const TracePosition position = player.position();
    const TracePacket* packet = played.failure.empty() ? player.next() : nullptr;
    if (packet == nullptr || packet->number != wanted) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("{} has no packet {}{}; `tandem dis` lists the packets", trace, wanted,
                      played.failure.empty() ? "" : " that is reached: " + played.failure));
    }
    reference.packet = *packet;
    reference.program = position.program;
    reference.tables = position.tables;
    return player;
  };
  reference.config = info.config;
  runtime::Device before = open_cmodel(reference.config);
  { const Player player = play_to(before); }
  reference.before = before.driver().backend().ram();
  if (reference.item) {
    reference.completion = reference.item->failing().completion;
    add_writes(reference, [&](std::uint64_t addr, std::span<std::byte> dst) {
      read_expected(*reference.item, *reference.before, addr, dst);
    });
    return reference;
  }
  runtime::Device after = open_cmodel(reference.config);
  Player player = play_to(after);
  const Step& step = player.run();
  if (!step.a.completion) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: packet {} {}; choose another one with --packet", trace, wanted,
                            step.left_out ? "was abandoned when it was recorded"
                                          : "does not complete on the cmodel: " + step.a.failure));
  }
  reference.completion = *step.a.completion;
  const std::shared_ptr<driver::SparseRam> ram = after.driver().backend().ram();
  add_writes(reference,
             [&](std::uint64_t addr, std::span<std::byte> dst) { ram->read(addr, dst); });
  return reference;
}

}  // namespace tandem::debug::wave
