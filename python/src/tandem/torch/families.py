# SPDX-License-Identifier: Apache-2.0
"""Names of a record's ops for the modules of a Hugging Face model."""
from __future__ import annotations

import dataclasses
from typing import Any, Optional

# Names inside a layer of the families that share Llama's modules.
_LLAMA_LAYER = {
    "": "block",
    "input_layernorm": "attention_norm",
    "self_attn": "attention",
    "self_attn.q_proj": "q",
    "self_attn.k_proj": "k",
    "self_attn.v_proj": "v",
    "self_attn.o_proj": "attention_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp": "mlp",
    "mlp.gate_proj": "gate",
    "mlp.up_proj": "up",
    "mlp.down_proj": "down",
}
_LLAMA_MODEL = {"model.embed_tokens": "embedding", "model.norm": "norm", "lm_head": "logits"}
NAMED_FAMILIES = ("llama", "mistral", "qwen2")
COMPOSITE = ("block", "attention", "mlp")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a module stands in a record."""

    layer: Optional[int]
    op: str
    module: str

    @property
    def name(self) -> str:
        return f"op.{self.op}" if self.layer is None else f"layer.{self.layer}/op.{self.op}"


def layers_of(model: Any) -> tuple[str, int]:
    """Path and length of the list of decoder blocks."""
    import torch
    wanted = getattr(model.config, "num_hidden_layers", None)
    for path, module in model.named_modules():
        if isinstance(module, torch.nn.ModuleList) and len(module) == wanted:
            return path, len(module)
    raise ValueError(f"{type(model).__name__}: no list of {wanted} decoder blocks among its modules; "
                     "expected a causal language model of Hugging Face transformers")


def places_of(model: Any, contents: str) -> list[tuple[Any, Place]]:
    """Every module that is recorded. contents: "blocks" or "ops"."""
    blocks, _ = layers_of(model)
    named = model.config.model_type in NAMED_FAMILIES
    found = []
    for path, module in model.named_modules():
        inside, layer, relative = path.startswith(blocks + "."), None, path
        if inside:
            number, _, relative = path[len(blocks) + 1:].partition(".")
            layer = int(number)
        op = (_LLAMA_LAYER if inside else _LLAMA_MODEL).get(relative) if named else _generic(relative, inside, module)
        if op is None or (contents == "blocks" and inside and op != "block"):
            continue
        found.append((module, Place(layer, op, path)))
    return found


def _generic(relative: str, inside: bool, module: Any) -> Optional[str]:
    """Other families: blocks, their direct parts and everything without parts, by module path."""
    if inside and not relative:
        return "block"
    leaf = not any(True for _ in module.children())
    part = inside and "." not in relative
    weighty = any(True for _ in module.parameters(recurse=False))
    return relative if relative and (part or (leaf and weighty)) else None
