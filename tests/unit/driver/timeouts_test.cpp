// SPDX-License-Identifier: Apache-2.0
// TANDEM_TIMEOUT_S.
#include "tandem/driver/timeouts.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "support/environment.hpp"
#include "support/errors.hpp"

namespace tandem::driver {
namespace {

using tests::expect_error;
using tests::ScopedEnvironment;

TEST(Timeouts, VariableReplacesTheProgressTimeout) {
  {
    const ScopedEnvironment variable("TANDEM_TIMEOUT_S", "");
    EXPECT_EQ(progress_timeout(), kProgressTimeout);
  }
  const ScopedEnvironment variable("TANDEM_TIMEOUT_S", "0.25");
  EXPECT_EQ(progress_timeout(), std::chrono::milliseconds(250));
}

TEST(Timeouts, BadVariableIsRefusedByName) {
  for (const char* value : {"soon", "0", "-1", "nan", "1e99", "5s"}) {
    const ScopedEnvironment variable("TANDEM_TIMEOUT_S", value);
    expect_error(ErrorCode::kInvalidArgument, {"TANDEM_TIMEOUT_S", value, "above 0"},
                 [] { progress_timeout(); });
  }
}

}  // namespace
}  // namespace tandem::driver
