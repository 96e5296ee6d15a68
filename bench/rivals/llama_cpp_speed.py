#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of llama.cpp on a GGUF file: llama_cpp_speed.py MODEL THREADS PREFILL DECODE REPEATS

Prints one JSON object: prefill and decode in tokens/s (medians), the same work as `tandem bench model`:
a prompt of PREFILL tokens in one batch, then DECODE single tokens behind it.
"""
import json
import statistics
import sys
import time

import llama_cpp


def main():
    model, threads, prefill, decode, repeats = sys.argv[1], *map(int, sys.argv[2:])
    llm = llama_cpp.Llama(model, n_ctx=prefill + decode + 8, n_batch=prefill, n_ubatch=prefill,
                          n_threads=threads, n_threads_batch=threads, verbose=False)
    prompt = [1 + (i * 7919) % 40000 for i in range(prefill)]
    prefill_s, decode_s = [], []
    for _ in range(repeats + 1):
        llm.reset()
        start = time.perf_counter()
        llm.eval(prompt)
        middle = time.perf_counter()
        for i in range(decode):
            llm.eval([100 + i])
        end = time.perf_counter()
        prefill_s.append(middle - start)
        decode_s.append(end - middle)
    print(json.dumps({"prefill": prefill / statistics.median(prefill_s[1:]),
                      "decode": decode / statistics.median(decode_s[1:])}))


if __name__ == "__main__":
    main()
