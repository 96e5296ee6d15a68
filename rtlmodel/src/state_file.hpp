// SPDX-License-Identifier: Apache-2.0
// A seal behind the state that Verilator writes: Verilator itself ends the program on a damaged or
// foreign file.
#pragma once

#include <filesystem>
#include <string>

namespace tandem::rtlmodel {

/// Appends the seal: which model the state belongs to, and a sum over all bytes. Throws
/// kInvalidArgument naming a file that cannot be written.
void seal_state(const std::filesystem::path& file, const std::string& model);
/// Throws kInvalidArgument if the file cannot be read, has no seal, is damaged or belongs to
/// another model.
void check_state(const std::filesystem::path& file, const std::string& model);

}  // namespace tandem::rtlmodel
