// SPDX-License-Identifier: Apache-2.0
// Which packets the device has fetched and completed, from what it does on its memory port.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "tandem/driver/sparse_ram.hpp"
#include "tandem/rtlmodel/axi_bursts.hpp"

namespace tandem::rtlmodel {

/// Thread-safety: one thread at a time, that of the model.
class PacketWatch final : public AxiObserver {
 public:
  explicit PacketWatch(driver::SparseRam& ram) : ram_(ram) {}

  /// A register write that software makes: rings are noticed.
  void register_written(std::uint32_t offset, std::uint32_t value);
  void reset();

  void read_begins(const AxiBurst& burst) override;
  void write_ends(const AxiBurst& burst) override;

  /// Called with the sequence number of every packet fetched and completed; may be empty.
  std::function<void(std::uint64_t)> on_fetch, on_completion;

  /// The packets fetched and not completed, at most eight, one on a line.
  std::string describe() const;

 private:
  struct Ring {
    std::uint64_t base = 0;
    std::uint64_t entries = 0;
    std::uint64_t record_bytes = 0;
    bool holds(std::uint64_t addr) const {
      return addr >= base && addr - base < entries * record_bytes;
    }
    std::uint64_t slot(std::uint64_t addr) const { return addr - (addr - base) % record_bytes; }
  };
  std::uint64_t sequence_at(std::uint64_t addr) const;

  driver::SparseRam& ram_;
  Ring commands_{.record_bytes = 256}, completions_{.record_bytes = 64};
  struct Pending {
    std::uint64_t seq = 0;
    std::uint64_t slot = 0;
  };
  std::deque<Pending> pending_;  // Fetched, not completed.
};

}  // namespace tandem::rtlmodel
