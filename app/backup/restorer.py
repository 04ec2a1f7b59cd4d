"""The restorer: paths of a session become files again, checked while they are written and after."""

from __future__ import annotations

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice

from app.backup.api import Canceled, EmitRestore, RestoreSink, RestoreTask
from app.backup.metadata import differing
from app.backup.selection import Item, Selection, is_implicit
from app.backup.sink import DirectorySink
from app.media.node import CONTENT, DIRECTORY, EXTRA, FILE, KIND, PIECE, SIZE, pieces, to_metadata
from app.media.pack import PackIndex
from app.media.reader import ChunkReader, open_session
from app.model.archive import Progress, RestoreResult
from app.model.errors import ArcxoError, CanceledError, Problem
from app.model.job import JobPhase
from app.model.restore import RestoreAction

_THREADS = 2
_PENDING = 16
_AHEAD = 6
_READ_BYTES = 8 << 20
_VERIFY_BATCH = 200
_PROGRESS_EVERY_S = 0.25
_FULL = (errno.ENOSPC, errno.EDQUOT)
_Group = tuple[PackIndex, int, list[Item]]


class Restorer:
    """One run of a `RestoreTask`; see `app.backup.api.restore`."""

    def __init__(
        self, task: RestoreTask, emit: EmitRestore, canceled: Canceled, sink: RestoreSink | None
    ) -> None:
        self._task = task
        self._emit = emit
        self._canceled = canceled
        self._sink: RestoreSink = sink or DirectorySink([directory for _, directory in task.targets])
        self._lock = threading.RLock()
        self._sink_lock = contextlib.nullcontext() if self._sink.concurrent else threading.Lock()
        self._phase = JobPhase.RESTORE
        self._reported = 0.0
        self._stop = False
        self._written: list[Item] = []
        self._files = self._directories = self._bytes = 0
        self._skipped = self._renamed = self._verified = self._mismatches = self._problems = 0
        self._troubled: set[bytes] = set()

    def run(self) -> RestoreResult:
        """Select, write, finish, check."""
        header, reader = open_session(self._task.media_path, self._task.session, self._task.data_key)
        self._reader: ChunkReader = reader
        selection = Selection(self._task, header, reader)
        try:
            self._write(selection)
        finally:
            self._report(self._sink.finish())
        for path, error in selection.damaged:
            self._damaged(path, error)
        self._phase = JobPhase.VERIFY
        batches = [
            self._written[start : start + _VERIFY_BATCH]
            for start in range(0, len(self._written), _VERIFY_BATCH)
        ]
        self._in_parallel([partial(self._check, batch) for batch in batches])
        self._progress(b"", now=True)
        result = RestoreResult(
            files=self._files,
            directories=self._directories,
            written_bytes=self._bytes,
            skipped=self._skipped,
            renamed=self._renamed,
            verified_files=self._verified,
            mismatches=self._mismatches,
            problems=self._problems,
        )
        self._emit(result)
        return result

    # -- reporting ------------------------------------------------------------------------------------

    def _report(self, problems: list[Problem]) -> None:
        with self._lock:
            for problem in problems:
                self._problems += 1
                self._troubled.add(problem.path)
                self._emit(problem)

    def _problem(self, code: str, path: bytes, **params: str) -> None:
        self._report([Problem(code, path, params)])

    def _damaged(self, path: bytes, error: ArcxoError) -> None:
        if error.code not in ("E4125", "E4142"):
            raise error
        pack = error.params.get("object", "")
        self._problem("E4223", path, object=pack, reason=error.params.get("reason", ""))

    def _failed(self, path: bytes, error: OSError) -> None:
        if error.errno in _FULL:
            raise ArcxoError("E4226", path=os.fsdecode(path).encode("utf-8", "replace").decode()) from error
        self._problem("E4225", path, reason=error.strerror or str(error))

    def _progress(self, path: bytes, *, now: bool = False) -> None:
        if self._stop or self._canceled():
            raise CanceledError("E4291")
        moment = time.monotonic()
        if now or moment - self._reported >= _PROGRESS_EVERY_S:
            with self._lock:
                self._reported = moment
                figures = (self._files, self._directories, self._bytes)
                self._emit(Progress(self._phase, path, *figures))

    # -- writing --------------------------------------------------------------------------------------

    def _write(self, selection: Selection) -> None:
        groups: dict[tuple[str, int], _Group] = {}
        large: list[Item] = []
        links: list[tuple[Item, Item]] = []
        heads: dict[tuple[int, int], Item] = {}
        for item in selection.items():
            if item.failed:
                self._problem(item.failed, item.source, target=_text(item.target), reason=item.reason)
            elif item.action is RestoreAction.SKIP:
                self._skipped += 1
            elif item.entry[KIND] == DIRECTORY:
                self._make_directory(item)
            else:
                self._renamed += item.action is RestoreAction.RENAME
                extra = item.entry[EXTRA]
                if extra and "h" in extra:
                    group = (extra["h"][0], extra["h"][1])
                    head = heads.setdefault(group, item)
                    if head is not item:
                        links.append((item, head))
                        continue
                self._sort_in(item, groups, large)
        self._all_groups([groups[key] for key in sorted(groups)], large)
        done = {id(item) for item in self._written}
        for item, head in links:
            self._link(item, head, possible=id(head) in done)

    def _sort_in(self, item: Item, groups: dict[tuple[str, int], _Group], large: list[Item]) -> None:
        """Files of one small chunk are written block by block, all others one by one."""
        content, extra = item.entry[CONTENT], item.entry[EXTRA]
        simple = item.entry[KIND] == FILE and len(content) == PIECE.size and not (extra and "s" in extra)
        place = self._reader.index.locate(content[:32]) if simple else None
        if place is None:
            large.append(item)
            return
        key = (place.pack.pack_id, place.block)
        groups.setdefault(key, (place.pack, place.block, []))[2].append(item)

    def _all_groups(self, groups: list[_Group], large: list[Item]) -> None:
        """Small files here, large ones in a thread of their own, blocks read ahead by another.

        Small files are created by one thread: system time grew with more, elapsed time showed no clear gain.
        """
        ahead: deque[Future[bytes]] = deque()
        coming = iter(groups)
        with ThreadPoolExecutor(1, "read ahead") as reading, ThreadPoolExecutor(1, "large files") as writing:
            try:
                big = [writing.submit(self._large, item) for item in large]
                for group in groups:
                    for pack, number, _ in islice(coming, _AHEAD - len(ahead)):
                        ahead.append(reading.submit(self._reader.block, pack, number))
                    self._group(group, ahead.popleft())
                for future in big:
                    future.result()
            except BaseException:
                self._stop = True
                writing.shutdown(cancel_futures=True)
                reading.shutdown(cancel_futures=True)
                raise

    def _in_parallel(self, jobs: list[Callable[[], None]]) -> None:
        """Run all; the first error stops the rest and is raised."""
        pool = ThreadPoolExecutor(_THREADS, "restore")
        pending: set[Future[None]] = set()
        try:
            for job in jobs:
                pending.add(pool.submit(job))
                if len(pending) >= _PENDING:
                    finished, pending = wait(pending, return_when=FIRST_COMPLETED)
                    for future in finished:
                        future.result()
            for future in pending:
                future.result()
        except BaseException:
            self._stop = True
            raise
        finally:
            pool.shutdown(cancel_futures=True)

    def _make_directory(self, item: Item) -> None:
        metadata = None if is_implicit(item.entry) else to_metadata(item.entry)
        try:
            self._report(self._sink.directory(item.target, metadata))
        except OSError as error:
            self._failed(item.source or item.target, error)
            return
        if item.source:
            self._directories += 1

    def _group(self, group: _Group, coming: Future[bytes]) -> None:
        pack, _, items = group
        index = self._reader.index
        try:
            block = coming.result()
        except ArcxoError as error:
            if error.code not in ("E4125", "E4142"):
                raise
            # Another pack may hold some of it whole: one by one, by all places of each chunk.
            for item in items:
                self._large(item)
            return
        for item in items:
            self._progress(item.source)
            chunk_id = item.entry[CONTENT][:32]
            place = index.locate(chunk_id)
            assert place is not None
            try:
                data = self._reader.cut(block, place.offset, place.length, chunk_id)
            except ArcxoError:
                self._large(item)
                continue
            if len(data) != item.entry[SIZE]:
                self._problem("E4223", item.source, object=pack.pack_id, reason="its size is not as recorded")
                continue
            self._publish(item, partial(_write_all, data))

    def _large(self, item: Item) -> None:
        """A file of several chunks or with holes, an empty file, or no file at all."""
        self._progress(item.source)
        if item.entry[KIND] != FILE:
            self._other(item)
            return
        wanted = pieces(item.entry)
        extra = item.entry[EXTRA]
        extents = extra["s"] if extra and "s" in extra else [[0, item.entry[SIZE]]]
        if sum(length for _, length in wanted) != sum(length for _, length in extents):
            self._problem("E4223", item.source, object="", reason="its size is not as recorded")
            return

        def fill(descriptor: int) -> None:
            os.ftruncate(descriptor, item.entry[SIZE])
            targets = iter(extents)
            offset, room = next(targets, (0, 0))
            for chunk_id, _ in wanted:
                self._progress(item.source)
                data = self._reader.chunk(chunk_id)
                while data:
                    while not room:
                        offset, room = next(targets)
                    count = os.pwrite(descriptor, data[:room], offset)
                    data, offset, room = data[count:], offset + count, room - count

        try:
            self._publish(item, fill)
        except ArcxoError as error:
            if error.code == "E4226" or isinstance(error, CanceledError):
                raise
            self._damaged(item.source, error)

    def _publish(self, item: Item, fill: Callable[[int], None]) -> None:
        staged = b""
        try:
            with self._sink_lock:
                staged = self._sink.stage(item.target)
            descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                fill(descriptor)
                if item.replaces:
                    os.fdatasync(descriptor)  # a power cut must not leave neither the old nor the new
            finally:
                os.close(descriptor)
            with self._sink_lock:
                problems = self._sink.file(item.target, staged, to_metadata(item.entry))
        except OSError as error:
            _discard(staged)
            self._failed(item.source, error)
            return
        except ArcxoError:
            _discard(staged)
            raise
        self._done(item, problems, item.entry[SIZE])

    def _other(self, item: Item) -> None:
        try:
            with self._sink_lock:
                problems = self._sink.other(item.target, to_metadata(item.entry))
        except OSError as error:
            self._failed(item.source, error)
            return
        self._done(item, problems, 0)

    def _link(self, item: Item, head: Item, *, possible: bool) -> None:
        if possible:
            with contextlib.suppress(OSError):
                self._done(item, self._sink.link(item.target, head.target), 0)
                return
        self._large(item)

    def _done(self, item: Item, problems: list[Problem], size: int) -> None:
        with self._lock:
            self._report(problems)
            self._written.append(item)
            self._files += 1
            self._bytes += size

    # -- checking -------------------------------------------------------------------------------------

    def _check(self, items: list[Item]) -> None:
        """Read back what was written: content and metadata."""
        for item in items:
            self._progress(item.source)
            try:
                equal = item.entry[KIND] != FILE or self._equal(item)
                wrong = (
                    [] if item.target in self._troubled else differing(item.target, to_metadata(item.entry))
                )
            except OSError:
                equal, wrong = False, []
            with self._lock:
                if not equal:
                    self._mismatches += 1
                    self._problem("E4228", item.source, target=_text(item.target))
                elif item.entry[KIND] == FILE:
                    self._verified += 1
                if wrong:
                    reason = "the value read back is another"
                    self._problem("W4224", item.target, what=", ".join(wrong), reason=reason)

    def _equal(self, item: Item) -> bool:
        entry = item.entry
        descriptor = os.open(item.target, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size != entry[SIZE]:
                return False
            extra = entry[EXTRA]
            extents = extra["s"] if extra and "s" in extra else [[0, entry[SIZE]]]
            targets = iter(extents)
            offset, room = next(targets, (0, 0))
            for chunk_id, length in PIECE.iter_unpack(entry[CONTENT]):
                parts, missing = [], length
                while missing:
                    while not room:
                        offset, room = next(targets)
                    data = os.pread(descriptor, min(missing, room), offset)
                    if not data:
                        return False
                    parts.append(data)
                    missing, offset, room = missing - len(data), offset + len(data), room - len(data)
                whole = parts[0] if len(parts) == 1 else b"".join(parts)
                if self._reader.identify(whole) != chunk_id:
                    return False
        finally:
            os.close(descriptor)
        return True


def _write_all(data: memoryview, descriptor: int) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _discard(staged: bytes) -> None:
    if staged:
        with contextlib.suppress(OSError):
            os.unlink(staged)


def _text(path: bytes) -> str:
    return path.decode("utf-8", "replace")
