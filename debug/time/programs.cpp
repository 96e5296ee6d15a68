// SPDX-License-Identifier: Apache-2.0
#include "programs.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "tandem/abi/metadata.hpp"
#include "tandem/abi/packet_cast.hpp"
#include "tandem/abi/touch.hpp"
#include "tandem/abi/ucode.hpp"

namespace tandem::debug {
namespace {

constexpr std::uint64_t kMaxSourceBytes = 64 << 20;  // A trace with more is no run of a model.

bool loads_program(const abi::Packet& packet, std::uint32_t ucode_words) {
  if (packet.opcode != abi::Opcode::kLoadUcode) return false;
  const auto load = abi::packet_as<abi::LoadUcodePacket>(packet);
  return load.target == abi::UcodeTarget::kProgram && load.words <= ucode_words &&
         load.dst_word <= ucode_words - load.words && abi::checked_operands(packet).count != 0;
}

bool is_lane_op(std::uint64_t word) {
  const abi::MicroWord decoded = abi::decode(word);
  const abi::MicroOpInfo* info = abi::find_micro_op(static_cast<std::uint8_t>(decoded.op));
  if (info == nullptr) return false;
  switch (info->op_class) {
    case abi::MicroOpClass::kControl:
    case abi::MicroOpClass::kStream:
      return false;
    case abi::MicroOpClass::kReduce:
      return true;
    default:
      return abi::is_v(decoded.dst);
  }
}

}  // namespace

Programs::Programs(runtime::TraceReader& trace, std::uint32_t ucode_words) : words_(ucode_words) {
  std::map<std::uint64_t, std::uint64_t> ranges;  // End by begin; disjoint.
  runtime::TraceRecord record;
  while (trace.next(record)) {
    if (record.kind != runtime::TraceRecord::Kind::kPacket) continue;
    if (!loads_program(record.packet, ucode_words)) continue;
    const auto load = abi::packet_as<abi::LoadUcodePacket>(record.packet);
    std::uint64_t begin = load.src_addr;
    std::uint64_t end = begin + load.words * std::uint64_t{8};
    auto next = ranges.upper_bound(begin);
    if (next != ranges.begin() && std::prev(next)->second >= begin) --next;
    while (next != ranges.end() && next->first <= end) {
      begin = std::min(begin, next->first);
      end = std::max(end, next->second);
      next = ranges.erase(next);
    }
    ranges[begin] = end;
  }
  std::uint64_t total = 0;
  for (const auto& [begin, end] : ranges) {
    total += end - begin;
    if (total > kMaxSourceBytes) break;
    sources_[begin].resize(end - begin);
  }
}

void Programs::host_write(const runtime::TraceRecord& record) {
  const std::uint64_t first = record.addr.value;
  const std::uint64_t last = first + record.data.size();
  auto source = sources_.upper_bound(first);
  if (source != sources_.begin()) --source;
  for (; source != sources_.end() && source->first < last; ++source) {
    const std::uint64_t begin = std::max(first, source->first);
    const std::uint64_t end = std::min(last, source->first + source->second.size());
    if (begin >= end) continue;
    std::memcpy(source->second.data() + (begin - source->first),
                record.data.data() + (begin - first), end - begin);
  }
}

void Programs::packet(const abi::Packet& packet) {
  if (!loads_program(packet, static_cast<std::uint32_t>(words_.size()))) return;
  const auto load = abi::packet_as<abi::LoadUcodePacket>(packet);
  auto source = sources_.upper_bound(load.src_addr);
  if (source == sources_.begin()) return;
  --source;
  const std::uint64_t offset = load.src_addr - source->first;
  const std::uint64_t bytes = load.words * std::uint64_t{8};
  if (offset > source->second.size() || source->second.size() - offset < bytes) return;
  std::memcpy(words_.data() + load.dst_word, source->second.data() + offset, bytes);
}

std::uint64_t Programs::lane_ops(const abi::Packet& packet) const {
  if (packet.opcode != abi::Opcode::kVector || abi::checked_operands(packet).count == 0) return 0;
  const auto vector = abi::packet_as<abi::VectorPacket>(packet);
  const std::size_t begin = std::min<std::size_t>(vector.ucode_start, words_.size());
  const std::size_t end = std::min<std::size_t>(begin + vector.ucode_words, words_.size());
  const auto at = [this](std::size_t i) { return words_.begin() + static_cast<std::ptrdiff_t>(i); };
  const auto ops = static_cast<std::uint64_t>(std::count_if(at(begin), at(end), is_lane_op));
  return ops * vector.rows0 * vector.rows1 * vector.cols;
}

}  // namespace tandem::debug
