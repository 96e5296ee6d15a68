// SPDX-License-Identifier: Apache-2.0
// Marks functions that must be inlined into the translation unit of their instruction set.
#pragma once

#define TANDEM_CM_INLINE inline __attribute__((always_inline))
/// The same for lambdas, between parameters and body.
#define TANDEM_CM_LAMBDA __attribute__((always_inline))
