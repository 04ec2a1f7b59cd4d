"""What an archive run has found so far: counts, catalog rows, problems and progress."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.backup.api import Canceled, Emit
from app.backup.audit import ListAudit
from app.media.node import DIRECTORY, FILE, KIND, KINDS, MTIME, SIZE, Entry, content_id
from app.model.archive import CatalogRow, CatalogRows, Progress
from app.model.entry import EntryKind
from app.model.errors import CanceledError, Problem
from app.model.job import JobPhase

_BATCH_ROWS = 2000
_PROGRESS_EVERY_S = 0.25
_LOOK_EVERY = 32


class Ledger:
    """Counts and reports. Incremental rows are held back until `release`, as the run may start over."""

    def __init__(self, emit: Emit, canceled: Canceled, stored_bytes: Callable[[], int]) -> None:
        self._emit = emit
        self._canceled = canceled
        self._stored_bytes = stored_bytes
        self._rows: list[CatalogRow] = []
        self.incremental = False
        self.files = 0
        self.directories = 0
        self.size_bytes = 0
        self.read_bytes = 0
        self.new_bytes = 0
        self.problems = 0
        self.phase = JobPhase.BACK_UP
        self.audit: ListAudit | None = None
        self.rules: dict[str, list[int]] = {}
        """By the rule of a filter: files, directories (with all beneath them) and bytes left out."""
        self._reported = 0.0
        self._ticks = 0

    def count(self, entry: Entry, sign: int = 1) -> None:
        """An entry belongs to the session, or (sign -1) no longer does."""
        if entry[KIND] == DIRECTORY:
            self.directories += sign
        else:
            self.files += sign
            if entry[KIND] == FILE:
                self.size_bytes += sign * entry[SIZE]

    def leave_out(self, rule: str, size_bytes: int, *, directory: bool) -> None:
        """A rule of the filter leaves an entry out of the session."""
        counts = self.rules.setdefault(rule, [0, 0, 0])
        counts[directory] += 1
        counts[2] += 0 if directory else size_bytes

    def whole(self, rows: list[CatalogRow], read_bytes: int, new_bytes: int) -> None:
        """Files that were read whole, each of them new: their rows, and the bytes of them all."""
        self.files += len(rows)
        self.size_bytes += read_bytes
        self.read_bytes += read_bytes
        self.new_bytes += new_bytes
        if self.audit is not None:
            for row in rows:
                self.audit.look(row.path)
        self._rows += rows
        if not self.incremental and len(self._rows) >= _BATCH_ROWS:
            self.release()

    def row(self, path: bytes, entry: Entry) -> None:
        """The catalog learns of a new or changed entry."""
        if self.audit is not None:
            self.audit.look(path)
        self._add(CatalogRow(path, KINDS[entry[KIND]], entry[SIZE], entry[MTIME], content_id(entry)))

    def removed(self, path: bytes, kind: EntryKind) -> None:
        """The catalog learns that a path has ended."""
        if self.audit is not None:
            self.audit.look(path)
        self._add(CatalogRow(path, kind, 0, 0, "", removed=True))

    def _add(self, row: CatalogRow) -> None:
        self._rows.append(row)
        if not self.incremental and len(self._rows) >= _BATCH_ROWS:
            self.release()

    def release(self) -> None:
        """Hand over the rows held back."""
        for start in range(0, len(self._rows), _BATCH_ROWS):
            self._emit(CatalogRows(tuple(self._rows[start : start + _BATCH_ROWS]), self.incremental))
        self._rows.clear()

    def problem(self, code: str, path: bytes, *, counts: bool = True, **params: object) -> None:
        """One object was not handled as it should be; `counts` makes the session incomplete."""
        self.problems += counts
        self._emit(Problem(code, path, {key: str(value) for key, value in params.items()}))

    def tick(self, path: bytes, count: int = 1, *, now: bool = False) -> None:
        """Called at every entry and chunk, or for `count`. Raises CanceledError E4290 when canceled."""
        self._ticks += count
        if self._ticks < _LOOK_EVERY and not now:
            return
        self._ticks = 0
        if self._canceled():
            raise CanceledError("E4290")
        moment = time.monotonic()
        if now or moment - self._reported >= _PROGRESS_EVERY_S:
            self._reported = moment
            self._emit(
                Progress(
                    self.phase,
                    path,
                    self.files,
                    self.directories,
                    self.read_bytes,
                    self.new_bytes,
                    self._stored_bytes(),
                )
            )
