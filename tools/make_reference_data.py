#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes reference data for `tandem check` with PyTorch and transformers.

  make_reference_data.py ops --out DIR
      example operation cases; add your own in CASES or import this file and call `write_ops`
  make_reference_data.py model --model HF_DIR --prompts "1,5,7;9,2" --out DIR [--steps 16]
      logits, hidden states and greedy ids of a Hugging Face model, with measured bounds

Needs torch, transformers, safetensors and numpy from PyPI. Layout: docs/reference/reference_data.md.
"""
import argparse
import contextlib
import json
import pathlib
import shutil

import torch
from safetensors.torch import save_file

DTYPES = {torch.float64: "f64", torch.float32: "f32", torch.bfloat16: "bf16", torch.float16: "f16",
          torch.float8_e4m3fn: "e4m3", torch.float8_e5m2: "e5m2", torch.int8: "i8",
          torch.uint8: "u8", torch.int32: "i32", torch.int64: "i64"}


# ---- operation cases ---------------------------------------------------------------------------

def rounded(shape, dtype, seed):
    """Random normal values as stored in `dtype`; references are computed from what is stored."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator).to(dtype)


def softmax_case(seed):
    x = rounded((4, 65), torch.bfloat16, seed)
    y = torch.softmax(x.double(), -1)
    return dict(op="softmax", params={"axis": -1}, inputs={"x": x}, outputs={"y": y},
                tolerance={"kind": "ulp", "ulp": 48, "abs": 0.0})


def matmul_case(seed):
    a, b = rounded((5, 96), torch.float16, seed), rounded((96, 40), torch.float16, seed + 1)
    y = a.double() @ b.double()
    scale = a.double().abs() @ b.double().abs()
    rel = max(1.01 * 96 * 2.0 ** -24, 2.0 ** -22)
    return dict(op="matmul", params={"transpose_a": False, "transpose_b": False, "init": False},
                inputs={"a": a, "b": b}, outputs={"y": y, "scale": scale},
                tolerance={"kind": "scaled", "array": "scale", "rel": rel})


def gelu_case(seed):
    x = rounded((3, 33), torch.float32, seed)
    return dict(op="gelu", params={}, inputs={"x": x},
                outputs={"y": torch.nn.functional.gelu(x.double())},
                tolerance={"kind": "ulp", "ulp": 4, "abs": 1e-6})


CASES = [softmax_case, matmul_case, gelu_case]


def write_ops(out, cases):
    """Writes index.json and one safetensors file; `cases` are (id, dict) pairs as CASES return them."""
    out.mkdir(parents=True, exist_ok=True)
    tensors, index = {}, []
    for name, case in cases:
        entry = {"id": name, "op": case["op"], "params": case["params"],
                 "file": "cases.safetensors", "tolerance": case["tolerance"]}
        for kind in ("inputs", "outputs"):
            entry[kind] = {}
            for label, tensor in case[kind].items():
                key = f"{name}.{label}"
                tensors[key] = tensor.contiguous()
                entry[kind][label] = {"key": key, "dtype": DTYPES[tensor.dtype],
                                      "shape": list(tensor.shape)}
        index.append(entry)
    save_file(tensors, out / "cases.safetensors")
    (out / "index.json").write_text(json.dumps({"count": len(index), "cases": index}, indent=1))


# ---- models ------------------------------------------------------------------------------------

