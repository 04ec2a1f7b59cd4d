"""The lines of a backup's log that name what was read: directories or files, as its log level says."""

from __future__ import annotations

from collections.abc import Iterable

from app.jobs.control import JobControl
from app.jobs.job_lines import Figures, JobLines
from app.jobs.summary import size_text
from app.model.archive import CatalogRow
from app.model.entry import EntryKind
from app.model.job_log import READ, JobLogLevel
from app.model.paths import shown


class _Directory(Figures):
    """What was read of one directory."""

    __slots__ = ("files", "removed", "size_bytes")

    def __init__(self) -> None:
        self.files = self.removed = self.size_bytes = 0

    def add(self, row: CatalogRow) -> None:
        if row.removed:
            self.removed += 1
        elif row.kind is not EntryKind.DIRECTORY:
            self.files += 1
            self.size_bytes += row.size_bytes

    def words(self) -> str:
        parts = [f"{self.files:,} files, {size_text(self.size_bytes)}"]
        parts += [f"{self.removed:,} gone"] if self.removed else []
        return ", ".join(parts)


class ReadLines(JobLines[_Directory]):
    """Collects what an archive tells of. What was not changed since the session before is not named."""

    def __init__(self, control: JobControl, label: str) -> None:
        super().__init__(control, label, READ)

    def take(self, rows: Iterable[CatalogRow]) -> None:
        """A batch of what was read, or found to be gone."""
        if self._level is JobLogLevel.ALL:
            for row in rows:
                self._note(_file_line(row))
        elif self._level is JobLogLevel.DETAIL:
            for row in rows:
                path = row.path if row.kind is EntryKind.DIRECTORY else row.path.rpartition(b"/")[0] or b"/"
                if self._room_for(path):
                    self._directories.setdefault(path, _Directory()).add(row)


def _file_line(row: CatalogRow) -> str:
    if row.removed:
        return f"{shown(row.path)} (gone)"
    if row.kind is EntryKind.FILE:
        return f"{shown(row.path)} ({size_text(row.size_bytes)})"
    return f"{shown(row.path)} ({row.kind.value.replace('_', ' ')})"
