"""Making one entry beside its destination: content, metadata, special files; read back while it is open."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from app.backup.commit import Staged, discard
from app.backup.filling import check_sizes, fill, has_holes, is_equal
from app.backup.items import Item
from app.backup.journal import Fingerprint
from app.backup.metadata import apply_metadata, differing
from app.backup.new_files import Cut, NewFiles, cuts, make
from app.media.node import CONTENT, EXTRA, FILE, KIND, PIECE, SIZE, pieces
from app.media.pack import PackIndex
from app.media.reader import ChunkReader
from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError, CanceledError

UNREADABLE = ("E4125", "E4142")
_MOST = 500
"""Items of a portion: one process makes all of it."""
_IN_MEMORY_BYTES = 4 << 20
"""Up to this size all of a file is held while it is made: comparing takes less than hashing it again."""
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(slots=True, eq=False)
class Stretch:
    """Items that were given to be made at a time. `left` counts the portions that are not made yet."""

    number: int
    left: int = 0


@dataclass(slots=True, eq=False)
class Portion:
    """Small files whose contents are in one block of a pack; without a pack: what is made one by one.

    It has either `items` or `cuts`.
    """

    reader: ChunkReader
    pack: PackIndex | None = None
    block: int = 0
    items: list[Item] = field(default_factory=list)
    stretch: Stretch | None = None
    cuts: list[Cut] = field(default_factory=list)
    new: int = 0
    """How many files the cuts have."""

    def __len__(self) -> int:
        """How many entries."""
        return len(self.items) + self.new

    def add(self, cut: Cut) -> None:
        """New files whose contents are in its block."""
        self.cuts.append(cut)
        self.new += len(cut.entries)

    def read(self) -> bytes:
        """The block."""
        return b"" if self.pack is None else self.reader.block(self.pack, self.block)


class Maker:
    """Makes entries at the places that `stage` gives. One thread.

    `tick(path, bytes)` may raise CanceledError; `damaged` and `failed` take what went wrong with one item,
    and raise what ends the restore. What could not be made is gone again.
    """

    def __init__(
        self,
        stage: Callable[[Item], bytes],
        tick: Callable[[bytes, int], None],
        damaged: Callable[[bytes, ArcxoError], None],
        failed: Callable[[bytes, OSError], None],
    ) -> None:
        self._stage = stage
        self._tick = tick
        self._damaged = damaged
        self._failed = failed

    def portion(self, portion: Portion, read: Callable[[], bytes]) -> Iterator[Staged]:
        """Everything of a portion that could be made; `read` gives its block."""
        reader = portion.reader
        try:
            block = read()
        except ArcxoError as error:
            if error.code not in UNREADABLE:
                raise
            # Another pack may hold some of it whole: one by one, by all places of each chunk.
            yield from (one for one in map(self.alone, portion.items) if one is not None)
            return
        for item in portion.items:
            if item.entry[KIND] != FILE:
                self._tick(item.source, 0)
                staged = self._special(item)
            elif portion.pack is None:
                staged = self.alone(item)
            else:
                self._tick(item.source, 0)
                staged = self._cut(item, reader, block)
            if staged is not None:
                yield staged

    def together(self, portion: Portion, read: Callable[[], bytes]) -> list[list[int]]:
        """The new files of a portion; see `make`."""
        try:
            block = read()
        except ArcxoError as error:
            if error.code not in UNREADABLE:
                raise
            return [[-1] * len(cut.entries) for cut in portion.cuts]
        self._tick(portion.cuts[0].files.source, 0)
        return make(portion.cuts, block, portion.reader)

    def _cut(self, item: Item, reader: ChunkReader, block: bytes) -> Staged | None:
        chunk_id = item.entry[CONTENT][:32]
        place = reader.index.locate(chunk_id)
        if place is None:
            return self.alone(item)
        try:
            data = reader.cut(block, place.offset, place.length, chunk_id)
        except ArcxoError:
            return self.alone(item)
        if len(data) != item.entry[SIZE]:
            reason = "its size is not as recorded"
            fault = ArcxoError("E4125", media="", object=place.pack.pack_id, reason=reason)
            self._damaged(item.source, fault)
            return None
        return self._made(item, partial(_write_all, data), data)

    def alone(self, item: Item) -> Staged | None:
        """A file of its own: of several chunks, with holes or empty; or one whose block is damaged."""
        reader = item.reader
        assert reader is not None

        def tick(size: int) -> None:
            self._tick(item.source, size)

        def write(descriptor: int) -> None:
            fill(descriptor, item, reader, tick)

        try:
            tick(0)
            if not item.entry[CONTENT] and not item.entry[SIZE]:
                return self._made(item, _write_nothing, memoryview(b""))
            check_sizes(item)
            if item.entry[SIZE] <= _IN_MEMORY_BYTES and not has_holes(item):
                data = b"".join(reader.chunk(chunk_id) for chunk_id, _ in pieces(item.entry))
                return self._made(item, partial(_write_all, memoryview(data)), data)
            return self._made(item, write)
        except CanceledError:
            raise
        except ArcxoError as error:
            self._damaged(item.source, error)
            return None

    def _made(
        self, item: Item, write: Callable[[int], None], data: bytes | memoryview | None = None
    ) -> Staged | None:
        """A file with its content and metadata, read back at once: it need not be opened again for that.

        `data` are all of its content, where that is at hand.
        """
        staged = b""
        try:
            staged = self._stage(item)
            metadata = item.metadata()
            descriptor = os.open(staged, _CREATE, metadata.permissions & 0o777)
            try:
                write(descriptor)
                new = os.fstat(descriptor)
                problems = apply_metadata(descriptor, metadata, item.target, new)
                after = _known(metadata, new) if not problems else Fingerprint.of(os.fstat(descriptor))
                read = _read_back(descriptor, item, data)
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
            staged = self._stage(item)
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


def portions(items: list[Item]) -> tuple[list[Portion], list[Item]]:
    """(files of one chunk by the block that holds it, in the order of the packs; files of several chunks).

    What has no content at all is in the first.
    """
    groups: dict[tuple[int, str, int], Portion] = {}
    many: list[Item] = []
    for item in items:
        reader = item.reader
        assert reader is not None
        content, extra = item.entry[CONTENT], item.entry[EXTRA]
        holes = bool(extra and "s" in extra)
        if item.entry[KIND] != FILE or (not content and not holes):
            key = (id(reader), "", 0)
            groups.setdefault(key, Portion(reader)).items.append(item)
            continue
        place = None
        if len(content) == PIECE.size and not holes:
            place = reader.index.locate(content[:32])
        if place is None:
            many.append(item)
            continue
        key = (id(reader), place.pack.pack_id, place.block)
        group = groups.get(key)
        if group is None:
            group = groups[key] = Portion(reader, place.pack, place.block)
        group.items.append(item)
    return [part for key in sorted(groups) for part in _parts(groups[key])], many


def together(groups: Iterable[tuple[NewFiles, bytes]]) -> tuple[list[Portion], list[Item]]:
    """(new files by the block that holds them, in the order of the packs; what is made by itself).

    `groups` are the files with the places of their directories.
    """
    found: dict[tuple[int, str, int], list[Portion]] = {}
    alone: list[Item] = []
    for files, place in groups:
        reader = files.reader
        by_block, left = cuts(files, place)
        alone += left
        for (number, block), cut in by_block.items():
            pack = reader.index.packs[number]
            some = found.setdefault((id(reader), pack.pack_id, block), [])
            if not some or len(some[-1]) >= _MOST:
                some.append(Portion(reader, pack, block))
            some[-1].add(cut)
    return [portion for key in sorted(found) for portion in found[key]], alone


def _parts(portion: Portion) -> Iterator[Portion]:
    for start in range(0, len(portion.items), _MOST):
        items = portion.items[start : start + _MOST]
        yield Portion(portion.reader, portion.pack, portion.block, items)


def _known(metadata: Metadata, new: os.stat_result) -> Fingerprint:
    """The fingerprint of a file that has all its metadata."""
    mode = stat.S_IFREG | metadata.permissions
    return Fingerprint(new.st_ino, new.st_size, metadata.modified_ns, mode, metadata.uid, metadata.gid)


def _read_back(descriptor: int, item: Item, data: bytes | memoryview | None) -> tuple[bool, list[str]]:
    """(whether the content is what was to be written, which metadata are not as they should be)."""
    found = os.fstat(descriptor)
    if data is None:
        assert item.reader is not None
        same = found.st_size == item.entry[SIZE] and is_equal(descriptor, item, item.reader)
    else:
        # As bytes: comparing them with a view goes byte by byte.
        same = found.st_size == len(data) and os.pread(descriptor, len(data) + 1, 0) == bytes(data)
    return same, differing(descriptor, item.metadata(), found)


def _write_all(data: memoryview, descriptor: int) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _write_nothing(_: int) -> None:
    """It is empty."""
