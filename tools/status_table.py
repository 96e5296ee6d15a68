#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the status table of README.md from real runs of `tandem check`.

  tools/status_table.py [--tandem build/bin/tandem] [--backend cmodel: ...] [--without BACKEND/SUITE ...]
"""
import argparse
import json
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- status: begin -->", "<!-- status: end -->"
# Groups of the operation suite by the first part of the case name, in table order.
GROUPS = {"matmul": "matrix products (f32 bf16 f16 fp8 int8 W8A8 int4/int8 groups)",
          "attention": "attention (causal, window, soft-cap, masks, GQA, cache)",
          "norm": "softmax, log-softmax, rmsnorm, layernorm, rotary",
          "unary": "unary functions", "binary": "binary functions, comparisons, where, affine",
          "reduce": "reductions, argmax, argmin", "cast": "casts between nine types",
          "move": "fill, transpose, slice, concat, repeat, reshape",
          "index": "gather, index_select, scatter_add, index_add, embedding"}


def run(tandem, backend, folders):
    out = subprocess.run([tandem, "check", *folders, "--backend", backend, "--json"],
                         capture_output=True, text=True, check=False).stdout
    return json.loads(out)["cases"]


def group_of(name):
    suite, case = name.split("/", 1)
    return GROUPS.get(case.split(".")[0], suite) if suite == "ops" else suite


def table(tandem, backends, without):
    rows = {text: {} for text in GROUPS.values()}
    data = ROOT / "tests" / "data"
    folders = [str(data)]
    for backend in backends:
        cases = run(tandem, backend, [f for f in folders if f"{backend}/{pathlib.Path(f).name}" not in without])
        # The first backend runs all there is and so tells the suites.
        folders = sorted({str(data / case["name"].split("/")[0]) for case in cases}) if folders == [str(data)] else folders
        for case in cases:
            counts = rows.setdefault(group_of(case["name"]), {}).setdefault(backend, {})
            counts[case["status"]] = counts.get(case["status"], 0) + 1
    lines = ["| reference data | " + " | ".join(f"`{b}`" for b in backends) + " |",
             "|---|" + "---|" * len(backends)]
    for text, by_backend in rows.items():
        cells = []
        for backend in backends:
            counts = by_backend.get(backend)
            if not counts:
                cells.append("not run")
                continue
            cell = f"{counts.get('pass', 0)} of {sum(counts.values())} pass"
            cells.append(cell + (f", {counts['unsupported']} unsupported" if "unsupported" in counts else ""))
        lines.append(f"| {text} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tandem", default=str(ROOT / "build" / "bin" / "tandem"))
    parser.add_argument("--backend", nargs="+", default=["cmodel:"])
    parser.add_argument("--without", nargs="+", default=[], help="a suite that takes too long on a backend, e.g. rtl:edge/smollm2")
    args = parser.parse_args()
    readme = ROOT / "README.md"
    text = readme.read_text()
    block = f"{BEGIN}\n{table(args.tandem, args.backend, args.without)}\n{END}"
    readme.write_text(re.sub(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: block, text, flags=re.S))


if __name__ == "__main__":
    main()
