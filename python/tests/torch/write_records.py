# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/records: tiny models recorded right and with each deliberate bug.

  python write_records.py --out DIR
"""
import argparse
import json
import pathlib

from model_bugs import BUGS
from transformers import AutoModelForCausalLM

from tandem.torch import record

DATA = pathlib.Path(__file__).resolve().parents[3] / "tests" / "data"
FAMILIES = ("llama-tiny", "mistral-tiny", "qwen2-tiny")


def load(family):
    return AutoModelForCausalLM.from_pretrained(DATA / family, dtype="float32", attn_implementation="eager")


def prompt_of(family):
    return json.loads((DATA / family / "golden.json").read_text())["prompts"][0]["ids"]


def write(out):
    for family in FAMILIES:
        model, ids = load(family), prompt_of(family)
        options = {"name": f"tests/data/{family}"}
        record(model, ids, out / family / "correct", **options)
        for bug in BUGS.values():
            with bug.applied(model):
                record(model, ids, out / family / bug.name, **options)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    write(parser.parse_args().out)


if __name__ == "__main__":
    main()
