# SPDX-License-Identifier: Apache-2.0
"""Devices of Tandem with numpy arrays; see docs/howto/python.md.

`tandem.record` and `tandem.torch` need neither the compiled part nor a device; the rest is loaded
when it is first used.
"""
from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from tandem.errors import (DeadlineExceeded, DeviceFault, Error, Internal, InvalidArgument, Mismatch,
                           NotFound, OutOfMemory, Unavailable, Unimplemented)

if TYPE_CHECKING:
    from tandem._check import CaseResult, CheckReport, check
    from tandem.device import Completion, Device, DeviceInfo, Region, open
    from tandem.dtypes import (DType, bf16, dtype, e4m3, e5m2, f16, f32, i8, i32, i64, u8, u16)
    from tandem.packet import Packet
    from tandem.tensor import Buffer, Tensor

__version__ = "0.1.0"

_HOME = {
    "tandem._check": ("CaseResult", "CheckReport", "check"),
    "tandem.device": ("Completion", "Device", "DeviceInfo", "Region", "open"),
    "tandem.dtypes": ("DType", "bf16", "dtype", "e4m3", "e5m2", "f16", "f32", "i8", "i32", "i64", "u8", "u16"),
    "tandem.packet": ("Packet",),
    "tandem.tensor": ("Buffer", "Tensor"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Buffer", "CaseResult", "CheckReport", "Completion", "DType", "DeadlineExceeded", "Device", "DeviceFault",
    "DeviceInfo", "Error", "Internal", "InvalidArgument", "Mismatch", "NotFound", "OutOfMemory", "Packet", "Region",
    "Tensor", "Unavailable", "Unimplemented", "bf16", "check", "dtype", "e4m3", "e5m2", "f16", "f32", "i8", "i32",
    "i64", "open", "u8", "u16"]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'tandem' has no attribute '{name}'")
    try:
        value = getattr(importlib.import_module(module), name)
    except ImportError as error:
        if "_native" not in str(error):
            raise
        raise ImportError(f"tandem.{name} needs the compiled part of the package, which is not installed: "
                          "pip install ./python from a tree of Tandem") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(__all__))
