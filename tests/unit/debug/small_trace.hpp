// SPDX-License-Identifier: Apache-2.0
// A short trace with two layers, for tests of what works on traces.
#pragma once

#include <filesystem>
#include <string>

namespace tandem::tests {

/// A file in the temporary directory, removed at the end.
class ScratchFile {
 public:
  explicit ScratchFile(const std::string& name);
  ~ScratchFile();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What the packets of the trace are. Numbers count from 1.
struct SmallTrace {
  std::uint64_t packets = 0;
  std::uint64_t product = 0;  ///< MATMUL of op layer.0/linear, f32 [5, 7].
  std::uint64_t sums = 0;     ///< VECTOR of op layer.1/reduce, reads the product.
  std::uint64_t moved = 0;    ///< COPY of op layer.1/copy, reads the sums.
  std::uint64_t refused = 0;  ///< FILL to an address without memory; a reset follows.
  std::uint64_t last = 0;  ///< COPY of op layer.2/copy; reads what the host wrote after the reset.
  std::uint64_t product_addr = 0;
};

/// Records it on cmodel:tiny. With `fault`, the packet `refused` is in it.
SmallTrace record_small_trace(const std::string& path, bool fault = true);

}  // namespace tandem::tests
