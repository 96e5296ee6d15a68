# SPDX-License-Identifier: Apache-2.0
"""Five deliberate bugs for Hugging Face models of the Llama kind, and the op that each must be found at.

Each is a context manager that changes a model while it is active:

    with BUGS["missing_scale"].applied(model): ...
"""
import contextlib
import dataclasses
import sys
from typing import Any, Callable, Iterator, Optional

import torch


@dataclasses.dataclass(frozen=True)
class Bug:
    """layer-dependent bugs sit in `layer` only, if one is given, else in all layers."""

    name: str
    op: str  # the first op that must differ, within its layer
    per_layer: bool
    apply: Callable[[Any, Optional[int]], "contextlib.AbstractContextManager[None]"]

    def applied(self, model: Any, layer: Optional[int] = None) -> "contextlib.AbstractContextManager[None]":
        if layer is not None and not self.per_layer:
            raise ValueError(f"{self.name} is in all layers or none")
        return self.apply(model, layer)

    def first_op(self, layer: Optional[int] = None) -> str:
        return f"layer.{layer or 0}/op.{self.op}"


def _layers(model: Any, layer: Optional[int]) -> list[Any]:
    layers = list(model.model.layers)
    return layers if layer is None else [layers[layer]]


@contextlib.contextmanager
def _replaced(changes: list[tuple[Any, str, Any]]) -> Iterator[None]:
    old = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
    for owner, name, value in changes:
        setattr(owner, name, value)
    try:
        yield
    finally:
        for owner, name, value in old:
            setattr(owner, name, value)


def _code_of(model: Any) -> Any:
    return sys.modules[type(model.model.layers[0].self_attn).__module__]


def wrong_rope_base(model: Any, _layer: Optional[int]) -> "contextlib.AbstractContextManager[None]":
    """Angles of base 500000 instead of the model's 10000."""
    rotary = model.model.rotary_emb
    steps = torch.arange(0, rotary.inv_freq.numel(), dtype=torch.float32) / rotary.inv_freq.numel()
    return _replaced([(rotary, "inv_freq", (500000.0 ** -steps).to(rotary.inv_freq))])


def missing_scale(model: Any, layer: Optional[int]) -> "contextlib.AbstractContextManager[None]":
    """Scores are not divided by sqrt(head_dim)."""
    return _replaced([(block.self_attn, "scaling", 1.0) for block in _layers(model, layer)])


def swapped_heads(model: Any, _layer: Optional[int]) -> "contextlib.AbstractContextManager[None]":
    """Query head h reads key/value head h mod kv_heads instead of h / (heads / kv_heads)."""
    return _replaced([(_code_of(model), "repeat_kv", lambda x, n: x.repeat(1, n, 1, 1))])


def wrong_norm_epsilon(model: Any, layer: Optional[int]) -> "contextlib.AbstractContextManager[None]":
    """The norms before attention add 1e-2."""
    return _replaced([(block.input_layernorm, "variance_epsilon", 1e-2) for block in _layers(model, layer)])


def mask_off_by_one(model: Any, _layer: Optional[int]) -> "contextlib.AbstractContextManager[None]":
    """Every query sees one key too many: the next one."""
    def shifted(make: Callable[..., Any]) -> Callable[..., Any]:
        def mask_of(*args: Any, **kwargs: Any) -> Any:
            mask = make(*args, **kwargs)
            return torch.cat([mask[..., 1:, :], mask[..., -1:, :]], dim=-2)
        return mask_of
    code = _code_of(model)
    makers = [name for name in ("create_causal_mask", "create_sliding_window_causal_mask") if hasattr(code, name)]
    return _replaced([(code, name, shifted(getattr(code, name))) for name in makers])


BUGS = {bug.name: bug for bug in (
    Bug("wrong_rope_base", "rotary", False, wrong_rope_base),
    Bug("missing_scale", "sdpa", True, missing_scale),
    Bug("swapped_heads", "sdpa", False, swapped_heads),
    Bug("wrong_norm_epsilon", "attention_norm", True, wrong_norm_epsilon),
    Bug("mask_off_by_one", "sdpa", False, mask_off_by_one))}
