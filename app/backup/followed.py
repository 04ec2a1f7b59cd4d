"""A manifest that is read while it is written: the archive follows the freeze."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator

from app.backup.manifests import SnapshotManifest
from app.model.errors import CanceledError

_READ_BYTES = 1 << 20
_LOOK_S = 0.005


class FollowedManifest(SnapshotManifest):
    """As `SnapshotManifest`; what is not written yet is waited for. What is in it is frozen already.

    Its end is what the writer says last. `canceled` is asked while there is nothing to read: yes raises
    CanceledError E4290. Who knows that there will be no end must cancel.
    """

    def __init__(self, path: bytes, canceled: Callable[[], bool]) -> None:
        self._canceled = canceled
        self._doubles: frozenset[int] | None = None
        super().__init__(path)

    def _look(self) -> None:
        """Nothing can be said of all its entries yet."""

    @property
    def shared(self) -> frozenset[int]:
        """Inodes that several entries have. Waits for the end: the last one may be the second of two."""
        if self._doubles is None:
            self._doubles = self._find_doubles()
        return self._doubles

    def _data(self) -> Generator[bytes, None, None]:
        while True:
            try:
                file = open(self._path, "rb", buffering=0)  # noqa: SIM115 - closed below
                break
            except FileNotFoundError:
                self._wait()
        with file:
            while True:
                data = file.read(_READ_BYTES)
                if data:
                    yield data
                else:
                    self._wait()

    def _wait(self) -> None:
        if self._canceled():
            raise CanceledError("E4290")
        time.sleep(_LOOK_S)
