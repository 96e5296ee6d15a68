// SPDX-License-Identifier: Apache-2.0
// What LOAD_UCODE packets have loaded.
#pragma once

#include "tandem/abi/isa.hpp"
#include "tandem/debug/player.hpp"
#include "tandem/runtime/device.hpp"

namespace tandem::debug {

/// Takes over what a LOAD_UCODE packet that completed has loaded, from the memory of a device.
void note_load(TracePosition& loaded, const abi::Packet& packet, runtime::Device& device);

/// Loads everything into a device that was reset.
void load_again(const TracePosition& loaded, runtime::Device& device);

}  // namespace tandem::debug
