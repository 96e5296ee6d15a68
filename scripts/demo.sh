#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the program, fetches SmolLM2-135M-Instruct and lets it write text on the cmodel backend.
# usage: scripts/demo.sh [PROMPT]      Run again, it builds and fetches nothing twice.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

prompt=${1:-Gravity is}

bash scripts/deps.sh demo
# The model arrives while the compiler works.
model_path=$(mktemp)
trap 'rm -f "$model_path"' EXIT
bash scripts/fetch_model.sh > "$model_path" &
fetch=$!
# A build directory that is already configured (for tests, say) is used as it is.
[ -f build/build.ninja ] || cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DTANDEM_TESTS=OFF -DTANDEM_UNITY=ON > /dev/null
cmake --build build --target tandem_program
wait "$fetch"

command=(build/bin/tandem run --model "$(cat "$model_path")" --prompt "$prompt" --max-new-tokens 64)
printf '\n$' && printf ' %q' "${command[@]}" && printf '\n'
"${command[@]}"
