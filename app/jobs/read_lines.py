"""The lines of a backup's log that name what was read: directories or files, as its log level says."""

from __future__ import annotations

from collections.abc import Iterable

from app.jobs.control import JobControl
from app.jobs.summary import size_text
from app.model.archive import CatalogRow
from app.model.entry import EntryKind
from app.model.job_log import (
    DIRECTORIES_CODE,
    FILES_CODE,
    LEFT_OUT_CODE,
    MOST_LINES,
    ROW_CHARACTERS,
    ROW_LINES,
    JobLogLevel,
)
from app.model.paths import shown


class ReadLines:
    """Collects what an archive tells of; memory and log stay bounded, whatever is told.

    What was not changed since the session before is not read, and not named.
    """

    def __init__(self, control: JobControl, label: str) -> None:
        self._control = control
        self._label = label
        self._level = control.log_level
        self._lines: list[str] = []
        self._characters = 0
        self._count = 0
        self._left_out = 0
        self._directories: dict[bytes, _Directory] = {}

    def take(self, rows: Iterable[CatalogRow]) -> None:
        """A batch of what was read, or found to be gone."""
        if self._level is JobLogLevel.ALL:
            for row in rows:
                self._note(_file_line(row))
        elif self._level is JobLogLevel.DETAIL:
            for row in rows:
                self._add(row)

    def close(self) -> None:
        """Nothing more is read: write what was held back, and how much is not in the log."""
        if self._control.lost:
            return
        for path, directory in sorted(self._directories.items()):
            self._note(directory.line(path))
        self._directories.clear()
        self._write()
        if self._left_out:
            self._control.note(
                LEFT_OUT_CODE, scenario=self._label, count=f"{self._left_out:,}", most=f"{MOST_LINES:,}"
            )
            self._left_out = 0

    def _add(self, row: CatalogRow) -> None:
        path = row.path if row.kind is EntryKind.DIRECTORY else row.path.rpartition(b"/")[0] or b"/"
        directory = self._directories.get(path)
        if directory is None:
            if len(self._directories) >= MOST_LINES:
                self._left_out += 1
                return
            directory = self._directories[path] = _Directory()
        directory.add(row)

    def _note(self, line: str) -> None:
        if self._count >= MOST_LINES:
            self._left_out += 1
            return
        self._count += 1
        if self._lines and (len(self._lines) >= ROW_LINES or self._characters + len(line) > ROW_CHARACTERS):
            self._write()
        self._lines.append(line)
        self._characters += len(line)

    def _write(self) -> None:
        if self._lines:
            code = FILES_CODE if self._level is JobLogLevel.ALL else DIRECTORIES_CODE
            self._control.note_lines(code, self._lines, scenario=self._label)
        self._lines, self._characters = [], 0


class _Directory:
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

    def line(self, path: bytes) -> str:
        parts = [f"{self.files:,} files, {size_text(self.size_bytes)}"]
        parts += [f"{self.removed:,} gone"] if self.removed else []
        return f"{shown(path)} ({', '.join(parts)})"


def _file_line(row: CatalogRow) -> str:
    if row.removed:
        return f"{shown(row.path)} (gone)"
    if row.kind is EntryKind.FILE:
        return f"{shown(row.path)} ({size_text(row.size_bytes)})"
    return f"{shown(row.path)} ({row.kind.value.replace('_', ' ')})"
