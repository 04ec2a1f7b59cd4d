"""Damages real frames by chance, as bytes and field by field; a seed gives the same damage again."""

from __future__ import annotations

import random
from typing import Any

import msgpack

_INTS = (-1, 0, 1, 2, 255, 65_535, 1 << 31, (1 << 32) - 1, 1 << 45, 1 << 62, (1 << 63) - 1, (1 << 64) - 1)
_PATHS = (
    b"", b".", b"..", b"../outside/f", b"/etc/passwd", b"d/../../outside", b"d//f", b"d/./f", b"\0",
    b"d/", b"d\0f", b"n" * 256, b"away/f",
    b"away", b".arcxo-0a1b/x", b"\xff\xfe", b"/".join([b"deep"] * 2_000),
)  # fmt: skip
_OTHERS: tuple[Any, ...] = (
    None,
    True,
    False,
    1.5,
    "",
    "text",
    "\U0001f600" * 50,
    [],
    [[]],
    {},
    {"a": "b"},
    {"a": 1},
)


class Fuzzer:
    """`damaged` gives one damaged copy of a frame."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self._random.random() < share

    def choice(self, frames: list[bytes]) -> bytes:
        return self._random.choice(frames)

    def damaged(self, frame: bytes) -> bytes:
        if self.chance(0.75):
            try:
                fields = msgpack.unpackb(frame, raw=False, strict_map_key=False)
                return self._packed(self._changed(fields, 0))
            except (ValueError, OverflowError, TypeError):
                pass
        return self._torn(frame)

    def _packed(self, fields: object) -> bytes:
        packed: bytes = msgpack.packb(fields, use_bin_type=True)
        return packed

    def _changed(self, value: Any, depth: int) -> Any:
        """A copy with one thing in it changed."""
        if isinstance(value, list) and value and (depth == 0 or self.chance(0.9)):
            copy = list(value)
            what = self._random.random()
            # The first field says what it is: other kinds are tried less often.
            place = self._random.randrange(
                1 if depth == 0 and len(copy) > 1 and what < 0.97 else 0, len(copy)
            )
            if what < 0.03:
                del copy[place]
            elif what < 0.06:
                copy.insert(place, copy[place])
            else:
                copy[place] = self._changed(copy[place], depth + 1)
            return copy
        if isinstance(value, bytes) and len(value) > 4 and self.chance(0.8):
            # Perhaps a record within.
            try:
                inner = msgpack.unpackb(value, raw=False, strict_map_key=False)
            except (ValueError, msgpack.exceptions.UnpackException):
                inner = None
            if isinstance(inner, list) and inner:
                return self._packed(self._changed(inner, 0))
        if self.chance(0.15):
            return self._random.choice(_OTHERS)
        if isinstance(value, bool):
            return not value
        if isinstance(value, int):
            near = value + self._random.choice((-1, 1))
            return near if self.chance(0.3) else self._random.choice(_INTS)
        if isinstance(value, bytes):
            return self._torn(value) if self.chance(0.3) else self._random.choice(_PATHS)
        return self._random.choice(_OTHERS)

    def _torn(self, data: bytes) -> bytes:
        if not data:
            return b"\x91"
        copy = bytearray(data)
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(copy) or 1)
            what = self._random.random()
            if what < 0.4 and copy:
                copy[place] ^= 1 << self._random.randrange(8)
            elif what < 0.6:
                copy[place:place] = self._random.randbytes(self._random.randint(1, 8))
            elif what < 0.8:
                del copy[place : place + self._random.randint(1, 8)]
            else:
                del copy[place:]
        return bytes(copy)
