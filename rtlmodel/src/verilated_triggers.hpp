// SPDX-License-Identifier: Apache-2.0
// A faster VlTriggerVec for models of Verilator versions that keep one bool for each clock edge:
// the sets are asked and joined several times in every evaluation, here a word at a time.
#pragma once

#include <verilated.h>
#include <verilated_types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

/// As VlTriggerVec<NumFlags>; `at` gives the bools that generated code reads and writes.
template <std::size_t NumFlags>
class TriggerWords {
 public:
  void clear() { flags_.fill(false); }
  bool& at(std::size_t i) { return flags_[i]; }
  bool any() const {
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < kWords; ++i) all |= word(i);
    return all != 0;
  }
  void set(const TriggerWords& other) {
    for (std::size_t i = 0; i < kWords; ++i) put(i, word(i) | other.word(i));
  }
  void andNot(const TriggerWords& a, const TriggerWords& b) {
    for (std::size_t i = 0; i < kWords; ++i) put(i, a.word(i) & ~b.word(i));
  }

 private:
  static constexpr std::size_t kWordBytes = sizeof(std::uint64_t);
  static constexpr std::size_t kWords = (NumFlags + kWordBytes - 1) / kWordBytes;

  std::uint64_t word(std::size_t i) const {
    std::uint64_t value;
    std::memcpy(&value, &flags_[i * kWordBytes], sizeof value);
    return value;
  }
  void put(std::size_t i, std::uint64_t value) {
    std::memcpy(&flags_[i * kWordBytes], &value, sizeof value);
  }

  alignas(kWordBytes) std::array<bool, kWords * kWordBytes> flags_{};
};

#define TANDEM_TRIGGER_VEC(N) \
  template <>                 \
  class VlTriggerVec<N> final : public TriggerWords<N> {}
TANDEM_TRIGGER_VEC(1);
TANDEM_TRIGGER_VEC(2);
TANDEM_TRIGGER_VEC(3);
TANDEM_TRIGGER_VEC(4);
TANDEM_TRIGGER_VEC(5);
TANDEM_TRIGGER_VEC(6);
TANDEM_TRIGGER_VEC(7);
TANDEM_TRIGGER_VEC(8);
TANDEM_TRIGGER_VEC(9);
TANDEM_TRIGGER_VEC(10);
TANDEM_TRIGGER_VEC(11);
TANDEM_TRIGGER_VEC(12);
#undef TANDEM_TRIGGER_VEC
