# SPDX-License-Identifier: Apache-2.0
"""Element types of the device and their numpy types."""
from __future__ import annotations

import dataclasses
from typing import Any, Union

import ml_dtypes
import numpy as np

from tandem.errors import InvalidArgument


@dataclasses.dataclass(frozen=True)
class DType:
    """An element type: its name, its number in packets, and the numpy type that holds it."""

    name: str
    code: int
    numpy: np.dtype[Any]

    @property
    def itemsize(self) -> int:
        return int(self.numpy.itemsize)

    @property
    def is_float(self) -> bool:
        return self.code <= 5

    def __repr__(self) -> str:
        return f"tandem.{self.name}"


f32 = DType("f32", 1, np.dtype(np.float32))
bf16 = DType("bf16", 2, np.dtype(ml_dtypes.bfloat16))
f16 = DType("f16", 3, np.dtype(np.float16))
e4m3 = DType("e4m3", 4, np.dtype(ml_dtypes.float8_e4m3fn))
e5m2 = DType("e5m2", 5, np.dtype(ml_dtypes.float8_e5m2))
i8 = DType("i8", 6, np.dtype(np.int8))
u8 = DType("u8", 7, np.dtype(np.uint8))
u16 = DType("u16", 8, np.dtype(np.uint16))
i32 = DType("i32", 9, np.dtype(np.int32))
i64 = DType("i64", 10, np.dtype(np.int64))

ALL: tuple[DType, ...] = (f32, bf16, f16, e4m3, e5m2, i8, u8, u16, i32, i64)
_BY_NAME = {t.name: t for t in ALL}
_BY_NUMPY = {t.numpy: t for t in ALL}

DTypeLike = Union[DType, str, type[Any], "np.dtype[Any]"]


def dtype(like: DTypeLike) -> DType:
    """A DType from itself, its name ("bf16") or a numpy type.

    >>> dtype("bf16"), dtype(np.float32)
    (tandem.bf16, tandem.f32)
    """
    if isinstance(like, DType):
        return like
    if isinstance(like, str) and like in _BY_NAME:
        return _BY_NAME[like]
    try:
        return _BY_NUMPY[np.dtype(like)]
    except (KeyError, TypeError):
        names = ", ".join(_BY_NAME)
        raise InvalidArgument(f"no element type {like!r}; the device has {names}. Convert the array "
                              "first, e.g. array.astype(np.float32)") from None