def to_e8m10(x):
    """fp32 rounded to nearest even at 10 fraction bits: what the device multiplies."""
    bits = x.float().contiguous().view(torch.int32).long()
    kept = (bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF
    kept = torch.where((bits & 0x7FFFFFFF) > 0x7F800000, bits, kept)
    return (kept & 0xFFFFFFFF).to(torch.uint32).view(torch.float32).reshape(x.shape)


@contextlib.contextmanager
def device_products():
    """Rounds both operands of every matrix product to E8M10 while it is active."""
    linear, matmul = torch.nn.functional.linear, torch.matmul
    torch.nn.functional.linear = lambda x, w, b=None: linear(to_e8m10(x), to_e8m10(w), b)
    torch.matmul = lambda a, b: matmul(to_e8m10(a), to_e8m10(b))
    try:
        yield
    finally:
        torch.nn.functional.linear, torch.matmul = linear, matmul


def distance(got, want):
    """The four figures of a bound: see docs/reference/reference_data.md."""
    got, want = got.double(), want.double()
    diff = got - want
    rms = lambda t, dims=None: t.pow(2).mean() if dims is None else t.pow(2).mean(dims)
    rows = (rms(diff, -1) / rms(want, -1).clamp_min(1e-300)).sqrt()
    cosine = torch.nn.functional.cosine_similarity(got.flatten(), want.flatten(), 0)
    return {"max_abs": diff.abs().max().item(), "rel_rms": (rms(diff) / rms(want)).sqrt().item(),
            "row_rel_rms": rows.max().item(), "cosine": cosine.item()}


def bound(measured):
    return {**{k: 4 * measured[k] for k in ("max_abs", "rel_rms", "row_rel_rms")},
            "cosine": 1 - 16 * (1 - measured["cosine"]) - 1.6e-11}


def worst(rows):
    return {k: (min if k == "cosine" else max)(row[k] for row in rows) for k in rows[0]}


def forward(model, ids):
    """Logits and hidden states (embedding, each layer, final norm) of one prompt."""
    layers, norm = [], []
    hooks = [layer.register_forward_hook(
        lambda _m, _i, o: layers.append((o[0] if isinstance(o, tuple) else o).detach()))
        for layer in model.model.layers]
    hooks.append(model.model.norm.register_forward_hook(lambda _m, _i, o: norm.append(o.detach())))
    with torch.no_grad():
        tokens = torch.tensor([ids])
        logits = model(tokens, use_cache=False).logits[0]
        embedded = model.model.embed_tokens(tokens)
    for hook in hooks:
        hook.remove()
    rows = lambda t: t.reshape(len(ids), -1)
    return logits, [rows(embedded)] + [rows(h) for h in layers], rows(norm[0])


def greedy(model, ids, steps):
    out, gaps = list(ids), []
    for _ in range(steps):
        best = forward(model, out)[0][-1].topk(2)
        gaps.append((best.values[0] - best.values[1]).item())
        out.append(int(best.indices[0]))
    return out[len(ids):], gaps


def write_model(source, prompts, out, steps):
    from transformers import AutoModelForCausalLM
    out.mkdir(parents=True, exist_ok=True)
    load = lambda dtype: AutoModelForCausalLM.from_pretrained(
        source, dtype=dtype, attn_implementation="eager").eval()
    exact, single = load(torch.float64), load(torch.float32)
    stored = load("auto").dtype
    for weight, rounded_weight in zip(single.parameters(), load("auto").parameters()):
        weight.data.copy_(rounded_weight.data.float())
    tensors, entries, logit_rows, hidden_rows = {}, [], [], []
    for i, ids in enumerate(prompts):
        continuation, gaps = greedy(exact, ids, steps)
        full = ids + continuation[:-1]
        logits, hidden, norm = forward(exact, full)
        with device_products():
            device_logits, device_hidden, _ = forward(single, full)
        logit_rows.append(distance(device_logits, logits))
        hidden_rows.append([distance(d, h) for d, h in zip(device_hidden, hidden)])
        tensors[f"p{i}.logits"] = logits.contiguous()
        tensors[f"p{i}.norm"] = norm.float().contiguous()
        for l, h in enumerate(hidden):
            tensors[f"p{i}.hidden.{l}"] = h.float().contiguous()
        entries.append({"ids": ids, "greedy": continuation, "gaps": gaps})
    measured = {"logits": worst(logit_rows), "hidden": [worst(r) for r in zip(*hidden_rows)]}
    bounds = {"logits": bound(measured["logits"]), "hidden": [bound(m) for m in measured["hidden"]]}
    limit = bounds["logits"]["max_abs"]
    for entry in entries:
        exact_steps = next((s for s, gap in enumerate(entry["gaps"]) if gap <= 2 * limit), steps)
        entry["exact_steps"] = {"fp32_cache": exact_steps}
    golden = {"model": out.name, "storage_dtype": str(stored).split(".")[-1], "prompts": entries,
              "measured": {"fp32_cache": measured}, "bounds": {"fp32_cache": bounds}}
    (out / "golden.json").write_text(json.dumps(golden, indent=1))
    save_file(tensors, out / "golden.safetensors")
    for path in pathlib.Path(source).glob("*"):
        if path.name in ("config.json", "generation_config.json") or ".safetensors" in path.name:
            if path.resolve() != (out / path.name).resolve():
                shutil.copy(path, out / path.name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    ops = commands.add_parser("ops", help="example operation cases")
    model = commands.add_parser("model", help="a Hugging Face model")
    model.add_argument("--model", required=True, help="directory with config.json and safetensors")
    model.add_argument("--prompts", required=True, help="token ids: commas within, ';' between prompts")
    model.add_argument("--steps", type=int, default=16, help="greedy tokens per prompt")
    for sub in (ops, model):
        sub.add_argument("--out", required=True, type=pathlib.Path, help="folder to write")
    args = parser.parse_args()
    if args.command == "ops":
        write_ops(args.out, [(case.__name__.removesuffix("_case"), case(7 + i))
                             for i, case in enumerate(CASES)])
    else:
        prompts = [[int(t) for t in prompt.split(",")] for prompt in args.prompts.split(";")]
        write_model(args.model, prompts, args.out, args.steps)


if __name__ == "__main__":
    main()
