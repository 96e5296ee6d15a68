#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fails unless the normal model has no trace of the faults: the C++ that Verilator writes of the RTL is that of a copy from
# which they were taken out, and neither that nor the model of the build names them.
# usage: check_normal_build.sh VERILATOR TANDEM_RTL_FAULTS LIST RTL MODEL PARAMETERS
#   TANDEM_RTL_FAULTS  the tool of that name
#   MODEL              folder of the generated C++ of the build
#   PARAMETERS         file of -G arguments
set -euo pipefail

verilator=$1 tool=$2 list=$3 rtl=$4 model=$5 parameters=$6
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$tool" "$list" "$rtl" --strip "$work/without"
cp -r "$rtl" "$work/with"
[ "$(grep -rl '`NPU_FAULT' "$work/with" --include='*.sv' | wc -l)" -gt 10 ] || { echo "the RTL has no faults" >&2; exit 1; }
if grep -r 'NPU_FAULT' "$work/without"; then echo "the copy still has faults" >&2; exit 1; fi

for copy in with without; do
  (
    cd "$work/$copy"
    mapfile -t files < <(grep '^[^/].*\.sv$' files.f)
    "$verilator" --cc -O3 -Wall --assert --savable --trace-fst --unroll-count 4 --output-split 30000 --x-assign fast \
      --x-initial unique --top-module npu_top --prefix Vnpu -f "$parameters" +incdir+fault --Mdir "../cpp_$copy" \
      lint/npu.vlt "${files[@]}"
  )
  rm -f "$work/cpp_$copy"/*.d "$work/cpp_$copy"/*.dat "$work/cpp_$copy"/*.mk  # name the sources
done
diff -r "$work/cpp_with" "$work/cpp_without" || { echo "the faults change the normal model" >&2; exit 1; }
if grep -ril --include='*.cpp' --include='*.h' 'npu_fault' "$work/cpp_with" "$model"; then echo "the normal model names the faults" >&2; exit 1; fi
echo "$(ls "$work"/cpp_with/*.cpp | wc -l) files of generated C++, the same with and without the faults in the RTL"
