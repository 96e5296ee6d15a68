#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What is too long for every commit: the large configuration, long random runs, arithmetic over all inputs, synthesis, coverage.
# usage: scripts/test-rtl-long.sh [STEP...]       steps: large soak sweep synth coverage (default: all but sweep)
#   large      builds rtl:large and runs the conformance suite and the op cases on it         about 15 minutes on two cores
#   soak       random packets, cmodel against rtl, SOAK_SECONDS (600) for each configuration   as long as asked
#   sweep      every one-operand operation of the RTL over all 2^32 inputs                     hours
#   synth      maps configuration tiny to gates with Yosys                                     about 15 minutes
#   coverage   line, toggle and functional coverage of the unit benches and a soak             about 15 minutes
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(large soak synth coverage)
soak_seconds=${SOAK_SECONDS:-600}
build=build/rtl-long

configure() {
  bash scripts/deps.sh test
  cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTANDEM_TESTS=ON -DTANDEM_RTL_CONFIGS="tiny;edge;large" > /dev/null
}

for step in "${steps[@]}"; do
  echo "test-rtl-long.sh: $step"
  case $step in
    large)
      configure
      cmake --build "$build" --target conformance_test tandem_program tandem_backend_rtl tandem_backend_cmodel
      # A filter that matches nothing would pass.
      suite=("$build/bin/tests/conformance_test" --gtest_filter='*/RtlLarge')
      [ "$("${suite[@]}" --gtest_list_tests | grep -c '/RtlLarge')" -gt 100 ] ||
        { echo "test-rtl-long.sh: the conformance suite does not know RtlLarge" >&2; exit 1; }
      "${suite[@]}" --gtest_brief=1
      "$build/bin/tandem" check tests/data/ops --backend rtl:large
      ;;
    soak)
      configure
      cmake --build "$build" --target tandem_program tandem_backend_rtl tandem_backend_cmodel
      for config in tiny edge large; do
        "$build/bin/tandem" soak --a "cmodel:$config" --b "rtl:$config?stalls=1&reorder=1" --seconds "$soak_seconds" \
          --seed "$(date +%s)"
      done
      ;;
    sweep)
      configure
      cmake --build "$build" --target tandem-rtl-sweep
      "$build/bin/tandem-rtl-sweep" --all
      ;;
    synth) bash scripts/synth-rtl.sh ;;
    coverage) bash scripts/coverage-rtl.sh ;;
    *) echo "test-rtl-long.sh: no step '$step'; expected large, soak, sweep, synth or coverage" >&2; exit 2 ;;
  esac
done
