# SPDX-License-Identifier: Apache-2.0
"""Hooks a model, runs it and writes what its ops took and gave."""
from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import pathlib
import shutil
import sys
import tempfile
from typing import Any, Callable, Iterator, Optional, Sequence, Union

import torch
from safetensors.torch import save

from tandem.record import FORMAT, VERSION, pack
from tandem.torch.families import COMPOSITE, Place, layers_of, places_of

CONTENTS = ("blocks", "ops")


class _Step:
    """What one forward pass gave: tensors by name, and names that hold the same values."""

    def __init__(self, number: int) -> None:
        self.prefix = f"step.{number}/"
        self.tensors: dict[str, torch.Tensor] = {}
        self.aliases: dict[str, str] = {}
        self._seen: dict[tuple[Any, ...], str] = {}

    def add(self, place: Place, port: str, values: torch.Tensor) -> None:
        name = f"{self.prefix}{place.name}/{port}"
        if name in self.tensors or name in self.aliases:
            return  # a module that is called again: the first call counts
        kept = values.detach().to("cpu", copy=True).contiguous()
        digest = hashlib.sha256(kept.reshape(-1).view(torch.uint8).numpy().tobytes()).digest()
        key = (kept.dtype, tuple(kept.shape), digest)
        first = self._seen.setdefault(key, name)
        if first == name:
            self.tensors[name] = kept
        else:
            self.aliases[name] = first


