# SPDX-License-Identifier: Apache-2.0
"""Tensors in device memory and the memory that they lie in."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from tandem.dtypes import DType
from tandem.errors import InvalidArgument, Unavailable

if TYPE_CHECKING:
    from tandem.device import Device

Array = np.ndarray[Any, Any]
_Index = Union[int, slice, "ellipsis"]  # noqa: F821
MAX_RANK = 6


class Buffer:
    """An allocation in device memory; freed when nothing refers to it any more."""

    def __init__(self, device: "Device", addr: int, num_bytes: int) -> None:
        self.device = device
        self.addr = addr
        self.num_bytes = num_bytes

    def __del__(self) -> None:
        native = getattr(getattr(self, "device", None), "_native", None)
        if native is not None and not native.closed:
            native.free(self.addr)

    def __repr__(self) -> str:
        return f"<Buffer {self.addr:#x}, {self.num_bytes} bytes>"


class Tensor:
    """A view of device memory: element type, shape, strides in bytes. Made by Device.tensor and
    Device.empty and by ops.
    """

    def __init__(self, buffer: Buffer, addr: int, dtype: DType, shape: Sequence[int],
                 strides: Optional[Sequence[int]] = None) -> None:
        if len(shape) > MAX_RANK:
            raise InvalidArgument(f"a tensor has at most {MAX_RANK} axes, found {len(shape)}: {tuple(shape)}")
        self.buffer = buffer
        self.addr = addr
        self.dtype = dtype
        self.shape: tuple[int, ...] = tuple(int(n) for n in shape)
        self.strides: tuple[int, ...] = (tuple(strides) if strides is not None
                                         else contiguous_strides(self.shape, dtype.itemsize))

    @property
    def device(self) -> "Device":
        return self.buffer.device

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    @property
    def is_contiguous(self) -> bool:
        return self.strides == contiguous_strides(self.shape, self.dtype.itemsize)

    # ---- values

    def numpy(self) -> Array:
        """The values, copied, after everything submitted before has completed."""
        span = self._span()
        raw = np.empty(span, np.uint8)
        if span:
            self.device._native.copy_out(self.addr, raw)
        return self._shaped(raw).copy()

    def view(self) -> Array:
        """The values in place, without a copy, where the backend has a window onto its memory.

        Waits until nothing is in flight; packets submitted later change what the array shows. The
        device stays open while the array lives. Raises Unavailable where there is no window: other
        backends, check mode, while recording.
        """
        raw = self.device._native.window(self.addr, self._span(), self.buffer)
        if raw is None:
            raise Unavailable(f"{self.device.info.backend}: no window onto device memory here; use numpy(), "
                              "which copies")
        return self._shaped(raw)

    def write(self, values: npt.ArrayLike) -> None:
        """Replaces the values; `values` broadcasts and converts as numpy does. Waits for packets in
        flight.
        """
        array = np.ascontiguousarray(np.broadcast_to(np.asarray(values).astype(self.dtype.numpy), self.shape))
        if not self.size:
            return
        self.device.finish()
        if self.is_contiguous:
            self.device._native.copy_in(self.addr, array.reshape(-1).view(np.uint8))
            return
        raw = np.empty(self._span(), np.uint8)
        self.device._native.copy_out(self.addr, raw)
        self._shaped(raw)[...] = array
        self.device._native.copy_in(self.addr, raw)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> Array:
        if copy is False:
            raise ValueError("the values are in device memory; view() shows them without a copy")
        values = self.numpy()
        return values if dtype is None else values.astype(dtype)

    def _span(self) -> int:
        """Bytes from the first element to the end of the last."""
        if not self.size:
            return 0
        return sum((n - 1) * s for n, s in zip(self.shape, self.strides)) + self.dtype.itemsize

    def _shaped(self, raw: Array) -> Array:
        if not self.size:
            return np.empty(self.shape, self.dtype.numpy)
        return np.ndarray(self.shape, self.dtype.numpy, buffer=raw.data, strides=self.strides)

    # ---- views

    def _like(self, addr: int, shape: Sequence[int], strides: Sequence[int]) -> "Tensor":
        return Tensor(self.buffer, addr, self.dtype, shape, strides)

    def reshape(self, *shape: int) -> "Tensor":
        """A view with another shape (one -1 is worked out); contiguous tensors only."""
        if not self.is_contiguous:
            raise InvalidArgument(f"{self!r}: reshape needs a contiguous tensor; ops.copy makes one")
        known = math.prod(n for n in shape if n != -1)
        full = tuple(self.size // known if n == -1 and known else n for n in shape)
        if math.prod(full) != self.size or min(full, default=0) < 0:
            raise InvalidArgument(f"{self!r}: cannot be reshaped to {shape}")
        return self._like(self.addr, full, contiguous_strides(full, self.dtype.itemsize))

    def permute(self, *axes: int) -> "Tensor":
        if sorted(a % self.ndim for a in axes) != list(range(self.ndim)):
            raise InvalidArgument(f"{self!r}: expected each axis once, found {axes}")
        return self._like(self.addr, [self.shape[a] for a in axes], [self.strides[a] for a in axes])

    def transpose(self, axis0: int = -2, axis1: int = -1) -> "Tensor":
        axes = list(range(self.ndim))
        axes[axis0], axes[axis1] = axes[axis1], axes[axis0]
        return self.permute(*axes)

    def broadcast_to(self, *shape: int) -> "Tensor":
        extra = len(shape) - self.ndim
        old = (1,) * extra + self.shape
        strides = (0,) * extra + self.strides
        if extra < 0 or any(o not in (1, n) for o, n in zip(old, shape)):
            raise InvalidArgument(f"{self!r}: does not broadcast to {shape}")
        return self._like(self.addr, shape, [0 if o != n else s for o, n, s in zip(old, shape, strides)])

    def __getitem__(self, index: Any) -> "Tensor":
        """Integers, slices with positive steps, `...` and None, as numpy."""
        items = list(index) if isinstance(index, tuple) else [index]
        used = sum(1 for i in items if i is not None and i is not Ellipsis)
        if used > self.ndim:
            raise InvalidArgument(f"{self!r}: {used} indices for {self.ndim} axes")
        if Ellipsis not in [i if i is Ellipsis else None for i in items]:
            items.append(Ellipsis)
        at = next(n for n, i in enumerate(items) if i is Ellipsis)
        items[at:at + 1] = [slice(None)] * (self.ndim - used)
        addr, shape, strides, axis = self.addr, [], [], 0
        for item in items:
            if item is None:
                shape.append(1)
                strides.append(0)
                continue
            extent, stride = self.shape[axis], self.strides[axis]
            axis += 1
            if isinstance(item, slice):
                start, stop, step = item.indices(extent)
                if step < 1:
                    raise InvalidArgument(f"{self!r}: expected a slice with a positive step, found {item}")
                shape.append(len(range(start, stop, step)))
                strides.append(stride * step)
                addr += start * stride if shape[-1] else 0
            else:
                place = int(item)
                if not -extent <= place < extent:
                    raise IndexError(f"{self!r}: index {place} on an axis of {extent}")
                addr += place % extent * stride
        return self._like(addr, shape, strides)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return self.shape[0]

    def __matmul__(self, other: "Tensor") -> "Tensor":
        return self.device.ops.matmul(self, other)

    def __add__(self, other: "Tensor") -> "Tensor":
        return self.device.ops.add(self, other)

    def __sub__(self, other: "Tensor") -> "Tensor":
        return self.device.ops.sub(self, other)

    def __mul__(self, other: "Tensor") -> "Tensor":
        return self.device.ops.mul(self, other)

    def __truediv__(self, other: "Tensor") -> "Tensor":
        return self.device.ops.div(self, other)

    def __repr__(self) -> str:
        return f"<Tensor {self.dtype.name}{list(self.shape)} at {self.addr:#x}>"


def contiguous_strides(shape: Sequence[int], itemsize: int) -> tuple[int, ...]:
    strides, step = [], itemsize
    for extent in reversed(shape):
        strides.append(step)
        step *= extent
    return tuple(reversed(strides))
