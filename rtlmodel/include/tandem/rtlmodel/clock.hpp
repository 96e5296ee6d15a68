// SPDX-License-Identifier: Apache-2.0
// One clock cycle of a Verilated module with a memory behind it.
#pragma once

namespace tandem::rtlmodel {

/// Inputs of `top` other than m_axi_* are those that the caller set before.
template <class Top, class Memory>
inline void clock_cycle(Top& top, Memory& memory) {
  memory.sample();
  top.clk_i = 1;
  top.eval();
  memory.drive();
  top.clk_i = 0;
  top.eval();
}

/// Holds rst_ni low for `cycles`; nothing is in flight afterwards.
template <class Top, class Memory>
inline void reset_cycles(Top& top, Memory& memory, unsigned cycles = 4) {
  top.rst_ni = 0;
  for (unsigned i = 0; i < cycles; ++i) {
    top.clk_i = 1;
    top.eval();
    memory.reset();
    top.clk_i = 0;
    top.eval();
  }
  top.rst_ni = 1;
  top.eval();
}

}  // namespace tandem::rtlmodel