class _Recorder:
    """Hooks of one model; `step` collects what the running pass gives."""

    def __init__(self, model: Any, contents: str) -> None:
        self.model = model
        self.contents = contents
        self.step = _Step(0)
        self.ops: dict[str, dict[str, Any]] = {}  # in the order in which they first end
        self._layer: Optional[int] = None
        self._layer_path = layers_of(model)[0]

    @contextlib.contextmanager
    def attached(self) -> Iterator[None]:
        handles = []
        with contextlib.ExitStack() as stack:
            for module, place in places_of(self.model, self.contents):
                handles.append(module.register_forward_pre_hook(self._before(place), with_kwargs=True))
                handles.append(module.register_forward_hook(self._after(place, module)))
            if self.contents == "ops":
                self._patch_functions(stack)
            try:
                yield
            finally:
                for handle in handles:
                    handle.remove()

    # ---- modules

    def _before(self, place: Place) -> Callable[..., None]:
        def hook(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            if place.op == "block":
                self._layer = place.layer
            values = args[0] if args else kwargs.get("hidden_states", kwargs.get("input"))
            if not isinstance(values, torch.Tensor):
                return
            if place.op == "ffn_norm":
                self._end(Place(place.layer, "attention_residual", ""), {"out": _rows(values)})
            if place.op == "down":
                self._end(Place(place.layer, "silu_mul", ""), {"out": _rows(values)})
            self.step.add(place, "in", _rows(values))
        return hook

    def _after(self, place: Place, module: Any) -> Callable[..., None]:
        attributes = {"eps": float(eps) for eps in [getattr(module, "variance_epsilon", getattr(module, "eps", None))]
                      if isinstance(eps, float)}

        def hook(_module: Any, _args: Any, output: Any) -> None:
            values = output[0] if isinstance(output, (tuple, list)) else output
            if isinstance(values, torch.Tensor):
                self._end(place, {"out": _rows(values)}, attributes)
            if place.op == "block":
                self._layer = None
        return hook

    def _end(self, place: Place, ports: dict[str, torch.Tensor], attributes: Optional[dict[str, Any]] = None) -> None:
        for port, values in ports.items():
            self.step.add(place, port, values)
        if place.name not in self.ops:
            entry: dict[str, Any] = {"name": place.name, "module": place.module}
            if place.op in COMPOSITE:
                entry["composite"] = True
            if attributes:
                entry["attributes"] = attributes
            self.ops[place.name] = entry

    # ---- functions that are no modules: rotary embedding and attention

    def _patch_functions(self, stack: contextlib.ExitStack) -> None:
        homes = {type(module).__module__ for module in self.model.modules()}
        for home in sorted(homes):
            code = sys.modules.get(home)
            for name, wrap in (("apply_rotary_pos_emb", self._rotary), ("eager_attention_forward", self._attention)):
                if code is not None and hasattr(code, name):
                    stack.enter_context(_replaced(code, name, wrap(getattr(code, name))))
        implementation = getattr(self.model.config, "_attn_implementation", "eager")
        if implementation != "eager":
            from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS as table
            original = table[implementation]
            table[implementation] = self._attention(original)
            stack.callback(table.__setitem__, implementation, original)

    def _rotary(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def rotary(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            place = Place(self._layer, "rotary", "")
            named = dict(zip(("in.q", "in.k", "in.cos", "in.sin"), args)) | {"out.q": result[0], "out.k": result[1]}
            self._end(place, {port: _heads(t) for port, t in named.items() if isinstance(t, torch.Tensor)})
            return result
        return rotary

    def _attention(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def attention(module: Any, query: Any, key: Any, value: Any, attention_mask: Any, *args: Any,
                      **kwargs: Any) -> Any:
            result = original(module, query, key, value, attention_mask, *args, **kwargs)
            scale = kwargs.get("scaling", args[0] if args else None)
            place = Place(self._layer, "sdpa", "")
            ports = {"in.q": _heads(query), "in.k": _heads(key), "in.v": _heads(value), "out": result[0].squeeze(0)}
            self._end(place, ports, {} if scale is None else {"scale": float(scale)})
            return result
        return attention


def record(model: Any, input_ids: Union[Sequence[int], torch.Tensor], path: Union[str, "os.PathLike[str]"], *,
           steps: int = 1, follow: Optional[Sequence[int]] = None, contents: str = "ops",
           name: Optional[str] = None) -> pathlib.Path:
    """Runs `model` on one prompt and writes a record of it.

    path: a folder to make, or a file NAME.tar.zst. steps: forward passes; pass 0 takes the prompt, each
    later one a token, with a key/value cache. follow: ids to feed to the later passes instead of the
    model's own greedy choice. contents: "ops", everything, or "blocks", only embedding, decoder blocks,
    final norm and logits. name: the model's name or path for record.json.
    """
    ids = [int(i) for i in (input_ids.flatten().tolist() if isinstance(input_ids, torch.Tensor) else input_ids)]
    if isinstance(input_ids, torch.Tensor) and input_ids.dim() == 2 and input_ids.shape[0] != 1:
        raise ValueError(f"expected one sequence, found a batch of {input_ids.shape[0]}")
    if not ids or steps < 1 or contents not in CONTENTS:
        raise ValueError(f"expected a prompt, one step or more and contents of {CONTENTS}; found {len(ids)} ids, "
                         f"{steps} steps, {contents!r}")
    if follow is not None and len(follow) < steps - 1:
        raise ValueError(f"follow: expected an id for each of {steps - 1} steps behind the prompt, found {len(follow)}")
    target = pathlib.Path(path)
    archive = target.name.endswith(".tar.zst")
    folder = pathlib.Path(tempfile.mkdtemp()) if archive else target
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write(model, ids, folder, steps, follow, contents, name)
        if archive:
            pack(folder, target)
    finally:
        if archive:
            shutil.rmtree(folder)
    return target


def _write(model: Any, ids: list[int], folder: pathlib.Path, steps: int, follow: Optional[Sequence[int]],
           contents: str, name: Optional[str]) -> None:
    recorder = _Recorder(model, contents)
    aliases: dict[str, str] = {}
    passes, new_ids, fed, position, cache = [], [], list(ids), 0, None
    was_training = model.training
    model.eval()
    with recorder.attached(), torch.no_grad():
        for number in range(steps):
            recorder.step = _Step(number)
            tokens = torch.tensor([fed], device=model.device)
            result = model(tokens, past_key_values=cache, use_cache=steps > 1)
            cache = result.past_key_values if steps > 1 else None
            file = f"step.{number}.safetensors"
            (folder / file).write_bytes(save(recorder.step.tensors))
            aliases |= recorder.step.aliases
            passes.append({"file": file, "ids": fed, "first_position": position})
            position += len(fed)
            new_ids.append(int(result.logits[0, -1].argmax()))
            fed = [int(follow[number])] if follow is not None and number < len(follow) else [new_ids[-1]]
    model.train(was_training)
    info = {"format": FORMAT, "version": VERSION, "source": _source(model), "model": _model_info(model, name),
            "contents": contents, "prompt_ids": ids, "new_ids": new_ids, "config": None, "abi_hash": None,
            "steps": passes, "ops": list(recorder.ops.values()), "aliases": aliases, "packets": None}
    (folder / "record.json").write_text(json.dumps(info, indent=1) + "\n")


def _source(model: Any) -> dict[str, Any]:
    device = model.device
    return {"kind": "torch", "backend": f"torch:{device.type}",
            "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
            "versions": {name: importlib.metadata.version(name) for name in ("torch", "transformers")},
            "dtype": str(model.dtype).removeprefix("torch."),
            "attention": getattr(model.config, "_attn_implementation", None),
            "tf32": bool(torch.backends.cuda.matmul.allow_tf32)}


def _model_info(model: Any, name: Optional[str]) -> dict[str, Any]:
    config = model.config
    heads = config.num_attention_heads
    return {"name": name or getattr(config, "_name_or_path", "") or type(model).__name__,
            "family": config.model_type, "layers": config.num_hidden_layers, "hidden": config.hidden_size,
            "heads": heads, "kv_heads": getattr(config, "num_key_value_heads", None) or heads,
            "head_dim": getattr(config, "head_dim", None) or config.hidden_size // heads,
            "vocab": config.vocab_size}


def _rows(values: torch.Tensor) -> torch.Tensor:
    """[1, tokens, ...] without the batch."""
    return values[0] if values.dim() > 1 and values.shape[0] == 1 else values


def _heads(values: torch.Tensor) -> torch.Tensor:
    """[1, heads, tokens, dim] as [tokens, heads, dim]; [1, tokens, dim] as [tokens, dim]."""
    return values[0].transpose(0, 1) if values.dim() == 4 else _rows(values)


@contextlib.contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    old = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, old)
