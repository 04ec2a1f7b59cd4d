"""Small files of a snapshot, read many at a time: the interpreter asks once for all of them."""

from __future__ import annotations

import os
from typing import Any

from app.native import native

_native: Any | None = native("reading")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
GROUP_FILES = 256
GROUP_BYTES = 1 << 20
Wanted = tuple[bytes, int, int, int]
"""Path beneath the directory; its size, time of modification and change time in ns, as they must still be."""


class SmallFiles:
    """Reads files beneath one directory, which need not be there before the first of them. One thread.

    Where there is nothing to read them with (see `app.native`), none is read: the caller does it one by one.
    """

    def __init__(self, directory: bytes) -> None:
        self._directory = directory
        self._descriptor = -1
        self.can_read = _native is not None

    def read(self, wanted: list[Wanted]) -> tuple[memoryview, bytes]:
        """(contents one after the other, for each file whether they are there: 1 or 0).

        0 is for what is not as it was said to be, has holes, is no file, cannot be opened: the caller looks.
        """
        if not wanted or _native is None or not self._opened():
            return memoryview(b""), bytes(len(wanted))
        try:
            contents, good = _native.read_files(self._descriptor, wanted)
        except (TypeError, ValueError, OverflowError):
            return memoryview(b""), bytes(len(wanted))  # of a damaged manifest: looking at each one finds it
        return memoryview(contents), good

    def _opened(self) -> bool:
        if self._descriptor < 0:
            try:
                self._descriptor = os.open(self._directory, _DIRECTORY)
            except OSError:
                return False  # opening each file tells why
        return True

    def close(self) -> None:
        """Close the directory."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
