// SPDX-License-Identifier: Apache-2.0
// The proof that needs no GPU: the source of the GPU's kernels, run on the host, against the
// cmodel.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "host_backend.hpp"

namespace tandem::gpu {

/// What was found for one kind of packet.
struct KindProof {
  std::string name;           ///< "MATMUL" ...
  std::uint64_t packets = 0;  ///< Compared.
  std::string difference;     ///< The first one; empty: none.
  bool proven() const { return packets != 0 && difference.empty(); }
};

struct HostProof {
  std::vector<KindProof> kinds;  ///< Every opcode of the specification.
  std::uint64_t packets() const;
  /// Kinds proven, divided by all kinds.
  double share() const;
};

/// How the kernels run in a part of the proof.
struct ProofVariant {
  EngineOptions options;
  HostOrder order;
};

struct ProofOptions {
  std::uint64_t seed = 1;
  unsigned packets = 40;  ///< Of each kind that has a kernel, for each of the four variants.
  /// Makes the device that is to be proven; empty: make_host_backend.
  std::function<std::unique_ptr<driver::Backend>(const driver::DeviceConfig&, const ProofVariant&)>
      device;
};

/// Runs random packets of every kind on the cmodel and on the host's GPU: with each tile of the
/// matrix kernels, with threads and blocks in ascending and in descending order, with few blocks
/// that loop and with many. Compared are completions with checksums, and all of memory.
HostProof prove_on_host(const ProofOptions& options = {});

}  // namespace tandem::gpu
