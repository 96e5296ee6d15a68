// SPDX-License-Identifier: Apache-2.0
#include "conformance/conformance.hpp"

#include <fmt/format.h>

#include "tandem/abi/metadata.hpp"
#include "tandem/base/error.hpp"
#include "tandem/driver/registry.hpp"
#include "tandem/runtime/config.hpp"

namespace tandem::tests {
namespace {

constexpr std::uint64_t kProbe = map::kData + map::kDataSize - 64;

std::string_view without_prefix(std::string_view suite) {
  const std::size_t slash = suite.find('/');
  return slash == std::string_view::npos ? suite : suite.substr(slash + 1);
}

/// The configuration of the tests with the sizes of the target's hardware.
driver::DeviceConfig config_of(const BackendUnderTest& target) {
  driver::DeviceConfig config = test_config();
  if (target.hardware.empty()) return config;
  driver::DeviceConfig hardware = runtime::load_config(target.hardware);
  hardware.regions = std::move(config.regions);
  return hardware;
}

std::string_view without_suffix(std::string_view test) { return test.substr(0, test.find('/')); }

}  // namespace

std::vector<const BackendUnderTest*> backends_under_test() {
  std::vector<const BackendUnderTest*> all;
  for (const BackendUnderTest& backend : backends()) all.push_back(&backend);
  return all;
}

std::string backend_name(const testing::TestParamInfo<const BackendUnderTest*>& info) {
  return std::string(info.param->name);
}

void Conformance::SetUp() {
  const BackendUnderTest& target = *GetParam();
  const testing::TestInfo& info = *testing::UnitTest::GetInstance()->current_test_info();
  const std::string_view suite = without_prefix(info.test_suite_name());
  const std::string_view test = without_suffix(info.name());
  if (const TestNote* note = find_note(target.unsupported, suite, test)) {
    GTEST_SKIP() << "unsupported: " << note->reason;
  }
  try {
    config_ = config_of(target);
    backend_ = driver::open_backend(target.uri, config_);
  } catch (const Error& error) {
    if (target.built) throw;
    GTEST_SKIP() << "backend absent: " << error.what();
  }
  device_ = std::make_unique<RawDevice>(*backend_);
  device_->start();
  if (const TestNote* note = find_note(target.expected_failure, suite, test)) {
    expected_reason_ = note->reason;
    catcher_ = std::make_unique<testing::ScopedFakeTestPartResultReporter>(
        testing::ScopedFakeTestPartResultReporter::INTERCEPT_ALL_THREADS, &caught_);
  }
}

void Conformance::TearDown() {
  device_.reset();
  backend_.reset();
  if (!catcher_) return;
  catcher_.reset();
  for (int i = 0; i < caught_.size(); ++i) {
    if (caught_.GetTestPartResult(i).failed()) {
      GTEST_SKIP() << "fails as expected: " << expected_reason_;
    }
  }
  ADD_FAILURE() << "surprise: passes though it is listed as expected failure (" << expected_reason_
                << "); take it off the list in support/backends.cpp";
}

std::unique_ptr<driver::Backend> Conformance::release() {
  device_->reset();
  device_.reset();
  return std::move(backend_);
}

void Conformance::expect_success(const abi::Completion& record) {
  EXPECT_EQ(record.error, abi::Fault::kNone)
      << abi::to_string(record.error) << " at " << std::hex << record.fault_addr;
  EXPECT_EQ(record.fault_addr, 0u);
  EXPECT_EQ(record.seq, device_->seq());
}

void Conformance::expect_fault_of(const abi::Packet& packet, abi::Fault fault,
                                  std::uint64_t fault_addr) {
  const abi::Completion record = device_->run(packet);
  EXPECT_EQ(record.error, fault) << "found " << abi::to_string(record.error) << ", expected "
                                 << abi::to_string(fault);
  EXPECT_EQ(record.fault_addr, fault_addr)
      << fmt::format("found {:#x}, expected {:#x}", record.fault_addr, fault_addr);
  EXPECT_EQ(record.checksum, 0u);
  EXPECT_EQ(record.opcode, static_cast<std::uint8_t>(packet.opcode));
  EXPECT_EQ(record.seq, device_->seq());
  const bool known = fault != abi::Fault::kUnknownOpcode;
  EXPECT_EQ(record.engine, known ? abi::find_opcode(record.opcode)->engine : abi::Engine::kControl);
  // Usable afterwards.
  abi::SignalPacket signal;
  signal.elem_bytes = 4;
  signal.addr = kProbe;
  signal.value = static_cast<std::uint32_t>(record.seq);
  EXPECT_EQ(device_->run(signal).error, abi::Fault::kNone);
  EXPECT_EQ(device_->read_one<std::uint32_t>(kProbe), static_cast<std::uint32_t>(record.seq));
}

}  // namespace tandem::tests
