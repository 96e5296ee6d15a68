// SPDX-License-Identifier: Apache-2.0
// The sweep finds every deliberate fault of faults.txt, so it would find such a fault in rtl/num.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "Vnpu_num_faulty.h"
#include "sweep.hpp"
#include "verilated_lanes.hpp"

namespace tandem::rtl_sweep {
namespace {

constexpr std::uint64_t kSeed = 20261;
constexpr std::uint64_t kVectors = 100'000;

class FaultyLanes : public VerilatedLanes<Vnpu_num_faulty> {
 public:
  void set_fault(std::uint32_t number) { model().fault_i = number; }
};

struct Fault {
  std::string package;
  std::vector<std::string> operations;  // that must fail
  std::string expression;
};

std::string cut(std::string& text, const std::string& separator) {
  const std::size_t end = text.find(separator);
  std::string head = text.substr(0, end);
  text.erase(0, end == std::string::npos ? end : end + separator.size());
  return head;
}

std::vector<Fault> read_faults() {
  std::ifstream file(TANDEM_SOURCE_DIR "/tests/rtl/num/faults.txt");
  std::vector<Fault> faults;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) continue;
    Fault fault;
    fault.package = cut(line, " @ ");
    std::string operations = cut(line, " @ ");
    fault.expression = cut(line, " @ ");
    while (!operations.empty()) fault.operations.push_back(cut(operations, ", "));
    faults.push_back(std::move(fault));
  }
  return faults;
}

/// Whether some class of vectors shows a difference.
bool differs(Lanes& lanes, const Operation& operation) {
  return std::ranges::any_of(classes_of(operation.operands), [&](VectorClass vector_class) {
    return sweep(lanes, operation, vector_class, kVectors, kSeed).mismatches != 0;
  });
}

const Operation* find_operation(const std::string& name) {
  const auto found = std::ranges::find(operations(), name, &Operation::name);
  return found == operations().end() ? nullptr : &*found;
}

TEST(NumFaults, EveryFaultIsCaught) {
  FaultyLanes lanes;
  const std::vector<Fault> faults = read_faults();
  ASSERT_GT(faults.size(), 40u);
  std::uint32_t number = 0;
  for (const Fault& fault : faults) {
    lanes.set_fault(++number);
    for (const std::string& name : fault.operations) {
      const Operation* operation = find_operation(name);
      ASSERT_NE(operation, nullptr) << "faults.txt: fault " << number << ": no operation " << name;
      EXPECT_TRUE(differs(lanes, *operation))
          << "fault " << number << " in " << fault.package << ", " << fault.expression
          << ": not seen by " << name << ", seed " << kSeed;
    }
  }
}

TEST(NumFaults, LanesWithoutAFaultShowNoDifference) {
  FaultyLanes lanes;
  lanes.set_fault(0);
  for (const std::string name : {"fma10", "fma10 staged", "fma", "narrow f16", "widen e4m3"}) {
    EXPECT_FALSE(differs(lanes, *find_operation(name))) << name;
  }
}

}  // namespace
}  // namespace tandem::rtl_sweep
