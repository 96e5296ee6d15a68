// SPDX-License-Identifier: Apache-2.0
// The queue of a device, on the driver.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "device_core.hpp"
#include "op_names.hpp"
#include "program_cache.hpp"
#include "tandem/runtime/buffer.hpp"
#include "tandem/runtime/queue.hpp"

namespace tandem::runtime {

class DeviceQueue : public Queue {
 public:
  explicit DeviceQueue(DeviceCore& core);
  ~DeviceQueue() override;

  Event submit(const abi::Packet& packet) override;
  std::uint16_t program(std::span<const std::uint64_t> words) override;
  void table(unsigned table, std::span<const std::uint32_t> words) override;
  void forget_programs() override;
  void flush() override;
  void wait(Event event) override;
  void finish() override;
  Event last() const override { return {core_.driver().submitted()}; }
  bool is_complete(Event event) override;
  void begin_op(std::string_view name) override { ops_.begin(name); }
  void end_op() override { ops_.end(); }
  std::string_view op_name(Event event) const override { return ops_.find(event.seq); }
  void set_completion_hook(CompletionHook hook) override;

  /// State of the program memory, for snapshots.
  const ProgramCache& programs() const { return programs_; }
  std::span<const std::uint32_t> table_words(unsigned table) const { return tables_.at(table); }
  /// Replaces the state of the program memory and loads it.
  void load_programs(const ProgramCache& programs,
                     const std::array<std::vector<std::uint32_t>, 2>& tables);
  /// Loads everything that the host believes to be loaded; for the start of a recording.
  void reload();
  /// The next packet names its op again; for the start of a recording.
  void renew_op() { ops_.renew(); }

 private:
  Event submit_now(const abi::Packet& packet);
  /// Programs and tables again after a reset.
  void sync() {
    if (core_.driver().epoch() != epoch_) {
      reload();
    }
  }
  void note_op();
  void load_words(std::uint32_t first_word, std::uint32_t num_words);
  void load_table(unsigned table);
  /// Before staged bytes are overwritten: waits until the device has read them.
  void wait_for_staging();
  PhysAddr table_addr(unsigned table) const;

  DeviceCore& core_;
  OpNames ops_;
  std::uint64_t epoch_ = 0;
  ProgramCache programs_;
  std::array<std::vector<std::uint32_t>, 2> tables_;  ///< Empty while not loaded.
  Buffer staging_;   ///< Image of the program memory, then both tables.
  Event last_load_;  ///< Staged bytes may be read up to here.
};

}  // namespace tandem::runtime
