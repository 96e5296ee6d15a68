#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# usage: run_fails.sh TANDEM MODEL: a model on two devices of which one is wrong ends with exit code 1 and says where.
"$1" run --model "$2" --prompt-ids 1,2,3 --max-new-tokens 4 --quiet \
  --backend 'lockstep:cmodel:tiny,faulty:tiny?seq=60&bit=77' 2>&1 >/dev/null | tee /dev/stderr |
  grep -q 'error: mismatch: .* differ in MATMUL seq 60 (op layer.0/linear): 1 of 64 elements of c differ' || exit 1
"$1" run --model "$2" --prompt-ids 1,2,3 --max-new-tokens 4 --quiet \
  --backend 'lockstep:cmodel:tiny,faulty:tiny?seq=60&bit=77' >/dev/null 2>&1
[ $? = 1 ]
