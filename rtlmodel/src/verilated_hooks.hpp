// SPDX-License-Identifier: Apache-2.0
// What Verilator's run-time library prints goes here instead of to the standard output.
#pragma once

#ifdef __cplusplus
/// Keeps the text; it becomes part of the Error of the assertion that follows.
int tandem_verilated_print(const char* format, ...) __attribute__((format(printf, 1, 2)));
#endif
