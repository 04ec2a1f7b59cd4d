"""Pictures of directory trees, and what differs between two: the proof that a copy is a copy.

Knows nothing of replication or backup and shares no code with them, so that it can judge both. Reads all
contents; blocks on the disk.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum

import blake3

_READ_BYTES = 4 * 1024 * 1024
_THREADS = 2
_IGNORED_XATTRS = (b"security.selinux",)


class Aspect(StrEnum):
    """What of an entry can differ."""

    MISSING = "missing"
    EXTRA = "extra"
    KIND = "kind"
    SIZE = "size"
    CONTENT = "content"
    MODE = "mode"
    OWNER = "owner"
    MODIFIED = "modification time"
    TARGET = "link target"
    LINKS = "hard links"
    XATTRS = "extended attributes"
    DEVICE = "device number"


@dataclass(frozen=True, slots=True)
class Entry:
    """One path of a picture. `digest` is the content's hash (files), `names` all paths of its inode."""

    format: int
    mode: int
    uid: int
    gid: int
    size_bytes: int
    modified_ns: int
    digest: bytes = b""
    target: bytes = b""
    device: int = 0
    xattrs: tuple[tuple[bytes, bytes], ...] = ()
    names: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole tree at one moment, by path relative to its top (`b""` is the top itself)."""

    entries: Mapping[bytes, Entry] = field(default_factory=dict)

    @property
    def files(self) -> int:
        """How many names are files."""
        return sum(1 for entry in self.entries.values() if stat.S_ISREG(entry.format))

    @property
    def names(self) -> int:
        """How many names there are besides directories: what a session counts as its files."""
        return sum(1 for entry in self.entries.values() if not stat.S_ISDIR(entry.format))

    @property
    def size_bytes(self) -> int:
        """Sizes of all files, each content once however many names it has."""
        return sum(
            entry.size_bytes
            for path, entry in self.entries.items()
            if stat.S_ISREG(entry.format) and (not entry.names or entry.names[0] == path)
        )


@dataclass(frozen=True, slots=True)
class Difference:
    """One way in which a path is not as expected; values as text for people."""

    path: bytes
    aspect: Aspect
    expected: str = ""
    found: str = ""


def take_picture(top: bytes) -> Picture:
    """Read the tree beneath `top`, contents too. Raises OSError for what cannot be read."""
    found = dict(_walk(top))
    inodes: dict[tuple[int, int], list[bytes]] = {}
    for path, state in found.items():
        if state.st_nlink > 1 and not stat.S_ISDIR(state.st_mode):
            inodes.setdefault((state.st_dev, state.st_ino), []).append(path)
    groups = {path: tuple(sorted(names)) for names in inodes.values() for path in names if len(names) > 1}
    contents = [path for path, state in found.items() if stat.S_ISREG(state.st_mode)]
    with ThreadPoolExecutor(_THREADS) as pool:
        digests = dict(zip(contents, pool.map(lambda path: _digest(_join(top, path)), contents), strict=True))
    return Picture(
        {
            path: _entry(_join(top, path), state, digests.get(path, b""), groups.get(path, ()))
            for path, state in found.items()
        }
    )


def compare(expected: Picture, found: Picture, *, top: bool = True) -> list[Difference]:
    """Every difference, by path; empty = identical. `top=False` leaves the top directory itself out."""
    differences: list[Difference] = []
    for path in sorted(expected.entries.keys() | found.entries.keys()):
        if path == b"" and not top:
            continue
        wanted, actual = expected.entries.get(path), found.entries.get(path)
        if wanted is None:
            differences.append(Difference(path, Aspect.EXTRA))
        elif actual is None:
            differences.append(Difference(path, Aspect.MISSING))
        else:
            differences += _compare_entry(path, wanted, actual)
    return differences


def _compare_entry(path: bytes, wanted: Entry, actual: Entry) -> Iterator[Difference]:
    if wanted.format != actual.format:
        yield Difference(path, Aspect.KIND, oct(wanted.format), oct(actual.format))
        return
    pairs: list[tuple[Aspect, object, object]] = [
        (Aspect.OWNER, (wanted.uid, wanted.gid), (actual.uid, actual.gid)),
        (Aspect.XATTRS, wanted.xattrs, actual.xattrs),
        (Aspect.MODIFIED, wanted.modified_ns, actual.modified_ns),
        (Aspect.TARGET, wanted.target, actual.target),
        (Aspect.DEVICE, wanted.device, actual.device),
        (Aspect.LINKS, wanted.names, actual.names),
        (Aspect.SIZE, wanted.size_bytes, actual.size_bytes),
        (Aspect.CONTENT, wanted.digest.hex(), actual.digest.hex()),
    ]
    if not stat.S_ISLNK(wanted.format):
        pairs.insert(0, (Aspect.MODE, oct(wanted.mode), oct(actual.mode)))
    for aspect, one, other in pairs:
        if one != other:
            yield Difference(path, aspect, str(one), str(other))


def _walk(top: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    yield b"", os.lstat(top)
    waiting = [b""]
    while waiting:
        directory = waiting.pop()
        with os.scandir(_join(top, directory)) as entries:
            for entry in entries:
                path = directory + b"/" + entry.name if directory else entry.name
                state = entry.stat(follow_symlinks=False)
                yield path, state
                if stat.S_ISDIR(state.st_mode):
                    waiting.append(path)


def _entry(path: bytes, state: os.stat_result, digest: bytes, names: tuple[bytes, ...]) -> Entry:
    regular = stat.S_ISREG(state.st_mode)
    link = stat.S_ISLNK(state.st_mode)
    special = stat.S_ISCHR(state.st_mode) or stat.S_ISBLK(state.st_mode)
    return Entry(
        format=stat.S_IFMT(state.st_mode),
        mode=stat.S_IMODE(state.st_mode),
        uid=state.st_uid,
        gid=state.st_gid,
        size_bytes=state.st_size if regular else 0,
        modified_ns=state.st_mtime_ns,
        digest=digest,
        target=os.readlink(path) if link else b"",
        device=state.st_rdev if special else 0,
        xattrs=_xattrs(path),
        names=names,
    )


def _xattrs(path: bytes) -> tuple[tuple[bytes, bytes], ...]:
    if not hasattr(os, "listxattr"):
        return ()
    try:
        names = sorted(os.fsencode(name) for name in os.listxattr(path, follow_symlinks=False))
    except OSError:
        return ()
    return tuple(
        (name, os.getxattr(path, name, follow_symlinks=False))
        for name in names
        if name not in _IGNORED_XATTRS
    )


def _digest(path: bytes) -> bytes:
    hasher = blake3.blake3()
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        while chunk := os.read(descriptor, _READ_BYTES):
            hasher.update(chunk)
    finally:
        os.close(descriptor)
    return hasher.digest()


def _join(top: bytes, path: bytes) -> bytes:
    return top + b"/" + path if path else top
