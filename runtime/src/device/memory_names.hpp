// SPDX-License-Identifier: Apache-2.0
// What an address is: region, allocation, tensor.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tandem/driver/device_config.hpp"
#include "tandem/runtime/allocator.hpp"

namespace tandem::runtime {

/// Names of tensors in device memory, newest first where they share bytes.
class TensorNames {
 public:
  struct Tensor {
    std::uint64_t num_bytes = 0;
    std::string name;
  };
  static constexpr std::size_t kMaxNames = 1 << 16;  ///< Beyond it, new addresses are not kept.

  void set(PhysAddr addr, std::uint64_t num_bytes, std::string_view name);
  /// Forgets tensors that start inside the range.
  void forget(PhysAddr addr, std::uint64_t num_bytes);
  const std::map<std::uint64_t, Tensor>& all() const { return tensors_; }
  /// The tensor that holds `addr`, with its address; end() of `all` if none.
  std::map<std::uint64_t, Tensor>::const_iterator find(PhysAddr addr) const;

 private:
  std::map<std::uint64_t, Tensor> tensors_;
};

/// One sentence about an address for messages, e.g. "0x1000000040 is byte 64 of allocation 'w'
/// (4096 bytes, region 'weights'), byte 0 of tensor 'layers.0.q'", or "... lies 12 bytes behind
/// allocation 'w' ...".
std::string describe_address(PhysAddr addr, std::span<const std::shared_ptr<Allocator>> allocators,
                             const TensorNames& tensors);

}  // namespace tandem::runtime
