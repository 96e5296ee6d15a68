// SPDX-License-Identifier: Apache-2.0
// Faults on purpose: the list of rtl/fault/faults.yml, and when one first had an effect.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace tandem::rtlmodel {

/// A fault that models built with TANDEM_RTL_FAULTS can have.
struct Fault {
  const char* name = "";
  const char* module = "";   ///< Path below rtl, e.g. "dma/npu_dma_walk".
  const char* kind = "";     ///< "rounding", "stride", "hang" ...
  const char* what = "";     ///< One sentence.
  const char* symptom = "";  ///< "data", "completion", "hang", "register" or "protocol".
  /// For `register`: its name in the register map, or "irq".
  const char* where = "";
  const char* program = "";  ///< rtl/fault/programs/NAME.exec shows it ...
  const char* options = "";  ///< ... with these options of the URI.
  const char* engine = "";   ///< "matrix", "vector", "dma", or "control" for all packets.
  unsigned depth =
      0;  ///< Cycles from the stamp to the first wrong value of a recorded stage, at most.
};

/// The faults of this build, in the order of the list; empty without TANDEM_RTL_FAULTS.
std::span<const Fault> faults();

/// The fault of this name. Throws kNotFound naming near ones, or how to build models with faults.
const Fault& find_fault(std::string_view name);

/// The first difference that the selected fault made since the model was built.
struct FaultStamp {
  std::uint64_t cycle = 0;  ///< As DeviceModel::cycle().
  std::uint64_t time = 0;   ///< As in waves: half cycles.
  std::uint64_t seq = 0;    ///< Of the packet; 0 if none was issued yet.
};

}  // namespace tandem::rtlmodel
