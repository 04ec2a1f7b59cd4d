"""The rows of a manifest one after the other, with a look at the next one.

What most rows of a first backup are, small files of one directory, comes many at a time where that is built
(see `app.native`): a tuple of fourteen fields for each would be made only to be taken apart.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import msgpack

from app.model import manifest
from app.model.errors import ArcxoError
from app.model.paths import shown
from app.native import native

FIELDS = 13
_WAITING_BYTES = 64 << 20
"""No row has as many: what waits for its end that long is none."""
_native: Any | None = native("listed")
Row = tuple[Any, ...]


class ManifestRows:
    """The rows of the manifest at `path`, whose bytes are in `data`: 14 fields, of which the last may be 0.

    One thread. Reading raises ArcxoError E4190 where the manifest is damaged, and whatever `data` raises.
    """

    def __init__(self, data: Generator[bytes, None, None], path: bytes) -> None:
        self._data = data
        self._path = path
        self._native = None if _native is None else _native.Rows()
        self._unpacker = msgpack.Unpacker(raw=False, use_list=False)
        self._count = 0
        self._next: Row | None = None
        self._begun = self._ended = False

    @property
    def next(self) -> Row | None:
        """The row that comes next, and stays so until `skip`; None = that was all."""
        if self._next is None and not self._ended:
            try:
                self._next = self._read()
            except (ValueError, TypeError, msgpack.UnpackException) as error:
                raise self._damaged() from error
        return self._next

    def skip(self) -> None:
        """The row after `next` is the next one."""
        self._next = None

    def files(
        self,
        relative: bytes,
        above: bytes,
        into: list[Any],
        steps: list[Any],
        wanted: list[Any],
        together: int,
        most_steps: int,
        most_bytes: int,
        largest: int,
    ) -> tuple[int, int]:
        """Take small plain files of one directory: see `app.native.listed`. (0, 0) = take `next`."""
        if self._native is None or self._next is not None or self._ended or not self._begun:
            return 0, 0
        count, size = self._native.files(
            *(relative, above, into, steps, wanted, together, most_steps, most_bytes, largest)
        )
        self._count += count
        return count, size

    def _read(self) -> Row | None:
        if not self._begun:
            if self._item() != manifest.MAGIC:
                raise self._damaged()
            self._begun = True
        row: Any = self._item()
        if len(row) == FIELDS:
            row = (*row, 0)  # of a version that did not note it
        elif len(row) == 2 and row[0] == "end" and row[1] == self._count:
            self._ended = True
            self._data.close()
            return None
        if len(row) != FIELDS + 1 or type(row[0]) is not bytes:
            raise self._damaged()
        self._count += 1
        return tuple(row)

    def _item(self) -> Any:
        """What comes next, waited for."""
        while True:
            if self._native is None:
                for item in self._unpacker:
                    return item
            elif (packed := self._native.take()) is not None:
                return msgpack.unpackb(packed, raw=False, use_list=False)
            elif self._native.waiting > _WAITING_BYTES:
                raise self._damaged()
            data = next(self._data, b"")
            if not data:
                raise self._damaged()
            if self._native is None:
                self._unpacker.feed(data)
            else:
                self._native.feed(data)

    def _damaged(self) -> ArcxoError:
        return ArcxoError("E4190", manifest=shown(self._path))
