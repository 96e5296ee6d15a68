// SPDX-License-Identifier: Apache-2.0
// Values of signals: a block of an FST file holds the values at its start, then for every signal
// the list of its changes, each with its distance in the block's list of times.
#include <fmt/format.h>
#include <lz4.h>

#include <algorithm>
#include <numeric>

#include "fst_bytes.hpp"
#include "fst_file.hpp"
#include "tandem/base/error.hpp"

namespace tandem::debug::wave {
namespace {

constexpr std::uint64_t kMaxPiece = std::uint64_t{1} << 32;

/// Where the changes of each signal lie: offset from the start of the changes and bytes; 0: none.
struct Place {
  std::uint64_t at = 0;
  std::uint64_t bytes = 0;
};

std::vector<Place> parse_index(std::span<const std::uint8_t> text, std::uint64_t end) {
  std::vector<Place> places;
  Bytes in(text);
  std::uint64_t at = 0;
  std::size_t last = 0;
  bool any = false;
  std::int64_t alias = 0;
  std::vector<std::pair<std::size_t, std::int64_t>> aliases;
  constexpr std::size_t kMost = 1U << 28;
  while (!in.at_end() && !in.bad() && places.size() < kMost) {
    const std::size_t before = in.position();
    const std::int64_t value = in.signed_varint();
    if ((value & 1) == 0) {
      Bytes again(text.subspan(before));
      const std::uint64_t count = again.varint() >> 1;
      if (count > kMost) break;
      places.resize(places.size() + count);
      continue;
    }
    const std::int64_t step = value >> 1;
    if (step > 0) {
      at += static_cast<std::uint64_t>(step);
      if (any) places[last].bytes = at - places[last].at;
      last = places.size();
      any = true;
      places.push_back({at, 0});
    } else {
      if (step < 0) alias = step;
      aliases.emplace_back(places.size(), alias);
      places.emplace_back();
    }
  }
  if (any) places[last].bytes = end - places[last].at;
  for (const auto& [index, to] : aliases) {
    const auto source = static_cast<std::size_t>(-(to + 1));
    if (source < index) places[index] = places[source];
  }
  return places;
}

}  // namespace

WaveScan::WaveScan(FstFile& file, std::vector<const WaveSignal*> signals) : file_(file) {
  for (const WaveSignal* signal : signals) handles_.push_back(signal->handle);
  std::ranges::sort(handles_);
  handles_.erase(std::unique(handles_.begin(), handles_.end()), handles_.end());
  widths_.resize(handles_.size());
  for (const WaveSignal* signal : signals) {
    const auto slot = static_cast<std::size_t>(std::ranges::lower_bound(handles_, signal->handle) -
                                               handles_.begin());
    slots_.push_back(slot);
    widths_[slot] = signal->width;
  }
  for (const std::uint32_t width : widths_) {
    values_.emplace_back(std::max<std::size_t>(1, (width + 31) / 32), 0);
  }
  changed_.resize(handles_.size());
  chains_.resize(handles_.size());
}

std::uint64_t WaveScan::bits(std::size_t i, unsigned lsb, unsigned width) const {
  const std::vector<std::uint32_t>& words = values_[slots_[i]];
  std::uint64_t value = 0;
  for (unsigned bit = 0; bit < width;) {
    const unsigned at = lsb + bit;
    if (at / 32 >= words.size()) break;
    const unsigned from = at % 32;
    value |= std::uint64_t{words[at / 32] >> from} << bit;
    bit += 32 - from;
  }
  return width >= 64 ? value : value & ((std::uint64_t{1} << width) - 1);
}

void WaveScan::run(std::uint64_t from, std::uint64_t to,
                   const std::function<bool(std::uint64_t)>& visit) {
  bool first = true;
  for (const FstFile::Block& block : file_.blocks_) {
    if (block.end < from) continue;
    if (block.begin > to) break;
    if (!scan_block(block, first, from, to, visit)) return;
    first = false;
  }
}

void WaveScan::take_frame(std::span<const std::uint8_t> frame) {
  std::uint64_t at = 0;
  std::uint32_t handle = 0;
  for (std::size_t slot = 0; slot < handles_.size(); ++slot) {
    for (; handle + 1 < handles_[slot]; ++handle) at += file_.frame_bytes_[handle];
    const std::uint32_t width = widths_[slot];
    if (at + width > frame.size()) return;
    std::ranges::fill(values_[slot], 0U);
    for (std::uint32_t i = 0; i < width; ++i) {
      const std::uint32_t bit = width - 1 - i;
      if (frame[at + i] == '1') values_[slot][bit / 32] |= 1U << bit % 32;
    }
  }
}

/// Takes the next change of a signal, whose first number has been read.
void WaveScan::apply(std::size_t slot, std::uint32_t code) {
  Chain& chain = chains_[slot];
  std::vector<std::uint32_t>& value = values_[slot];
  const std::uint32_t width = widths_[slot];
  if (width <= 1) {
    value[0] = (code & 1) == 0 ? code >> 1 & 1 : 0;
    return;
  }
  std::ranges::fill(value, 0U);
  const std::uint8_t* bytes = chain.bytes.data() + chain.at;
  const std::size_t left = chain.bytes.size() - chain.at;
  if ((code & 1) == 0) {  // packed, most significant bit first
    const std::size_t count = (width + 7) / 8;
    chain.at += std::min(count, left);
    if (count > left) return;
    // Left-aligned: so many bits of the last byte do not count.
    const auto spare = static_cast<unsigned>(count * 8 - width);
    value[0] = bytes[count - 1] >> spare;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      const std::size_t bit = (count - 1 - i) * 8 - spare;
      const std::uint64_t shifted = std::uint64_t{bytes[i]} << bit % 32;
      value[bit / 32] |= static_cast<std::uint32_t>(shifted);
      if (shifted >> 32 != 0) value[bit / 32 + 1] |= static_cast<std::uint32_t>(shifted >> 32);
    }
    return;
  }
  chain.at += std::min<std::size_t>(width, left);
  if (width > left) return;
  for (std::uint32_t i = 0; i < width; ++i) {
    const std::uint32_t bit = width - 1 - i;
    if (bytes[i] == '1') value[bit / 32] |= 1U << bit % 32;
  }
}

