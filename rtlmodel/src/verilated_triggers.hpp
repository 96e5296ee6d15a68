// SPDX-License-Identifier: Apache-2.0
// A faster VlTriggerVec for models of Verilator versions that keep one bool for each clock edge:
// the sets are asked and joined several times in every evaluation, here a word at a time.
#pragma once

#include <verilated.h>
#include <verilated_types.h>

#include <cstddef>
#include <utility>

/// As VlTriggerVec<NumFlags>; `at` gives the bools that generated code reads and writes. Flags have
/// just been written one by one when they are looked at: bytes are read as bytes, since a wider
/// load would wait until the stores have left the processor's queue.
template <std::size_t NumFlags>
class TriggerFlags {
 public:
  TriggerFlags() = default;
  TriggerFlags& operator=(const TriggerFlags& other) {
    for_each([&](std::size_t i) { flags_[i] = other.flag(i); });
    return *this;
  }
  void clear() {
    for_each([&](std::size_t i) { flags_[i] = false; });
  }
  volatile bool& at(std::size_t i) { return flags_[i]; }
  bool any() const {
    bool any = false;
    for_each([&](std::size_t i) { any |= flag(i); });
    return any;
  }
  void set(const TriggerFlags& other) {
    for_each([&](std::size_t i) { flags_[i] = flag(i) | other.flag(i); });
  }
  void andNot(const TriggerFlags& a, const TriggerFlags& b) {
    for_each([&](std::size_t i) { flags_[i] = a.flag(i) & !b.flag(i); });
  }

 private:
  // Volatile, or the compiler joins the loads.
  bool flag(std::size_t i) const { return flags_[i]; }

  // Without a loop, since models are compiled with loops as they are.
  template <class Act>
  static void for_each(Act&& act) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (act(I), ...); }
    (std::make_index_sequence<NumFlags>());
  }

  volatile bool flags_[NumFlags] = {};
};

/// For code that knows what models of such a version look like.
#define TANDEM_TRIGGER_FLAGS

#define TANDEM_TRIGGER_VEC(N) \
  template <>                 \
  class VlTriggerVec<N> final : public TriggerFlags<N> {}
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
