"""Files that came a moment ago: programs make and remove many, and nobody loses anything with them."""

from __future__ import annotations

from app.replication.master.losses import ESTABLISHED_S

_MOST = 4096


class Passing:
    """The files recorded as new within the last seconds, the newest ones only. One thread.

    Known by when they were recorded, not by their time of modification: what was only touched is old.
    """

    def __init__(self) -> None:
        self._since: dict[tuple[int, bytes], float] = {}

    def created(self, root: int, path: bytes, now: float) -> None:
        """A file was recorded where nothing was. `now`: monotonic seconds."""
        since = self._since
        since.pop((root, path), None)
        since[root, path] = now
        while len(since) > _MOST or now - since[next(iter(since))] > ESTABLISHED_S:
            del since[next(iter(since))]

    def renamed(self, root: int, path: bytes, new_path: bytes) -> None:
        """A file has another path now, whatever was there."""
        since = self._since
        at = since.pop((root, path), None)
        since.pop((root, new_path), None)
        if at is not None:
            since[root, new_path] = at

    def forget(self) -> None:
        """Other paths may have become those of files now."""
        self._since.clear()

    def removed(self, root: int, path: bytes, now: float) -> bool:
        """Forget the file at `path`; whether it came within the last seconds."""
        at = self._since.pop((root, path), None)
        return at is not None and now - at <= ESTABLISHED_S
