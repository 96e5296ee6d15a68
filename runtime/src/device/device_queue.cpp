// SPDX-License-Identifier: Apache-2.0
#include "device_queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "tandem/base/log.hpp"

namespace tandem::runtime {
namespace {

constexpr std::uint64_t kTableBytes = abi::kTableWords * sizeof(std::uint32_t);

}  // namespace

DeviceQueue::DeviceQueue(DeviceCore& core)
    : core_(core),
      epoch_(core.driver().epoch()),
      programs_(core.driver().capabilities().ucode_words) {
  const std::uint64_t bytes =
      programs_.capacity_words() * sizeof(std::uint64_t) + tables_.size() * kTableBytes;
  staging_ = core.allocator("ucode").malloc(bytes, "program memory image");
  core.driver().set_op_name_hook([this](std::uint64_t seq) { return std::string(ops_.find(seq)); });
}

DeviceQueue::~DeviceQueue() {
  core_.driver().set_op_name_hook({});
  core_.set_completion_hook({});
}

Event DeviceQueue::submit(const abi::Packet& packet) {
  sync();
  return submit_now(packet);
}

Event DeviceQueue::submit_now(const abi::Packet& packet) {
  if (ops_.changed()) {
    note_op();
  }
  abi::Packet copy = packet;
  const std::uint64_t seq = core_.guarded([&] { return core_.driver().submit(copy); });
  if (core_.recording()) {
    core_.record([&](TraceWriter& trace) { trace.packet(copy); });
  }
  return {seq};
}

void DeviceQueue::note_op() {
  driver::Driver& driver = core_.driver();
  const std::uint64_t seq = driver.submitted() + 1;
  ops_.note(seq, driver.completed());
  driver.backend().annotate({.kind = driver::Annotation::Kind::kPacket,
                             .name = ops_.current(),
                             .first_seq = seq,
                             .last_seq = std::numeric_limits<std::uint64_t>::max()});
  core_.record([&](TraceWriter& trace) { trace.op(ops_.current()); });
}

std::uint16_t DeviceQueue::program(std::span<const std::uint64_t> words) {
  if (words.empty() || words.size() > programs_.capacity_words()) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("micro-program of {} words; expected 1 to {}, the UCODE_WORDS of this "
                            "device",
                            words.size(), programs_.capacity_words()));
  }
  sync();
  if (const auto first_word = programs_.find(words)) {
    return *first_word;
  }
  if (!programs_.fits(words.size())) {
    wait_for_staging();
    programs_.clear();
  }
  const std::uint16_t first_word = programs_.add(words);
  load_words(first_word, static_cast<std::uint32_t>(words.size()));
  return first_word;
}

void DeviceQueue::load_words(std::uint32_t first_word, std::uint32_t num_words) {
  const PhysAddr addr = staging_.addr() + first_word * sizeof(std::uint64_t);
  core_.write(addr, std::as_bytes(programs_.image().subspan(first_word, num_words)));
  abi::LoadUcodePacket packet;
  packet.words = num_words;
  packet.dst_word = first_word;
  packet.target = abi::UcodeTarget::kProgram;
  packet.src_addr = addr.value;
  last_load_ = submit_now(abi::to_packet(packet));
}

PhysAddr DeviceQueue::table_addr(unsigned table) const {
  return staging_.addr() + programs_.capacity_words() * sizeof(std::uint64_t) + table * kTableBytes;
}

void DeviceQueue::load_table(unsigned table) {
  core_.write(table_addr(table), std::as_bytes(std::span(tables_[table])));
  abi::LoadUcodePacket packet;
  packet.words = abi::kTableWords;
  packet.target = table == 0 ? abi::UcodeTarget::kTable0 : abi::UcodeTarget::kTable1;
  packet.src_addr = table_addr(table).value;
  last_load_ = submit_now(abi::to_packet(packet));
}

void DeviceQueue::table(unsigned table, std::span<const std::uint32_t> words) {
  if (table >= tables_.size() || words.size() != abi::kTableWords) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("lookup table {} of {} words; expected table 0 to {} of {} words",
                            table, words.size(), tables_.size() - 1, abi::kTableWords));
  }
  sync();
  if (std::ranges::equal(tables_[table], words)) {
    return;
  }
  wait_for_staging();
  tables_[table].assign(words.begin(), words.end());
  load_table(table);
}

void DeviceQueue::wait_for_staging() {
  if (!is_complete(last_load_)) {
    wait(last_load_);
  }
}

void DeviceQueue::forget_programs() {
  wait_for_staging();
  programs_.clear();
  for (auto& table : tables_) {
    table.clear();
  }
}

void DeviceQueue::load_programs(const ProgramCache& programs,
                                const std::array<std::vector<std::uint32_t>, 2>& tables) {
  finish();
  programs_ = programs;
  tables_ = tables;
  reload();
}

void DeviceQueue::reload() {
  epoch_ = core_.driver().epoch();
  if (!programs_.image().empty()) {
    load_words(0, static_cast<std::uint32_t>(programs_.image().size()));
  }
  for (unsigned table = 0; table < tables_.size(); ++table) {
    if (!tables_[table].empty()) {
      load_table(table);
    }
  }
  if (epoch_ > 1) {
    log::debug("{} words of micro-programs loaded again", programs_.image().size());
  }
}

void DeviceQueue::flush() {
  core_.guarded([&] { core_.driver().flush(); });
}

void DeviceQueue::wait(Event event) {
  core_.guarded([&] { core_.driver().wait(event.seq); });
}

void DeviceQueue::finish() {
  core_.guarded([&] {
    driver::Driver& driver = core_.driver();
    if (driver.completed() < driver.submitted()) {
      driver.wait_all();
    }
  });
}

bool DeviceQueue::is_complete(Event event) {
  if (event.seq <= core_.driver().completed()) {
    return true;
  }
  return core_.guarded([&] { return core_.driver().poll(); }) >= event.seq;
}

void DeviceQueue::set_completion_hook(CompletionHook hook) {
  if (!hook) {
    core_.set_completion_hook({});
    return;
  }
  core_.set_completion_hook(
      [this, hook = std::move(hook)](const abi::Packet& packet, const abi::Completion& completion) {
        hook(packet, completion, ops_.find(completion.seq));
      });
}

}  // namespace tandem::runtime
