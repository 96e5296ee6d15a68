#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Lints all RTL with Verilator, once for each configuration; fails on any warning.
# usage: scripts/lint-rtl.sh [configuration...]      names of sim_configs; default: all
# VERILATOR names another Verilator than the one on the PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

verilator=${VERILATOR:-verilator}
if ! command -v "$verilator" > /dev/null; then
  echo "lint-rtl.sh: no $verilator (Debian: apt-get install verilator); or set VERILATOR" >&2
  exit 1
fi
configs=("$@")
[ ${#configs[@]} -gt 0 ] || configs=(tiny edge large)

# The file list holds every file, once.
mapfile -t files < <(sed -n 's|^\([^/].*\.sv\)$|rtl/\1|p' rtl/files.f)
if ! diff <(printf '%s\n' "${files[@]}" | sort) <(find rtl -name '*.sv' | sort) > /dev/null; then
  echo "lint-rtl.sh: rtl/files.f and the files below rtl differ (<: only in files.f, >: only on disk):" >&2
  diff <(printf '%s\n' "${files[@]}" | sort) <(find rtl -name '*.sv' | sort) | grep '^[<>]' >&2
  exit 1
fi

# value CONFIG REGEX: the number after a key of a configuration.
value() {
  local number
  number=$(sed -nE "s/^$2: *([0-9]+).*/\\1/p" "sim_configs/$1.yaml")
  [ -n "$number" ] || { echo "lint-rtl.sh: sim_configs/$1.yaml: found nothing like '$2: number'" >&2; exit 1; }
  echo "$number"
}

status=0
for config in "${configs[@]}"; do
  [ -f "sim_configs/$config.yaml" ] || { echo "lint-rtl.sh: no sim_configs/$config.yaml" >&2; exit 2; }
  parameters=(-GArrayRows="$(value "$config" 'array: \{rows')" -GArrayCols="$(value "$config" 'array: .*cols')"
              -GVectorLanes="$(value "$config" 'vector: \{lanes')" -GVectorLength="$(value "$config" 'vector: .*length')"
              -GUcodeWords="$(value "$config" ucode_words)" -GAxiDataBits="$(value "$config" axi_data_bits)")
  if "$verilator" --lint-only -Wall --unroll-count 4 -Irtl/fault --top-module npu_top "${parameters[@]}" rtl/lint/npu.vlt "${files[@]}"; then
    echo "lint-rtl.sh: $config: ${#files[@]} files, no warnings (${parameters[*]#-G})"
  else
    echo "lint-rtl.sh: $config: failed (${parameters[*]#-G})" >&2
    status=1
  fi
done
exit $status
