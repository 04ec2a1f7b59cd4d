"""The restorer: paths of sessions become files again, checked while they are written and after."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from itertools import islice

from app.backup.api import Canceled, EmitRestore, RestoreSink, RestoreTask, StartHelper
from app.backup.beneath import Places
from app.backup.commit import Committer, Staged, discard, is_directory
from app.backup.crew import Crew
from app.backup.earlier import Earlier, boot_id
from app.backup.filling import is_equal
from app.backup.growing import GrowingSink
from app.backup.items import Item
from app.backup.journal import Fingerprint, Journal, Record, Step
from app.backup.readback import ReadBack
from app.backup.selection import OpenPart, Selection, open_parts
from app.backup.staging import Stager
from app.backup.tally import Tally
from app.media.node import EXTRA, FILE, KIND, SIZE
from app.model.archive import Progress, RestoreResult
from app.model.errors import ArcxoError, CanceledError, Problem
from app.model.job import JobPhase
from app.model.paths import shown
from app.model.restore import RestoreAction

WINDOW = 25_000
"""Items that are sorted by where their contents are at a time: this bounds the memory, not the restore."""
_PROGRESS_EVERY_S = 0.25
_HELP_FROM = 1000
"""So many items, or bytes, are worth the start of another process."""
_HELP_FROM_BYTES = 64 << 20
_BATCH_FILES = 1000
_BATCH_BYTES = 64 << 20
_BATCH_S = 1.0


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
        self._stop = False
        self._problems = 0
        self._unchecked: list[Staged] = []
        self._staging_bytes = 0
        self._files_total: int | None = None
        self._bytes_total: int | None = None
        self._earlier = Earlier(task.state)
        self._journal = Journal(task.state) if task.state else None
        self._commit = Committer(task, self._sink, self._journal, self._report)
        self._crew = Crew(start_helper)
        self._back = ReadBack(self._sink, self._report, self._progress)
        self._heads: dict[tuple[int, int, int], bytes] = {}
        """Of each group of hard links the name in place; the first number tells the session."""

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
                self._write(Selection(self._task, parts, places), parts)
            finally:
                places.close()
            complete = True
        finally:
            self._crew.end()
            if self._journal is not None:
                self._journal.write()
            self._report(self._sink.finish(durable=complete))
            if not complete and self._journal is not None:
                self._journal.close()
        self._phase = JobPhase.VERIFY
        self._progress(b"", now=True)
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
                self._problems += 1
                self._back.troubled.add(problem.path)
                self._emit(problem)

    def _damaged(self, path: bytes, error: ArcxoError) -> None:
        if error.code not in ("E4125", "E4142"):
            raise error
        pack = error.params.get("object", "")
        params = {"object": pack, "reason": error.params.get("reason", "")}
        self._report([Problem("E4223", path, params)])

    def _progress(self, path: bytes, *, now: bool = False) -> None:
        """Tell how far it is, at most four times a second. Raises CanceledError E4291."""
        if self._stop or self._canceled():
            raise CanceledError("E4291")
        moment = time.monotonic()
        if now or moment - self._reported >= _PROGRESS_EVERY_S:
            with self._lock:
                self._reported = moment
                done = self._commit.figures
                self._emit(
                    Progress(
                        self._phase,
                        path,
                        done.files,
                        done.directories,
                        done.bytes + self._staging_bytes,
                        files_total=self._files_total,
                        bytes_total=self._bytes_total,
                    )
                )

    # -- writing --------------------------------------------------------------------------------------

    def _write(self, selection: Selection, parts: list[OpenPart]) -> None:
        items = selection.items()
        window = list(islice(items, min(_HELP_FROM, WINDOW)))
        if len(window) == _HELP_FROM:
            self._crew.begin(parts)  # they start while the rest is still being looked at
            window += islice(items, WINDOW - _HELP_FROM)
        tally = self._count(window, parts)
        self._files_total, self._bytes_total = tally.files, tally.size_bytes
        if tally.size_bytes >= _HELP_FROM_BYTES:
            self._crew.begin(parts)
        limit = self._task.undo_max_bytes
        if self._task.undo_days > 0 and self._task.state and 0 < limit < tally.kept_bytes:
            raise ArcxoError("E4236", kept=tally.kept_bytes, limit=limit)
        while window:
            self._window(window)
            window = list(islice(items, WINDOW))
        for path, error in selection.damaged:
            self._damaged(path, error)

    def _count(self, window: list[Item], parts: list[OpenPart]) -> Tally:
        """The totals; what is not in the first window is looked at an extra time."""
        tally = Tally()
        if len(window) < WINDOW:
            for item in window:
                tally.add(item)
            return tally
        places = Places(self._task.directories())
        try:
            for number, item in enumerate(Selection(self._task, parts, places).items()):
                tally.add(item)
                if not number % 256:
                    self._progress(item.source)
        finally:
            places.close()
        return tally

    def _window(self, window: list[Item]) -> None:
        """Directories first, contents in the order in which packs hold them, links last, then removals."""
        plain: list[Item] = []
        links: list[tuple[Item, tuple[int, int, int]]] = []
        removals: list[Item] = []
        waiting: dict[tuple[int, int, int], Item] = {}
        for item in window:
            self._progress(item.source or item.target)
            if item.action is RestoreAction.DELETE:
                removals.append(item)
            elif item.failed:
                params = {"target": shown(item.target), "reason": item.reason}
                self._report([Problem(item.failed, item.source, params)])
            elif not is_directory(item) and self._was_done(item):
                continue
            elif item.action is RestoreAction.SKIP:
                self._commit.figures.skipped += 1
            elif is_directory(item):
                self._commit.make_directory(item, self._earlier)
            else:
                group = _group_of(item)
                if group is not None and (group in self._heads or group in waiting):
                    links.append((item, group))
                    continue
                if group is not None:
                    waiting[group] = item
                plain.append(item)
        self._files(plain)
        self._settle()
        self._links(links)
        if self._unchecked:
            self._settle()
            self._back.check_placed(self._unchecked)
            self._unchecked = []
        for item in removals:
            self._progress(item.target)
            self._commit.remove(item)

    def _settle(self) -> None:
        if self._journal is not None:
            self._journal.write()
        self._report(self._sink.settle())

    def _was_done(self, item: Item) -> bool:
        """Whether an earlier run of this restore has put it in place, and nobody changed it since."""
        if not self._earlier.any:
            return False
        wanted = item.wanted or item.target
        name = self._earlier.name_of(wanted)
        found = self._sink.status(name)
        if not self._earlier.is_done(wanted, found):
            return False
        if item.entry[KIND] == FILE and self._earlier.boot != boot_id() and not self._is_equal(item, name):
            return False  # the system went down since: the name is there, the content may not be
        figures = self._commit.figures
        figures.files += 1
        figures.resumed += 1
        figures.bytes += item.entry[SIZE] if item.entry[KIND] == FILE else 0
        figures.renamed += name != wanted
        group = _group_of(item)
        if group is not None:
            self._heads.setdefault(group, name)
        return True

    def _is_equal(self, item: Item, name: bytes) -> bool:
        assert item.reader is not None
        fd, own = self._sink.place(name)
        try:
            descriptor = os.open(own, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        except OSError:
            return False
        try:
            same_size = os.fstat(descriptor).st_size == item.entry[SIZE]
            return same_size and is_equal(descriptor, item, item.reader)
        finally:
            os.close(descriptor)

    def _files(self, items: list[Item]) -> None:
        """Stage in the threads of a `Stager`, commit here, in batches."""
        batch: list[Staged] = []
        size, began = 0, time.monotonic()
        stager = Stager(self._sink, items, self._crew, self._tick, self._damaged, self._commit.failed)
        try:
            with contextlib.closing(stager.staged()) as coming:
                for staged in coming:
                    batch.append(staged)
                    size += staged.item.entry[SIZE]
                    late = time.monotonic() - began > _BATCH_S
                    if len(batch) >= _BATCH_FILES or size >= _BATCH_BYTES or late:
                        self._put(batch)
                        batch, size, began = [], 0, time.monotonic()
            self._put(batch)
        except BaseException:
            self._stop = True
            stager.stop()
            for staged in batch:
                discard(staged.path)
            raise

    def _put(self, batch: list[Staged]) -> None:
        done = self._commit.commit(batch)
        self._staging_bytes = 0
        for staged in done:
            group = _group_of(staged.item)
            if group is not None:
                self._heads[group] = staged.item.target
        if self._sink.at_once:
            self._back.check_staged(done)
        else:
            self._unchecked += done

    def _tick(self, path: bytes, size: int) -> None:
        self._staging_bytes += size
        self._progress(path)

    def _links(self, links: list[tuple[Item, tuple[int, int, int]]]) -> None:
        """Other names of what is in place. Where that failed, or linking does, a file of its own."""
        batch, alone = [], []
        for item, group in links:
            self._progress(item.source)
            head = self._heads.get(group)
            found = self._sink.status(head) if head else None
            if head is None or found is None:
                alone.append(item)
            else:
                batch.append(Staged(item, b"", Fingerprint.of(found), head=head))
        for start in range(0, len(batch), _BATCH_FILES):
            self._put(batch[start : start + _BATCH_FILES])
        self._files([*alone, *self._commit.take_unlinked()])


def _group_of(item: Item) -> tuple[int, int, int] | None:
    extra = item.entry[EXTRA]
    if not extra or "h" not in extra:
        return None
    return id(item.reader), extra["h"][0], extra["h"][1]
