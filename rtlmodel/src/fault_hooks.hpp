// SPDX-License-Identifier: Apache-2.0
// What the macros of rtl/fault/npu_fault.svh call. Models with faults include it in the C++ that
// Verilator wrote.
#pragma once

#include <verilated.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "npu_fault_ids.hpp"
#include "tandem/rtlmodel/faults.hpp"

namespace tandem::rtlmodel {

/// Which fault a model has, and what is known of its first effect. Not part of a saved state.
class FaultContext : public VerilatedContext {
 public:
  void select(const Fault* fault) {
    if (fault == nullptr) return;
    selected_ = unsigned(fault - faults().data());
    const std::string_view engine = fault->engine;
    engine_ = engine == "matrix" ? 0 : engine == "vector" ? 1 : engine == "dma" ? 2 : kControl;
  }

  const std::uint64_t* now = nullptr;  ///< Half cycles, as in waves; null before the first reset.

  bool stamped = false;
  std::uint64_t time = 0;
  std::uint64_t seq = 0;

  bool hit(unsigned id, bool differs) {
    if (id != selected_) return false;
    if (differs && !stamped) stamp(seq_of_[engine_]);
    return true;
  }
  bool hit(unsigned id, bool differs, std::uint64_t packet) {
    if (id != selected_) return false;
    if (differs && !stamped) stamp(packet);
    return true;
  }
  void issue(std::uint64_t packet, unsigned engines) {
    for (unsigned e = 0; e < kControl; ++e) {
      if ((engines >> e & 1) != 0) seq_of_[e] = packet;
    }
    seq_of_[kControl] = packet;
  }

 private:
  static constexpr unsigned kNone = ~0u;
  static constexpr unsigned kControl = 3;  // Behind the engines' numbers: any packet.

  void stamp(std::uint64_t packet) {
    if (now == nullptr) return;  // Before the reset registers hold anything.
    stamped = true;
    time = *now;
    seq = packet;
  }

  unsigned selected_ = kNone;
  unsigned engine_ = kControl;                        // Of the selected fault.
  std::array<std::uint64_t, kControl + 1> seq_of_{};  // The packet that each engine got last.
};

}  // namespace tandem::rtlmodel

template <class Symbols>
inline tandem::rtlmodel::FaultContext& npu_fault_context(Symbols* symbols) {
  return static_cast<tandem::rtlmodel::FaultContext&>(*symbols->_vm_contextp__);
}
template <class Symbols>
inline bool npu_fault(Symbols* symbols, unsigned id, bool differs) {
  return npu_fault_context(symbols).hit(id, differs);
}
template <class Symbols>
inline bool npu_fault(Symbols* symbols, unsigned id, bool differs, std::uint64_t packet) {
  return npu_fault_context(symbols).hit(id, differs, packet);
}
template <class Symbols>
inline void npu_fault_issue(Symbols* symbols, std::uint64_t packet, unsigned engines) {
  npu_fault_context(symbols).issue(packet, engines);
}
