# SPDX-License-Identifier: Apache-2.0
"""An open device: memory, packets, completions, ops, recordings."""
from __future__ import annotations

import contextlib
import dataclasses
import os
from types import TracebackType
from typing import Iterator, Optional, Sequence, Union

import numpy as np
import numpy.typing as npt

from tandem import _native
from tandem.dtypes import DTypeLike, dtype as to_dtype, f32
from tandem.ops import Ops
from tandem.packet import Packet
from tandem.tensor import Buffer, Tensor

PathLike = Union[str, "os.PathLike[str]"]


@dataclasses.dataclass(frozen=True)
class DeviceInfo:
    """What a device is, and what was moved since it was opened."""

    backend: str
    config: str
    abi_version: int
    abi_hash: int
    array_rows: int
    array_cols: int
    vector_lanes: int
    vector_length: int
    ucode_words: int
    axi_data_bits: int
    timed: bool
    num_regions: int
    packets: int
    bytes_in: int
    bytes_out: int


@dataclasses.dataclass(frozen=True)
class Region:
    """A region of device memory, in bytes."""

    name: str
    base: int
    size: int
    used: int
    largest_hole: int


@dataclasses.dataclass(frozen=True)
class Completion:
    """What a packet left: its error (0: none), the checksum of everything it wrote, its cycles (0 on
    untimed devices).
    """

    seq: int
    error: int
    opcode: int
    fault_addr: int
    checksum: int
    cycles: int
    start_cycle: int


def open(uri: str = "cmodel:", config: Optional[str] = None, *, ring_entries: int = 0,
         timeout: float = 0.0) -> "Device":
    """Opens a backend by URI, e.g. "cmodel:edge?threads=2".

    config: name or path of a configuration, instead of the URI's. ring_entries: a power of two; 0
    the default. timeout: the longest time in seconds without any completion; 0 the default.
    """
    return Device(uri, config, ring_entries=ring_entries, timeout=timeout)


class Device:
    """An open device. Use it in `with`, or call close().

    Threads may share it; their calls come one after the other.
    """

    def __init__(self, uri: str, config: Optional[str] = None, *, ring_entries: int = 0,
                 timeout: float = 0.0) -> None:
        self.uri = uri
        self._native = _native.Device(uri, config, ring_entries, int(timeout * 1e9))
        self.ops = Ops(self)

    def close(self) -> None:
        """Closes the device. Memory shown by Tensor.view() stays until the last such array is gone."""
        self._native.close()

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, kind: Optional[type[BaseException]], value: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Device {self.uri}{' closed' if self._native.closed else ''}>"

    @property
    def info(self) -> DeviceInfo:
        return DeviceInfo(**self._native.info())

    @property
    def regions(self) -> list[Region]:
        return [Region(**self._native.region(i)) for i in range(self.info.num_regions)]

    # ---- memory

    def malloc(self, num_bytes: int, *, region: str = "activations", align: int = 0,
               label: Optional[str] = None) -> Buffer:
        """Device memory. align: 0 or a power of two of 64 or more; label: its name in messages."""
        return Buffer(self, self._native.malloc(region, num_bytes, align, label), num_bytes)

    def empty(self, shape: Union[int, Sequence[int]], dtype: DTypeLike = f32, *, region: str = "activations",
              label: Optional[str] = None) -> Tensor:
        """A contiguous tensor of whatever the memory holds."""
        sizes = (shape,) if isinstance(shape, int) else tuple(shape)
        kind = to_dtype(dtype)
        num_bytes = int(np.prod(sizes, dtype=np.int64)) * kind.itemsize
        buffer = self.malloc(max(num_bytes, 1), region=region, label=label)
        return Tensor(buffer, buffer.addr, kind, sizes)

    def tensor(self, values: npt.ArrayLike, dtype: Optional[DTypeLike] = None, *, region: str = "activations",
               label: Optional[str] = None) -> Tensor:
        """A tensor with these values. Without dtype it keeps the array's; Python's numbers become f32
        and i32.
        """
        array = np.asarray(values)
        if dtype is None and not isinstance(values, (np.ndarray, np.generic)):
            dtype = {"f": "f32", "i": "i32", "b": "u8"}.get(array.dtype.kind, array.dtype)
        if dtype is None and array.dtype == np.bool_:
            dtype = "u8"
        kind = to_dtype(array.dtype if dtype is None else dtype)
        out = self.empty(array.shape, kind, region=region, label=label)
        out.write(array)
        if label is not None:
            self._native.name_tensor(out.addr, out.nbytes, label)
        return out

    # ---- packets

    def submit(self, packet: Union[Packet, str]) -> int:
        """Hands a packet (or its text) over and returns its sequence number; does not wait.

        An error completion of an earlier packet surfaces from here or from a wait as DeviceFault; the
        device is then usable again, packets behind the failed one are abandoned.
        """
        given = Packet.parse(packet) if isinstance(packet, str) else packet
        return self._native.submit(given._native)

    def load_program(self, words: Sequence[int]) -> int:
        """First word of a micro-program in program memory, loading it if necessary. Valid until the
        next call.
        """
        return self._native.load_program([int(w) for w in words])

    def load_table(self, table: int, words: Sequence[int]) -> None:
        """Loads lookup table 0 or 1: 256 words."""
        self._native.load_table(table, [int(w) for w in words])

    def flush(self) -> None:
        """Rings the doorbell for everything submitted."""
        self._native.flush()

    def wait(self, seq: int) -> None:
        """Waits for a packet."""
        self._native.wait(seq)

    def finish(self) -> None:
        """Waits until nothing is in flight."""
        self._native.finish()

    def poll(self, seq: int) -> bool:
        """Whether a packet has completed or was abandoned; never waits."""
        return self._native.poll(seq)

    def completion(self, seq: int) -> Completion:
        """The completion of one of the last 4096 packets that completed; NotFound otherwise."""
        return Completion(**self._native.completion(seq))

    def run(self, packet: Union[Packet, str]) -> Completion:
        """Submits a packet, waits for it and returns its completion."""
        seq = self.submit(packet)
        self.wait(seq)
        return self.completion(seq)

    @contextlib.contextmanager
    def op(self, name: str) -> Iterator[None]:
        """Packets submitted inside belong to the op `name` in traces and messages; nests."""
        self._native.begin_op(name)
        try:
            yield
        finally:
            self._native.end_op()

    # ---- records

    def take_findings(self) -> str:
        """Findings of check mode ("?check=1") so far, and forgets them."""
        return self._native.take_findings()

    def snapshot(self, path: PathLike, base: Optional[PathLike] = None) -> None:
        """Writes memory and loaded programs to a file; base: a snapshot that this one builds on."""
        self._native.snapshot(os.fspath(path), None if base is None else os.fspath(base))

    def restore(self, path: PathLike) -> None:
        self._native.restore(os.fspath(path))

    @contextlib.contextmanager
    def recording(self, path: PathLike) -> Iterator[None]:
        """Records packets and host writes inside the block into a trace file."""
        self._native.start_recording(os.fspath(path))
        try:
            yield
        finally:
            self._native.stop_recording()
