# SPDX-License-Identifier: Apache-2.0
"""Command packets by the names of their fields (docs/reference/packets.md)."""
from __future__ import annotations

from tandem import _native


class Packet:
    """A command packet: an opcode and fields, 256 bytes.

    >>> packet = Packet("COPY", extent3=64, elem_bytes=4)
    >>> packet["extent3"]
    64
    >>> Packet.parse(packet.text()) == packet
    True
    """

    __slots__ = ("_native",)

    def __init__(self, opcode: str, **fields: int) -> None:
        self._native = _native.Packet(opcode)
        for field, value in fields.items():
            self[field] = value

    @staticmethod
    def _of(native: _native.Packet) -> "Packet":
        packet = Packet.__new__(Packet)
        packet._native = native
        return packet

    @staticmethod
    def parse(text: str) -> "Packet":
        """Assembles a line as `text` and `tandem dis` print it."""
        return Packet._of(_native.Packet.parse(text))

    @staticmethod
    def from_bytes(data: bytes) -> "Packet":
        return Packet._of(_native.Packet.from_bytes(data))

    def __getitem__(self, field: str) -> int:
        return self._native.get(field)

    def __setitem__(self, field: str, value: int) -> None:
        self._native.set(field, value)

    def text(self) -> str:
        """The packet disassembled, one line."""
        return self._native.text()

    def __bytes__(self) -> bytes:
        return self._native.to_bytes()

    def __eq__(self, other: object) -> bool:
        return bytes(self) == bytes(other) if isinstance(other, Packet) else NotImplemented

    def __hash__(self) -> int:
        return hash(bytes(self))

    def __repr__(self) -> str:
        return f"<Packet {self.text()}>"
