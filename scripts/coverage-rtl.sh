#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Coverage of the RTL: builds the tiny model with counters, runs the unit benches, the conformance suite and a soak with
# three kinds of memory, merges everything and writes docs/results/rtl-coverage.md. Counting makes a model ten times
# slower: allow 20 minutes on two idle cores with --no-benches, an hour with them; at the end it says how long it took.
# usage: scripts/coverage-rtl.sh [--no-benches] [--packets N] [--build FOLDER]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

benches=1
packets=2000
build=build-coverage
while [ $# -gt 0 ]; do
  case $1 in
    --no-benches) benches=0 ;;
    --packets) packets=$2; shift ;;
    --build) build=$2; shift ;;
    *) sed -n '6s/^# //p' "$0" >&2; exit 2 ;;
  esac
  shift
done

start=$SECONDS
mkdir -p "$build"
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTANDEM_RTL_COVERAGE=ON -DTANDEM_RTL_CONFIGS=tiny \
  -DTANDEM_BENCH=OFF >"$build/coverage.log" 2>&1 || { tail -n 20 "$build/coverage.log" >&2; exit 1; }
targets=(tandem_program tandem_backend_rtl conformance_test)
bench_targets=(rtl_cmd_check_test rtl_cmd_test rtl_dma_test rtl_matrix_test rtl_mem_test rtl_vector_test)
known=$(ninja -C "$build" -t targets all)
for bench in "${bench_targets[@]}"; do
  if [ $benches = 1 ] && grep -q "^$bench: phony" <<<"$known"; then targets+=("$bench"); fi
done
echo "coverage-rtl.sh: building ${targets[*]} in $build" >&2
ninja -C "$build" "${targets[@]}" >>"$build/coverage.log" 2>&1 || { tail -n 20 "$build/coverage.log" >&2; exit 1; }

build=$(cd "$build" && pwd)
data=$build/coverage
rm -rf "$data"
mkdir -p "$data/raw"
export TANDEM_RTL_COVERAGE_DIR=$data/raw

# Counters of all models so far, in one file: every device that was opened has left one.
merge() {
  local files=("$data"/raw/*.dat)
  [ -e "${files[0]}" ] || return 0
  [ ! -e "$data/merged.dat" ] || files+=("$data/merged.dat")
  verilator_coverage --write "$data/next.dat" "${files[@]}" >/dev/null
  mv "$data/next.dat" "$data/merged.dat"
  rm -f "$data"/raw/*.dat
}

soaks=0
echo "coverage-rtl.sh: soak" >&2
for memory in "memory=zero-wait" "memory=realistic" "stalls={seed}&reorder=1"; do
  "$build/bin/tandem" soak --a cmodel:tiny --b "rtl:tiny?seed={seed}&$memory" --packets "$packets" --json \
    >"$data/soak-$((++soaks)).json"
  merge
done
echo "coverage-rtl.sh: conformance suite" >&2
"$build/bin/tests/conformance_test" --gtest_filter='*RtlTiny' >"$data/conformance.log"
merge
for bench in "${targets[@]:3}"; do
  echo "coverage-rtl.sh: $bench" >&2
  "$build/bin/tests/$bench" >"$data/$bench.log"
  merge
done
python3 tools/rtl_coverage.py "$data/merged.dat" "$data"/soak-*.json >docs/results/rtl-coverage.md
echo "coverage-rtl.sh: docs/results/rtl-coverage.md written, $((SECONDS - start)) s" >&2
