# SPDX-License-Identifier: Apache-2.0
"""Records of model runs: reading, writing, comparing. Layout: docs/reference/record_format.md.

Needs numpy, ml_dtypes and safetensors, but no device and not the compiled part of this package.
"""
from __future__ import annotations

import dataclasses
import io
import json
import os
import pathlib
import tarfile
from typing import Any, Iterator, Optional, Union

import ml_dtypes
import numpy as np
import safetensors

from tandem.errors import InvalidArgument, NotFound

FORMAT, VERSION = "tandem-record", 1
Array = np.ndarray[Any, Any]
PathLike = Union[str, "os.PathLike[str]"]

_NUMPY = {"F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": ml_dtypes.bfloat16, "I64": np.int64,
          "I32": np.int32, "U64": np.uint64, "U32": np.uint32, "U8": np.uint8, "I8": np.int8, "BOOL": np.bool_}


@dataclasses.dataclass(frozen=True)
class Difference:
    """How the outputs of one op of one step differ between two records."""

    step: int
    op: str
    tensor: str
    max_abs: float
    rel_rms: float  # RMS of the difference over RMS of the first record's values


class Record:
    """A record that was read: `info` is record.json, tensors are loaded when they are asked for."""

    def __init__(self, path: PathLike) -> None:
        self.path = pathlib.Path(path)
        self._files = _open_files(self.path)
        self.info: dict[str, Any] = self._read_info()
        self._loaded: dict[str, dict[str, Array]] = {}

    @property
    def num_steps(self) -> int:
        return len(self.info["steps"])

    @property
    def ops(self) -> list[str]:
        """Ops in the order in which they end within a step, e.g. "layer.0/op.sdpa"."""
        return [op["name"] for op in self.info["ops"]]

    def names(self, step: int) -> list[str]:
        """Tensors of a step, aliases included."""
        prefix = f"step.{step}/"
        aliases = [name for name in self.info["aliases"] if name.startswith(prefix)]
        return sorted([*self._step(step), *aliases])

    def __contains__(self, name: str) -> bool:
        return self._stored(name) in self._step(self._step_of(name))

    def tensor(self, name: str) -> Array:
        """The values of "step.S/layer.L/op.NAME/PORT"."""
        stored = self._stored(name)
        tensors = self._step(self._step_of(name))
        if stored not in tensors:
            raise NotFound(f"{self.path}: no tensor '{name}'; `names(step)` lists them")
        return tensors[stored]

    def packets(self) -> Optional[dict[str, Array]]:
        """Columns of the packets (seq, checksum, ...), or None where none were recorded."""
        entry = self.info.get("packets")
        return None if entry is None else self._load(entry["file"])

    def _stored(self, name: str) -> str:
        return str(self.info["aliases"].get(name, name))

    def _step_of(self, name: str) -> int:
        head = name.split("/")[0]
        number = head.removeprefix("step.")
        if not head.startswith("step.") or not number.isdigit() or int(number) >= self.num_steps:
            raise NotFound(f"{self.path}: '{name}': expected step.0 to step.{self.num_steps - 1}, found '{head}'")
        return int(number)

    def _step(self, step: int) -> dict[str, Array]:
        return self._load(self.info["steps"][step]["file"])

    def _load(self, file: str) -> dict[str, Array]:
        if file not in self._loaded:
            tensors = {}
            parse: Any = safetensors.deserialize  # has no types of its own
            for name, entry in parse(self._files(file)):
                if entry["dtype"] not in _NUMPY:
                    raise InvalidArgument(f"{self.path}: {file}: tensor '{name}' has type {entry['dtype']}; expected "
                                          f"one of {', '.join(_NUMPY)}")
                values = np.frombuffer(bytes(entry["data"]), _NUMPY[entry["dtype"]])
                tensors[name] = values.reshape(entry["shape"])
            self._loaded[file] = tensors
        return self._loaded[file]

    def _read_info(self) -> dict[str, Any]:
        try:
            info = json.loads(self._files("record.json"))
        except ValueError as error:
            raise InvalidArgument(f"{self.path}: record.json is not JSON: {error}") from None
        if not isinstance(info, dict) or info.get("format") != FORMAT:
            raise InvalidArgument(f"{self.path}: record.json: expected \"format\": \"{FORMAT}\"")
        if info.get("version") != VERSION:
            raise InvalidArgument(f"{self.path}: record.json: expected version {VERSION}, found {info.get('version')}")
        for key in ("steps", "ops", "aliases"):
            if key not in info:
                raise InvalidArgument(f"{self.path}: record.json has no '{key}'")
        return info


def differences(a: Record, b: Record) -> Iterator[Difference]:
    """Differences of every output that both records hold, in the order in which ops end."""
    for step in range(min(a.num_steps, b.num_steps)):
        names = set(a.names(step)) & set(b.names(step))
        for op in a.ops:
            prefix = f"step.{step}/{op}/out"
            for name in sorted(n for n in names if n == prefix or n.startswith(prefix + ".")):
                x, y = a.tensor(name).astype(np.float64), b.tensor(name).astype(np.float64)
                if x.shape != y.shape:
                    raise InvalidArgument(f"'{name}' is {x.shape} in {a.path} and {y.shape} in {b.path}; are these "
                                          "runs of one model and prompt?")
                rms = float(np.sqrt(np.mean(x * x))) if x.size else 0.0
                error = np.abs(x - y)
                off = float(np.sqrt(np.mean(error * error))) if x.size else 0.0
                yield Difference(step, op, name, float(error.max(initial=0.0)), off / rms if rms else off)


def first_difference(a: Record, b: Record, bound: float = 0.0) -> Optional[Difference]:
    """The first op whose output differs by more than `bound` (rel_rms); NaN differs from everything."""
    return next((d for d in differences(a, b) if not d.rel_rms <= bound), None)


def pack(folder: PathLike, archive: PathLike) -> None:
    """Makes one file NAME.tar.zst of a record's folder. Needs the package zstandard."""
    import zstandard
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for path in sorted(pathlib.Path(folder).iterdir()):
            entry = tarfile.TarInfo(path.name)
            entry.size = path.stat().st_size
            with path.open("rb") as file:
                tar.addfile(entry, file)
    pathlib.Path(archive).write_bytes(zstandard.ZstdCompressor(level=9).compress(buffer.getvalue()))


class _Folder:
    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    def __call__(self, name: str) -> bytes:
        file = self._path / name
        if pathlib.PurePath(name).name != name or not file.is_file():
            raise NotFound(f"{self._path}: no file '{name}' in this record")
        return file.read_bytes()


class _Archive:
    def __init__(self, path: pathlib.Path) -> None:
        import zstandard
        self._path = path
        with path.open("rb") as packed:
            raw = zstandard.ZstdDecompressor().stream_reader(packed).read()
        with tarfile.open(fileobj=io.BytesIO(raw)) as tar:
            self._members = {m.name.removeprefix("./"): _member(tar, m) for m in tar.getmembers() if m.isfile()}

    def __call__(self, name: str) -> bytes:
        if name not in self._members:
            raise NotFound(f"{self._path}: no file '{name}' in this record")
        return self._members[name]


def _member(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(member)
    return file.read() if file is not None else b""


def _open_files(path: pathlib.Path) -> Union[_Folder, _Archive]:
    if path.is_dir():
        return _Folder(path)
    if path.is_file():
        return _Archive(path)
    raise NotFound(f"{path}: no such record; expected a folder with record.json, or a file .tar.zst")
