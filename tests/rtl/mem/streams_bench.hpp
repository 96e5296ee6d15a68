// SPDX-License-Identifier: Apache-2.0
// Drives the streams of tests/rtl/tops/mem_streams.sv with segments and checks what they read and
// write.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tandem/base/error.hpp"
#include "tandem/driver/sparse_ram.hpp"
#include "tandem/numerics/checksum.hpp"
#include "tandem/rtlmodel/axi_memory.hpp"
#include "tandem/rtlmodel/clock.hpp"
#include "tandem/rtlmodel/coverage.hpp"
#include "verilated.h"

namespace tandem::rtltest {

struct Segment {
  std::uint64_t addr = 0;
  std::uint32_t bytes = 0;
};

/// How a client behaves: shares of cycles in which it holds a handshake back.
struct ClientStalls {
  std::uint32_t segment_percent = 0;
  std::uint32_t line_percent = 0;
};

/// Three readers and three writers. Readers read [kReadBase, kReadBase + kReadBytes); writer c
/// writes inside [write_base(c), write_base(c) + kWriteBytes). Lines are checked as they come.
template <class Top>
class StreamsBench {
 public:
  static constexpr unsigned kClients = 3;
  static constexpr std::uint64_t kReadBase = 0x1000'0000;
  static constexpr std::uint64_t kReadBytes = 1 << 20;
  static constexpr std::uint64_t kWriteBytes = 1 << 20;
  static constexpr unsigned kLineBytes = rtlmodel::AxiMemory<Top>::kBeatBytes;
  static constexpr std::uint64_t write_base(unsigned client) {
    return 0x2000'0000 + client * kWriteBytes;
  }

  explicit StreamsBench(rtlmodel::AxiSettings settings, std::uint64_t seed = 1)
      : random_(seed),
        context_(make_context(seed)),
        top_(context_.get()),
        ram_({{kReadBase, kReadBytes}, {write_base(0), kClients * kWriteBytes}}),
        expected_({{write_base(0), kClients * kWriteBytes}}),
        memory_(top_, ram_, std::move(settings)) {
    std::vector<std::byte> bytes(kReadBytes);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_.below(256));
    ram_.write(kReadBase, bytes);
    ram_.write(write_base(0), bytes);
    expected_.write(write_base(0), bytes);
    reset();
  }
  ~StreamsBench() {
    top_.final();
    rtlmodel::write_coverage(*context_);
  }

