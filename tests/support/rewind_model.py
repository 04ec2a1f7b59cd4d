"""A model of a replica root in memory, random records that are valid for it, and what rewinding must give.

The model knows nothing of the engine: it is a table of names and a table of inodes. The state after each
change is kept, so that any of them can be compared with the directory after a rewind.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from app.model.entry import EntryKind, Metadata
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)
from app.replication.replica.applier import Applied, Applier
from app.replication.replica.drift_listing import ListedStates
from app.replication.replica.link_groups import ListedLinks
from app.replication.replica.listing import list_root
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.undo_log import UndoEntry
from tests.support.replica_tree import picture

Picture = dict[bytes, tuple[object, ...]]
_ROOT = os.geteuid() == 0
_FOLDERS = 12
_NAMES = 7


@dataclass(frozen=True, slots=True)
class Inode:
    metadata: Metadata
    content: bytes = b""


@dataclass(frozen=True, slots=True)
class State:
    """One moment of the model."""

    names: dict[bytes, int]
    inodes: dict[int, Inode]

    def picture(self) -> Picture:
        """The same as `tests.support.replica_tree.picture` of the directory."""
        groups: dict[int, bytes] = {}
        found: Picture = {}
        for path in sorted(self.names):
            number = self.names[path]
            inode = self.inodes[number]
            directory = inode.metadata.kind is EntryKind.DIRECTORY
            first = path if directory else groups.setdefault(number, path)
            found[path] = (inode.metadata, inode.content, first)
        return found


class Model:
    """The tree as it must be. `apply` takes any record the generator makes."""

    def __init__(self, root: Metadata) -> None:
        self.names: dict[bytes, int] = {b"": 1}
        self.inodes: dict[int, Inode] = {1: Inode(root)}
        self._next = 2
        self._stages: dict[int, bytes] = {}

    def state(self) -> State:
        return State(dict(self.names), dict(self.inodes))

    def load(self, state: State) -> None:
        self.names, self.inodes = dict(state.names), dict(state.inodes)

    def kind(self, path: bytes) -> EntryKind:
        return self.inodes[self.names[path]].metadata.kind

    def of_kind(self, *kinds: EntryKind) -> list[bytes]:
        return [path for path in self.names if self.kind(path) in kinds]

    def beneath(self, path: bytes) -> list[bytes]:
        return [name for name in self.names if name == path or name.startswith(path + b"/")]

    def apply(self, record: Record) -> None:
        match record:
            case StageContent(stage, offset, data):
                self._stages[stage] = self._stages.get(stage, b"")[:offset] + data
            case ReplaceFile(_, path, metadata, extents, data, stage):
                content = self._stages.pop(stage) if data is None else data
                self._new(path, metadata, _written(b"", extents, content, metadata.size_bytes))
            case WriteBlocks(_, path, metadata, extents, data, stage):
                content = self._stages.pop(stage) if data is None else data
                number = self.names[path]
                old = self.inodes[number].content
                self.inodes[number] = Inode(metadata, _written(old, extents, content, metadata.size_bytes))
            case MakeEntry(_, path, metadata):
                self._make(path, metadata)
            case MakeLink(_, path, existing):
                number = self.names[existing]
                if self.names.get(path) != number:
                    self._remove(path)
                    self.names[path] = number
            case Remove(_, path):
                self._remove(path)
            case Rename(_, path, new_path):
                self._rename(path, new_path)
            case SetMetadata(_, path, metadata):
                number = self.names[path]
                self.inodes[number] = replace(self.inodes[number], metadata=metadata)
            case _:
                raise AssertionError(record)

    def _new(self, path: bytes, metadata: Metadata, content: bytes = b"") -> None:
        self._remove(path)
        self.names[path] = self._next
        self.inodes[self._next] = Inode(metadata, content)
        self._next += 1

    def _make(self, path: bytes, metadata: Metadata) -> None:
        if path in self.names:
            number = self.names[path]
            now = self.inodes[number].metadata
            same_link = now.kind is EntryKind.SYMLINK and now.link_target == metadata.link_target
            if now.kind is metadata.kind and (now.kind is EntryKind.DIRECTORY or same_link):
                self.inodes[number] = Inode(metadata)
                return
        self._new(path, metadata)

    def _remove(self, path: bytes) -> None:
        for name in self.beneath(path):
            del self.names[name]
        self._forget()

    def _rename(self, path: bytes, new_path: bytes) -> None:
        if self.names[path] == self.names.get(new_path):
            del self.names[path]
            return
        moving = [(name, self.names.pop(name)) for name in self.beneath(path)]
        for name in self.beneath(new_path):
            del self.names[name]
        for name, number in moving:
            self.names[new_path + name[len(path) :]] = number
        self._forget()

    def _forget(self) -> None:
        used = set(self.names.values())
        for number in [number for number in self.inodes if number not in used]:
            del self.inodes[number]


def _written(old: bytes, extents: Sequence[Extent], data: bytes, size: int) -> bytes:
    end = max([size, len(old), *(extent.offset + extent.length for extent in extents)])
    made = bytearray(old.ljust(end, b"\0"))
    at = 0
    for extent in extents:
        made[extent.offset : extent.offset + extent.length] = data[at : at + extent.length]
        at += extent.length
    return bytes(made[:size])


class Churn:
    """Random records, each valid for the model after all before it."""

    def __init__(self, seed: int, model: Model, *, big: bool = True) -> None:
        self.random = random.Random(seed)
        self.model = model
        self._big = big
        self._stage = 0
        self._clock = 1_500_000_000_000_000_000
        self.made: dict[str, int] = {}
        self._kinds = [
            (12, self._create),
            (6, self._make_directory),
            (7, self._append),
            (9, self._overwrite),
            (5, self._truncate),
            (4, self._grow_with_hole),
            (3, self._staged),
            (12, self._rename),
            (7, self._replace_by_rename),
            (5, self._remove_file),
            (3, self._remove_tree),
            (9, self._link),
            (5, self._symlink),
            (2, self._fifo),
            (5, self._chmod),
            (4, self._chown),
            (5, self._utime),
            (4, self._xattr),
            (3, self._rewrite_whole),
            (2, self._other_kind),
        ]

    def records(self) -> list[Record]:
        """The next one (or a staged content with the file it becomes); applied to the model."""
        weights = [weight for weight, _ in self._kinds]
        while True:
            make = self.random.choices(self._kinds, weights)[0][1]
            found = make()
            if found is None:
                continue
            name = make.__name__[1:]
            self.made[name] = self.made.get(name, 0) + 1
            records = found if isinstance(found, list) else [found]
            for record in records:
                self.model.apply(record)
            return records

    def _time(self) -> int:
        self._clock += self.random.randrange(1, 10**10)
        return self._clock

    def _owner(self) -> tuple[int, int]:
        return (
            (self.random.choice((0, 1, 1000)), self.random.choice((0, 5)))
            if _ROOT
            else (os.geteuid(), os.getegid())
        )

    def _free(self) -> bytes | None:
        taken = self.model.names
        for _ in range(8):
            target = self._target()
            if target not in taken:
                return target
        return None

    def _target(self) -> bytes:
        folder = self.random.choice(self.model.of_kind(EntryKind.DIRECTORY))
        name = b"n%d" % self.random.randrange(_NAMES)
        return folder + b"/" + name if folder else name

    def _file(self) -> bytes | None:
        files = self.model.of_kind(EntryKind.FILE)
        return self.random.choice(files) if files else None

    def _any(self) -> bytes | None:
        found = [path for path in self.model.names if path]
        return self.random.choice(found) if found else None

    def _size(self) -> int:
        if self._big and self.random.random() < 0.05:
            return self.random.randrange(60_000, 300_000)
        return self.random.choice((0, 1, 10, 100, 3_000, 9_000))

    def _metadata(self, kind: EntryKind, size: int = 0, target: bytes = b"") -> Metadata:
        uid, gid = self._owner() if self.random.random() < 0.3 else (os.geteuid(), os.getegid())
        xattrs = ()
        if kind in (EntryKind.FILE, EntryKind.DIRECTORY) and self.random.random() < 0.1:
            xattrs = ((b"user.model", self.random.randbytes(5)),)
        permissions = {EntryKind.FILE: 0o640, EntryKind.DIRECTORY: 0o750, EntryKind.SYMLINK: 0o777}.get(
            kind, 0o600
        )
        return Metadata(kind, permissions, uid, gid, size, self._time(), xattrs, target)

    def _replacing(self, path: bytes) -> ReplaceFile:
        size = self._size()
        data = self.random.randbytes(size)
        metadata = self._metadata(EntryKind.FILE, size)
        if size > 5_000 and self.random.random() < 0.3:
            extents = (Extent(0, 4096), Extent(size - 100, 100))
            return ReplaceFile(0, path, metadata, extents, data[:4196])
        return ReplaceFile(0, path, metadata, (Extent(0, size),) if size else (), data)

    def _create(self) -> Record | None:
        path = self._free()
        return None if path is None else self._replacing(path)

    def _rewrite_whole(self) -> Record | None:
        path = self._file()
        return None if path is None else self._replacing(path)

    def _other_kind(self) -> Record | None:
        path = self._any()
        if path is None:
            return None
        if self.model.kind(path) is EntryKind.DIRECTORY:
            return self._replacing(path)
        return MakeEntry(0, path, self._metadata(EntryKind.DIRECTORY))

    def _make_directory(self) -> Record | None:
        path = self._free()
        if path is None or len(self.model.of_kind(EntryKind.DIRECTORY)) > _FOLDERS or path.count(b"/") > 5:
            return None
        return MakeEntry(0, path, self._metadata(EntryKind.DIRECTORY))

    def _blocks(self, path: bytes, size: int, ranges: Sequence[tuple[int, bytes]]) -> WriteBlocks:
        now = self.model.inodes[self.model.names[path]].metadata
        metadata = replace(now, size_bytes=size, modified_ns=self._time())
        extents = tuple(Extent(offset, len(data)) for offset, data in ranges)
        return WriteBlocks(0, path, metadata, extents, b"".join(data for _, data in ranges))

    def _append(self) -> Record | None:
        path = self._file()
        if path is None:
            return None
        size = len(self.model.inodes[self.model.names[path]].content)
        data = self.random.randbytes(self.random.randrange(1, 500))
        return self._blocks(path, size + len(data), [(size, data)])

    def _overwrite(self) -> Record | None:
        path = self._file()
        if path is None:
            return None
        size = len(self.model.inodes[self.model.names[path]].content)
        ranges = []
        at = 0
        for _ in range(self.random.randrange(1, 4)):
            if at >= size:
                break
            start = self.random.randrange(at, size)
            length = self.random.randrange(1, min(size - start, 5_000) + 1)
            ranges.append((start, self.random.randbytes(length)))
            at = start + length + 1
        return self._blocks(path, size, ranges) if ranges else None

    def _truncate(self) -> Record | None:
        path = self._file()
        if path is None:
            return None
        size = len(self.model.inodes[self.model.names[path]].content)
        return self._blocks(path, self.random.randrange(size), []) if size else None

    def _grow_with_hole(self) -> Record | None:
        path = self._file()
        if path is None:
            return None
        size = len(self.model.inodes[self.model.names[path]].content)
        grown = size + self.random.randrange(1, 70_000 if self._big else 500)
        tail = self.random.randbytes(self.random.randrange(20))
        return self._blocks(path, grown + len(tail), [(grown, tail)] if tail else [])

    def _staged(self) -> list[Record] | None:
        path = self._free() or self._file()
        if path is None:
            return None
        self._stage += 1
        data = self.random.randbytes(self._size() + 2)
        half = len(data) // 2
        metadata = self._metadata(EntryKind.FILE, len(data))
        return [
            StageContent(self._stage, 0, data[:half]),
            StageContent(self._stage, half, data[half:]),
            ReplaceFile(0, path, metadata, (Extent(0, len(data)),), None, self._stage),
        ]

    def _rename(self) -> Record | None:
        path, target = self._any(), self._free()
        return self._moved(path, target)

    def _replace_by_rename(self) -> Record | None:
        path, target = self._any(), self._any()
        return self._moved(path, target)

    def _moved(self, path: bytes | None, target: bytes | None) -> Record | None:
        if path is None or target is None or path == target:
            return None
        if target.startswith(path + b"/") or path.startswith(target + b"/"):
            return None
        return Rename(0, path, target)

    def _remove_file(self) -> Record | None:
        found = [
            path for path in self.model.names if path and self.model.kind(path) is not EntryKind.DIRECTORY
        ]
        return Remove(0, self.random.choice(found)) if found else None

    def _remove_tree(self) -> Record | None:
        found = [path for path in self.model.of_kind(EntryKind.DIRECTORY) if path]
        return Remove(0, self.random.choice(found)) if found else None

    def _link(self) -> Record | None:
        existing = self._file()
        target = self._any() if self.random.random() < 0.2 else self._free()
        if existing is None or target is None or target == existing or existing.startswith(target + b"/"):
            return None
        return MakeLink(0, target, existing)

    def _symlink(self) -> Record | None:
        target = self._any() if self.random.random() < 0.2 else self._free()
        if target is None:
            return None
        to = self.random.choice((b"n1", b"../n2", b"/nowhere", b"loop"))
        return MakeEntry(0, target, self._metadata(EntryKind.SYMLINK, target=to))

    def _fifo(self) -> Record | None:
        path = self._free()
        return None if path is None else MakeEntry(0, path, self._metadata(EntryKind.FIFO))

    def _with(self, **changes: object) -> Record | None:
        path = self.random.choice(list(self.model.names))
        now = self.model.inodes[self.model.names[path]].metadata
        return SetMetadata(0, path, replace(now, **changes))  # type: ignore[arg-type]

    def _chmod(self) -> Record | None:
        path = self.random.choice(list(self.model.names))
        now = self.model.inodes[self.model.names[path]].metadata
        if now.kind is EntryKind.SYMLINK:
            return None
        wanted = self.random.randrange(0o1000) | (0o700 if now.kind is EntryKind.DIRECTORY else 0o600)
        return SetMetadata(0, path, replace(now, permissions=wanted))

    def _chown(self) -> Record | None:
        uid, gid = self._owner()
        return self._with(uid=uid, gid=gid)

    def _utime(self) -> Record | None:
        return self._with(modified_ns=self._time())

    def _xattr(self) -> Record | None:
        found = self.model.of_kind(EntryKind.FILE, EntryKind.DIRECTORY)
        path = self.random.choice(found)
        now = self.model.inodes[self.model.names[path]].metadata
        wanted = () if now.xattrs else ((b"user.model", self.random.randbytes(8)),)
        return SetMetadata(0, path, replace(now, xattrs=wanted))


class ModelledReplica:
    """A real replica store driven by random records, with the state after each of its changes."""

    def __init__(self, store: ReplicaStore, seed: int, root: Metadata, *, big: bool = True) -> None:
        self.store = store
        self.model = Model(root)
        self.churn = Churn(seed, self.model, big=big)
        self.states: dict[int, State] = {store.change: self.model.state()}
        self._appended: list[tuple[int, int]] = []
        self.adopt(store)

    def adopt(self, store: ReplicaStore) -> None:
        """From now on this is the store, opened anew."""
        self.store = store
        append = store.log.append

        def noted(entry: UndoEntry) -> None:
            self._appended.append((entry.header.change, entry.header.sequence))
            append(entry)

        store.log.append = noted  # type: ignore[method-assign]

    @property
    def root(self) -> Path:
        return Path(os.fsdecode(self.store.trees[0].tree.path))

    def operate(self, count: int, *, most_in_batch: int = 8) -> None:
        """Apply `count` random operations in batches of random size."""
        left = count
        while left > 0:
            size = min(left, self.churn.random.randrange(1, most_in_batch + 1))
            left -= size
            first = self.store.index.position.sequence + 1
            records: list[Record] = []
            states: dict[int, State] = {}
            for _ in range(size):
                records += self.churn.records()
                states[first + len(records) - 1] = self.model.state()
            applied = self.apply(first, records)
            assert not applied.troubles, [str(trouble.error) for trouble in applied.troubles]
            for change, sequence in self._appended:
                self.states[change] = states[sequence]

    def apply(self, first: int, records: Sequence[Record]) -> Applied:
        """Apply one batch of the stream."""
        self._appended.clear()
        return Applier(self.store).apply_stream("e", first, records)

    def listed(self) -> None:
        """A synchronisation lists the root: nothing is other than what is noted of it."""
        tree = self.store.trees[0].tree
        tree.forget()
        links, seen = ListedLinks(self.store.links, 0), ListedStates(self.store, 0)
        for entry in list_root(tree, seen):
            links.see(entry)
        links.end()
        findings = seen.end()
        assert findings == [], findings

    def check(self, what: object = "") -> Picture:
        """The directory is exactly what the model says; returns its picture."""
        found, expected = picture(self.root), self.model.state().picture()
        assert found == expected, (what, difference(found, expected))
        return found

    def rewound(self, change: int) -> None:
        """A rewind to `change` was carried out: the model goes along."""
        self.model.load(self.states[change])
        self.states[self.store.change] = self.model.state()


def difference(found: Picture, expected: Picture) -> list[tuple[object, ...]]:
    """Where two pictures differ, short enough to read."""

    def short(entry: tuple[object, ...] | None) -> object:
        if entry is None:
            return None
        metadata, content, first = entry
        assert isinstance(content, bytes)
        return metadata, len(content), content[:12], first

    return [
        (path, "found", short(found.get(path)), "expected", short(expected.get(path)))
        for path in sorted(found.keys() | expected.keys())
        if found.get(path) != expected.get(path)
    ][:8]


def inodes(root: Path) -> dict[bytes, int]:
    """The inode of every path beneath `root`."""
    base = os.fsencode(root)
    found = {b"": os.lstat(base).st_ino}
    for directory, folders, files in os.walk(base):
        for name in folders + files:
            whole = directory + b"/" + name
            found[whole[len(base) + 1 :]] = os.lstat(whole).st_ino
    return {path: number for path, number in found.items() if not path.startswith(b".arcxo-")}


def is_directory(entry: tuple[object, ...] | None) -> bool:
    """Whether a picture's entry is one."""
    return entry is not None and getattr(entry[0], "kind", None) is EntryKind.DIRECTORY


__all__ = ["Churn", "Model", "ModelledReplica", "Picture", "State", "difference", "inodes", "is_directory"]
