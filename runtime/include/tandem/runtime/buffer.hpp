// SPDX-License-Identifier: Apache-2.0
// Device memory that its owner frees.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tandem/base/phys_addr.hpp"

namespace tandem::runtime {

class Allocator;

/// A live allocation in a region of device memory; freed by its destructor. Move-only.
/// A buffer may outlive its Device: freeing is then without effect.
class Buffer {
 public:
  Buffer() = default;
  Buffer(std::shared_ptr<Allocator> allocator, PhysAddr addr, std::uint64_t num_bytes);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  PhysAddr addr() const { return addr_; }
  std::uint64_t num_bytes() const { return num_bytes_; }
  explicit operator bool() const { return static_cast<bool>(addr_); }

 private:
  std::shared_ptr<Allocator> allocator_;
  PhysAddr addr_;
  std::uint64_t num_bytes_ = 0;
};

}  // namespace tandem::runtime