  Top& top() { return top_; }
  rtlmodel::AxiMemory<Top>& memory() { return memory_; }
  std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }

  void reset() {
    top_.quiesce_i = top_.err_clear_i = top_.checksum_clear_i = top_.counter_clear_i = 0;
    top_.clients_rst_ni = 0;
    forget();
    rtlmodel::reset_cycles(top_, memory_);
    top_.clients_rst_ni = 1;
    top_.eval();
  }

  /// Quiesces the port while clients go on, then resets the streams alone.
  void reset_clients() {
    top_.quiesce_i = 1;
    top_.eval();
    for (unsigned i = 0; !top_.quiet_o; ++i) {
      if (i == kStuckCycles)
        throw Error(ErrorCode::kDeadlineExceeded, "the port does not get quiet");
      cycle();
    }
    EXPECT_TRUE(memory_.idle()) << memory_.describe();
    forget();
    top_.clients_rst_ni = 0;
    top_.checksum_clear_i = (1u << kClients) - 1;
    rtlmodel::clock_cycle(top_, memory_);
    top_.clients_rst_ni = 1;
    top_.checksum_clear_i = 0;
    top_.quiesce_i = 0;
    top_.eval();
    accept_memory();
  }

  void read(unsigned client, std::vector<Segment> segments, ClientStalls stalls = {}) {
    readers_[client] = Reader{std::move(segments), stalls};
  }
  /// Random data. Segments of a client may overlap: they are written in order.
  void write(unsigned client, std::vector<Segment> segments, ClientStalls stalls = {}) {
    Writer writer{std::move(segments), stalls};
    for (const Segment& segment : writer.segments) {
      std::vector<std::byte> data(segment.bytes);
      for (std::byte& byte : data) byte = static_cast<std::byte>(random_.below(256));
      expected_.write(segment.addr, data);
      writer.checksum += numerics::checksum_bytes(
          segment.addr, reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
      writer.bytes += data.size();
      writer.data.push_back(std::move(data));
    }
    writers_[client] = std::move(writer);
  }

  /// One clock cycle with all clients.
  void cycle() {
    for (unsigned c = 0; c < kClients; ++c) {
      sample_reader(c);
      sample_writer(c);
    }
    memory_.sample();
    top_.clk_i = 1;
    top_.eval();
    memory_.drive();
    for (unsigned c = 0; c < kClients; ++c) {
      drive_reader(c);
      drive_writer(c);
    }
    top_.clk_i = 0;
    top_.eval();
  }

  bool done() const {
    return std::all_of(readers_.begin(), readers_.end(),
                       [](const Reader& r) { return r.done(); }) &&
           std::all_of(writers_.begin(), writers_.end(), [](const Writer& w) { return w.done(); });
  }

  /// Offers the first segments and lines; then cycle() goes on.
  void start() {
    for (unsigned c = 0; c < kClients; ++c) {
      drive_reader(c);
      drive_writer(c);
    }
    top_.eval();
  }

  /// Runs until every line has gone and every stream is idle. Returns the cycles that took.
  std::uint64_t run() {
    const std::uint64_t begin = memory_.cycle();
    std::uint64_t progress = 0;
    std::uint64_t progress_cycle = begin;
    start();
    constexpr unsigned kAll = (1u << kClients) - 1;
    while (!done() || top_.rd_idle_o != kAll || top_.wr_idle_o != kAll) {
      cycle();
      const std::uint64_t now = memory_.counts().handshakes() + handshakes_;
      if (now != progress) {
        progress = now;
        progress_cycle = memory_.cycle();
      } else if (memory_.cycle() - progress_cycle > kStuckCycles) {
        throw Error(ErrorCode::kDeadlineExceeded, describe());
      }
    }
    return memory_.cycle() - begin;
  }

  /// Where everything stands, for a stream that does not get idle.
  std::string describe() const {
    std::string text = "streams do not get idle\n";
    for (unsigned c = 0; c < kClients; ++c) {
      const auto show = [&](const char* name, const Client& client, bool idle) {
        text += fmt::format("  {} {}: {} segments, {} taken, {} done and {} bytes, {}\n", name, c,
                            client.segments.size(), client.issued, client.current, client.offset,
                            idle ? "idle" : "not idle");
      };
      show("reader", readers_[c], top_.rd_idle_o >> c & 1);
      show("writer", writers_[c], top_.wr_idle_o >> c & 1);
    }
    return text + memory_.describe();
  }

  /// Bytes and checksums of everything written since the last call or reset.
  void expect_written() {
    std::vector<std::byte> want(kWriteBytes), found(kWriteBytes);
    for (unsigned c = 0; c < kClients; ++c) {
      expected_.read(write_base(c), want);
      ram_.read(write_base(c), found);
      const auto [a, b] = std::mismatch(want.begin(), want.end(), found.begin());
      ASSERT_TRUE(a == want.end())
          << fmt::format("writer {}: byte at {:#x}: expected {:02x}, found {:02x}", c,
                         write_base(c) + static_cast<std::uint64_t>(a - want.begin()),
                         static_cast<unsigned>(*a), static_cast<unsigned>(*b));
      EXPECT_EQ(checksum(c), writers_[c].checksum) << "writer " << c;
    }
  }
  /// Beats may fail: lines hold arbitrary data.
  void ignore_data() { check_data_ = false; }
  /// Takes memory as it is: a reset or a bus error dropped some of the bytes that were to be
  /// written.
  void accept_memory() {
    std::vector<std::byte> bytes(kClients * kWriteBytes);
    ram_.read(write_base(0), bytes);
    expected_.write(write_base(0), bytes);
  }
  void clear_checksums() {
    top_.checksum_clear_i = (1u << kClients) - 1;
    cycle();
    top_.checksum_clear_i = 0;
    top_.eval();
  }

  std::uint64_t checksum(unsigned client) const { return word64(top_.checksum_o, client); }
  std::uint64_t write_bytes(unsigned client) const { return word64(top_.write_bytes_o, client); }
  std::uint64_t write_beats(unsigned client) const { return word64(top_.write_beats_o, client); }
  std::uint64_t read_beats(unsigned client) const { return word64(top_.read_beats_o, client); }
  std::uint64_t bytes_of(unsigned writer) const { return writers_[writer].bytes; }
  bool read_error(unsigned client) const { return top_.rd_err_valid_o >> client & 1; }
  bool write_error(unsigned client) const { return top_.wr_err_valid_o >> client & 1; }

  static constexpr unsigned kStuckCycles = 5'000;

 private:
  struct Client {
    std::vector<Segment> segments;
    ClientStalls stalls;
    std::size_t issued = 0;    // segments taken
    std::size_t current = 0;   // segment whose lines move
    std::uint32_t offset = 0;  // bytes of it moved
    bool segment_valid = false, line_valid = false;
    bool done() const { return issued == segments.size() && current == segments.size(); }
    /// One line has moved; true if it was the segment's last.
    bool advance(std::uint32_t line_bytes) {
      offset += std::min(line_bytes, segments[current].bytes - offset);
      if (offset < segments[current].bytes) return false;
      ++current;
      offset = 0;
      return true;
    }
  };
  struct Reader : Client {
    Reader() = default;
    Reader(std::vector<Segment> s, ClientStalls t) : Client{std::move(s), t} {}
  };
  struct Writer : Client {
    Writer() = default;
    Writer(std::vector<Segment> s, ClientStalls t) : Client{std::move(s), t} {}
    std::vector<std::vector<std::byte>> data;
    std::uint64_t checksum = 0;
    std::uint64_t bytes = 0;
  };

  static std::unique_ptr<VerilatedContext> make_context(std::uint64_t seed) {
    auto context = std::make_unique<VerilatedContext>();
    context->randReset(2);
    context->randSeed(static_cast<int>(seed % 0x7fff'ffff + 1));
    return context;
  }
  template <class Wide>
  static std::uint64_t word64(const Wide& wide, unsigned i) {
    return wide[2 * i] | static_cast<std::uint64_t>(wide[2 * i + 1]) << 32;
  }
  template <class Bits>
  static void set_bit(Bits& bits, unsigned i, bool value) {
    bits = static_cast<Bits>((bits & ~(1u << i)) | (unsigned{value} << i));
  }
  bool pass(std::uint32_t percent) { return percent == 0 || random_.below(100) >= percent; }

  void forget() {
    for (Reader& reader : readers_) reader = {};
    for (Writer& writer : writers_) writer = {};
    top_.rd_seg_valid_i = top_.wr_seg_valid_i = top_.wr_line_valid_i = 0;
    top_.rd_line_ready_i = 0;
  }

  void sample_segment(Client& client, unsigned c, std::uint8_t ready) {
    if (client.segment_valid && (ready >> c & 1)) {
      ++client.issued;
      ++handshakes_;
      client.segment_valid = false;
    }
  }
  template <class Addr, class Bytes>
  void drive_segment(Client& client, unsigned c, std::uint8_t& valid, Addr& addr, Bytes& bytes) {
    if (!client.segment_valid && client.issued < client.segments.size() &&
        pass(client.stalls.segment_percent)) {
      client.segment_valid = true;
      addr[c] = client.segments[client.issued].addr;
      bytes[c] = client.segments[client.issued].bytes;
    }
    set_bit(valid, c, client.segment_valid);
  }

  void sample_reader(unsigned c) {
    Reader& reader = readers_[c];
    sample_segment(reader, c, top_.rd_seg_ready_o);
    if (!(top_.rd_line_valid_o & top_.rd_line_ready_i & (1u << c))) return;
    ++handshakes_;
    ASSERT_LT(reader.current, reader.segments.size())
        << "reader " << c << ": line without a segment";
    const Segment& segment = reader.segments[reader.current];
    const std::uint32_t bytes = std::min(kLineBytes, segment.bytes - reader.offset);
    const std::uint64_t addr = segment.addr + reader.offset;
    const std::string where =
        fmt::format("reader {}, segment {} at {:#x} ({} bytes), byte {}", c, reader.current,
                    segment.addr, segment.bytes, reader.offset);
    EXPECT_EQ(top_.rd_line_bytes_o[c], bytes) << where;
    if (const std::byte* want = ram_.pointer(addr, bytes); want && check_data_) {
      EXPECT_EQ(std::memcmp(&top_.rd_line_data_o[c], want, bytes), 0) << where;
    }
    const bool last = reader.advance(kLineBytes);
    EXPECT_EQ(top_.rd_line_last_o >> c & 1, last) << where;
  }
  void drive_reader(unsigned c) {
    Reader& reader = readers_[c];
    drive_segment(reader, c, top_.rd_seg_valid_i, top_.rd_seg_addr_i, top_.rd_seg_bytes_i);
    set_bit(top_.rd_line_ready_i, c, pass(reader.stalls.line_percent));
  }

  void sample_writer(unsigned c) {
    Writer& writer = writers_[c];
    sample_segment(writer, c, top_.wr_seg_ready_o);
    if (!writer.line_valid || !(top_.wr_line_ready_o >> c & 1)) return;
    ++handshakes_;
    writer.advance(kLineBytes);
    writer.line_valid = false;
  }
  void drive_writer(unsigned c) {
    Writer& writer = writers_[c];
    drive_segment(writer, c, top_.wr_seg_valid_i, top_.wr_seg_addr_i, top_.wr_seg_bytes_i);
    if (!writer.line_valid && writer.current < writer.segments.size() &&
        pass(writer.stalls.line_percent)) {
      writer.line_valid = true;
      const std::vector<std::byte>& data = writer.data[writer.current];
      auto* line = reinterpret_cast<std::byte*>(&top_.wr_line_data_i[c]);
      const std::size_t bytes = std::min<std::size_t>(kLineBytes, data.size() - writer.offset);
      std::memcpy(line, data.data() + writer.offset, bytes);
      for (std::size_t i = bytes; i < kLineBytes; ++i)
        line[i] = static_cast<std::byte>(random_.below(256));
    }
    set_bit(top_.wr_line_valid_i, c, writer.line_valid);
  }

  rtlmodel::AxiRandom random_;
  std::unique_ptr<VerilatedContext> context_;
  Top top_;
  driver::SparseRam ram_;
  driver::SparseRam expected_;
  rtlmodel::AxiMemory<Top> memory_;
  std::array<Reader, kClients> readers_;
  std::array<Writer, kClients> writers_;
  std::uint64_t handshakes_ = 0;
  bool check_data_ = true;
};

}  // namespace tandem::rtltest
