#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what the tests need, builds everything, runs all tests. The last line is the test runner's summary.
# usage: scripts/test.sh [ctest options]      e.g. scripts/test.sh -L fast
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bash scripts/deps.sh test
# Tests of the real model skip themselves, saying so, when it cannot be had.
bash scripts/fetch_model.sh > /dev/null || true
# libFuzzer programs need clang; the tests run each with a fixed number of inputs.
cmake -S . -B build/fuzz -G Ninja -DCMAKE_C_COMPILER=clang -DCMAKE_CXX_COMPILER=clang++ -DCMAKE_BUILD_TYPE=Debug \
  -DCMAKE_CXX_FLAGS_DEBUG="-O1 -gline-tables-only" -DTANDEM_FUZZ=ON -DTANDEM_SANITIZE=ON -DTANDEM_TESTS=OFF \
  -DTANDEM_BENCH=OFF -DTANDEM_UNITY=ON > /dev/null
cmake --build build/fuzz --target fuzzers
cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release -DTANDEM_UNITY=ON -DTANDEM_TESTS=ON -DTANDEM_BENCH=ON -DTANDEM_RTL_FAULTS=ON -DTANDEM_CUDA_ARCHS=90 \
  -DTANDEM_FUZZ_BUILD="$PWD/build/fuzz" > /dev/null
cmake --build build

status=0
log=build/test.log
ctest --test-dir build --output-on-failure --no-label-summary -j "$(nproc)" "$@" 2>&1 | tee "$log" || status=$?
# ctest ends with times and the list of failures; its verdict is repeated so that it is the last line.
grep -E '^[0-9]+% tests passed' "$log" || { echo "test.sh: no tests were run"; status=1; }
exit "$status"
