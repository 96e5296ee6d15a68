#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Generates everything that follows from rtl/spec/*.yml.

  tools/specgen.py           writes the outputs
  tools/specgen.py --check   exits 1 and names each output that is stale
"""
import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from specgen import cpp, docs, model, sv, sv_rules, vectors  # noqa: E402

EMITTERS = [cpp, docs, sv, sv_rules, vectors]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    args = parser.parse_args()
    root = pathlib.Path(__file__).resolve().parent.parent
    try:
        spec = model.load(root / "rtl" / "spec")
    except model.SpecError as error:
        sys.exit(f"specgen: {error}")
    stale = []
    for emitter in EMITTERS:
        for path, text in emitter.emit(spec):
            target = root / path
            if target.exists() and target.read_text() == text:
                continue
            stale.append(path)
            if not args.check:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                print(f"wrote {path}")
    if args.check and stale:
        sys.exit("stale, run tools/specgen.py: " + ", ".join(stale))


if __name__ == "__main__":
    main()
