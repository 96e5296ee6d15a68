# SPDX-License-Identifier: Apache-2.0
"""The op library on tensors in device memory.

Every op submits packets and returns its output without waiting; reading a result waits. An output is
made in region "activations" unless `out` gives one. What an op computes, and with which types, stands
in ops/include/tandem/ops/.
"""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np

from tandem import _native
from tandem.dtypes import DTypeLike, f32, i8, i32, i64, u8
from tandem.errors import InvalidArgument
from tandem.tensor import Tensor

if TYPE_CHECKING:
    from tandem.device import Device

Axes = Union[int, Sequence[int], None]
_COMPARISONS = ("eq", "ne", "lt", "le", "gt", "ge")
_FP8_RULES = {"torch": 0, "saturating": 1, "nonsaturating": 2}


def names() -> list[str]:
    """Every op of the C interface."""
    return _native.op_names()


def _argument(value: Any) -> Any:
    if isinstance(value, Tensor):
        return (value.addr, value.dtype.code, list(value.shape), list(value.strides))
    if isinstance(value, (list, tuple)):
        return [_argument(v) for v in value]
    return value


class Ops:
    """The ops of one device: `device.ops.matmul(a, b)`."""

    def __init__(self, device: "Device") -> None:
        self._device = device

    def run(self, op: str, **arguments: Any) -> None:
        """Any op of the C interface by name, outputs included; arguments that are None are left out."""
        for name, value in arguments.items():
            for tensor in value if isinstance(value, (list, tuple)) else [value]:
                if isinstance(tensor, Tensor) and tensor.device is not self._device:
                    raise InvalidArgument(f"{op}: argument '{name}' lies on {tensor.device!r}, not on "
                                          f"{self._device!r}")
        self._device._native.run_op(op, {k: _argument(v) for k, v in arguments.items() if v is not None})

    def _out(self, out: Optional[Tensor], shape: Sequence[int], kind: DTypeLike) -> Tensor:
        return self._device.empty(shape, kind) if out is None else out

    # ---- elementwise

    def unary(self, op: str, x: Tensor, *, alpha: Optional[float] = None, dtype: Optional[DTypeLike] = None,
              out: Optional[Tensor] = None) -> Tensor:
        """neg recip exp log sin cos abs sqr sqrt rsqrt gelu gelu_tanh relu elu silu tanh sigmoid."""
        y = self._out(out, x.shape, dtype or x.dtype)
        self.run(op, x=x, y=y, alpha=None if alpha is None else float(alpha))
        return y

    def binary(self, op: str, x: Tensor, y: Tensor, *, dtype: Optional[DTypeLike] = None,
               out: Optional[Tensor] = None) -> Tensor:
        """add sub mul div min max eq ne lt le gt ge, with numpy's broadcasting; comparisons give u8."""
        shape = _broadcast(op, x.shape, y.shape)
        z = self._out(out, shape, dtype or (u8 if op in _COMPARISONS else x.dtype))
        self.run(op, x=x, y=y, z=z)
        return z

    def add(self, x: Tensor, y: Tensor, *, dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        return self.binary("add", x, y, dtype=dtype, out=out)

    def sub(self, x: Tensor, y: Tensor, *, dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        return self.binary("sub", x, y, dtype=dtype, out=out)

    def mul(self, x: Tensor, y: Tensor, *, dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        return self.binary("mul", x, y, dtype=dtype, out=out)

    def div(self, x: Tensor, y: Tensor, *, dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        return self.binary("div", x, y, dtype=dtype, out=out)

    def affine(self, x: Tensor, mul: float, add: float, *, dtype: Optional[DTypeLike] = None,
               out: Optional[Tensor] = None) -> Tensor:
        """fma(x, mul, add)."""
        y = self._out(out, x.shape, dtype or x.dtype)
        self.run("affine", x=x, y=y, mul=float(mul), add=float(add))
        return y

    def where(self, cond: Tensor, x: Tensor, y: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        shape = _broadcast("where", cond.shape, x.shape, y.shape)
        z = self._out(out, shape, x.dtype)
        self.run("where", cond=cond, x=x, y=y, z=z)
        return z

    def cast(self, x: Tensor, dtype: DTypeLike, *, fp8_rule: str = "torch", out: Optional[Tensor] = None) -> Tensor:
        """fp8_rule: "torch", "saturating" or "nonsaturating"."""
        if fp8_rule not in _FP8_RULES:
            raise InvalidArgument(f"cast: fp8_rule: expected one of {', '.join(_FP8_RULES)}, found {fp8_rule!r}")
        y = self._out(out, x.shape, dtype)
        self.run("cast", x=x, y=y, fp8_rule=_FP8_RULES[fp8_rule])
        return y

    def gated(self, op: str, gate: Tensor, up: Tensor, *, dtype: Optional[DTypeLike] = None,
              out: Optional[Tensor] = None) -> Tensor:
        """silu_mul gelu_mul gelu_tanh_mul: f(gate) * up."""
        y = self._out(out, gate.shape, dtype or gate.dtype)
        self.run(op, gate=gate, up=up, y=y)
        return y

    def silu_mul(self, gate: Tensor, up: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        return self.gated("silu_mul", gate, up, out=out)

    # ---- rows

    def reduce(self, op: str, x: Tensor, axes: Axes = None, *, keepdims: bool = False,
               dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        """sum mean max min argmax argmin over axes (None: all)."""
        listed = list(range(x.ndim)) if axes is None else [axes] if isinstance(axes, int) else list(axes)
        reduced = {a % x.ndim for a in listed} if x.ndim else set()
        shape = [1 if i in reduced else n for i, n in enumerate(x.shape) if keepdims or i not in reduced]
        kind: DTypeLike = dtype or (i32 if op.startswith("arg") or not x.dtype.is_float else x.dtype)
        y = self._out(out, shape, kind)
        self.run({"max": "reduce_max", "min": "reduce_min"}.get(op, op), x=x, y=y, axes=listed)
        return y

    def sum(self, x: Tensor, axes: Axes = None, *, keepdims: bool = False, out: Optional[Tensor] = None) -> Tensor:
        return self.reduce("sum", x, axes, keepdims=keepdims, out=out)

    def mean(self, x: Tensor, axes: Axes = None, *, keepdims: bool = False, out: Optional[Tensor] = None) -> Tensor:
        return self.reduce("mean", x, axes, keepdims=keepdims, out=out)

    def argmax(self, x: Tensor, axis: int = -1, *, keepdims: bool = False, out: Optional[Tensor] = None) -> Tensor:
        return self.reduce("argmax", x, axis, keepdims=keepdims, out=out)

    def softmax(self, x: Tensor, axis: int = -1, *, log: bool = False, dtype: Optional[DTypeLike] = None,
                out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, x.shape, dtype or x.dtype)
        self.run("log_softmax" if log else "softmax", x=x, axis=axis, y=y)
        return y

    def rmsnorm(self, x: Tensor, weight: Tensor, eps: float = 1e-5, *, weight_offset: float = 0.0,
                dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, x.shape, dtype or x.dtype)
        self.run("rmsnorm", x=x, weight=weight, y=y, eps=float(eps), weight_offset=float(weight_offset))
        return y

    def add_rmsnorm(self, x: Tensor, delta: Tensor, weight: Tensor, eps: float = 1e-5, *,
                    weight_offset: float = 0.0) -> tuple[Tensor, Tensor]:
        """x + delta, and its rmsnorm."""
        total, y = self._out(None, x.shape, x.dtype), self._out(None, x.shape, x.dtype)
        self.run("add_rmsnorm", x=x, delta=delta, weight=weight, sum=total, y=y, eps=float(eps),
                 weight_offset=float(weight_offset))
        return total, y

    def layernorm(self, x: Tensor, weight: Tensor, bias: Optional[Tensor] = None, eps: float = 1e-5, *,
                  dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, x.shape, dtype or x.dtype)
        self.run("layernorm", x=x, weight=weight, bias=bias, y=y, eps=float(eps))
        return y

    # ---- products

    def matmul(self, a: Tensor, b: Tensor, *, bias: Optional[Tensor] = None, transpose_a: bool = False,
               transpose_b: bool = False, accumulate: bool = False, dtype: Optional[DTypeLike] = None,
               out: Optional[Tensor] = None) -> Tensor:
        """a @ b, one chain over k ascending; f32 for floats, i32 for i8, unless dtype says otherwise."""
        if a.ndim < 2 or b.ndim < 2:
            raise InvalidArgument(f"matmul: expected matrices, found {a!r} and {b!r}")
        m = a.shape[-1 if transpose_a else -2]
        n = b.shape[-2 if transpose_b else -1]
        shape = (*_broadcast("matmul", a.shape[:-2], b.shape[:-2]), m, n)
        y = self._out(out, shape, dtype or (i32 if a.dtype == i8 else f32))
        self.run("matmul", a=a, b=b, y=y, bias=bias, transpose_a=transpose_a, transpose_b=transpose_b,
                 accumulate=accumulate)
        return y

    def matmul_w8a8(self, a: Tensor, a_scale: Tensor, w: Tensor, w_scale: Tensor, *, bias: Optional[Tensor] = None,
                    dtype: DTypeLike = f32, out: Optional[Tensor] = None) -> Tensor:
        """(a @ w.T in i32) * a_scale * w_scale; a i8 [..., m, k], w i8 [n, k]."""
        y = self._out(out, (*a.shape[:-1], w.shape[0]), dtype)
        self.run("matmul_w8a8", a=a, a_scale=a_scale, w=w, w_scale=w_scale, y=y, bias=bias)
        return y

    def matmul_group_quantised(self, a: Tensor, q: Tensor, scale: Tensor, minimum: Optional[Tensor],
                               group_size: int, *, bias: Optional[Tensor] = None, dtype: DTypeLike = f32,
                               out: Optional[Tensor] = None) -> Tensor:
        """a @ W.T with W = fma(scale, q, minimum) in groups along k."""
        y = self._out(out, (*a.shape[:-1], q.shape[0]), dtype)
        self.run("matmul_group_quantised", a=a, q=q, scale=scale, min=minimum, group_size=group_size, y=y, bias=bias)
        return y

    # ---- attention

    def sdpa(self, q: Tensor, k: Tensor, v: Tensor, *, scale: Optional[float] = None, causal: bool = False,
             window: int = 0, softcap: float = 0.0, query_offset: Optional[int] = None,
             mask: Optional[Tensor] = None, first_key: Optional[Tensor] = None, offsets: Optional[Tensor] = None,
             own_key_visible: bool = False, zero_masked_rows: bool = False, dtype: Optional[DTypeLike] = None,
             out: Optional[Tensor] = None) -> Tensor:
        """Attention of q [batch, heads, queries, dim] to k, v [batch, kv_heads, keys, dim].

        scale: 1/sqrt(dim) unless given. mask is added to the scores.
        """
        if q.ndim != 4 or v.ndim != 4:
            raise InvalidArgument(f"sdpa: expected [batch, heads, rows, dim], found {q!r} and {v!r}")
        y = self._out(out, (*q.shape[:3], v.shape[3]), dtype or q.dtype)
        self.run("sdpa", q=q, k=k, v=v, y=y, scale=float(1 / math.sqrt(q.shape[3]) if scale is None else scale),
                 causal=causal, window=window, softcap=float(softcap), query_offset=query_offset, mask=mask,
                 first_key=first_key, offsets=offsets, own_key_visible=own_key_visible,
                 zero_masked_rows=zero_masked_rows)
        return y

    def kv_append(self, k: Tensor, v: Tensor, k_cache: Tensor, v_cache: Tensor) -> None:
        """k and v converted into slices of a cache."""
        self.run("kv_append", k=k, v=v, k_cache=k_cache, v_cache=v_cache)

    def rotary(self, x: Tensor, cos: Tensor, sin: Tensor, *, interleaved: bool = False,
               dtype: Optional[DTypeLike] = None, out: Optional[Tensor] = None) -> Tensor:
        """Turns the first 2 * cos.shape[-1] elements of the last axis pairwise."""
        y = self._out(out, x.shape, dtype or x.dtype)
        self.run("rotary", x=x, cos=cos, sin=sin, y=y, interleaved=interleaved)
        return y

    # ---- moving

    def fill(self, y: Tensor, value: float) -> Tensor:
        self.run("fill", y=y, value=value if y.dtype == i64 and isinstance(value, int) else float(value))
        return y

    def copy(self, x: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        """x made contiguous, or copied to `out` with broadcasting."""
        y = self._out(out, x.shape, x.dtype)
        self.run("copy", x=x, y=y)
        return y

    def concat(self, x: Sequence[Tensor], axis: int = 0, *, out: Optional[Tensor] = None) -> Tensor:
        if not x:
            raise InvalidArgument("concat: expected at least one tensor")
        shape = list(x[0].shape)
        shape[axis] = sum(part.shape[axis] for part in x)
        y = self._out(out, shape, x[0].dtype)
        self.run("concat", x=list(x), axis=axis, y=y)
        return y

    def repeat_kv(self, x: Tensor, repeats: int, *, out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, (x.shape[0], x.shape[1] * repeats, *x.shape[2:]), x.dtype)
        self.run("repeat_kv", x=x, repeats=repeats, y=y)
        return y

    def index_select(self, x: Tensor, axis: int, index: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        shape = list(x.shape)
        shape[axis] = index.size
        y = self._out(out, shape, x.dtype)
        self.run("index_select", x=x, axis=axis, index=index, y=y)
        return y

    def gather(self, x: Tensor, axis: int, index: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, index.shape, x.dtype)
        self.run("gather", x=x, axis=axis, index=index, y=y)
        return y

    def index_add(self, x: Tensor, axis: int, index: Tensor, src: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, x.shape, x.dtype)
        self.run("index_add", x=x, axis=axis, index=index, src=src, y=y)
        return y

    def scatter_add(self, x: Tensor, axis: int, index: Tensor, src: Tensor, *, out: Optional[Tensor] = None) -> Tensor:
        y = self._out(out, x.shape, x.dtype)
        self.run("scatter_add", x=x, axis=axis, index=index, src=src, y=y)
        return y

    def embedding(self, table: Tensor, ids: Tensor, *, dtype: Optional[DTypeLike] = None,
                  out: Optional[Tensor] = None) -> Tensor:
        """Rows of table [vocab, dim]; ids i32 or i64."""
        if ids.dtype not in (i32, i64):
            raise InvalidArgument(f"embedding: expected ids of i32 or i64, found {ids!r}")
        y = self._out(out, (*ids.shape, table.shape[1]), dtype or table.dtype)
        self.run("embedding", table=table, ids=ids, y=y)
        return y


def _broadcast(op: str, *shapes: Sequence[int]) -> tuple[int, ...]:
    try:
        return np.broadcast_shapes(*map(tuple, shapes))
    except ValueError:
        listed = " and ".join(str(tuple(s)) for s in shapes)
        raise InvalidArgument(f"{op}: shapes {listed} do not broadcast") from None
