"""What the sessions of a whole media set refer to, seen from one of its media."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from app.media.label import read_label
from app.media.mediaset import CollectorStore
from app.media.store import DirectoryMediaStore
from app.media.usage import Usage


class SetUsage:
    """As `Usage` of one media, but packs that sessions on other media of the set refer to are in use too.

    `elsewhere` are sessions the caller knows of, by the serial of the other media they are on.
    """

    def __init__(self, store: CollectorStore, elsewhere: Mapping[str, Collection[int]] | None = None) -> None:
        self._store = store
        self._own = Usage(DirectoryMediaStore(store.location))
        self._elsewhere = elsewhere or {}
        self._others: dict[str, tuple[str, Usage]] = {}

    def refresh(
        self,
        expected: Collection[int] = (),
        checkpoint: Callable[[], None] = lambda: None,
        *,
        without: Collection[int] = (),
    ) -> None:
        """Learn of sessions, and of media, that came and went; `without` are sessions of this media.

        Raises as `Usage.refresh`, for any media of the set; E4160 while one of them cannot be reached.
        """
        self._store.look()
        self._own.refresh(expected, checkpoint, without=without)
        present = {other.location: other for other in self._store.others}
        for path in [path for path in self._others if path not in present]:
            del self._others[path]
        for path, other in present.items():
            if path not in self._others:
                self._others[path] = (read_label(path).serial, Usage(other))
            serial, usage = self._others[path]
            usage.refresh(self._elsewhere.get(serial, ()), checkpoint)

    def sessions(self) -> list[int]:
        """The sessions of this media that were there at the last refresh."""
        return self._own.sessions()

    def packs(self) -> set[str]:
        """Every pack that a session of the set refers to."""
        found = self._own.packs()
        for _, usage in self._others.values():
            found |= usage.packs()
        return found
