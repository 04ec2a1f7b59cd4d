"""The restorer: paths of sessions become files again, checked while they are written and after."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import chain

from app.backup.api import Canceled, EmitRestore, RestoreSink, RestoreTask, StartHelper
from app.backup.beneath import Places
from app.backup.commit import Committer
from app.backup.crew import Crew
from app.backup.earlier import Earlier, boot_id
from app.backup.growing import GrowingSink
from app.backup.items import Item
from app.backup.journal import Journal, Record, Step
from app.backup.new_files import NewFiles, can_make
from app.backup.readback import ReadBack
from app.backup.resuming import Resumed
from app.backup.selection import OpenPart, Selection, open_parts
from app.backup.tally import Tally
from app.backup.telling import Telling
from app.backup.windows import Tools, Windows, weight
from app.media.reader import ChunkReader
from app.model.archive import Progress, RestoreItems, RestoreResult
from app.model.errors import ArcxoError, CanceledError, Problem
from app.model.job import JobPhase

WINDOW = 8_000
"""Items that are sorted by where their contents are at a time: this bounds the memory, not the restore. Some
windows are on their way at a time."""
_PROGRESS_EVERY_S = 0.25
_HELP_FROM = 1000
"""So many items, or bytes, are worth the start of another process."""
_HELP_FROM_BYTES = 64 << 20


class Restorer:
    """One run of a `RestoreTask`; see `app.backup.api.restore`."""

    def __init__(
        self,
        task: RestoreTask,
        emit: EmitRestore,
        canceled: Canceled,
        sink: RestoreSink | None,
        start_helper: StartHelper | None = None,
    ) -> None:
        self._task = task
        self._emit = emit
        self._canceled = canceled
        self._sink: RestoreSink = sink or GrowingSink(task.directories())
        self._lock = threading.RLock()
        self._phase = JobPhase.RESTORE
        self._reported = 0.0
        self._windows: Windows | None = None
        self._problems = 0
        self._refused: set[tuple[bytes, str, str]] = set()
        """Metadata that were refused: those of a directory may be set twice."""
        self._files_total: int | None = None
        self._bytes_total: int | None = None
        self._earlier = Earlier(task.state)
        self._journal = Journal(task.state) if task.state else None
        self._telling = Telling(self._tell, wanted=task.tell_items)
        self._commit = Committer(task, self._sink, self._journal, self._report, self._telling)
        self._crew = Crew(start_helper)
        self._back = ReadBack(self._sink, self._report, self._progress)

    def run(self) -> RestoreResult:
        """Select, write, finish, check."""
        if self._journal is not None:
            more = {"boot": boot_id(), "job": self._task.job_id, "days": self._task.undo_days}
            self._journal.append(Record(Step.BEGIN, more=more))
            self._journal.write()
        complete = False
        try:
            parts = open_parts(self._task)
            places = Places(self._task.directories())
            try:
                together = can_make() and not self._task.tell_items
                self._write(Selection(self._task, parts, places, together=together), parts)
            finally:
                places.close()
            complete = True
        finally:
            self._crew.end()
            if self._journal is not None:
                self._journal.write()
            self._telling.close()
            self._report(self._sink.finish(durable=complete))
            if not complete:
                self._tell_how_far(b"")
                if self._journal is not None:
                    self._journal.close()
        self._phase = JobPhase.VERIFY
        self._tell_how_far(b"")  # all is in place: too late for a stop
        result = self._result()
        if self._journal is not None:
            self._journal.append(Record(Step.END))
            self._journal.sync()
            self._journal.close()
        self._emit(result)
        return result

    def _result(self) -> RestoreResult:
        figures = self._commit.figures
        return RestoreResult(
            files=figures.files,
            directories=figures.directories,
            written_bytes=figures.bytes,
            skipped=figures.skipped,
            renamed=figures.renamed,
            verified_files=self._back.verified,
            mismatches=self._back.mismatches,
            problems=self._problems,
            deleted=figures.deleted,
            kept_bytes=figures.kept_bytes,
            pending=figures.pending,
            resumed=figures.resumed,
        )

    # -- reporting ------------------------------------------------------------------------------------

    def _report(self, problems: list[Problem]) -> None:
        with self._lock:
            for problem in problems:
                if self._was_told(problem):
                    continue
                self._problems += 1
                self._back.troubled.add(problem.path)
                self._emit(problem)

    def _was_told(self, problem: Problem) -> bool:
        if problem.code != "W4224":
            return False
        mark = (problem.path, problem.params.get("what", ""), problem.params.get("reason", ""))
        known = mark in self._refused
        self._refused.add(mark)
        return known

    def _tell(self, items: RestoreItems) -> None:
        with self._lock:
            self._emit(items)

    def _damaged(self, path: bytes, error: ArcxoError) -> None:
        if error.code not in ("E4125", "E4142"):
            raise error
        pack = error.params.get("object", "")
        params = {"object": pack, "reason": error.params.get("reason", "")}
        self._report([Problem("E4223", path, params)])

    def _progress(self, path: bytes) -> None:
        """Tell how far it is, at most four times a second. Raises CanceledError E4291."""
        windows = self._windows
        if (windows is not None and windows.stopped) or self._canceled():
            raise CanceledError("E4291")
        moment = time.monotonic()
        if moment - self._reported >= _PROGRESS_EVERY_S:
            self._reported = moment
            self._tell_how_far(path, windows.staging_bytes if windows is not None else 0)

    def _tell_how_far(self, path: bytes, staging_bytes: int = 0) -> None:
        with self._lock:
            done = self._commit.figures
            self._emit(
                Progress(
                    self._phase,
                    path,
                    done.files,
                    done.directories,
                    done.bytes + staging_bytes,
                    files_total=self._files_total,
                    bytes_total=self._bytes_total,
                )
            )

    # -- writing --------------------------------------------------------------------------------------

    def _write(self, selection: Selection, parts: list[OpenPart]) -> None:
        items = selection.all()
        known: list[Item | NewFiles] = []
        if _take(items, known, min(_HELP_FROM, WINDOW)):
            self._crew.begin(parts)  # they start while the rest is still being looked at
        tally = self._count(known, parts, whole=not _take(items, known, WINDOW))
        self._files_total, self._bytes_total = tally.files, tally.size_bytes
        if tally.size_bytes >= _HELP_FROM_BYTES:
            self._crew.begin(parts)
        limit = self._task.undo_max_bytes
        if self._task.undo_days > 0 and self._task.state and 0 < limit < tally.kept_bytes:
            raise ArcxoError("E4236", kept=tally.kept_bytes, limit=limit)
        tools = Tools(
            self._sink,
            self._crew,
            self._commit,
            self._back,
            Resumed(self._earlier, self._sink, self._commit.figures, self._telling),
            self._journal,
            self._report,
            self._progress,
            self._damaged,
        )
        self._windows = Windows(tools, WINDOW, apart=len(parts) > 1)
        self._windows.run(chain(_handed_on(known), items))
        for path, error in selection.damaged:
            self._damaged(path, error)

    def _count(self, window: list[Item | NewFiles], parts: list[OpenPart], *, whole: bool) -> Tally:
        """The totals; unless the window is the whole restore all is looked at an extra time."""
        tally = Tally()
        if whole:
            for one in window:
                if isinstance(one, Item):
                    tally.add(one)
                else:
                    tally.add_files(one)
            return tally
        places = Places(self._task.directories())

        def add_new(reader: ChunkReader, node_id: bytes) -> None:
            tally.add_new(reader, node_id, lambda: self._progress(b""))

        try:
            for number, item in enumerate(Selection(self._task, parts, places, add_new).items()):
                tally.add(item)
                if not number % 256:
                    self._progress(item.source)
        finally:
            places.close()
        return tally


def _take(items: Iterator[Item | NewFiles], into: list[Item | NewFiles], most: int) -> bool:
    """Add items until there are so many; whether there are."""
    count = sum(map(weight, into))
    while count < most:
        found = next(items, None)
        if found is None:
            return False
        into.append(found)
        count += weight(found)
    return True


def _handed_on(items: list[Item | NewFiles]) -> Iterator[Item | NewFiles]:
    """They are kept no longer than whoever takes them keeps them."""
    items.reverse()
    while items:
        yield items.pop()
