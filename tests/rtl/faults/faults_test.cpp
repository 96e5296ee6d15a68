// SPDX-License-Identifier: Apache-2.0
// Every fault of rtl/fault/faults.yml makes its difference on its program and shows as the list
// says.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "rtl_runner.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/rtlmodel/device_model.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::rtlmodel {
namespace {

using testing::AllOf;
using testing::HasSubstr;

const driver::DeviceConfig& tiny() {
  static const driver::DeviceConfig config = runtime::load_config("tiny");
  return config;
}

/// The model with faults and none of them, for each program and options once; equal to the cmodel.
const Outcome& right_outcome(const Fault& fault) {
  static std::map<std::pair<std::string, std::string>, Outcome> all;
  const auto key = std::pair(std::string(fault.program), std::string(fault.options));
  if (const auto found = all.find(key); found != all.end()) return found->second;
  const abi::ExecFile file = load_program(fault.program, tiny());
  Outcome& right = all[key] = run_on_rtl(file, tiny(), nullptr, fault.options);
  const Difference difference = compare(run_on_backend(file, tiny(), "cmodel:tiny"), right);
  EXPECT_EQ(difference.symptom, "")
      << fault.program << ": " << difference.where << ", packet " << difference.seq;
  EXPECT_FALSE(right.stamp);
  return right;
}

/// The cycle of the first write that differs, by place and bytes; 0: none.
std::uint64_t first_wrong_write(const Outcome& right, const Outcome& wrong) {
  for (std::size_t i = 0; i < wrong.writes.size(); ++i) {
    const bool same = i < right.writes.size() && right.writes[i].addr == wrong.writes[i].addr &&
                      right.writes[i].bytes == wrong.writes[i].bytes;
    if (!same) return wrong.writes[i].cycle;
  }
  return 0;
}

class Faults : public testing::TestWithParam<const Fault*> {};

TEST_P(Faults, ShowsOnItsProgram) {
  const Fault& fault = *GetParam();
  const Outcome& right = right_outcome(fault);
  const Outcome wrong =
      run_on_rtl(load_program(fault.program, tiny()), tiny(), &fault, fault.options);
  ASSERT_TRUE(wrong.stamp) << fault.what << ": no value differed in " << fault.program;
  const Difference difference = compare(right, wrong);
  EXPECT_EQ(difference.symptom, fault.symptom)
      << fault.what << ": " << difference.where << ", packet " << difference.seq;
  EXPECT_LE(wrong.stamp->cycle, wrong.cycles);
  const std::uint64_t write = first_wrong_write(right, wrong);
  if (write != 0) {
    EXPECT_GE(write, wrong.stamp->cycle) << "a write was wrong before the stamp";
    RecordProperty("cycles_to_write", std::to_string(write - wrong.stamp->cycle));
  }
  if (difference.symptom == "data" || difference.symptom == "completion") {
    EXPECT_EQ(wrong.stamp->seq, difference.seq) << fault.what << ": " << difference.where;
  } else if (difference.symptom == "register") {
    EXPECT_EQ(difference.where, fault.where) << fault.what;
  }
}

std::vector<const Fault*> all_faults() {
  std::vector<const Fault*> all;
  for (const Fault& fault : faults()) all.push_back(&fault);
  return all;
}

INSTANTIATE_TEST_SUITE_P(List, Faults, testing::ValuesIn(all_faults()),
                         [](const auto& info) { return std::string(info.param->name); });

std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(FaultList, UnknownNamesListNearOnes) {
  EXPECT_THAT(error_of([] { find_fault("dma_row_strid"); }),
              AllOf(HasSubstr("no fault dma_row_strid; near are dma_row_stride,"),
                    HasSubstr("docs/howto/seeded-faults.md")));
  EXPECT_THAT(error_of([] { driver::open_backend("rtl:tiny?fault_stamp=x", tiny()); }),
              HasSubstr("together with fault=NAME"));
  driver::DeviceConfig other = tiny();
  other.name = "other";
  EXPECT_THAT(error_of([&] { driver::open_backend("rtl:other?fault=none", other); }),
              AllOf(HasSubstr("no model of the configuration with faults"),
                    HasSubstr("-DTANDEM_RTL_FAULTS='other'")));
}

TEST(FaultList, UriChoosesAFaultAndItsStampBecomesAFile) {
  const auto file = std::filesystem::path(testing::TempDir()) / "tandem_fault_stamp.json";
  const auto stamp_of = [&](const std::string& fault, const std::string& name) {
    const std::string uri = "rtl:tiny?fault=" + fault + "&fault_stamp=" + file.string();
    run_on_backend(load_program(name, tiny()), tiny(), uri);
    std::ifstream in(file);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  EXPECT_THAT(stamp_of("dma_row_stride", "copies"),
              AllOf(HasSubstr("\"cycle\": "), HasSubstr("\"time\": "), HasSubstr("\"seq\": 1}")));
  EXPECT_EQ(stamp_of("dma_row_stride", "ring"), "{}\n");
  std::filesystem::remove(file);
}

TEST(FaultList, HasFiftyFaultsInAllParts) {
  EXPECT_GE(faults().size(), 50u);
  std::map<std::string, unsigned> parts;
  for (const Fault& fault : faults())
    ++parts[std::string(fault.module).substr(0, std::string(fault.module).find('/'))];
  for (const char* part : {"cmd", "matrix", "vector", "dma", "mem", "num"}) {
    EXPECT_GE(parts[part], 5u) << part;
  }
}

}  // namespace
}  // namespace tandem::rtlmodel
