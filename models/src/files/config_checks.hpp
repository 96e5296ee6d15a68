// SPDX-License-Identifier: Apache-2.0
// Checks that both readers of model configurations share.
#pragma once

#include <string>

#include "tandem/models/files/llama_config.hpp"

namespace tandem::models {

/// A count from a file as uint32. Errors: kInvalidArgument naming `place` unless 1 <= value <= max.
std::uint32_t checked_count(std::int64_t value, std::int64_t max, const std::string& place);

/// A token id from a file. Errors: kInvalidArgument naming `place` unless it is an int32 from 0.
std::int32_t checked_token_id(std::int64_t value, const std::string& place);

/// Checks what LlamaConfig promises, and fills windowed_layers when empty (all or none).
/// Errors: kInvalidArgument naming `where`.
void check_config(LlamaConfig& config, const std::string& where);

// Far above every real model; they bound tables that are sized by a file's numbers.
inline constexpr std::int64_t kMaxWidth = std::int64_t{1} << 22;
inline constexpr std::int64_t kMaxVocab = std::int64_t{1} << 24;
inline constexpr std::int64_t kMaxLayers = 4096;
inline constexpr std::int64_t kMaxPositions = std::int64_t{1} << 31;

}  // namespace tandem::models
