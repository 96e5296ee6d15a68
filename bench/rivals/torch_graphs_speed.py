#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Speed of SmolLM2-135M in PyTorch with CUDA graphs: torch_graphs_speed.py PREFILL DECODE REPEATS [MODEL]

Prints one JSON object: prefill and decode in tokens/s (medians), the same work as `tandem bench cuda`: a prompt of
PREFILL tokens, then DECODE single tokens behind it, bf16, one replayed graph a step over a static cache.
"""
import json
import statistics
import sys
import time

import torch
from transformers import AutoModelForCausalLM, StaticCache


def graph_of(step):
    """Warms up, captures `step` and returns the graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph


def main():
    prefill, decode, repeats = map(int, sys.argv[1:4])
    name = sys.argv[4] if len(sys.argv) > 4 else "HuggingFaceTB/SmolLM2-135M-Instruct"
    model = AutoModelForCausalLM.from_pretrained(name, torch_dtype=torch.bfloat16).cuda().eval()
    cache = StaticCache(config=model.config, max_batch_size=1, max_cache_len=prefill + decode + 8,
                        device="cuda", dtype=torch.bfloat16)
    prompt = torch.tensor([[1 + (i * 7919) % 40000 for i in range(prefill)]], device="cuda")
    token = torch.zeros((1, 1), dtype=torch.long, device="cuda")
    place = torch.zeros(1, dtype=torch.long, device="cuda")
    places = torch.arange(prefill, device="cuda")

    def run_prompt():
        return model(prompt, past_key_values=cache, cache_position=places, use_cache=True).logits[:, -1]

    def run_token():
        return model(token, past_key_values=cache, cache_position=place, use_cache=True).logits[:, -1]

    prefill_s, decode_s = [], []
    with torch.inference_mode():
        place.fill_(prefill)
        whole, single = graph_of(run_prompt), graph_of(run_token)
        for _ in range(repeats + 1):
            torch.cuda.synchronize()
            start = time.perf_counter()
            whole.replay()
            torch.cuda.synchronize()
            middle = time.perf_counter()
            for i in range(decode):
                token.fill_(100 + i)
                place.fill_(prefill + i)
                single.replay()
                torch.cuda.synchronize()
            end = time.perf_counter()
            prefill_s.append(middle - start)
            decode_s.append(end - middle)
    print(json.dumps({"prefill": prefill / statistics.median(prefill_s[1:]),
                      "decode": decode / statistics.median(decode_s[1:])}))


if __name__ == "__main__":
    main()