bool WaveScan::scan_block(const FstFile::Block& block, bool first, std::uint64_t from,
                          std::uint64_t to, const std::function<bool(std::uint64_t)>& visit) {
  FstFile& f = file_;
  // ---- times, at the end
  constexpr std::uint64_t kTail = 24;
  constexpr std::uint64_t kHead = 32;
  if (block.size < kHead + kTail + 8) f.damaged(block.at, "a block of values is too short");
  const std::vector<std::uint8_t> tail = f.read(block.at + block.size - kTail, kTail);
  const std::uint64_t times_size = big_endian(tail);
  const std::uint64_t times_packed = big_endian(std::span(tail).subspan(8));
  const std::uint64_t times_count = big_endian(std::span(tail).subspan(16));
  if (times_packed > block.size - kHead - kTail || times_size > kMaxPiece ||
      times_count > times_size) {
    f.damaged(block.at, "the times have no sense");
  }
  const std::uint64_t times_at = block.at + block.size - kTail - times_packed;
  const std::vector<std::uint8_t> times_raw =
      inflate_zlib(f.read(times_at, times_packed), times_size);
  std::vector<std::uint64_t> times(times_count);
  Bytes times_in(times_raw);
  std::uint64_t now = 0;
  for (std::uint64_t& time : times) time = now += times_in.varint();
  if (times_in.bad()) f.damaged(times_at, "the times cannot be read");

  // ---- index, before them
  const std::uint64_t index_bytes = big_endian(f.read(times_at - 8, 8));
  if (index_bytes > times_at - block.at) f.damaged(times_at - 8, "the index has no sense");
  const std::uint64_t index_at = times_at - 8 - index_bytes;

  // ---- values at the start
  constexpr std::uint64_t kMostVarints = 30;
  std::uint64_t at = block.at + kHead;
  const std::vector<std::uint8_t> head = f.read(at, std::min(kMostVarints, index_at - at));
  Bytes in(head);
  const std::uint64_t frame_size = in.varint();
  const std::uint64_t frame_packed = in.varint();
  in.varint();  // signals
  at += in.position();
  if (frame_size > kMaxPiece || frame_packed > index_at - at) {
    f.damaged(at, "the first values have no sense");
  }
  if (first) take_frame(inflate_zlib(f.read(at, frame_packed), frame_size));
  at += frame_packed;
  const std::vector<std::uint8_t> pack = f.read(at, std::min<std::uint64_t>(12, index_at - at));
  Bytes pack_in(pack);
  pack_in.varint();  // signals
  const std::uint64_t changes_at = at + pack_in.position();
  const std::uint8_t pack_type = pack_in.byte();
  const std::vector<Place> places =
      parse_index(f.read(index_at, index_bytes), index_at - changes_at);

  // ---- changes of the chosen signals
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  std::vector<std::uint32_t> due(times_count, kNone);  // first signal that changes at this time
  std::vector<std::uint32_t> next(handles_.size(), kNone);
  std::vector<std::uint32_t> codes(handles_.size());
  const auto schedule = [&](std::uint32_t slot, std::uint64_t from_time) {
    Chain& chain = chains_[slot];
    if (chain.at >= chain.bytes.size()) return;
    Bytes bytes(std::span(chain.bytes).subspan(chain.at));
    const auto code = static_cast<std::uint32_t>(bytes.varint());
    chain.at += bytes.position();
    const std::uint32_t step = widths_[slot] > 1 ? code >> 1 : code >> (2U << (code & 1));
    const std::uint64_t time = from_time + step;
    if (time >= times_count) return;
    codes[slot] = code;
    next[slot] = due[time];
    due[time] = slot;
  };
  for (std::uint32_t slot = 0; slot < handles_.size(); ++slot) {
    Chain& chain = chains_[slot];
    chain = {};
    const std::size_t index = handles_[slot] - 1;
    if (index >= places.size() || places[index].at == 0) continue;
    const std::vector<std::uint8_t> bytes =
        f.read(changes_at + places[index].at, places[index].bytes);
    Bytes piece(bytes);
    const std::uint64_t size = piece.varint();
    const auto body = std::span(bytes).subspan(piece.position());
    if (size > kMaxPiece) f.damaged(changes_at + places[index].at, "changes have no sense");
    if (size == 0) {
      chain.bytes.assign(body.begin(), body.end());
    } else if (pack_type == '4') {
      chain.bytes.resize(size);
      const int n = LZ4_decompress_safe(reinterpret_cast<const char*>(body.data()),
                                        reinterpret_cast<char*>(chain.bytes.data()),
                                        static_cast<int>(body.size()), static_cast<int>(size));
      if (n < 0) f.damaged(changes_at + places[index].at, "changes cannot be decompressed");
    } else if (pack_type == 'Z') {
      chain.bytes = inflate_zlib(body, size);
    } else {
      f.damaged(changes_at, fmt::format("compression '{:c}' is not supported, only LZ4 and zlib",
                                        static_cast<char>(pack_type)));
    }
    schedule(slot, 0);
  }
  for (std::uint64_t t = 0; t < times_count; ++t) {
    if (times[t] > to) return false;
    touched_.clear();
    while (due[t] != kNone) {
      const std::uint32_t slot = due[t];
      due[t] = next[slot];
      apply(slot, codes[slot]);
      changed_[slot] = 1;
      touched_.push_back(slot);
      schedule(slot, t);
    }
    const bool go_on = times[t] < from || visit(times[t]);
    for (const std::size_t slot : touched_) changed_[slot] = 0;
    if (!go_on) return false;
  }
  return true;
}

}  // namespace tandem::debug::wave
