// SPDX-License-Identifier: Apache-2.0
// Every fault in the copy of the cmodel shows on its program, and the copy without one equals the
// cmodel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "rtl/faults/program_runner.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::rtlmodel {
namespace {

using testing::HasSubstr;

TEST(CmodelFaults, ShowOnTheirPrograms) {
  const driver::DeviceConfig tiny = runtime::load_config("tiny");
  ASSERT_GE(faults().size(), 6u);
  for (const Fault& fault : faults()) {
    const abi::ExecFile file = load_program(fault.program, tiny);
    const Outcome right = run_on_backend(file, tiny, "cmodel:tiny");
    EXPECT_EQ(compare(right, run_on_backend(file, tiny, "cmodel_faults:tiny")).symptom, "")
        << fault.name;
    const Difference found = compare(
        right, run_on_backend(file, tiny, "cmodel_faults:tiny?fault=" + std::string(fault.name)));
    EXPECT_EQ(found.symptom, fault.symptom) << fault.name << ": " << found.where;
    EXPECT_NE(found.seq, 0u) << fault.name;
  }
}

TEST(CmodelFaults, UnknownNameAndNormalCmodelSaySo) {
  const driver::DeviceConfig tiny = runtime::load_config("tiny");
  const auto message = [&](const char* uri) -> std::string {
    try {
      driver::open_backend(uri, tiny);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(message("cmodel_faults:tiny?fault=k_tail"),
              HasSubstr("there are none, cmodel_k_tail,"));
  EXPECT_THAT(message("cmodel:tiny?fault=cmodel_k_tail"), HasSubstr("fault"));
}

}  // namespace
}  // namespace tandem::rtlmodel
