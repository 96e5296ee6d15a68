#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A run has the same token ids and the same checksum of every packet on all backends given; without any, on the cmodel for
# 1 and 2 threads and every SIMD path.
# usage: same_digest.sh TANDEM MODEL PROMPT_IDS NEW_TOKENS [BACKEND...]      exit 77: the model is not there (skipped)
set -euo pipefail
tandem=$1 model=$2 ids=$3 tokens=$4
backends=("${@:5}")
if [ ${#backends[@]} -eq 0 ]; then
  for simd in portable avx2 avx512; do
    for threads in 1 2; do backends+=("cmodel:edge?threads=$threads&simd=$simd"); done
  done
fi

if [ ! -e "$model" ]; then
  echo "skipped: $model is not there; scripts/fetch_model.sh fetches it"
  exit 77
fi

want=""
for setting in "${backends[@]}"; do
  status=0
  out=$("$tandem" run --model "$model" --prompt-ids "$ids" --max-new-tokens "$tokens" --json --quiet \
    --backend "$setting" 2> /tmp/same_digest.$$) || status=$?
  problem=$(cat /tmp/same_digest.$$; rm -f /tmp/same_digest.$$)
  if [ "$status" -ne 0 ] && [[ $problem == *unavailable* ]]; then
    echo "$setting: not on this CPU"
    continue
  fi
  [ "$status" -eq 0 ] || { echo "$setting: exit $status: $problem"; exit 1; }
  got=$(python3 -c 'import json, sys
run = json.load(sys.stdin)
print(run["summary"]["packet_digest"], run["summary"]["packets"], *run["cases"][0]["ids"])' <<< "$out")
  echo "$setting: $got"
  if [ -z "$want" ]; then
    want=$got
  elif [ "$got" != "$want" ]; then
    echo "expected: $want"
    exit 1
  fi
done
