// SPDX-License-Identifier: Apache-2.0
// Cases on devices.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "memory_image.hpp"
#include "tandem/abi/asm.hpp"
#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/debug/case_file.hpp"
#include "tandem/driver/sparse_ram.hpp"

namespace tandem::debug {
namespace {

/// Bits of a value, most significant digit first.
std::string hex(const std::vector<std::byte>& bytes) {
  std::string text;
  for (auto byte = bytes.rbegin(); byte != bytes.rend(); ++byte) {
    text += fmt::format("{:02x}", std::to_integer<unsigned>(*byte));
  }
  return text;
}

/// Submits the packets of a case and does what the host did between them.
class CaseRun {
 public:
  CaseRun(const Case& item, runtime::Device& device, std::chrono::nanoseconds deadline)
      : item_(item), device_(device), deadline_(deadline) {}

  /// Until the last packet has completed; why it has not, or empty.
  std::string play() {
    driver::Driver& driver = device_.driver();
    try {
      for (const CasePacket& packet : item_.packets) {
        prepare(packet);
        if (driver.completed() == driver.submitted() &&
            driver.submitted() + 1 < packet.packet.seq) {
          driver.set_next_seq(packet.packet.seq);
        }
        const runtime::OpScope scope(device_.queue(), packet.op);
        seqs_.push_back(device_.queue().submit(packet.packet).seq);
      }
      wait(seqs_.size());
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  std::optional<abi::Completion> last_completion() const {
    if (seqs_.size() != item_.packets.size()) return std::nullopt;
    return device_.driver().completion(seqs_.back());
  }

 private:
  void prepare(const CasePacket& packet) {
    if (packet.reset) reset();
    for (const HostWrite& write : packet.writes) {
      std::size_t known = 0;
      while (known < seqs_.size() && item_.packets[known].packet.seq <= write.completed) ++known;
      if (!packet.reset) wait(known);
      device_.copy_in(write.piece.addr, write.piece.bytes);
    }
  }

  /// Packets before have ended, well or not.
  void reset() {
    driver::Driver& driver = device_.driver();
    const std::uint64_t epoch = driver.epoch();
    try {
      wait(seqs_.size());
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kDeviceFault) throw;
    }
    // The driver may have done it, if a packet failed.
    if (driver.epoch() == epoch || !driver.started()) driver.restart();
  }

  void wait(std::size_t packets) {
    if (packets == 0) return;
    const std::uint64_t seq = seqs_[packets - 1];
    if (deadline_.count() > 0) {
      device_.driver().wait(seq, deadline_);
    } else {
      device_.queue().wait({seq});
    }
  }

  const Case& item_;
  runtime::Device& device_;
  std::chrono::nanoseconds deadline_;
  std::vector<std::uint64_t> seqs_;  // Of the packets on the device.
};

std::string text_of(const Case& item, const CaseResult& result, const std::string& device,
                    const std::string& what) {
  const CasePacket& failing = item.failing();
  return fmt::format("packet {}{}{}: {}\n  {}\n  expected {}\n  {} gives {}", failing.packet.seq,
                     failing.op.empty() ? "" : " of ", failing.op, what,
                     abi::disassemble(failing.packet),
                     describe(failing.packet, {failing.completion, {}}), device,
                     describe(failing.packet, result.outcome));
}

ElementDifference stray_byte(std::uint64_t addr, std::byte expected, std::byte found) {
  ElementDifference element;
  element.operand = "memory outside the operands";
  element.addr = addr;
  element.a.assign(1, expected);
  element.b.assign(1, found);
  return element;
}

/// The first byte of the expected ranges that is not as expected.
std::optional<ElementDifference> first_unexpected(const Case& item, runtime::Device& device) {
  std::vector<std::byte> found;
  for (const MemoryPiece& piece : item.expected) {
    found.resize(piece.bytes.size());
    device.copy_out(piece.addr, found);
    const auto at = std::ranges::mismatch(piece.bytes, found);
    if (at.in1 == piece.bytes.end()) continue;
    const auto offset = static_cast<std::uint64_t>(at.in1 - piece.bytes.begin());
    return stray_byte(piece.addr.value + offset, *at.in1, *at.in2);
  }
  return std::nullopt;
}

/// The first byte anywhere else in simulated RAM that no packet of the case writes and that has
/// changed.
std::optional<ElementDifference> first_changed(const Case& item, runtime::Device& device) {
  driver::Driver& driver = device.driver();
  const auto ram = driver.backend().ram();
  if (ram == nullptr) return std::nullopt;
  MemoryImage image(item.memory);
  const abi::ReadMemory memory = [&](auto addr, auto dst) { image.read(addr, dst); };
  PageSet written;
  for (const CasePacket& packet : item.packets) {
    image.write(packet.writes);
    written.merge(touched_pages(packet.packet, item.config, memory, true));
  }
  for (const driver::RegionConfig& region : item.config.regions) {
    if (region.name != driver.options().ring_region) continue;
    for (std::uint64_t at = 0; at < driver.ring_bytes(); at += kPageBytes) {
      written.insert(region.base.value + at);
    }
  }
  std::optional<ElementDifference> first;
  Page expected;
  ram->for_each_page([&](std::uint64_t addr, std::span<const std::byte> page) {
    if (first || written.contains(addr)) return;
    image.read(addr, expected);
    const auto at = std::ranges::mismatch(expected, page);
    if (at.in1 == expected.end()) return;
    first =
        stray_byte(addr + static_cast<std::uint64_t>(at.in1 - expected.begin()), *at.in1, *at.in2);
  });
  return first;
}

std::optional<ElementDifference> first_stray(const Case& item, runtime::Device& device) {
  if (auto element = first_unexpected(item, device)) return element;
  return first_changed(item, device);
}

/// Memory as the case expects it; what it does not say is as the device has it.
abi::ReadMemory expected_memory(const Case& item, runtime::Device& device) {
  return [&item, &device](std::uint64_t addr, std::span<std::byte> dst) {
    device.copy_out(PhysAddr(addr), dst);
    for (const MemoryPiece& piece : item.expected) {
      const std::uint64_t begin = std::max(addr, piece.addr.value);
      const std::uint64_t end = std::min(addr + dst.size(), piece.addr.value + piece.bytes.size());
      if (begin >= end) continue;
      std::memcpy(dst.data() + (begin - addr), piece.bytes.data() + (begin - piece.addr.value),
                  end - begin);
    }
  };
}

void compare_bytes(const Case& item, runtime::Device& device, CaseResult& result) {
  const PacketDifference difference =
      compare_written(item.failing().packet, expected_memory(item, device), memory_of(device));
  std::string what;
  result.kind = CaseResult::Kind::kBytes;
  if (difference.first) {
    result.element = difference.first;
    what = fmt::format("{} of {} elements differ, first {}", difference.differing,
                       difference.elements, to_string(*difference.first));
  } else if (auto stray = first_stray(item, device)) {
    what = fmt::format("a byte outside its operands differs: {}", to_string(*stray));
    result.element = std::move(stray);
    result.kind = CaseResult::Kind::kStray;
  } else {
    result.kind = CaseResult::Kind::kPassed;
    return;
  }
  result.text = text_of(item, result, device.backend_name(), what);
}

}  // namespace

CaseElement to_case_element(const ElementDifference& element) {
  return {element.operand, element.index, element.addr, std::string(abi::to_string(element.type)),
          hex(element.a),  hex(element.b)};
}

CaseResult run_case(const Case& item, runtime::Device& device, std::chrono::nanoseconds deadline) {
  const runtime::TraceInfo info{"the case", item.origin.a, item.config, abi::kAbiHash, {}};
  check_same_device(info, device);
  for (const MemoryPiece& piece : item.memory) device.copy_in(piece.addr, piece.bytes);
  for (const TraceTensor& tensor : item.tensors) {
    device.name_tensor(PhysAddr(tensor.addr), tensor.num_bytes, tensor.name);
  }
  device.queue().forget_programs();

  CaseResult result;
  CaseRun run(item, device, deadline);
  const std::string failure = run.play();
  result.outcome.completion = run.last_completion();
  if (!result.outcome.completion) {
    result.outcome.failure = failure;
    result.kind = CaseResult::Kind::kHung;
    result.text = text_of(item, result, device.backend_name(), "no completion");
    return result;
  }
  const abi::Completion& expected = item.failing().completion;
  if (expected.error == abi::Fault::kNone &&
      result.outcome.completion->error == abi::Fault::kNone) {
    compare_bytes(item, device, result);
  }
  if (result.passed() && !same_result(expected, *result.outcome.completion)) {
    result.kind = CaseResult::Kind::kCompletion;
    result.text = text_of(item, result, device.backend_name(), "the completions differ");
  }
  return result;
}

}  // namespace tandem::debug
