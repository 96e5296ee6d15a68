#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds everything with AddressSanitizer and UndefinedBehaviorSanitizer in build/sanitize and runs the fast tests and
# the operation and model checks under them. Everything is compiled once more, some 35 minutes of processor time without
# the RTL: allow half an hour on two idle cores the first time, and the tests on top.
# usage: scripts/test-sanitize.sh [ctest options]      default options: -L fast
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/deps.sh test
build=build/sanitize
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -g1" -DTANDEM_SANITIZE=ON \
  -DTANDEM_TESTS=ON -DTANDEM_BENCH=OFF > /dev/null
cmake --build "$build"

export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:strict_string_checks=1}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
[ $# -gt 0 ] || set -- -L fast

status=0
"$build/bin/tandem" check tests/data/ops > /dev/null || { echo "test-sanitize.sh: tandem check tests/data/ops failed"; status=1; }
"$build/bin/tandem" check tests/data/llama-tiny > /dev/null ||
  { echo "test-sanitize.sh: tandem check tests/data/llama-tiny failed"; status=1; }
log=$build/test.log
ctest --test-dir "$build" --output-on-failure --no-label-summary -j "$(nproc)" "$@" 2>&1 | tee "$log" || status=$?
grep -E '^[0-9]+% tests passed' "$log" || { echo "test-sanitize.sh: no tests were run"; status=1; }
exit "$status"
