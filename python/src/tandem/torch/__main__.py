# SPDX-License-Identifier: Apache-2.0
"""python -m tandem.torch record: a record of a Hugging Face model."""
from __future__ import annotations

import argparse
import sys
from typing import Optional, Sequence

import torch

from tandem.record import Record
from tandem.torch.recorder import CONTENTS, record

DTYPES = ("auto", "float32", "float64", "bfloat16", "float16")


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected token ids with commas between, found '{text}'") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tandem.torch", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    sub = commands.add_parser("record", help="run a model and record its ops")
    sub.add_argument("--model", required=True, help="folder in Hugging Face format, or a .gguf file")
    prompt = sub.add_mutually_exclusive_group(required=True)
    prompt.add_argument("--prompt-ids", type=_ids, help="token ids, commas between")
    prompt.add_argument("--prompt", help="text, by the model's own tokenizer")
    sub.add_argument("--out", required=True, help="folder to make, or NAME.tar.zst")
    sub.add_argument("--steps", type=int, default=1, help="forward passes: the prompt, then a token each")
    sub.add_argument("--follow", type=_ids, help="ids to feed to the later passes, instead of the greedy ones")
    sub.add_argument("--contents", choices=CONTENTS, default="ops", help="default: ops")
    sub.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1 ...")
    sub.add_argument("--dtype", choices=DTYPES, default="float32", help="of the computation; default: float32")
    sub.add_argument("--attention", default="eager", help="attention implementation of transformers; default: eager")
    return parser


def main(arguments: Optional[Sequence[str]] = None) -> int:
    args = _parser().parse_args(arguments)
    from transformers import AutoModelForCausalLM, AutoTokenizer
    if args.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"--device {args.device}: PyTorch finds no CUDA device here", file=sys.stderr)
        return 3
    folder, file = args.model, {}
    if args.model.endswith(".gguf"):
        head, _, tail = args.model.rpartition("/")
        folder, file = head or ".", {"gguf_file": tail}
    dtype = args.dtype if args.dtype == "auto" else getattr(torch, args.dtype)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation=args.attention, **file)
    ids = args.prompt_ids
    if ids is None:
        ids = AutoTokenizer.from_pretrained(folder, **file)(args.prompt)["input_ids"]
    out = record(model.to(args.device), ids, args.out, steps=args.steps, follow=args.follow, contents=args.contents,
                 name=args.model)
    written = Record(out)
    print(f"{out}: {written.num_steps} steps of {len(ids)} prompt ids, {len(written.ops)} ops; new ids "
          f"{','.join(map(str, written.info['new_ids']))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
