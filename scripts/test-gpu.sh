#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Everything that needs a GPU, in one command; the results go into docs/results/cuda.md with device, driver and date.
# usage: scripts/test-gpu.sh [STEP...]     steps: conformance check soak model bench sanitizer (default: all)
#   conformance  the conformance suite on cuda:N; a skip is a failure
#   check        the reference data in tests/data in exact and in native mode
#   soak         random packets, cmodel against cuda:N, SOAK_SECONDS (600)
#   model        SmolLM2-135M: tokens and checksums of all packets on cuda:N equal to the cmodel's (scripts/fetch_model.sh)
#   bench        tandem bench cuda
#   sanitizer    the conformance suite and the reference data under compute-sanitizer
# environment: CUDA_GPU number of the GPU (0), MODEL model file, SOAK_SECONDS
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

gpu=${CUDA_GPU:-0}
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(conformance check soak model bench sanitizer)
build=build/gpu
out=$build/results
device=cuda:$gpu
model=${MODEL:-${XDG_CACHE_HOME:-$HOME/.cache}/tandem/SmolLM2-135M-Instruct.Q4_1.gguf}
status=0

bash scripts/deps.sh test
cmake -S . -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTANDEM_TESTS=ON -DTANDEM_BENCH=ON -DTANDEM_RTL_CONFIGS=tiny > /dev/null
cmake --build "$build" --target tandem_program tandem_backend_cuda tandem_backend_cmodel tandem_backend_lockstep conformance_test
mkdir -p "$out"
rm -f "$out/table.md"
tandem=$build/bin/tandem

"$tandem" info --backend "$device" > "$out/info.txt" || {
  echo "test-gpu.sh: no GPU to test on (above); docs/results/cuda.md stays as it is" >&2
  exit 1
}
name=$(sed -n 's/^backend *//p' "$out/info.txt")
driver=$(nvidia-smi --id="$gpu" --query-gpu=driver_version --format=csv,noheader 2> /dev/null || echo unknown)

# row NAME COMMAND...: runs it, its output into NAME.log, the result into the table.
row() {
  local step=$1 result=passed start=$SECONDS
  shift
  echo "test-gpu.sh: $step"
  "$@" > "$out/$step.log" 2>&1 || { result="**failed**"; status=1; tail -20 "$out/$step.log"; }
  echo "| $step | $result | $((SECONDS - start)) s |" >> "$out/table.md"
}

conformance() {
  "$@" "$build/bin/tests/conformance_test" --gtest_filter='*/Cuda' > "$out/suite.log" 2>&1 || { cat "$out/suite.log"; return 1; }
  cat "$out/suite.log"
  # A suite that skips has tested nothing.
  ! grep -q 'backend absent' "$out/suite.log" && [ "$(grep -c '       OK ' "$out/suite.log")" -gt 100 ]
}

same_model() {
  local prompt="The capital of France is"
  "$tandem" diff --model "$model" "$prompt" --a cmodel: --b "$device" --max-new-tokens 32
}

for step in "${steps[@]}"; do
  case $step in
    conformance) row conformance conformance env ;;
    check)
      row check-exact "$tandem" check tests/data --backend "$device"
      row check-native "$tandem" check tests/data --backend "$device?mode=native"
      ;;
    soak) row soak "$tandem" soak --a cmodel: --b "$device" --seconds "${SOAK_SECONDS:-600}" ;;
    model) row smollm2-exact same_model ;;
    bench)
      row bench "$tandem" bench cuda --backend "$device"
      "$tandem" bench cuda --backend "$device" --json > "$out/bench.json"
      ;;
    sanitizer)
      row sanitizer-conformance conformance compute-sanitizer --error-exitcode 9
      row sanitizer-check compute-sanitizer --error-exitcode 9 "$tandem" check tests/data/ops --backend "$device"
      ;;
    *)
      echo "test-gpu.sh: no step '$step'; there are conformance check soak model bench sanitizer" >&2
      exit 2
      ;;
  esac
done

# Between the markers of the page.
page=docs/results/cuda.md
{
  sed '/<!-- results -->/q' "$page"
  printf '\n%s, driver %s, %s, commit %s.\n\n' "$name" "$driver" "$(date -u +%F)" "$(git rev-parse --short HEAD 2> /dev/null || echo unknown)"
  printf '| step | result | time |\n|---|---|---|\n'
  cat "$out/table.md"
  if [ -f "$out/bench.log" ]; then
    printf '\n```\n'
    cat "$out/bench.log"
    printf '```\n'
  fi
  printf '\n'
  sed -n '/<!-- end of results -->/,$p' "$page"
} > "$out/page.md"
cp "$out/page.md" "$page"
echo "test-gpu.sh: results are in $page"
exit "$status"
