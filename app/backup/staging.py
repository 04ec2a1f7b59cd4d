"""Making entries beside their destination: contents, metadata, special files."""

from __future__ import annotations

import os
import queue
import stat
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice

from app.backup.api import RestoreSink
from app.backup.commit import Staged, discard
from app.backup.filling import check_sizes, fill
from app.backup.journal import Fingerprint
from app.backup.metadata import apply_metadata, differing
from app.backup.selection import Item
from app.media.node import CONTENT, EXTRA, FILE, KIND, PIECE, SIZE
from app.media.pack import PackIndex
from app.media.reader import ChunkReader
from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError, CanceledError

_AHEAD = 6
_WAITING_LARGE = 64
_UNREADABLE = ("E4125", "E4142")
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


class _Group:
    """Small files whose contents are in one block of a pack; without a pack: what has no content."""

    def __init__(self, reader: ChunkReader, pack: PackIndex | None, block: int) -> None:
        self.reader = reader
        self.pack = pack
        self.block = block
        self.items: list[Item] = []

    def read(self) -> bytes:
        """The block."""
        return b"" if self.pack is None else self.reader.block(self.pack, self.block)


class Stager:
    """Stages items. Small files are made by the thread that goes through `staged`, block by block; blocks
    are read ahead by another; large files are made by a third.

    *Measured:* creating small files with more threads cost more system time and no less elapsed time.

    `tick(path, bytes)` may raise CanceledError; `damaged` and `failed` take what went wrong with one item,
    and raise what ends the restore. They are called from two threads.
    """

    def __init__(
        self,
        sink: RestoreSink,
        items: list[Item],
        tick: Callable[[bytes, int], None],
        damaged: Callable[[bytes, ArcxoError], None],
        failed: Callable[[bytes, OSError], None],
    ) -> None:
        self._sink = sink
        self._tick = tick
        self._damaged = damaged
        self._failed = failed
        self._stopped = threading.Event()
        groups: dict[tuple[int, str, int], _Group] = {}
        self._large: list[Item] = []
        for item in items:
            self._sort_in(item, groups)
        self._groups = [groups[key] for key in sorted(groups)]
        self._finished: queue.Queue[Staged | BaseException | None] = queue.Queue(_WAITING_LARGE)

    def _sort_in(self, item: Item, groups: dict[tuple[int, str, int], _Group]) -> None:
        """Files of one small chunk are written block by block, of many one by one."""
        reader = item.reader
        assert reader is not None
        content, extra = item.entry[CONTENT], item.entry[EXTRA]
        holes = bool(extra and "s" in extra)
        if item.entry[KIND] != FILE or (not content and not holes):
            key = (id(reader), "", 0)
            groups.setdefault(key, _Group(reader, None, 0)).items.append(item)
            return
        place = None
        if len(content) == PIECE.size and not holes:
            place = reader.index.locate(content[:32])
        if place is None:
            self._large.append(item)
            return
        key = (id(reader), place.pack.pack_id, place.block)
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(reader, place.pack, place.block)
        group.items.append(item)

    def stop(self) -> None:
        """End the threads soon; what they have made is removed."""
        self._stopped.set()

    def staged(self) -> Iterator[Staged]:
        """Every item that could be made, in the order in which they are ready."""
        thread = threading.Thread(target=self._make_large, name="large files", daemon=True)
        thread.start()
        ahead: deque[Future[bytes]] = deque()
        coming = iter(self._groups)
        reading = ThreadPoolExecutor(1, "read ahead")
        try:
            for group in self._groups:
                for one in islice(coming, _AHEAD - len(ahead)):
                    ahead.append(reading.submit(one.read))
                yield from self._small(group, ahead.popleft())
                yield from self._ready(wait=False)
            yield from self._ready(wait=True)
        finally:
            self._stopped.set()
            reading.shutdown(cancel_futures=True)
            self._drain(thread)

    def _ready(self, *, wait: bool) -> Iterator[Staged]:
        """Large files that are finished; with `wait` until all are."""
        while True:
            try:
                found = self._finished.get(block=wait)
            except queue.Empty:
                return
            if found is None:
                self._finished.put(None)
                return
            if isinstance(found, BaseException):
                raise found
            yield found

    def _drain(self, thread: threading.Thread) -> None:
        while thread.is_alive() or not self._finished.empty():
            try:
                found = self._finished.get(timeout=0.05)
            except queue.Empty:
                continue
            if isinstance(found, Staged):
                discard(found.path)
        thread.join()

    def _make_large(self) -> None:
        try:
            for item in self._large:
                if self._stopped.is_set():
                    break
                staged = self._one_large(item)
                if staged is not None:
                    self._finished.put(staged)
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes it
            self._finished.put(error)
        else:
            self._finished.put(None)

    def _small(self, group: _Group, coming: Future[bytes]) -> Iterator[Staged]:
        reader = group.reader
        try:
            block = coming.result()
        except ArcxoError as error:
            if error.code not in _UNREADABLE:
                raise
            # Another pack may hold some of it whole: one by one, by all places of each chunk.
            yield from (one for one in map(self._one_large, group.items) if one is not None)
            return
        for item in group.items:
            self._tick(item.source, 0)
            if item.entry[KIND] != FILE:
                staged = self._special(item)
            elif group.pack is None:
                staged = self._made(item, partial(_write_all, memoryview(b"")))
            else:
                staged = self._cut(item, reader, block)
            if staged is not None:
                yield staged

    def _cut(self, item: Item, reader: ChunkReader, block: bytes) -> Staged | None:
        chunk_id = item.entry[CONTENT][:32]
        place = reader.index.locate(chunk_id)
        assert place is not None
        try:
            data = reader.cut(block, place.offset, place.length, chunk_id)
        except ArcxoError:
            return self._one_large(item)
        if len(data) != item.entry[SIZE]:
            reason = "its size is not as recorded"
            fault = ArcxoError("E4125", media="", object=place.pack.pack_id, reason=reason)
            self._damaged(item.source, fault)
            return None
        return self._made(item, partial(_write_all, data), data)

    def _one_large(self, item: Item) -> Staged | None:
        """A file of several chunks or with holes."""
        reader = item.reader
        assert reader is not None

        def tick(size: int) -> None:
            if self._stopped.is_set():
                raise CanceledError("E4291")
            self._tick(item.source, size)

        def write(descriptor: int) -> None:
            fill(descriptor, item, reader, tick)

        try:
            tick(0)
            check_sizes(item)
            return self._made(item, write)
        except CanceledError:
            raise
        except ArcxoError as error:
            self._damaged(item.source, error)
            return None

    def _made(
        self, item: Item, write: Callable[[int], None], data: memoryview | None = None
    ) -> Staged | None:
        """A file with its content and metadata, at a place of its own.

        With `data`, which are all of it, it is read back at once: it need not be opened again for that.
        """
        staged, read = b"", None
        try:
            staged = self._sink.stage(item.target)
            metadata = item.metadata()
            descriptor = os.open(staged, _CREATE, metadata.permissions & 0o777)
            try:
                write(descriptor)
                new = os.fstat(descriptor)
                problems = apply_metadata(descriptor, metadata, item.target, new)
                after = _known(metadata, new) if not problems else Fingerprint.of(os.fstat(descriptor))
                if data is not None and self._sink.at_once:
                    read = _read_back(descriptor, data, metadata)
            finally:
                os.close(descriptor)
        except OSError as error:
            discard(staged)
            self._failed(item.source, error)
            return None
        except BaseException:
            discard(staged)
            raise
        return Staged(item, staged, after, problems, read=read)

    def _special(self, item: Item) -> Staged | None:
        """A symbolic link, fifo or device."""
        metadata = item.metadata()
        staged = b""
        try:
            staged = self._sink.stage(item.target)
            if metadata.kind is EntryKind.SYMLINK:
                os.symlink(metadata.link_target, staged)
            elif metadata.kind is EntryKind.FIFO:
                os.mkfifo(staged, 0o600)
            else:
                character = metadata.kind is EntryKind.CHARACTER_DEVICE
                os.mknod(staged, 0o600 | (stat.S_IFCHR if character else stat.S_IFBLK), metadata.device)
            problems = apply_metadata(staged, metadata, item.target)
            after = Fingerprint.of(os.lstat(staged))
        except OSError as error:
            discard(staged)
            self._failed(item.source, error)
            return None
        return Staged(item, staged, after, problems)


def _known(metadata: Metadata, new: os.stat_result) -> Fingerprint:
    """The fingerprint of a file that has all its metadata."""
    mode = stat.S_IFREG | metadata.permissions
    return Fingerprint(new.st_ino, new.st_size, metadata.modified_ns, mode, metadata.uid, metadata.gid)


def _read_back(descriptor: int, data: memoryview, metadata: Metadata) -> tuple[bool, list[str]]:
    """(whether the content is what was to be written, which metadata are not as they should be)."""
    found = os.fstat(descriptor)
    # As bytes: comparing them with a view goes byte by byte.
    same = found.st_size == len(data) and os.pread(descriptor, len(data) + 1, 0) == bytes(data)
    return same, differing(descriptor, metadata, found)


def _write_all(data: memoryview, descriptor: int) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
