"""What is in a directory beside what a restore puts there: what an exact restore removes."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence

from app.backup.beneath import Places
from app.backup.claims import Claims
from app.held_directories import names_in
from app.media.node import (
    BLOCK_DEVICE,
    CHARACTER_DEVICE,
    DIRECTORY,
    FIFO,
    FILE,
    SYMLINK,
    Entry,
)
from app.model.entry import kept_ns
from app.model.paths import is_beneath

RESERVED_PREFIX = b".arcxo-"
"""Names that begin so are the product's own: nothing removes them but who made them."""

Extra = tuple[bytes, Entry, str]
"""(path, what is there, why it is left there or "")."""


def extras(
    places: Places,
    directory: bytes,
    claims: Claims,
    protected: Sequence[bytes],
    real: Callable[[bytes], bytes],
) -> Iterator[Extra]:
    """All beneath `directory` that has no claim, what is inside a directory before it.

    Left, with the reason: other file systems, `protected` directories and what holds one of them, what cannot
    be listed, and the directories above those. Our own entries are not told of at all.
    """
    here = places.status(directory)
    if here is None or not stat.S_ISDIR(here.st_mode):
        return
    top: Entry | None = None
    stack = [(directory, iter(_names(places, directory)), [False], top)]
    while stack:
        at, names, kept, removed = stack[-1]
        for name in names:
            path = at.rstrip(b"/") + b"/" + name
            if name.startswith(RESERVED_PREFIX):
                kept[0] = True
                continue
            if path in claims:
                continue
            found = places.status(path)
            if found is None:
                continue
            if not stat.S_ISDIR(found.st_mode):
                yield path, entry_of(found), ""
                continue
            reason = ""
            if found.st_dev != here.st_dev:
                reason = "another file system is mounted there"
            elif protected and any(
                is_beneath(one, real(path)) or is_beneath(real(path), one) for one in protected
            ):
                reason = "it is part of this installation, or holds it"
            inside: list[bytes] = []
            if not reason:
                try:
                    inside = _names(places, path)
                except OSError as error:
                    reason = error.strerror or str(error)
            if reason:
                kept[0] = True
                yield path, entry_of(found), reason
                continue
            stack.append((path, iter(inside), [False], entry_of(found)))
            break
        else:
            stack.pop()
            if removed is None:
                continue
            if kept[0]:
                stack[-1][2][0] = True
            elif places.status(at) is not None:
                # As it was before what is in it went: removing that moves its time.
                yield at, removed, ""


def _names(places: Places, directory: bytes) -> list[bytes]:
    beneath, relative = places.split(directory)
    return sorted(names_in(beneath.open(relative) if relative else beneath.descriptor))


def entry_of(found: os.stat_result) -> Entry:
    """What is at the destination, as an entry."""
    mode = found.st_mode
    kind = DIRECTORY
    if stat.S_ISREG(mode):
        kind = FILE
    elif stat.S_ISLNK(mode):
        kind = SYMLINK
    elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        kind = FIFO
    elif stat.S_ISCHR(mode):
        kind = CHARACTER_DEVICE
    elif stat.S_ISBLK(mode):
        kind = BLOCK_DEVICE
    size = found.st_size if kind == FILE else 0
    modified = kept_ns(found.st_mtime_ns)
    return [b"", kind, mode & 0o7777, found.st_uid, found.st_gid, size, modified, 0, 0, None, b""]
