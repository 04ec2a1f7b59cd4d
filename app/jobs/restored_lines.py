"""The lines of a restore's log that name what came of each directory or file, as its log level says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from app.jobs.control import JobControl
from app.jobs.job_lines import Figures, JobLines
from app.jobs.summary import size_text
from app.model.job_log import RESTORED, JobLogLevel
from app.model.paths import shown
from app.model.restore import RestoreAction, RestoreItem

_DONE = {
    RestoreAction.CREATE: "created",
    RestoreAction.OVERWRITE: "overwritten",
    RestoreAction.SKIP: "skipped",
    RestoreAction.RENAME: "renamed",
    RestoreAction.DELETE: "deleted",
}


class _Directory(Figures):
    """What came of the entries of one directory."""

    __slots__ = ("counts", "size_bytes")

    def __init__(self) -> None:
        self.counts: Counter[RestoreAction] = Counter()
        self.size_bytes = 0

    def take_over(self, other: _Directory) -> None:
        self.counts += other.counts
        self.size_bytes += other.size_bytes

    def add(self, item: RestoreItem) -> None:
        self.counts[item.action] += 1
        if item.action not in (RestoreAction.SKIP, RestoreAction.DELETE):
            self.size_bytes += item.size_bytes

    def words(self) -> str:
        said = [f"{self.counts[action]:,} {word}" for action, word in _DONE.items() if self.counts[action]]
        return ", ".join([*said, size_text(self.size_bytes)])


class RestoredLines(JobLines[_Directory]):
    """Collects what a restore tells of, by the places at the destination."""

    def __init__(self, control: JobControl, label: str) -> None:
        super().__init__(control, label, RESTORED)
        self._trying: dict[bytes, _Directory] = {}

    def begin(self) -> None:
        """A try begins. One that goes on where another broke off tells of all again: that is not counted."""
        self._trying.clear()

    def keep(self) -> None:
        """The try came to its end."""
        for path, directory in self._trying.items():
            if self._room_for(path):
                self._directories.setdefault(path, _Directory()).take_over(directory)
        self._trying.clear()

    def close(self) -> None:
        """See `JobLines`."""
        self.keep()
        super().close()

    def take(self, items: Iterable[RestoreItem]) -> None:
        """A batch of what is done."""
        if self._level is JobLogLevel.ALL:
            for item in items:
                self._note(_line(item))
        elif self._level is JobLogLevel.DETAIL:
            for item in items:
                path = item.target.rpartition(b"/")[0] or b"/"
                if path in self._trying or self._room_for(path, len(self._trying)):
                    self._trying.setdefault(path, _Directory()).add(item)


def _line(item: RestoreItem) -> str:
    said = [_DONE[item.action]]
    said += [size_text(item.size_bytes)] if item.action is not RestoreAction.SKIP else []
    said += [item.reason] if item.reason else []
    return f"{shown(item.target)} ({', '.join(said)})"


def are_wanted(level: JobLogLevel) -> bool:
    """Whether a log of that level names what is restored."""
    return level in (JobLogLevel.DETAIL, JobLogLevel.ALL)
