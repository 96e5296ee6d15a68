// SPDX-License-Identifier: Apache-2.0
// A device with just enough arithmetic for tests of the runtime, and ways to make it misbehave.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tandem/abi/packet_cast.hpp"
#include "tandem/driver/in_process_backend.hpp"
#include "tandem/numerics/checksum.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::runtime::testing {

inline driver::DeviceConfig toy_config() {
  driver::DeviceConfig config;
  config.name = "toy";
  config.ucode_words = 64;
  config.regions = {{"commands", PhysAddr(0x8000'0000), 2 << 20, true},
                    {"ucode", PhysAddr(0x9000'0000), 1 << 20, true},
                    {"weights", PhysAddr(0x1'0000'0000), 1 << 20, false},
                    {"activations", PhysAddr(0x2'0000'0000), 4 << 20, true},
                    {"kv", PhysAddr(0x3'0000'0000), 1 << 20, true}};
  return config;
}

struct ToyOptions {
  bool has_ram = true;  ///< Shows its RAM as simulated backends do.
  bool has_window = true;
  std::uint64_t wrong_byte_at = 0;  ///< A COPY that writes this address writes a wrong byte there.
};

/// What the device was told, for tests to look at.
struct ToyLog {
  std::vector<driver::Annotation> notes;
  std::uint64_t loads = 0;  ///< LOAD_UCODE packets.
};

/// COPY of contiguous bytes, FILL of bytes, and VECTOR with programs that only store an immediate.
class ToyEngine final : public driver::Engine {
 public:
  ToyEngine(ToyOptions options, std::shared_ptr<ToyLog> log)
      : options_(options), log_(std::move(log)) {}

  std::optional<abi::Engine> engine_for(std::uint8_t opcode) const override {
    switch (static_cast<abi::Opcode>(opcode)) {
      case abi::Opcode::kCopy:
      case abi::Opcode::kFill:
        return abi::Engine::kDma;
      case abi::Opcode::kVector:
        return abi::Engine::kVector;
      default:
        return std::nullopt;
    }
  }

  bool observes() const override { return true; }
  void before(const abi::Packet& packet, const abi::OperandList&) override {
    log_->loads += packet.opcode == abi::Opcode::kLoadUcode;
  }

  void execute(const abi::Packet& packet, const abi::OperandList& operands,
               const driver::ExecutionContext& context, driver::ExecutionResult& result) override {
    if (packet.opcode == abi::Opcode::kVector) {
      const auto vector = abi::packet_as<abi::VectorPacket>(packet);
      const std::uint64_t word = context.ucode.words[vector.ucode_start + vector.ucode_words - 1u];
      const auto value = static_cast<std::uint32_t>(word >> abi::kUcodeImmLsb);
      std::vector<std::uint32_t> values(vector.cols, value);
      put(context, vector.out0_addr, std::as_bytes(std::span(values)), result);
      return;
    }
    if (packet.opcode == abi::Opcode::kFill) {
      const auto fill = abi::packet_as<abi::FillPacket>(packet);
      const std::vector<std::byte> values(fill.extent3, static_cast<std::byte>(fill.value));
      put(context, fill.dst_addr, values, result);
      return;
    }
    const auto copy = abi::packet_as<abi::CopyPacket>(packet);
    std::vector<std::byte> values(operands.items[0].total_bytes());
    context.ram.read(copy.src_addr, values);
    if (options_.wrong_byte_at - copy.dst_addr < values.size()) {
      values[options_.wrong_byte_at - copy.dst_addr] ^= std::byte{0x10};
    }
    put(context, copy.dst_addr, values, result);
  }

 private:
  void put(const driver::ExecutionContext& context, std::uint64_t addr,
           std::span<const std::byte> bytes, driver::ExecutionResult& result) {
    context.ram.write(addr, bytes);
    result.checksum = numerics::checksum_bytes(
        addr, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  }

  ToyOptions options_;
  std::shared_ptr<ToyLog> log_;
};

class ToyBackend final : public driver::InProcessBackend {
 public:
  ToyBackend(const driver::DeviceConfig& config, ToyOptions options, std::shared_ptr<ToyLog> log)
      : InProcessBackend("toy:" + config.name, config, std::make_unique<ToyEngine>(options, log)),
        options_(options),
        log_(std::move(log)) {}

  void annotate(const driver::Annotation& note) override { log_->notes.push_back(note); }
  std::shared_ptr<driver::SparseRam> ram() override {
    return options_.has_ram ? InProcessBackend::ram() : nullptr;
  }
  std::span<std::byte> window(PhysAddr addr, std::uint64_t num_bytes) override {
    return options_.has_window ? InProcessBackend::window(addr, num_bytes) : std::span<std::byte>();
  }

 private:
  ToyOptions options_;
  std::shared_ptr<ToyLog> log_;
};

struct Toy {
  std::shared_ptr<ToyLog> log = std::make_shared<ToyLog>();
  Device device;

  explicit Toy(const ToyOptions& options = {}, const driver::DeviceConfig& config = toy_config(),
               const DeviceOptions& device_options = {})
      : device(Device::open(std::make_unique<ToyBackend>(config, options, log), config,
                            device_options)) {}
};

inline abi::CopyPacket copy_bytes(PhysAddr src, PhysAddr dst, std::uint32_t num_bytes) {
  abi::CopyPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = num_bytes;
  packet.elem_bytes = 1;
  packet.src_addr = src.value;
  packet.src_stride3 = 1;
  packet.dst_addr = dst.value;
  packet.dst_stride3 = 1;
  return packet;
}

inline abi::FillPacket fill_bytes(PhysAddr dst, std::uint32_t num_bytes, std::uint8_t value) {
  abi::FillPacket packet;
  packet.extent0 = packet.extent1 = packet.extent2 = 1;
  packet.extent3 = num_bytes;
  packet.elem_bytes = 1;
  packet.value = value;
  packet.dst_addr = dst.value;
  packet.dst_stride3 = 1;
  return packet;
}

/// A program that stores `value` to every element; `num_words` pads it with scalar operations.
inline std::vector<std::uint64_t> store_program(std::uint32_t value, std::size_t num_words = 2) {
  using abi::MicroOp;
  const auto op = [](MicroOp code) { return static_cast<std::uint64_t>(code); };
  const std::uint64_t imm = abi::kSelectImm;
  std::vector<std::uint64_t> words = {op(MicroOp::kPhase)};
  while (words.size() + 1 < num_words) {
    // iadd s0, imm, imm
    words.push_back(op(MicroOp::kIadd) | std::uint64_t{abi::kSelectS} << abi::kUcodeDstLsb |
                    imm << abi::kUcodeALsb | imm << abi::kUcodeBLsb |
                    std::uint64_t{value} << abi::kUcodeImmLsb);
  }
  words.push_back(op(MicroOp::kSt) | imm << abi::kUcodeALsb |
                  std::uint64_t{value} << abi::kUcodeImmLsb);
  return words;
}

/// Runs `words` over one row of `cols` I32 elements at `dst`.
inline abi::VectorPacket run_program(std::uint16_t start, std::size_t num_words, PhysAddr dst,
                                     std::uint32_t cols) {
  abi::VectorPacket packet;
  packet.cols = cols;
  packet.rows0 = packet.rows1 = 1;
  packet.ucode_start = start;
  packet.ucode_words = static_cast<std::uint16_t>(num_words);
  packet.out0_type = abi::Dtype::kI32;
  packet.out0_addr = dst.value;
  packet.out0_col_stride = 4;
  return packet;
}

inline std::vector<std::byte> pattern(std::size_t num_bytes, unsigned seed) {
  std::vector<std::byte> bytes(num_bytes);
  for (std::size_t i = 0; i < num_bytes; ++i) {
    bytes[i] = static_cast<std::byte>((i * 7 + seed * 13 + (i >> 8)) & 0xff);
  }
  return bytes;
}

inline std::vector<std::byte> read_bytes(Device& device, PhysAddr addr, std::size_t num_bytes) {
  std::vector<std::byte> bytes(num_bytes);
  device.copy_out(addr, bytes);
  return bytes;
}

/// A path in the test's own directory that ends with the test.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& name)
      : path_(std::filesystem::temp_directory_path() /
              ("tandem_runtime_" + std::to_string(::getpid()) + "_" + name)) {
    std::filesystem::remove(path_);
  }
  ~ScratchFile() {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
  }
  std::string path() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

}  // namespace tandem::runtime::testing
