// SPDX-License-Identifier: Apache-2.0
// A backend whose every access a test expects.
#pragma once

#include <gmock/gmock.h>

#include <cstdint>
#include <string>

#include "tandem/driver/backend.hpp"

namespace tandem::driver {

class MockBackend : public Backend {
 public:
  MOCK_METHOD(std::uint32_t, read32, (std::uint32_t offset), (override));
  MOCK_METHOD(void, write32, (std::uint32_t offset, std::uint32_t value), (override));
  MOCK_METHOD(void, read, (PhysAddr src, std::span<std::byte> dst), (override));
  MOCK_METHOD(void, write, (PhysAddr dst, std::span<const std::byte> src), (override));
  MOCK_METHOD(bool, wait_irq, (std::chrono::nanoseconds timeout), (override));
  MOCK_METHOD(void, reset, (), (override));
  std::string name() const override { return "mock"; }
};

}  // namespace tandem::driver
