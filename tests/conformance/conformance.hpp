// SPDX-License-Identifier: Apache-2.0
// The fixture of the conformance suite: every test runs on every backend of support/backends.cpp.
#pragma once

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "support/backends.hpp"
#include "support/raw_device.hpp"

namespace tandem::tests {

/// Opens the backend anew for each test and starts it. A test sees `device()` enabled with rings of
/// 64 entries.
class Conformance : public testing::TestWithParam<const BackendUnderTest*> {
 protected:
  void SetUp() override;
  void TearDown() override;

  /// What the device was opened with: the memory map of the tests, and sizes that it has.
  const driver::DeviceConfig& config() const { return config_; }
  RawDevice& device() { return *device_; }
  driver::Backend& backend() { return *backend_; }
  /// Hands the backend over, e.g. to a Driver; `device()` is gone then.
  std::unique_ptr<driver::Backend> release();

  /// Expects a successful completion of the packet that was sent last.
  void expect_success(const abi::Completion& record);
  /// Sends the packet and expects this error; then that the device still executes a NOP and a
  /// SIGNAL.
  template <class P>
  void expect_fault(const P& packet, abi::Fault fault, std::uint64_t fault_addr) {
    expect_fault_of(abi::to_packet(packet), fault, fault_addr);
  }

 private:
  void expect_fault_of(const abi::Packet& packet, abi::Fault fault, std::uint64_t fault_addr);

  driver::DeviceConfig config_;
  std::unique_ptr<driver::Backend> backend_;
  std::unique_ptr<RawDevice> device_;
  // While a failure is expected, results are caught instead of reported.
  testing::TestPartResultArray caught_;
  std::unique_ptr<testing::ScopedFakeTestPartResultReporter> catcher_;
  std::string_view expected_reason_;
};

/// Parameters and names for INSTANTIATE_TEST_SUITE_P.
std::vector<const BackendUnderTest*> backends_under_test();
std::string backend_name(const testing::TestParamInfo<const BackendUnderTest*>& info);

}  // namespace tandem::tests

/// Declares the suite `suite` and runs it on every backend.
#define TANDEM_CONFORMANCE(suite)                       \
  class suite : public ::tandem::tests::Conformance {}; \
  TANDEM_CONFORMANCE_FIXTURE(suite)

/// The same for a fixture that the test file declares itself.
#define TANDEM_CONFORMANCE_FIXTURE(suite)                                                          \
  INSTANTIATE_TEST_SUITE_P(On, suite, ::testing::ValuesIn(::tandem::tests::backends_under_test()), \
                           ::tandem::tests::backend_name)
