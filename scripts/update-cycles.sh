#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the cycles of packets on the RTL and rewrites the baseline that rtl_cycles_test compares with.
# usage: scripts/update-cycles.sh [build directory]      default: build
# Figures of configurations that the build directory has no model of stay as they are.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${1:-$root/build}
if ! [ -f "$build/CMakeCache.txt" ]; then
  echo "update-cycles.sh: $build is no build directory; make one: cmake -S $root -B $build -G Ninja" >&2
  exit 2
fi

cmake --build "$build" --target rtl_cycles_test
TANDEM_UPDATE_CYCLES=1 "$build/bin/tests/rtl_cycles_test" --gtest_filter='Rtl/*'
git -C "$root" --no-pager diff --stat -- tests/rtl/cycles/baseline.yaml
