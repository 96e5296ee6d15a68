// SPDX-License-Identifier: Apache-2.0
// Uploading rows of several weights as one matrix.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "tandem/models/files/weight_source.hpp"
#include "tandem/ops/weights.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::models {

/// Reads `parts` (of equal width) and writes them below one another as one weight of `format`, in
/// blocks of rows so that host memory stays small; pages of the file are given back. Where the
/// device has a window, several threads work.
ops::WeightBuffer load_matrix(runtime::Device& device, const WeightSource& source,
                              std::span<const WeightName> parts, const ops::WeightFormat& format,
                              const std::string& label,
                              const std::function<void(std::uint64_t)>& on_bytes);

}  // namespace tandem::models
