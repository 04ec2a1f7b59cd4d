"""A listing on its way in: kept as it came, in memory or in a file where it is large, and read behind it.

The replica's answers must always be taken, also while whoever reads the listing waits for other answers.
"""

from __future__ import annotations

import tempfile
from struct import Struct
from types import TracebackType
from typing import Self

from app.replication.codec import refuse

LISTING_MOST_BYTES = 8 * 1024 * 1024 * 1024
_IN_MEMORY_BYTES = 16 * 1024 * 1024
_LENGTH = Struct("<I")


class IncomingListing:
    """Not thread safe: its users hold one lock. Leaving the context drops what is left."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115  # closed with the object
        self._end = 0
        self._read = 0
        self.complete = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def waiting(self) -> bool:
        """Whether there is a part that was not taken yet."""
        return self._read < self._end

    def put(self, data: bytes | None) -> None:
        """Keep the bytes of a `Listing`, or (None) note that there are no more."""
        if data is None:
            self.complete = True
        elif self._end + len(data) > LISTING_MOST_BYTES:
            refuse("a listing without an end")
        elif not self._file.closed:
            self._file.seek(self._end)
            self._file.write(_LENGTH.pack(len(data)))
            self._file.write(data)
            self._end += _LENGTH.size + len(data)

    def take(self) -> bytes | None:
        """The next part as it came; None when nothing waits."""
        if not self.waiting:
            return None
        self._file.seek(self._read)
        length = _LENGTH.unpack(self._file.read(_LENGTH.size))[0]
        data = self._file.read(length)
        self._read += _LENGTH.size + length
        return data

    def close(self) -> None:
        """Drop what is left."""
        self._file.close()
        self._read = self._end
