# SPDX-License-Identifier: Apache-2.0
"""Exceptions of Tandem: one class for each status of the C interface."""
from __future__ import annotations


class Error(Exception):
    """What every failing call raises; its text is the library's message."""

    status = 9


class InvalidArgument(Error, ValueError):
    """The caller passed something wrong."""

    status = 1


class NotFound(Error, LookupError):
    """A file, backend, configuration or completion does not exist."""

    status = 2


class Unimplemented(Error, NotImplementedError):
    """Valid, but not supported by this build or device."""

    status = 3


class Unavailable(Error):
    """A device or resource is absent or busy."""

    status = 4


class DeadlineExceeded(Error, TimeoutError):
    """A wait ran past its deadline."""

    status = 5


class DeviceFault(Error):
    """The device reported an error completion; the text names packet, op and field or address."""

    status = 6


class Mismatch(Error):
    """Two things that must be equal differ."""

    status = 7


class OutOfMemory(Error, MemoryError):
    """A device region or the host has no room left."""

    status = 8


class Internal(Error):
    """A bug in Tandem."""

    status = 9


_CLASSES: dict[int, type[Error]] = {c.status: c for c in (
    InvalidArgument, NotFound, Unimplemented, Unavailable, DeadlineExceeded, DeviceFault, Mismatch,
    OutOfMemory, Internal)}


def error_of(status: int, text: str) -> Error:
    """The exception for a status of the C interface."""
    return _CLASSES.get(status, Internal)(text)
