"""Where temporaries, aside files and link trees of a replica root live: the side store.

Renaming and linking between the root and its side store must work; that is tried, never guessed (a btrfs
subvolume or a bind mount refuses although the device number is the same).
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.model.errors import ArcxoError
from app.model.paths import is_beneath, shown
from app.replication.replica.disk import DISK_ERRORS

RESERVED_PREFIX = b".arcxo-"
"""Names in a root that begin so are never listed, replicated or backed up."""

NEW = b"new"
AHEAD_PREFIX = b"ahead-"
"""Of names in `NEW` that batches to come refer to."""
ASIDE = b"aside"
STAGE = b"stage"
AREAS = (NEW, ASIDE, STAGE)
_INHERITED = "system.posix_acl_default"


class SideStorePlace(StrEnum):
    """Which of the three places is used, best first."""

    HOME = "home"
    ANCESTOR = "ancestor"
    INSIDE = "inside"


@dataclass(frozen=True, slots=True)
class SideStore:
    """The side store of one root. `links` says whether hard links work (else only renaming does)."""

    path: bytes
    place: SideStorePlace
    links: bool


def stage_path(number: int) -> bytes:
    """The side path of a staged content."""
    return b"%s/%x" % (STAGE, number)


def is_reserved(path: bytes) -> bool:
    """Whether a relative path is a side store inside the root, or in it."""
    return path.startswith(RESERVED_PREFIX)


def open_side_store(
    root: bytes, home_side: bytes, home_id: str, key: bytes, all_roots: Sequence[bytes]
) -> SideStore:
    """Find, make and return the side store of `root`, its areas included. Blocks on the disk.

    `key` is the directory of this root in it; `all_roots` are all known roots, which no ancestor's side
    store may be in.

    Where the root's store is already, it stays: what was moved aside there is needed for rewinding, and a
    place that works today although it did not then is not better.

    Raises:
        ArcxoError: ER00411 when no place works, ER00408 when the root's disk refuses to tell, or refuses the
            store that is there: another place is no answer to that.
    """
    causes = []
    candidates = _candidates(root, home_side, home_id, all_roots)
    candidates.sort(key=lambda one: not _holds(one[1] + b"/" + key))
    for place, directory in candidates:
        target = directory + b"/" + key
        try:
            _make(target)
            links = _probe(root, target)
        except OSError as error:
            if (_may_pass(error) or _is_refused(error, target)) and _same_volume(root, directory):
                raise ArcxoError(
                    "ER00408", path=shown(directory), cause=os.strerror(error.errno or 0)
                ) from error
            causes.append(f"{shown(directory)}: {os.strerror(error.errno or 0)}")
            _discard(directory, target, place)
            continue
        for area in AREAS:
            with contextlib.suppress(FileExistsError):
                os.mkdir(target + b"/" + area, 0o700)
            with contextlib.suppress(OSError):
                # What is made in it gets its own access list, or none: not that of a directory above.
                os.removexattr(target + b"/" + area, _INHERITED)
        return SideStore(target, place, links)
    raise ArcxoError("ER00411", path=shown(root), cause="; ".join(causes))


def _candidates(
    root: bytes, home_side: bytes, home_id: str, all_roots: Sequence[bytes]
) -> list[tuple[SideStorePlace, bytes]]:
    name = RESERVED_PREFIX + os.fsencode(home_id)
    found = [(SideStorePlace.HOME, home_side)]
    above = os.path.dirname(root)
    while True:
        if not any(is_beneath(above, other) for other in all_roots):
            found.append((SideStorePlace.ANCESTOR, above.rstrip(b"/") + b"/" + name))
        if above in (b"/", b""):
            break
        above = os.path.dirname(above)
    found.append((SideStorePlace.INSIDE, root + b"/" + name))
    return found


def _make(target: bytes) -> None:
    made = b""
    for name in target.split(b"/")[1:]:
        made += b"/" + name
        try:
            os.mkdir(made, 0o700)
        except FileExistsError:
            continue
        except OSError:
            if not os.path.isdir(made):
                raise


def _probe(root: bytes, target: bytes) -> bool:
    """Whether hard links work between the two; renaming does. Raises OSError when it does not."""
    return _probe_unseen(root, target) or _probe_by_name(root, target)


def _probe_unseen(root: bytes, target: bytes) -> bool:
    """Whether a file of the root without a name there can get one in `target`.

    The root is not touched: a kill between a name's coming and going would leave it, and the root's new
    time. What links also renames: both ask for the same mount and the same subvolume.
    """
    name = target + b"/" + RESERVED_PREFIX + b"probe-" + secrets.token_hex(8).encode()
    try:
        fd = os.open(root, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if _may_pass(error):
            raise
        return False
    try:
        # The descriptor of the directory makes it follow the link in /proc.
        os.link(b"/proc/self/fd/%d" % fd, name, src_dir_fd=fd)
    except OSError as error:
        if error.errno == errno.EXDEV or _may_pass(error):
            raise
        return False
    finally:
        os.close(fd)
    os.unlink(name)
    return True


def _probe_by_name(root: bytes, target: bytes) -> bool:
    name = RESERVED_PREFIX + b"probe-" + secrets.token_hex(8).encode()
    inside, beside = root + b"/" + name, target + b"/" + name
    times = os.stat(root)
    fd = os.open(inside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    os.close(fd)
    try:
        try:
            os.link(inside, beside)
        except PermissionError:
            links = False
        else:
            links = True
            os.unlink(beside)
        os.rename(inside, beside)
        os.rename(beside, inside)
    finally:
        for left in (inside, beside):
            with contextlib.suppress(OSError):
                os.unlink(left)
        os.utime(root, ns=(times.st_atime_ns, times.st_mtime_ns))
    return links


def _may_pass(error: OSError) -> bool:
    """Whether it says nothing of the place: a disk that is full, say."""
    return error.errno in DISK_ERRORS - {errno.EROFS}


def _is_refused(error: OSError, target: bytes) -> bool:
    """Whether a store that has something aside may not be used now: its rights were changed."""
    return error.errno in (errno.EPERM, errno.EACCES) and _holds(target)


def _holds(target: bytes) -> bool:
    """Whether something was moved aside to the store at `target`."""
    try:
        with os.scandir(target + b"/" + ASIDE) as entries:
            return any(True for _ in entries)
    except OSError:
        return False


def _same_volume(root: bytes, directory: bytes) -> bool:
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return os.stat(root).st_dev == os.stat(directory).st_dev


def _discard(directory: bytes, target: bytes, place: SideStorePlace) -> None:
    """Leave no empty directories where the side store did not work; those of a home belong to it."""
    end = os.path.dirname(target if place is SideStorePlace.HOME else directory)
    while target != end:
        try:
            os.rmdir(target)
        except FileNotFoundError:
            pass
        except OSError:
            return
        target = os.path.dirname(target)
