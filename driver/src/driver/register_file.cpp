// SPDX-License-Identifier: Apache-2.0
#include "register_file.hpp"

#include <fmt/format.h>

#include "tandem/base/error.hpp"

namespace tandem::driver {
namespace {

namespace reg = abi::reg;

constexpr std::size_t kNameBytes = 16;

/// Bits that exist in registers that are divided into fields; all 32 elsewhere.
std::uint32_t field_mask(std::uint32_t offset) {
  switch (offset) {
    case reg::kCtrl:
      return reg::kCtrlEnable | reg::kCtrlHaltOnError | reg::kCtrlSingleStep |
             reg::kCtrlBreakEnable;
    case reg::kIrqStatus:
    case reg::kIrqMask:
      return reg::kIrqStatusCompletion | reg::kIrqStatusError | reg::kIrqStatusHalt;
    default:
      break;
  }
  const std::uint32_t in_table = offset - reg::kRegionBase;
  if (in_table < reg::kRegionCount * reg::kRegionStride &&
      in_table % reg::kRegionStride == reg::kRegionAttr) {
    return reg::kRegionAttrValid | reg::kRegionAttrWritable;
  }
  return ~std::uint32_t{0};
}

void pack_name(const std::string& name, std::array<std::uint32_t, abi::kRegisterBytes / 4>& words) {
  if (name.empty() || name.size() > kNameBytes) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("configuration name \"{}\" has {} characters; 1 to {} fit the "
                            "identity registers",
                            name, name.size(), kNameBytes));
  }
  for (std::size_t i = 0; i < name.size(); ++i) {
    words[reg::kConfigName0 / 4 + i / 4] |= std::uint32_t{static_cast<unsigned char>(name[i])}
                                            << (8 * (i % 4));
  }
}

}  // namespace

RegisterFile::RegisterFile(const DeviceConfig& config) {
  for (const abi::RegisterInfo& info : abi::registers()) {
    rules_[info.at / 4] = {true, info.access, field_mask(info.at)};
  }
  identity_[reg::kMagic / 4] = abi::kMagic;
  identity_[reg::kAbiVersion / 4] = abi::kAbiVersion;
  identity_[reg::kAbiHashLo / 4] = static_cast<std::uint32_t>(abi::kAbiHash);
  identity_[reg::kAbiHashHi / 4] = static_cast<std::uint32_t>(abi::kAbiHash >> 32);
  identity_[reg::kArrayRows / 4] = config.array_rows;
  identity_[reg::kArrayCols / 4] = config.array_cols;
  identity_[reg::kVectorLanes / 4] = config.vector_lanes;
  identity_[reg::kVectorLength / 4] = config.vector_length;
  identity_[reg::kUcodeWords / 4] = config.ucode_words;
  identity_[reg::kAxiDataBits / 4] = config.axi_data_bits;
  pack_name(config.name, identity_);
  reset();
}

void RegisterFile::reset() {
  for (std::size_t i = 0; i < kWords; ++i) {
    values_[i].store(identity_[i], std::memory_order_relaxed);
  }
}

}  // namespace tandem::driver
